"""Arrivals: a task list inflated until it asks more than the cluster has.

Pure; every draw comes from the random source that the caller gives, so a seed is a run.
Source: Weng et al., Beware of Fragmentation, USENIX ATC 2023, "Monte-Carlo workload inflation".
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from innkeeper.replay.openb import GPU_MILLI, Node, Task

TUNING_RATIO: Final = 1.3
"""How much of the cluster's GPUs the arrivals ask at the end."""


def gpu_capacity_milli(nodes: Sequence[Node]) -> int:
    """Give the milli-GPU of all nodes."""
    return GPU_MILLI * sum(node.gpus for node in nodes)


def arrivals(
    tasks: Sequence[Task], *, capacity_milli: int, random: Random, ratio: float = TUNING_RATIO
) -> list[Task]:
    """Give the tasks in the order in which they arrive.

    The whole list, shuffled, then draws from it with replacement until a draw would pass
    ``ratio`` times the capacity; or, if the list alone asks more, less by random tasks.
    """
    limit = ratio * capacity_milli
    # By name first: the shuffle then depends on the seed and not on the order of the file.
    by_name = sorted(tasks, key=lambda task: task.name)
    sequence = random.sample(by_name, len(by_name))
    asked = sum(task.asked_gpu_milli for task in sequence)
    while asked > limit:
        asked -= sequence.pop(random.randrange(len(sequence))).asked_gpu_milli
    # A list that asks no GPU would never reach the limit.
    if not any(task.asked_gpu_milli for task in tasks):
        return sequence
    while True:
        task = random.choice(by_name)
        # As in the published runs, the test looks at one GPU of the task, not at all of them.
        if asked + task.gpu_milli > limit:
            return sequence
        sequence.append(task)
        asked += task.asked_gpu_milli


def node_order(nodes: Sequence[Node], *, random: Random) -> list[Node]:
    """Give a random order of the nodes: of equally good ones, the first in it is taken."""
    return random.sample(nodes, len(nodes))
