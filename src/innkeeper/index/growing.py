"""Arrays that grow, and never by so much at once that requests would wait for it.

A small one grows by doubling, into a copy. A large one has addresses for far more elements than it
has, of which the system makes memory only as they are first written to: so it is not copied.
"""

import mmap
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

FIRST_SIZE: Final = 64
"""Elements of an array that has not grown yet: small, since a cloud has hundreds of arrays."""

NOTHING: Final = -1
"""In an array of rows, slots or positions: there is none."""

FEW: Final = 64
"""Numbers up to which a set is faster than arrays."""

_Scalar = TypeVar("_Scalar", bound=np.generic)


STEP: Final = 16_384
"""Elements by which large arrays grow. With all arrays of a cloud to be filled, about 1 ms."""

ROOM: Final = 2**22
"""Elements that a large array has addresses for: a cloud four times as large as any we know of.
Beyond it arrays are copied, into twice the room."""


def larger(size: int, wanted: int) -> int:
    """Give the size that an array of ``size`` elements gets to hold ``wanted`` ones."""
    size = max(size, FIRST_SIZE)
    while size < min(wanted, STEP):
        size *= 2
    return size if size >= wanted else -(-wanted // STEP) * STEP


def grown(
    array: npt.NDArray[_Scalar],
    size: int,
    fill: int | float | bool | bytes,  # noqa: FBT001, PYI041
) -> npt.NDArray[_Scalar]:
    """Give a one-dimensional array with ``size`` elements, the new ones ``fill``.

    What was given to be grown must not be used any more: it may be part of what is given.
    """
    room = array.base
    if not isinstance(room, np.ndarray) or len(room) < size:
        room = _room(size, array.dtype)
        room[: len(array)] = array
    longer: npt.NDArray[_Scalar] = room[:size]
    longer[len(array) :] = fill
    return longer


def _room(size: int, dtype: np.dtype[_Scalar]) -> npt.NDArray[_Scalar]:
    """Give an array of zeros that may be used up to ``size``, and grow within what it is."""
    if size <= STEP:
        return np.zeros(size, dtype=dtype)
    room = ROOM
    while room < size:
        room *= 2
    addresses = mmap.mmap(-1, room * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(addresses, dtype=dtype)


def frozen(array: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """Make a cached array read-only, so that a caller cannot spoil it for the next one."""
    array.flags.writeable = False
    return array


def distinct(rows: Int32s) -> Int32s:
    """Give each row once, ascending."""
    if rows.size <= FEW:
        return np.array(sorted(set(rows.ravel().tolist())), dtype=np.int32)
    there = np.zeros(rows.max() + 1, dtype=np.bool_)
    there[rows] = True
    return np.flatnonzero(there).astype(np.int32)
