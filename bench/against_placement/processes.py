"""What processes have used, as Linux says it in /proc.

CPU is kept per process, so that one which came or went between two looks is not counted with
what it used before the first. What a process used that ended in between is lost; the servers
here keep theirs.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM = 11, 12
"""Positions of utime and stime behind the name of the command, in /proc/PID/stat."""

Cpu = Mapping[int, float]
"""Seconds by process."""


def cpu_s(stat: str) -> float:
    """Give the seconds that the text of a /proc/PID/stat tells of, of all threads together."""
    # The command's name stands in parentheses and may hold anything, spaces too.
    fields = stat[stat.rindex(")") + 1 :].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / TICKS_A_SECOND


def cpu_of(pids: Iterable[int]) -> dict[int, float]:
    """Give what each process has used so far; those that are gone are left out."""
    found = {}
    for pid in pids:
        try:
            found[pid] = cpu_s((PROC / str(pid) / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def spent_s(before: Cpu, after: Cpu) -> float:
    """Give what was used between two looks; a process that is new used all it has since."""
    return sum(used - before.get(pid, 0.0) for pid, used in after.items())


def tree_of(pid: int) -> list[int]:
    """Give a process and all that it and its children have started."""
    found, new = [], [pid]
    while new:
        one = new.pop()
        found.append(one)
        for task in _tasks(one):
            try:
                new += map(int, (task / "children").read_text().split())
            except OSError:
                continue
    return found


def _tasks(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def memory_mb(pids: Iterable[int]) -> float:
    """Give the memory of processes, what they share counted once (PSS), in MiB."""
    total_kb = 0
    for pid in pids:
        try:
            rollup = (PROC / str(pid) / "smaps_rollup").read_text()
        except (OSError, ProcessLookupError):
            continue
        total_kb += sum(int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:")
    return total_kb / 1024
