"""What a process frees stays its own, within limits."""

import subprocess
import sys
from typing import Final

import pytest

SCRIPT: Final = """
import ctypes, resource, sys
from innkeeper.wiring.loop import run

def answers():
    # Several of a thousand candidates in eight groups are under way at a time.
    return [bytes([each + 1]) * 4_000_000 for each in range(4)]

if not hasattr(ctypes.CDLL(None), "mallopt"):
    sys.exit("not glibc")

async def serve():
    answers()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        answers()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

run(serve())
"""
PAGES: Final = 50 * 4 * 4_000_000 // 4096
"""That all these answers need."""


def test_pages_of_large_answers_are_asked_of_the_system_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True
    )
    if "not glibc" in done.stderr:
        pytest.skip("another allocator than glibc's")
    assert not done.returncode, done.stderr
    assert int(done.stdout) < PAGES // 100
