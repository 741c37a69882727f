"""Memory: what is given back to the allocator is kept for what comes next.

An answer of many candidates takes megabytes. glibc asks the system for so much anew each time, and
gives it back at once; the system clears every page of it again, which took a third of what a search
for 1,000 candidates in eight groups took. Its own rule, which learns from what was freed, gives
back whatever is more than twice the largest piece.
"""

import contextlib
import ctypes
from typing import Final

MAPPED_FROM_BYTES: Final = 8 * 1024 * 1024
"""What is asked of the system by itself, and given back when it is freed: more than most answers,
and less than the columns of a large index, which are freed when they have grown."""
KEPT_BYTES: Final = 32 * 1024 * 1024
"""What may lie free at the end of the heap: as much as eight large answers are made in."""
HEAPS: Final = 1
"""Each would keep so much. Threads are few here, and what they ask for is small or seldom."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
"""Of malloc.h, all three."""


def keep_freed() -> None:
    """Keep what this process frees, within limits. Other allocators than glibc's are left alone."""
    # musl and macOS have no such function.
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_ARENA_MAX, HEAPS)
