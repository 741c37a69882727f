"""The index: the store's picture, as search and scheduler see it.

It belongs to one thread. It never changes by itself: ``apply`` follows the store's commits,
``hold`` the claims in flight.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import numpy as np

from innkeeper.core.allocation import Allocation
from innkeeper.core.ids import RpId, RpRow, RpUuid
from innkeeper.core.picture import (
    InventoryPicture,
    NamePicture,
    Picture,
    StockPicture,
    UsagePicture,
    WorkloadPicture,
)
from innkeeper.core.provider import Provider
from innkeeper.core.request_group import RequestGroup
from innkeeper.core.server_group import ServerGroup
from innkeeper.index.answers import Answers
from innkeeper.index.columns import Columns
from innkeeper.index.growing import NOTHING, Int32s, distinct
from innkeeper.index.holds import Hold
from innkeeper.index.hosts import HostTable
from innkeeper.index.kept import Kept
from innkeeper.index.listing import that_meet
from innkeeper.index.plan import Plans


class Index:
    """Every provider, host and server group, in memory: 0.6 KB a provider of three classes.

    ``held`` says how many holds are in flight; ``plans`` are compiled requests; ``kept`` is what
    callers have made of trees, which holds change nothing of; ``answers`` is what they have made
    of searches, which anything changes.
    """

    __slots__ = (
        "answers",
        "columns",
        "groups",
        "held",
        "hosts",
        "kept",
        "known_traits",
        "plans",
        "resource_classes",
    )

    def __init__(self) -> None:
        self.columns = Columns()
        self.hosts = HostTable(self.columns)
        self.plans = Plans(self.columns)
        self.kept = Kept()
        self.answers = Answers()
        self.groups: dict[str, ServerGroup] = {}
        self.resource_classes: dict[str, NamePicture] = {}
        self.known_traits: dict[str, NamePicture] = {}
        self.held = 0

    def apply(self, picture: Picture) -> None:
        """Take over what a batch of commits changed. Applying it again changes nothing.

        A whole picture also ends what it does not name.
        """
        self.answers.drop()
        if picture.whole:
            picture = self._with_ends(picture)
        if picture.resource_classes is not None:
            self.resource_classes = {each.name: each for each in picture.resource_classes}
        if picture.traits is not None:
            self.known_traits = {each.name: each for each in picture.traits}
        self._apply_providers(picture)
        self._apply_amounts(picture)
        for name in picture.hosts_removed:
            self.hosts.remove(name)
        for host in picture.hosts:
            self.hosts.put(host)
        for workloads in picture.workloads:
            self.hosts.put_workloads(workloads)
        for uuid in picture.groups_removed:
            self.groups.pop(uuid, None)
        for group in picture.groups:
            self.groups[group.uuid] = group

    def row(self, rp_uuid: str) -> RpRow | None:
        """Give the row of a provider by uuid, or None if it is unknown."""
        return self.columns.row(rp_uuid)

    def row_of_id(self, rp_id: int) -> RpRow | None:
        """Give the row of a provider by its id in the store, or None if it is unknown."""
        return self.columns.row_of_id(rp_id)

    def row_named(self, name: str) -> RpRow | None:
        """Give the row of a provider by name, or None if it is unknown."""
        return self.columns.row_named(name)

    def uuid(self, row: RpRow) -> RpUuid:
        """Give the uuid of the provider in a row."""
        return self.columns.uuid(row)

    def rp_id(self, row: RpRow) -> RpId:
        """Give the id in the store of the provider in a row."""
        return RpId(self.columns.trees.keys.item(row))

    def name(self, row: RpRow) -> str:
        """Give the name of the provider in a row."""
        return self.columns.names[row]

    def provider(self, row: RpRow) -> Provider:
        """Give the provider in a row; IndexError if the row is empty."""
        return self.columns.provider(row)

    def updated_at(self, row: RpRow) -> datetime:
        """Give when anything of the provider in a row last changed."""
        return self.columns.updated_at(row)

    def inventories(self, row: RpRow) -> tuple[InventoryPicture, ...]:
        """Give a provider's inventories by class name; ``used`` is without holds."""
        return self.columns.inventories(row)

    def stock(self, row: RpRow) -> list[tuple[str, int, int]]:
        """Give (resource class, capacity, used) of a provider by class name."""
        return self.columns.stock(row)

    def traits(self, row: RpRow) -> tuple[str, ...]:
        """Give the traits of a provider, sorted."""
        return self.columns.traits.of(row)

    def aggregates(self, row: RpRow) -> tuple[str, ...]:
        """Give the aggregates of a provider, in the order in which the store gave them."""
        return self.columns.aggregates.of(row)

    def children(self, row: RpRow) -> tuple[RpRow, ...]:
        """Give the direct children of a provider, by creation."""
        return tuple(self.columns.trees.children(row))

    def tree(self, row: RpRow) -> tuple[RpRow, ...]:
        """Give the whole tree that holds a provider: the root, then by creation."""
        return tuple(self.columns.trees.tree(row))

    def parent(self, row: RpRow) -> RpRow | None:
        """Give the parent of a provider, or None if it is a root."""
        found = self.columns.trees.parent.item(row)
        return None if found == NOTHING else RpRow(found)

    def root(self, row: RpRow) -> RpRow:
        """Give the root of the tree that holds a provider."""
        return RpRow(self.columns.trees.root.item(row))

    def roots(self, rows: Int32s) -> list[RpRow]:
        """Give the roots of the trees that hold some providers, each once."""
        found: list[RpRow] = distinct(self.columns.trees.root[rows]).tolist()
        return found

    def rows(self) -> Int32s:
        """Give the rows of all providers, ascending: int32[providers]."""
        return self.columns.rows()

    def that_meet(self, group: RequestGroup, rows: Sequence[RpRow] | None = None) -> list[RpRow]:
        """Give the providers, of all or of ``rows``, that each meet conditions by themselves."""
        of = self.rows() if rows is None else np.array(rows, dtype=np.int32)
        found: list[RpRow] = that_meet(self.columns, of, group).tolist()
        return found

    def hold(self, allocations: Sequence[Allocation]) -> Hold:
        """Count allocations as used from now on, until the hold is released."""
        return Hold(allocations, self._change_held)

    def _change_held(self, allocations: Sequence[Allocation], sign: int) -> None:
        self.answers.drop()
        self.held += sign
        for root in {self.root(row) for row in self.columns.hold(allocations, sign)}:
            self.hosts.touch(root)

    def _with_ends(self, picture: Picture) -> Picture:
        """Give a whole picture, with all that is known here and not there as removed."""
        there = set(picture.providers.ids)
        known = self.columns.ids()
        names = {host.name for host in picture.hosts}
        counted = {each.host for each in picture.workloads}
        return msgspec.structs.replace(
            picture,
            removed=tuple(rp_id for rp_id in known if rp_id not in there),
            hosts_removed=tuple(name for name in self.hosts.names if name not in names),
            groups_removed=tuple(self.groups.keys() - {group.uuid for group in picture.groups}),
            workloads=(
                *picture.workloads,
                *(WorkloadPicture(name, ()) for name in names - counted),
            ),
        )

    def _apply_providers(self, picture: Picture) -> None:
        for rp_id in picture.removed:
            row = self.columns.row_of_id(rp_id)
            if row is not None:
                self._tree_changed(self.root(row))
                rp_uuid = self.columns.uuid(row)
                self.columns.remove(rp_id)
                self.hosts.provider_gone(rp_uuid)
        table = picture.providers
        if not len(table.ids):
            return
        self._trees_changed(self.columns.roots_of_ids(table.ids))
        rows = self.columns.put(table)
        roots = self.columns.trees.root[rows].tolist()
        for uuid, root in zip(table.uuids, roots, strict=True):
            self.hosts.provider_placed(RpUuid(uuid), root)
        self._trees_changed(roots)

    def _apply_amounts(self, picture: Picture) -> None:
        changed: tuple[StockPicture | UsagePicture, ...] = (*picture.stocks, *picture.usages)
        for each in changed:
            row = self.columns.row_of_id(each.rp_id)
            if row is None:  # It was removed by a later commit, which this reader saw first.
                continue
            if isinstance(each, StockPicture):
                self.columns.set_stock(row, each)
            else:
                self.columns.set_usage(row, each)
            self._tree_changed(self.root(row))

    def _trees_changed(self, roots: Iterable[int]) -> None:
        for root in set(roots):
            self._tree_changed(RpRow(root))

    def _tree_changed(self, root: RpRow) -> None:
        self.hosts.touch(root)
        self.kept.drop(root)
