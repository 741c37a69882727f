"""Repairs: what would be done about the findings of an audit; a POST on that does it."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

import msgspec

from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.links import Link
from innkeeper.api.native.repair_log import RepairRun
from innkeeper.api.native.repair_view import RepairShown, RepairView
from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import ROOT
from innkeeper.core.errors import InvalidInput
from innkeeper.core.ids import canonical_uuid
from innkeeper.core.repair import SETTLED_AFTER, LiveConsumers


class LiveAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is alive; other consumers that are looked at are released."""

    uuids: list[str]
    consumer_type: str | None = None
    """Look only at consumers of this type."""
    older_than_s: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = SETTLED_AFTER.total_seconds()
    """Look only at consumers that were not written for so long."""
    force: bool = False
    """Release them though they are more than half of those looked at, or the list is empty."""


class RepairWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a repair may use."""

    live_consumers: LiveAsked | None = None


class NewRepair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A repair to plan."""

    repair: RepairWanted = RepairWanted()


async def plan_repair(service: Service, call: Call) -> Answer:
    """Plan a repair; nothing is changed."""
    asked = call.body(NewRepair).repair.live_consumers
    run = await service.repairs.plan(None if asked is None else _live(asked))
    view = _view(run)
    return Answer(RepairShown(view), status=HTTPStatus.CREATED, location=view.links[0].href)


async def show_repair(service: Service, call: Call) -> Answer:
    """Give one repair. Raises NotFound."""
    return Answer(RepairShown(_view(service.repairs.get(call.path["id"]))))


async def apply_repair(service: Service, call: Call) -> Answer:
    """Begin to do exactly what was shown. Raises NotFound, Conflict."""
    view = _view(await service.repairs.apply(call.path["id"]))
    return Answer(RepairShown(view), status=HTTPStatus.ACCEPTED, location=view.links[0].href)


def _live(asked: LiveAsked) -> LiveConsumers:
    uuids = {uuid: canonical_uuid(uuid) for uuid in asked.uuids}
    bad = next((uuid for uuid, canonical in uuids.items() if canonical is None), None)
    if bad is not None:
        raise InvalidInput(f"live_consumers.uuids: {bad!r} is no uuid.")
    return LiveConsumers(
        frozenset(each for each in uuids.values() if each is not None),
        asked.consumer_type,
        timedelta(seconds=asked.older_than_s),
        asked.force,
    )


def _view(run: RepairRun) -> RepairView:
    here = f"{ROOT}/repairs/{run.id}"
    links = [Link("self", here)]
    if run.state == "planned" and run.plan.todo and not run.plan.held_back:
        links.append(Link("apply", f"{here}/apply"))
    return RepairView(
        id=run.id,
        state=run.state,
        planned_at=run.planned_at,
        steps=run.plan.steps,
        held_back=run.plan.held_back,
        done=run.done,
        failure=run.failure,
        links=tuple(links),
    )
