"""The proof of a move: both databases, asked by statements of their own, say the same.

Each side sums up its allocations by itself; what our inventories say is used is compared too.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, TypeVar

import msgspec

from innkeeper.core.names import is_custom
from innkeeper.store.placement_db.fill_ours import HOLDERS_A_CHUNK, PROVIDERS_A_CHUNK
from innkeeper.store.placement_db.forest import Forest
from innkeeper.store.placement_db.ours import Ours
from innkeeper.store.placement_db.records import Amount, HolderRecord, NameKind, ProviderRecord
from innkeeper.store.placement_db.theirs import Theirs

MAX_LISTED: Final = 50
"""Differences that are told one by one: who has more has another problem than which."""

Progress = Callable[[int, int], None]
"""Told (done, total) after each chunk."""

_CUSTOM: Final[dict[NameKind, str]] = {
    "resource_classes": "custom resource classes",
    "traits": "custom traits",
}

_Item = TypeVar("_Item")


class Line(msgspec.Struct, frozen=True):
    """One thing that was compared."""

    what: str
    placement: int
    innkeeper: int
    differ: int
    """How many are not the same on both sides."""


class Comparison(msgspec.Struct, frozen=True):
    """What two databases have, side by side."""

    lines: tuple[Line, ...]
    differences: tuple[str, ...]
    """What differs, one by one, up to MAX_LISTED."""

    @property
    def same(self) -> bool:
        """Whether nothing differs at all."""
        return not any(line.differ for line in self.lines)


def compare(theirs: Theirs, ours: Ours, forest: Forest, *, progress: Progress) -> Comparison:
    """Compare everything that is moved. ``forest`` is that of their providers."""
    sides = _Sides(theirs, ours)
    tally = _Tally()
    counts = (theirs.counts(), ours.counts())
    total = counts[0]["resource providers"] + counts[0]["consumers"]
    _names(tally, sides)
    done = 0
    for chunk in in_chunks((one for level in forest.levels for one in level), PROVIDERS_A_CHUNK):
        _providers(tally, sides, forest=forest, ids=chunk)
        done += len(chunk)
        progress(done, total)
    for holders in in_chunks(theirs.holders(), HOLDERS_A_CHUNK):
        _holders(tally, sides, [record for _, record in holders])
        done += len(holders)
        progress(done, total)
    tally.mapping("usages of projects", theirs.project_usages(), ours.project_usages())
    for what, count in counts[0].items():
        tally.count(what, count, counts[1][what])
    return Comparison(tuple(tally.lines()), tuple(tally.told))


class _Sides:
    """Both databases, with the uuids of the providers seen so far, by the ids of each side."""

    def __init__(self, theirs: Theirs, ours: Ours) -> None:
        self.theirs = theirs
        self.ours = ours
        self.their_uuids: dict[int, str] = {}
        self.our_uuids: dict[int, str] = {}


def in_chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Give ``items`` in lists of ``size``."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


class _Tally:
    """What was compared so far."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._theirs: Counter[str] = Counter()
        self._ours: Counter[str] = Counter()
        self._differ: Counter[str] = Counter()

    def count(self, what: str, theirs: int, ours: int) -> None:
        """Compare two numbers of things. That there are more of them here differs as well."""
        self._theirs[what], self._ours[what] = theirs, ours
        self._differ[what] = max(self._differ[what], abs(theirs - ours))
        if theirs != ours:
            self._tell(f"{what}: {theirs} in Placement, {ours} in Innkeeper")

    def each(self, what: str, subject: str, theirs: object, ours: object) -> None:
        """Compare one thing."""
        if theirs != ours:
            self._differ[what] += 1
            self._tell(f"{what}: {subject}: {theirs} in Placement, {ours} in Innkeeper")

    def mapping(
        self, what: str, theirs: Mapping[_Item, object], ours: Mapping[_Item, object]
    ) -> None:
        """Compare things by key."""
        self._theirs[what] += len(theirs)
        self._ours[what] += len(ours)
        for key in theirs.keys() | ours.keys():
            shown = " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
            self.each(what, shown, theirs.get(key), ours.get(key))

    def lines(self) -> Iterator[Line]:
        """Give a line for each thing that was compared, in the order in which it came up."""
        for what in dict.fromkeys((*self._theirs, *self._differ)):
            yield Line(what, self._theirs[what], self._ours[what], self._differ[what])

    def _tell(self, text: str) -> None:
        if len(self.told) < MAX_LISTED:
            self.told.append(text)


def _names(tally: _Tally, sides: _Sides) -> None:
    for kind, what in _CUSTOM.items():
        theirs, ours = (
            {each.name: True for each in side.names(kind) if is_custom(each.name)}
            for side in (sides.theirs, sides.ours)
        )
        tally.mapping(what, theirs, ours)


def _providers(tally: _Tally, sides: _Sides, *, forest: Forest, ids: Sequence[int]) -> None:
    """Compare providers, of which the parents were compared before."""
    there = sides.theirs.providers(ids)
    here_ids = sides.ours.ids_of([each.uuid for each in there])
    here = {each.uuid: each for each in sides.ours.providers(sorted(here_ids.values()))}
    sides.their_uuids.update((each.id, each.uuid) for each in there)
    sides.our_uuids.update((rp_id, uuid) for uuid, rp_id in here_ids.items())
    for each in there:
        mine = here.get(each.uuid)
        parent_id = forest.parents[each.id]
        tally.each(
            "resource providers",
            each.uuid,
            _shown(each, parent_id, sides.their_uuids),
            None if mine is None else _shown(mine, mine.parent_id, sides.our_uuids),
        )
    summed = _by_uuid(sides.theirs.usages(ids), sides.their_uuids)
    mine_ids = list(here_ids.values())
    for what, found in (
        ("usages of providers", sides.ours.usages(mine_ids)),
        ("used in inventories", sides.ours.used(mine_ids)),
    ):
        tally.mapping(what, summed, _by_uuid(found, sides.our_uuids))


def _by_uuid(
    used: Mapping[tuple[int, str], int], uuids: Mapping[int, str]
) -> dict[tuple[str, str], int]:
    return {(uuids[rp_id], name): amount for (rp_id, name), amount in used.items() if amount}


def _shown(
    record: ProviderRecord, parent_id: int | None, uuids: Mapping[int, str]
) -> tuple[object, ...]:
    """Give all of a provider but its ids, which differ, and its moments."""
    return (
        record.name,
        record.generation,
        None if parent_id is None else uuids.get(parent_id, f"provider {parent_id}"),
        record.inventories,
        record.traits,
        record.aggregates,
    )


def _holders(tally: _Tally, sides: _Sides, records: Sequence[HolderRecord]) -> None:
    named = sides.ours.holders_named([each.uuid for each in records])
    for each in records:
        mine = named.get(each.uuid)
        tally.each(
            "consumers",
            each.uuid,
            _told(each, sides.their_uuids),
            None if mine is None else _told(mine, sides.our_uuids),
        )


def _told(record: HolderRecord, uuids: Mapping[int, str]) -> tuple[object, ...]:
    """Give all of a consumer but its moments, with providers by uuid."""
    return (
        record.project_id,
        record.user_id,
        record.consumer_type,
        record.generation,
        sorted(_amount(each, uuids) for each in record.amounts),
    )


def _amount(amount: Amount, uuids: Mapping[int, str]) -> tuple[str, str, int]:
    return uuids.get(amount.rp_id, f"provider {amount.rp_id}"), amount.resource_class, amount.used
