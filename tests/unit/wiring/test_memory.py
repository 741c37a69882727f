"""What a process frees stays its own, within limits."""

import subprocess
import sys
from typing import Final

import pytest

from innkeeper.wiring.memory import KEPT_BYTES

SCRIPT: Final = """
import ctypes, resource, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from innkeeper.wiring.loop import run

def answers():
    # What several of a thousand candidates in eight groups are made in.
    return [bytes([each + 1]) * 4_000_000 for each in range(4)]

if not hasattr(ctypes.CDLL(None), "mallopt"):
    sys.exit("not glibc")

async def serve():
    answers()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        answers()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    print(faults, after_threads())

def after_threads():
    # How many MiB more there are once threads had answers and gave them back.
    all_there = threading.Barrier(8)

    def have_some(_):
        all_there.wait()
        made = [answers() for _ in range(2)]
        all_there.wait()

    before = resident_mib()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(have_some, range(8)))
        return resident_mib() - before

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20

run(serve())
"""
PAGES: Final = 50 * 4 * 4_000_000 // 4096
"""That all these answers need."""


def test_large_answers_need_fresh_pages_once_and_threads_keep_no_more_than_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True
    )
    if "not glibc" in done.stderr:
        pytest.skip("another allocator than glibc's")
    assert not done.returncode, done.stderr
    faults, more_mib = map(int, done.stdout.split())
    assert faults < PAGES // 100
    # Eight times as much was there at once.
    assert more_mib <= 2 * KEPT_BYTES >> 20
