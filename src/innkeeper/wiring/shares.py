"""Shares: how many connections each worker of a server has, in memory that all of them see.

Each worker writes its own number only, and may read one that is a moment old: that costs a little
balance, and nothing else may depend on it.
"""

import mmap
import os
from typing import Final

BYTES_EACH: Final = 4
"""A number of C's kind int, which is written at once."""
ABSENT: Final = 2**31 - 1
"""The number of a worker that does not serve: nobody has more, so nobody leaves it anything."""


class Shares:
    """The numbers of all workers, as the one that starts them has them."""

    def __init__(self, count: int) -> None:
        self.fileno = os.memfd_create("innkeeper-shares")
        """Of the memory, for a process that inherits it."""
        os.truncate(self.fileno, count * BYTES_EACH)
        self._memory = mmap.mmap(self.fileno, count * BYTES_EACH)
        self._numbers = memoryview(self._memory).cast("i")
        for place in range(count):
            self.leave(place)

    def leave(self, place: int) -> None:
        """Say that the worker at a place does not run."""
        self._numbers[place] = ABSENT

    def close(self) -> None:
        """Give the memory back."""
        self._numbers.release()
        self._memory.close()
        os.close(self.fileno)


class Share:
    """The number of one worker, beside those of the others."""

    def __init__(self, fileno: int, place: int) -> None:
        """Count at ``place`` in the memory that was inherited, once it is told to."""
        self._numbers = memoryview(mmap.mmap(fileno, 0)).cast("i")
        self._place = place

    def join(self) -> None:
        """Begin with no connection: from now on others leave some to this worker."""
        if self._numbers[self._place] == ABSENT:
            self._numbers[self._place] = 0

    def more(self) -> None:
        """Count one more."""
        self._numbers[self._place] += 1

    def fewer(self) -> None:
        """Count one less."""
        self._numbers[self._place] -= 1

    @property
    def is_ahead(self) -> bool:
        """Whether another worker has fewer."""
        return self._numbers[self._place] > min(self._numbers)
