"""How arrays grow."""

import numpy as np
import pytest

from innkeeper.index.growing import FIRST_SIZE, STEP, grown, larger


def test_small_sizes_double_and_large_ones_go_up_by_steps() -> None:
    assert larger(0, 1) == FIRST_SIZE
    assert larger(FIRST_SIZE, FIRST_SIZE) == FIRST_SIZE
    assert larger(FIRST_SIZE, FIRST_SIZE + 1) == 2 * FIRST_SIZE
    assert larger(FIRST_SIZE, STEP + 1) == 2 * STEP
    assert larger(2 * STEP, 2 * STEP + 1) == 3 * STEP


@pytest.mark.parametrize(("dtype", "fill"), [("i4", -1), ("f8", 1.0), ("?", False), ("S4", b"")])
def test_what_was_there_stays_and_the_rest_is_filled(dtype: str, fill: object) -> None:
    array = np.full(FIRST_SIZE, fill, dtype=dtype)
    array[7] = 1
    for size in (2 * FIRST_SIZE, STEP, 2 * STEP, 3 * STEP):
        before = array.copy()
        array = grown(array, size, fill)
        assert array.dtype == dtype
        assert np.array_equal(array[: len(before)], before)
        assert (array[len(before) :] == np.array(fill, dtype=dtype)).all()
        array[-1] = 1


def test_a_large_array_is_not_copied_when_it_grows() -> None:
    small = np.zeros(STEP, dtype=np.int64)
    large = grown(small, 2 * STEP, 0)
    larger_yet = grown(large, 5 * STEP, 0)
    assert not np.shares_memory(small, large)
    assert np.shares_memory(large, larger_yet)
    assert len(larger_yet) == 5 * STEP
