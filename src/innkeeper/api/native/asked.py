"""What a client asks to place, in a readable JSON form, and its translation to a request spec.

It says all that microversion 1.39 of the Placement API can say, without its query strings.
Names of traits and classes are checked here, so that a typo is told and not "no valid host".
"""

from collections.abc import Container, Iterable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from innkeeper.core.errors import InvalidInput, UnknownName
from innkeeper.core.ids import AggregateUuid, CellName, HostName, RpUuid, canonical_uuid
from innkeeper.core.inventory import MAX_INT
from innkeeper.core.names import MAX_NAME_LENGTH
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.index import Index

MAX_GROUPS: Final = 64
"""Request groups of one request: four times the devices of the largest host that is sold."""
MAX_NAMES: Final = 256
"""Traits, hosts or aggregates that one list of a request may name."""

Amount = Annotated[int, Meta(ge=1, le=MAX_INT)]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
OptionalText = Annotated[str, Meta(max_length=MAX_NAME_LENGTH)]
Suffix = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{0,64}$")]
AnyOf = Text | Annotated[tuple[Text, ...], Meta(min_length=1, max_length=MAX_NAMES)]
"""A name, or several any one of which will do."""
Names = Annotated[tuple[Text, ...], Meta(max_length=MAX_NAMES)]
Alternatives = Annotated[tuple[AnyOf, ...], Meta(max_length=MAX_NAMES)]
Resources = dict[Text, Amount]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request group. All of one with a suffix comes from one provider."""

    resources: Resources = {}
    suffix: Suffix = ""
    required: Alternatives = ()
    """Traits that the provider must have; a list inside the list: any one of these."""
    forbidden: Names = ()
    member_of: Alternatives = ()
    """Aggregates, likewise."""
    forbidden_aggregates: Names = ()
    in_tree: str | None = None


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wanted of the host. ``resources`` is short for one group without a suffix."""

    project_id: Text
    user_id: Text
    resources: Resources = {}
    traits: Alternatives = ()
    """Traits required of the group that ``resources`` stands for."""
    groups: Annotated[tuple[Group, ...], Meta(max_length=MAX_GROUPS)] = ()
    group_policy: Literal["none", "isolate"] | None = None
    same_subtree: Annotated[tuple[tuple[Suffix, ...], ...], Meta(max_length=MAX_GROUPS)] = ()
    root_required: Names = ()
    root_forbidden: Names = ()
    policy: OptionalText = ""
    """Weigher profile: ``fgd``, ``best-fit``, ``spread``, ...; empty: the configured one."""
    workload: OptionalText = ""
    """Label of like workloads, for the policies that keep like with like."""
    zone: Text | None = None
    cell: Text | None = None
    host: Text | None = None
    """Only this host."""
    ignore_hosts: Names = ()
    same_host: Names = ()
    """Only these hosts."""
    different_host: Names = ()
    """None of these hosts."""
    server_group: Text | None = None
    """Uuid of the server group whose policy must hold."""


def request_spec(asked: Asked, index: Index, *, cells: Container[str]) -> RequestSpec:
    """Give the request spec; ``cells`` are those that there are.

    Raises InvalidInput or UnknownName, naming the field.
    """
    groups = tuple(_group(group, index) for group in _all_groups(asked))
    _check(asked, groups=groups, index=index)
    if asked.cell is not None:
        _known((asked.cell,), cells, "cell")
    return RequestSpec(
        request=CandidateRequest(
            groups=groups,
            group_policy=_group_policy(asked, groups),
            same_subtree=tuple(frozenset(suffixes) for suffixes in asked.same_subtree),
            root_required=frozenset(asked.root_required),
            root_forbidden=frozenset(asked.root_forbidden),
        ),
        project_id=asked.project_id,
        user_id=asked.user_id,
        policy=asked.policy,
        workload=asked.workload,
        zone=asked.zone,
        cell=CellName(asked.cell) if asked.cell is not None else None,
        host=HostName(asked.host) if asked.host is not None else None,
        ignore_hosts=tuple(map(HostName, asked.ignore_hosts)),
        same_host=tuple(map(HostName, asked.same_host)),
        different_host=tuple(map(HostName, asked.different_host)),
        group=_uuid(asked.server_group, "server_group") if asked.server_group else None,
    )


def _all_groups(asked: Asked) -> tuple[Group, ...]:
    if not asked.resources:
        if asked.traits:
            raise InvalidInput("traits: they need resources, or groups with required.")
        return asked.groups
    return (Group(resources=asked.resources, required=asked.traits), *asked.groups)


def _group(group: Group, index: Index) -> RequestGroup:
    _known(group.resources, index.resource_classes, "resources")
    _known(_flat(group.required), index.known_traits, "required")
    _known(group.forbidden, index.known_traits, "forbidden")
    return RequestGroup(
        suffix=group.suffix,
        resources=tuple(sorted(group.resources.items())),
        required=tuple(_alternatives(group.required)),
        forbidden=frozenset(group.forbidden),
        member_of=tuple(
            tuple(AggregateUuid(_uuid(name, "member_of")) for name in names)
            for names in _alternatives(group.member_of)
        ),
        forbidden_aggregates=frozenset(
            AggregateUuid(_uuid(name, "forbidden_aggregates"))
            for name in group.forbidden_aggregates
        ),
        in_tree=RpUuid(_uuid(group.in_tree, "in_tree")) if group.in_tree else None,
    )


def _check(asked: Asked, *, groups: tuple[RequestGroup, ...], index: Index) -> None:
    if not any(group.resources for group in groups):
        raise InvalidInput("resources: nothing is asked for.")
    suffixes = [group.suffix for group in groups]
    if len(set(suffixes)) != len(suffixes):
        raise InvalidInput("groups: two of them have the same suffix.")
    for group in groups:
        if not group.suffix and not group.resources:
            raise InvalidInput("groups: the one without a suffix needs resources.")
    for subtree in asked.same_subtree:
        for suffix in subtree:
            if suffix not in suffixes:
                raise InvalidInput(f"same_subtree: there is no group with the suffix '{suffix}'.")
    _known(asked.root_required, index.known_traits, "root_required")
    _known(asked.root_forbidden, index.known_traits, "root_forbidden")


def _group_policy(
    asked: Asked, groups: Iterable[RequestGroup]
) -> Literal["none", "isolate"] | None:
    """Raise InvalidInput where the policy decides something and was not given."""
    with_suffix = sum(1 for group in groups if group.suffix and group.resources)
    if asked.group_policy is None and with_suffix > 1:
        raise InvalidInput(
            "group_policy: several groups with suffixes need one: 'isolate' (no two of them from"
            " one provider) or 'none'."
        )
    return asked.group_policy


def _known(names: Iterable[str], known: Container[str], field: str) -> None:
    for name in names:
        if name not in known:
            raise UnknownName(f"{field}: there is no '{name}'.")


def _alternatives(names: Alternatives) -> list[tuple[str, ...]]:
    return [(name,) if isinstance(name, str) else name for name in names]


def _flat(names: Alternatives) -> list[str]:
    return [name for several in _alternatives(names) for name in several]


def _uuid(text: str, field: str) -> str:
    found = canonical_uuid(text)
    if found is None:
        raise InvalidInput(f"{field}: '{text}' is no uuid.")
    return found
