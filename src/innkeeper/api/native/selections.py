"""Selections: the scheduler's answer alone, for those who build their instances themselves.

A POST schedules and claims; the claims belong to the consumers that the client named, and
are released by whoever made them (through the Placement API).
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from innkeeper.api.native.asked import Asked, request_spec
from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.selection_view import SelectionView, selection_view
from innkeeper.api.native.service import Service
from innkeeper.core.allocation import Consumer
from innkeeper.core.claim import Claim
from innkeeper.core.decision import Decision
from innkeeper.core.errors import InvalidInput
from innkeeper.core.ids import ConsumerUuid, InstanceUuid, canonical_uuid
from innkeeper.core.names import MAX_NAME_LENGTH
from innkeeper.core.request_spec import RequestSpec
from innkeeper.scheduler.claimer import Placed
from innkeeper.store.claims import Claiming
from innkeeper.store.open_store import OpenStore

MAX_INSTANCES: Final = 1_000
"""Instances of one request: they are claimed in one transaction."""


ConsumerType = Annotated[str, Meta(pattern="^[A-Z0-9_]+$", max_length=MAX_NAME_LENGTH)]


class SelectionsAsked(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Consumers to be placed, all of them or none."""

    consumers: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_INSTANCES)]
    """A uuid for each, that holds no allocations yet."""
    consumer_type: ConsumerType | None = None
    alternates: Annotated[int, Meta(ge=0, le=100)] = 0
    """How many spare selections of the same cell to give for each."""


class CreateSelections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a scheduling."""

    selections: SelectionsAsked


class ConsumerSelections(msgspec.Struct, frozen=True):
    """Where one consumer was placed. The first selection is claimed, the others are spare."""

    consumer: str
    selections: tuple[SelectionView, ...]
    decision: Decision


class SelectionsShown(msgspec.Struct, frozen=True):
    """What was selected for each consumer, in the order in which they were asked for."""

    selections: tuple[ConsumerSelections, ...]


async def create_selections(service: Service, call: Call) -> Answer:
    """Schedule and claim. Raises NoValidHost, Conflict, InvalidInput; then nothing is claimed."""
    asked = call.body(CreateSelections).selections
    spec = request_spec(asked, service.index, cells=service.watch.cells)
    placed = await service.scheduler.select_destinations(
        spec,
        _consumers(asked),
        alternates=asked.alternates,
        claimer=_Claimer(service.store, spec, consumer_type=asked.consumer_type),
    )
    return Answer(
        SelectionsShown(
            tuple(
                ConsumerSelections(
                    consumer=each.instance,
                    selections=tuple(map(selection_view, each.selections)),
                    decision=each.decision,
                )
                for each in placed
            )
        )
    )


class _Claimer:
    """Claims for consumers of which no instance is recorded."""

    def __init__(self, store: OpenStore, spec: RequestSpec, *, consumer_type: str | None) -> None:
        self._store = store
        self._spec = spec
        self._consumer_type = consumer_type

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        """Claim all or nothing. Raises ClaimLost."""
        await self._store.write(Claiming([self._claim(each) for each in placed]), settle=settle)

    def _claim(self, placed: Placed) -> Claim:
        chosen = placed.selections[0]
        return Claim(
            consumer=Consumer(
                uuid=ConsumerUuid(placed.instance),
                project_id=self._spec.project_id,
                user_id=self._spec.user_id,
                consumer_type=self._consumer_type,
            ),
            host=chosen.host,
            allocations=chosen.allocations,
            group=self._spec.group,
        )


def _consumers(asked: SelectionsAsked) -> tuple[InstanceUuid, ...]:
    found = []
    for text in asked.consumers:
        uuid = canonical_uuid(text)
        if uuid is None:
            raise InvalidInput(f"selections.consumers: '{text}' is no uuid.")
        found.append(InstanceUuid(uuid))
    if len(set(found)) != len(found):
        raise InvalidInput("selections.consumers: one is named twice.")
    return tuple(found)
