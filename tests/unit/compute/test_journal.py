"""Journals stay readable on a disk that is full, and stay short."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from innkeeper.compute.drivers.port import Guest
from innkeeper.compute.drivers.simulated import Behaviour, SimulatedDriver
from innkeeper.compute.journal import Journal
from innkeeper.compute.refusals import Refusal, Refusals
from innkeeper.core.ids import HostName, InstanceUuid

HOST = HostName("h")
_write = os.write


class Line(msgspec.Struct, frozen=True):
    number: int


@pytest.fixture
def journal(tmp_path: Path) -> Journal[Line]:
    return Journal(tmp_path / "lines", Line)


def piecemeal(_fd: int, written: bytes) -> int:
    """Take no more than four bytes at a time, as a system call may."""
    return _write(_fd, bytes(written)[:4])


def until_full(room: int) -> Callable[[int, bytes], int]:
    """Give a write to a disk that has ``room`` for that many bytes."""

    def write(fd: int, written: bytes) -> int:
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = _write(fd, bytes(written)[:room])
        room -= count
        return count

    return write


def test_a_record_is_written_whole(journal: Journal[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", piecemeal)
    journal.append(Line(1))
    journal.rewrite(journal.records())
    journal.append(Line(2))
    assert journal.records() == [Line(1), Line(2)]
    journal.close()


def test_what_did_not_fit_leaves_nothing_behind(
    journal: Journal[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(Line(1))
    for act in (lambda: journal.append(Line(2)), lambda: journal.rewrite([Line(2), Line(3)])):
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", until_full(5))
            with pytest.raises(OSError, match="No space"):
                act()
        assert journal.records() == [Line(1)]
    journal.append(Line(4))
    assert journal.records() == [Line(1), Line(4)]
    journal.close()


async def test_guests_that_come_and_go_leave_a_short_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("innkeeper.compute.journal.LONG", 10)
    path = tmp_path / "guests"
    driver = SimulatedDriver(Behaviour(), seed=1, journal=path)
    for number in range(100):
        await driver.build(Guest(HOST, instance=InstanceUuid(f"i{number}"), attempt=1))
        if number >= 3:
            await driver.destroy(HOST, InstanceUuid(f"i{number}"))
    left = set(driver.guests(HOST))
    assert len(left) == 3
    assert path.read_bytes().count(b"\n") <= 3 + 10
    driver.close()
    again = SimulatedDriver(Behaviour(), seed=1, journal=path)
    assert set(again.guests(HOST)) == left
    again.close()


def test_only_the_newest_refusals_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("innkeeper.compute.journal.LONG", 10)
    monkeypatch.setattr("innkeeper.compute.refusals.MAX_KEPT", 3)
    path = tmp_path / "refusals"

    def refused(refusals: Refusals) -> list[int]:
        reasons = (refusals.reason(HOST, InstanceUuid(f"i{n}"), attempt=1) for n in range(100))
        return [number for number, reason in enumerate(reasons) if reason is not None]

    refusals = Refusals(path)
    for number in range(100):
        one = InstanceUuid(f"i{number}")
        refusals.refuse(Refusal(HOST, one, attempt=1, reason="destroyed"))
    assert refused(refusals) == [97, 98, 99]
    assert path.read_bytes().count(b"\n") <= 3 + 10
    refusals.close()
    again = Refusals(path)
    assert refused(again) == [97, 98, 99]
    again.close()
