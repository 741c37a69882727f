from random import Random

import pytest

from innkeeper.replay.inflation import arrivals, gpu_capacity_milli, node_order
from innkeeper.replay.openb import Node, Task

NODES = [Node(f"n{number}", 1000, 1000, 2, "T4") for number in range(10)]
SHARING = [Task(f"t{number}", 1, 1, 1, 100 + number) for number in range(50)]


def asked(tasks: list[Task]) -> int:
    return sum(task.asked_gpu_milli for task in tasks)


def test_capacity() -> None:
    assert gpu_capacity_milli(NODES) == 20_000


@pytest.mark.parametrize("seed", range(5))
def test_a_small_list_is_filled_up_to_the_ratio(seed: int) -> None:
    found = arrivals(SHARING, capacity_milli=20_000, random=Random(seed))
    assert set(found[: len(SHARING)]) == set(SHARING)
    assert 1.3 * 20_000 - 150 < asked(found) <= 1.3 * 20_000


@pytest.mark.parametrize("seed", range(5))
def test_a_large_list_is_thinned_out(seed: int) -> None:
    found = arrivals(SHARING, capacity_milli=2_000, random=Random(seed))
    assert asked(found) <= 1.3 * 2_000
    assert set(found) <= set(SHARING)


def test_a_list_without_gpu_arrives_once() -> None:
    tasks = [Task(f"t{number}", 1, 1, 0, 0) for number in range(5)]
    found = arrivals(tasks, capacity_milli=1000, random=Random(1))
    assert sorted(task.name for task in found) == [task.name for task in tasks]


def test_a_seed_is_a_run_whatever_the_order_of_the_file() -> None:
    first = arrivals(SHARING, capacity_milli=4_000, random=Random(7))
    again = arrivals(SHARING[::-1], capacity_milli=4_000, random=Random(7))
    assert first == again
    assert first != arrivals(SHARING, capacity_milli=4_000, random=Random(8))


def test_node_order_is_a_permutation() -> None:
    found = node_order(NODES, random=Random(1))
    assert found != NODES
    assert sorted(found, key=lambda node: node.name) == NODES
