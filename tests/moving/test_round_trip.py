"""What is moved in and out again is what it was, whatever it was."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from innkeeper.store.audit import audit
from innkeeper.store.read_only import ReadOnlyStore
from tests.moving.moves import moved_in, moved_out, ours, store_at, theirs
from tests.moving.wild import Wild, database

pytestmark = pytest.mark.slow


@given(seed=st.integers(0, 2**32), providers=st.integers(0, 30), consumers=st.integers(0, 40))
@settings(max_examples=12)
def test_out_of_what_is_moved_in_comes_the_same(seed: int, providers: int, consumers: int) -> None:
    round_trip(Wild(seed, providers=providers, consumers=consumers if providers else 0))


@pytest.mark.soak
def test_out_of_what_is_moved_in_comes_the_same_for_long(soak_seconds: float) -> None:
    seed, until = 0, time.monotonic() + soak_seconds
    while time.monotonic() < until:
        seed += 1
        round_trip(Wild(seed, providers=1 + seed % 1_200, consumers=seed % 2_300))


def round_trip(wild: Wild) -> None:
    """Move in and out; nothing may change on the way."""
    with TemporaryDirectory() as folder:
        path = Path(folder)
        before = database(path / "before.db", wild)
        assert moved_in(before, store_at(path)).same
        assert books_are_right(store_at(path))
        moved_out(store_at(path), path / "after.db")
        assert theirs(path / "after.db") == theirs(before)
        assert ours(store_at(path)) == theirs(before)


def books_are_right(store_url: str) -> bool:
    store = ReadOnlyStore.look(store_url)
    try:
        return store.read_now(audit).clean
    finally:
        store.close_readers()


def test_many_chunks_and_deep_trees(tmp_path: Path) -> None:
    before = database(tmp_path / "before.db", Wild(7, providers=1_300, consumers=2_500))
    told: list[tuple[str, int, int]] = []
    comparison = moved_in(before, store_at(tmp_path), progress=lambda *of: told.append(of))
    assert comparison.same
    assert comparison.differences == ()
    assert {line.what: line.placement for line in comparison.lines}["resource providers"] == 1_300
    # Each kind of progress ends where it said that it would.
    last = {what: (done, total) for what, done, total in told}
    assert last.keys() == {"resource providers", "allocations", "compared"}
    assert all(done == total for done, total in last.values())
    assert ours(store_at(tmp_path)) == theirs(before)
