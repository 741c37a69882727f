"""Arrays that grow by doubling, so that adding n things costs O(n)."""

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

_Scalar = TypeVar("_Scalar", bound=np.generic)


def larger(size: int, wanted: int) -> int:
    """Give the smallest doubling of ``size`` that holds ``wanted`` elements."""
    size = max(size, FIRST_SIZE)
    while size < wanted:
        size *= 2
    return size


def grown(
    array: npt.NDArray[_Scalar],
    size: int,
    fill: int | float | bool | bytes,  # noqa: FBT001, PYI041
) -> npt.NDArray[_Scalar]:
    """Give a copy of a one-dimensional array with ``size`` elements, the new ones ``fill``."""
    copy = np.full(size, fill, dtype=array.dtype)
    copy[: len(array)] = array
    return copy


def frozen(array: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    """Make a cached array read-only, so that a caller cannot spoil it for the next one."""
    array.flags.writeable = False
    return array


def distinct(rows: Int32s) -> Int32s:
    """Give each row once, ascending: faster than sorting, where there are many."""
    there = np.zeros(rows.max(initial=NOTHING) + 1, dtype=np.bool_)
    there[rows] = True
    return np.flatnonzero(there).astype(np.int32)
