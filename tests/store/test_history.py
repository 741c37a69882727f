"""Random histories against a simple model: trees, claims, moves, releases, deletions.

After every step the store's own audit is clean, the model agrees with the rows and with the usages
of projects, and the index that followed by pictures equals one that is loaded anew.
"""

import asyncio
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.claim import Claim
from innkeeper.core.errors import CannotDeleteParent, Conflict, InvalidInput, ProviderInUse
from innkeeper.core.ids import AggregateUuid, ConsumerUuid, HostName, RpId, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.index.index import Index
from innkeeper.store import aggregates, claims, inventories, providers, traits, usages
from innkeeper.store.audit import audit
from innkeeper.store.claims import ConsumerWrite
from innkeeper.store.providers import NewProvider, ProviderChange, get_seen
from innkeeper.store.store import Store
from innkeeper.store.txn import Txn
from tests.provider_pictures import listed
from tests.servers.server import DatabaseUrl
from tests.store.conftest import Ticking
from tests.store.databases import empty

CLASSES = ("VCPU", "MEMORY_MB")
TRAITS = ("HW_CPU_X86_AVX", "HW_CPU_X86_AVX2", "MISC_SHARES_VIA_AGGREGATE")
PROJECTS = ("project", "other project")
AGGREGATES = tuple(AggregateUuid(str(UUID(int=number))) for number in (1, 2))

amounts = st.dictionaries(st.sampled_from(CLASSES), st.integers(1, 6), min_size=1)
inventory_sets = st.lists(
    st.builds(
        Inventory,
        st.sampled_from(CLASSES),
        st.integers(1, 12),
        reserved=st.integers(0, 1),
        min_unit=st.integers(1, 2),
        max_unit=st.integers(3, 12),
        step_size=st.integers(1, 2),
        allocation_ratio=st.sampled_from((1.0, 1.5, 2.0)),
    ),
    unique_by=lambda inventory: inventory.resource_class,
)


class Model:
    """What the store should hold: inventories by provider, amounts by consumer."""

    def __init__(self) -> None:
        self.parent: dict[str, str | None] = {}
        self.inventory: dict[str, dict[str, Inventory]] = {}
        self.held: dict[str, dict[tuple[str, str], int]] = {}
        self.project: dict[str, str] = {}

    def used_by(self, project: str) -> dict[str, int]:
        """Give what the consumers of a project hold, by resource class."""
        total: defaultdict[str, int] = defaultdict(int)
        for uuid, held in self.held.items():
            if self.project[uuid] == project:
                for (_, name), amount in held.items():
                    total[name] += amount
        return total

    def used(self) -> dict[tuple[str, str], int]:
        total: defaultdict[tuple[str, str], int] = defaultdict(int)
        for held in self.held.values():
            for key, amount in held.items():
                total[key] += amount
        return total

    def admits(self, wanted: dict[str, dict[tuple[str, str], int]]) -> bool:
        """Tell whether these consumers may hold exactly this, all others as they are."""
        before, after = self.used(), Model()
        after.held = {**self.held, **wanted}
        for key, amount in after.used().items():
            inventory = self.inventory[key[0]].get(key[1])
            asked = [held[key] for held in wanted.values() if key in held]
            if not asked:
                continue
            if inventory is None or not all(inventory.admits_unit(each) for each in asked):
                return False
            if amount > before[key] and amount > inventory.capacity:
                return False
        return True

    def below(self, uuid: str) -> set[str]:
        children = {child for child, parent in self.parent.items() if parent == uuid}
        return {uuid}.union(*(self.below(child) for child in children))


class History(RuleBasedStateMachine):
    """One store, one index that follows it, and the model."""

    rps: Bundle[str] = Bundle("rps")
    guests: Bundle[str] = Bundle("guests")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.store = Store.open(self.new_database(), clock=Ticking(), writer_id="writer-1")
        self.index = Index()
        self.index.apply(self.store.load())
        self.model = Model()
        self.ids: dict[str, RpId] = {}
        self.number = 100
        self.run_async(self._start)

    def new_database(self) -> str:
        return f"sqlite:///{self.directory}/innkeeper.db"

    async def _start(self) -> None:
        self.store.start(self.index.apply)

    def run_async(self, function: Callable[[], Any]) -> Any:
        return self.runner.run(function())

    def write(self, op: Callable[[Txn], Any]) -> Any:
        return self.run_async(lambda: self.store.write(op))

    def uuid(self) -> str:
        self.number += 1
        return str(UUID(int=self.number))

    def allocations(self, held: dict[tuple[str, str], int]) -> tuple[Allocation, ...]:
        return tuple(
            Allocation(self.ids[rp], RpUuid(rp), name, amount)
            for (rp, name), amount in held.items()
        )

    @rule(target=rps, data=st.data(), wanted=inventory_sets)
    def add_provider(self, data: st.DataObject, wanted: list[Inventory]) -> str:
        parent = data.draw(st.sampled_from([None, *self.model.parent]))
        uuid = self.uuid()
        new = NewProvider(RpUuid(uuid), uuid, None if parent is None else RpUuid(parent))

        def op(txn: Txn) -> RpId:
            provider = providers.create(txn, new)
            inventories.set_all(txn, uuid, wanted, seen_generation=0)
            return provider.id

        self.ids[uuid] = self.write(op)
        self.model.parent[uuid] = parent
        self.model.inventory[uuid] = {each.resource_class: each for each in wanted}
        return uuid

    @rule(rp=rps, other=rps, leave=st.booleans())
    def put_elsewhere(self, rp: str, other: str, *, leave: bool) -> None:
        parent = None if leave else other
        move = ProviderChange(rp, None if parent is None else RpUuid(parent))
        if parent is not None and parent in self.model.below(rp):
            with pytest.raises(InvalidInput):
                self.write(lambda txn: providers.change(txn, rp, move))
        else:
            self.write(lambda txn: providers.change(txn, rp, move))
            self.model.parent[rp] = parent

    @rule(rp=rps, wanted=inventory_sets)
    def set_inventories(self, rp: str, wanted: list[Inventory]) -> None:
        names = {each.resource_class for each in wanted}
        op = partial(inventories.set_all, rp_uuid=rp, wanted=wanted, seen_generation=None)
        if any(uuid == rp and name not in names for uuid, name in self.model.used()):
            with pytest.raises(Conflict):
                self.write(op)
        else:
            self.write(op)
            self.model.inventory[rp] = {each.resource_class: each for each in wanted}

    @rule(rp=rps, wanted=inventory_sets)
    def change_amounts(self, rp: str, wanted: list[Inventory]) -> None:
        present = self.model.inventory[rp]
        changed = {one.resource_class: one for one in wanted if one.resource_class in present}

        def op(txn: Txn) -> None:
            seen = get_seen(txn, rp, None)
            inventories.change_amounts(
                txn, seen.id, changed.values(), seen_generation=seen.generation
            )

        self.write(op)
        self.model.inventory[rp] = present | changed

    @rule(
        rp=rps,
        names=st.sets(st.sampled_from(TRAITS)),
        groups=st.sets(st.sampled_from(AGGREGATES)),
    )
    def describe(self, rp: str, names: set[str], groups: set[AggregateUuid]) -> None:
        def op(txn: Txn) -> None:
            traits.set_of_provider(txn, rp, names, seen_generation=None)
            aggregates.set_of_provider(txn, rp, groups, seen_generation=None)

        self.write(op)

    @rule(
        target=guests,
        one=rps,
        two=rps,
        first=amounts,
        second=amounts,
        project=st.sampled_from(PROJECTS),
    )
    def claim(
        self, one: str, two: str, first: dict[str, int], second: dict[str, int], project: str
    ) -> Any:
        uuid = self.uuid()
        held = {(two, name): amount for name, amount in second.items()}
        held |= {(one, name): amount for name, amount in first.items()}
        wanted = Claim(
            Consumer(ConsumerUuid(uuid), project, "user"), HostName("h"), self.allocations(held)
        )
        if self.model.admits({uuid: held}):
            self.write(partial(claims.claim, wanted=wanted))
            self.model.held[uuid] = held
            self.model.project[uuid] = project
            return uuid
        with pytest.raises(Conflict):
            self.write(partial(claims.claim, wanted=wanted))
        return multiple()

    @rule(one=guests, other=guests, project=st.sampled_from(PROJECTS))
    def hand_over(self, one: str, other: str, project: str) -> None:
        """Let ``other``, now of ``project``, hold all that ``one`` holds: all or nothing."""
        if one == other or one not in self.model.held or other not in self.model.held:
            return
        wanted: dict[str, dict[tuple[str, str], int]] = {one: {}, other: self.model.held[one]}
        writes = [
            ConsumerWrite(
                Consumer(ConsumerUuid(uuid), project, "user"), self.allocations(wanted[uuid])
            )
            for uuid in (other, one)
        ]
        if self.model.admits(wanted):
            self.write(partial(claims.replace_all, writes=writes))
            self.model.held[other] = self.model.held.pop(one)
            self.model.project[other] = project
        else:
            with pytest.raises(Conflict):
                self.write(partial(claims.replace_all, writes=writes))

    @rule(guest=consumes(guests))
    def release(self, guest: str) -> None:
        found = self.model.held.pop(guest, None)
        assert self.write(partial(claims.release, consumer_uuid=guest)) is (found is not None)

    @rule(target=rps, rp=consumes(rps))
    def remove_provider(self, rp: str) -> Any:
        refused: type[Exception] | None = None
        if len(self.model.below(rp)) > 1:
            refused = CannotDeleteParent
        elif any(uuid == rp for uuid, _ in self.model.used()):
            refused = ProviderInUse
        if refused is not None:
            with pytest.raises(refused):
                self.write(partial(providers.remove, uuid=rp))
            return rp
        self.write(partial(providers.remove, uuid=rp))
        del self.model.parent[rp], self.model.inventory[rp]
        return multiple()

    @invariant()
    def books_are_right(self) -> None:
        report = self.store.read_now(audit)
        assert report.clean, report.findings
        rows = {
            (picture.provider.uuid, each.inventory.resource_class): each.used
            for picture in listed(self.store.load().providers)
            for each in picture.inventories
            if each.used
        }
        assert rows == dict(self.model.used())

    @invariant()
    def usages_of_projects_are_right(self) -> None:
        for project in PROJECTS:
            found = self.run_async(lambda of=project: usages.of_project(self.store, of))
            assert {name: used for each in found for name, used in each.used} == dict(
                self.model.used_by(project)
            )

    @invariant()
    def index_equals_store(self) -> None:
        fresh = Index()
        fresh.apply(self.store.load())
        assert described(self.index) == described(fresh)

    def teardown(self) -> None:
        self.run_async(self.store.close)
        self.runner.close()
        shutil.rmtree(self.directory)


def described(index: Index) -> dict[str, object]:
    """Say all that an index knows of providers, without its row numbers."""

    def name(row: Any) -> str:
        return index.provider(row).uuid

    return {
        name(row): (
            index.provider(row),
            {each.inventory.resource_class: each for each in index.inventories(row)},
            index.traits(row),
            index.aggregates(row),
            sorted(name(child) for child in index.children(row)),
            sorted(name(each) for each in index.tree(row)),
        )
        for row in index.rows()
    }


TestHistory = pytest.mark.timeout(600)(History.TestCase)
TestHistory.settings = settings(max_examples=20, stateful_step_count=25)


def on_server(url: DatabaseUrl) -> type[History]:
    """Give histories that happen on a database server."""

    class Elsewhere(History):
        def new_database(self) -> str:
            empty(url)
            return url

    return Elsewhere


ON_SERVERS = pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)


@ON_SERVERS
def test_history_on_a_database_server(database: DatabaseUrl) -> None:
    few = settings(max_examples=4, stateful_step_count=15)
    run_state_machine_as_test(on_server(database), settings=few)


@pytest.mark.soak
def test_history_for_long(soak_seconds: float) -> None:
    run_for(soak_seconds, History)


@pytest.mark.soak
@ON_SERVERS
def test_history_on_a_database_server_for_long(database: DatabaseUrl, soak_seconds: float) -> None:
    run_for(soak_seconds, on_server(database))


def run_for(seconds: float, histories: type[History]) -> None:
    """Run longer histories, a few at a time, until the time is over."""
    few = settings(max_examples=4, stateful_step_count=80)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run_state_machine_as_test(histories, settings=few)
