"""FgdWeigher: the host, and the GPU in it, where a task fragments least.

Fragmentation Gradient Descent: a host's score falls with the fragmentation that the task
would add. Source: Weng et al., USENIX ATC 2023. Scores are kept per shape of request, and
computed again only for hosts whose version has changed since.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Amounts, Codes, Columns, Mask, Scores
from innkeeper.scheduler.asked import Asked, GpuAsk, GpuClasses
from innkeeper.scheduler.weighers.fragmentation import Fragmentation, TypicalTask

MAX_SHAPES: Final = 512
"""Request shapes whose scores are kept, the least recently used going first.

OpenB's richest task list has 330. A shape costs 24 bytes a host: 120 MB for 10,000 hosts.
"""

MAX_STATES: Final = 4096
"""States whose fragmentation is computed in one go, which bounds the memory it takes."""

_SOFTNESS: Final = 1000.0
"""Milli-GPU of fragmentation by which the sigmoid is scaled: one GPU."""


class _Shape:
    """What is known of one shape of request: by host, as of the version seen."""

    def __init__(self, hosts: int) -> None:
        self.seen = np.full(hosts, -1, dtype=np.int64)
        self.scores = np.zeros(hosts)
        self.left = np.zeros(hosts, dtype=np.int64)


class FgdWeigher:
    """Scores by fragmentation gradient; also chooses the GPU, as that is the same choice."""

    standing = True

    def __init__(self, classes: GpuClasses, typical: Sequence[TypicalTask]) -> None:
        self._classes, self._typical = classes, tuple(typical)
        self._models: tuple[str, ...] | None = None
        self._measure = Fragmentation((), ())
        self._shapes: OrderedDict[GpuAsk, _Shape] = OrderedDict()
        self._before = _Shape(0)

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        """Give whole numbers from 0 to 100; 50 is where nothing changes."""
        return self._refreshed(asked.gpu, hosts, mask).scores

    def order(self, asked: Asked, hosts: HostTable, position: int, free: Amounts) -> Sequence[int]:
        """Give the GPUs of a host, best first, as places in ``free``: int64[GPUs] of it."""
        best: int | None = None
        if asked.gpu.shares:
            mask = np.zeros(len(hosts), dtype=np.bool_)
            mask[position] = True
            # GPUs of a host that have the same left are equals, so that tells which it is.
            best = int(self._refreshed(asked.gpu, hosts, mask).left[position])
        least = asked.gpu.gpu_milli
        left = free.tolist()
        return sorted(range(len(left)), key=lambda at: (left[at] != best, left[at] < least, at))

    def fragmentation(self, hosts: HostTable) -> float:
        """Give the fragmentation of all hosts together, in milli-GPU."""
        self._know(hosts)
        stale = np.flatnonzero((self._before.seen != hosts.version) & hosts.alive)
        if stale.size:
            self._refresh_before(hosts, stale, self._states(hosts, stale))
        return float(self._before.scores[hosts.alive].sum())

    def _know(self, hosts: HostTable) -> None:
        """Start anew if there are other GPU models or more hosts than before."""
        models = self._codes(hosts)[1]
        if models != self._models:
            self._models, self._measure = models, Fragmentation(self._typical, models)
        elif self._before.seen.size == len(hosts):
            return
        self._shapes.clear()
        self._before = _Shape(len(hosts))

    def _refreshed(self, ask: GpuAsk, hosts: HostTable, mask: Mask) -> _Shape:
        """Give the shape of a request, up to date for the hosts in ``mask``."""
        self._know(hosts)
        shape = self._shapes.get(ask)
        if shape is None:
            shape = self._shapes[ask] = _Shape(len(hosts))
            if len(self._shapes) > MAX_SHAPES:
                self._shapes.popitem(last=False)
        self._shapes.move_to_end(ask)
        stale = np.flatnonzero((shape.seen != hosts.version) & mask)
        if stale.size:
            states = self._states(hosts, stale)
            # Whatever a shape has seen, the measure of the present had to be taken for it.
            self._refresh_before(hosts, stale, states)
            before = self._before.scores[stale]
            shape.scores[stale], shape.left[stale] = self._gradient(ask, states, before)
            shape.seen[stale] = hosts.version[stale]
        return shape

    def _refresh_before(self, hosts: HostTable, positions: Columns, states: "_States") -> None:
        """Measure those of the hosts at ``positions``, which are in ``states``, that changed."""
        changed = np.flatnonzero(self._before.seen[positions] != hosts.version[positions])
        if changed.size:
            at = positions[changed]
            self._before.scores[at] = self._fragments(
                states.cpu[changed], states.free[:, changed], states.model[changed]
            )
            self._before.seen[at] = hosts.version[at]

    def _gradient(self, ask: GpuAsk, states: "_States", before: Scores) -> tuple[Scores, Amounts]:
        """Give the score of the best option for each state, and what its GPU has left now."""
        host, column, after = _options(ask, states.free)
        fragments = self._fragments(states.cpu[host] - ask.cpu, after, states.model[host])
        score = np.trunc(100.0 / (1.0 + np.exp((fragments - before[host]) / _SOFTNESS)))
        # By host, best score first, lowest column on ties; then the first row of each host.
        order = np.lexsort((column, -score, host))
        chosen, first = np.unique(host[order], return_index=True)
        best = order[first]
        scores, left = np.zeros(before.size), np.zeros(before.size, dtype=np.int64)
        scores[chosen] = score[best]
        if ask.shares:
            left[chosen] = states.free[column[best], chosen]
        return scores, left

    def _fragments(self, cpu: Amounts, free: Amounts, model: Codes) -> Scores:
        if cpu.size <= MAX_STATES:
            return self._measure.of(cpu, free, model)
        parts = [slice(at, at + MAX_STATES) for at in range(0, cpu.size, MAX_STATES)]
        return np.concatenate(
            [self._measure.of(cpu[part], free[:, part], model[part]) for part in parts]
        )

    def _states(self, hosts: HostTable, positions: Columns) -> "_States":
        return _States(
            cpu=hosts.free(self._classes.cpu)[positions],
            free=hosts.devices(self._classes.gpu, positions).free.T,
            model=self._codes(hosts)[0][positions],
        )

    def _codes(self, hosts: HostTable) -> tuple[Codes, tuple[str, ...]]:
        return hosts.device_trait(self._classes.gpu, self._classes.model_prefix)


class _States(msgspec.Struct, frozen=True):
    """The present state of some hosts."""

    cpu: Amounts
    """int64[B]: free CPU."""
    free: Amounts
    """int64[k, B]: devices first, which is how the measure adds them up fastest."""
    model: Codes
    """int32[B]: code of the GPU model."""


def _options(ask: GpuAsk, free: Amounts) -> tuple[Columns, Columns, Amounts]:
    """Give the ways to serve the request: (host, column, free afterwards).

    ``free`` is int64[k, B]; the answer has one entry per option: intp[o], intp[o], int64[k, o].
    A sharing task has an option for each GPU that is enough, but of GPUs of one host that have
    the same left only the first: the others would score the same and lose the tie.
    """
    devices, hosts = free.shape
    if not ask.shares:
        every = np.arange(hosts)
        after = free.copy()
        if ask.gpus:
            enough = free >= ask.gpu_milli
            after[enough & (np.cumsum(enough, axis=0) <= ask.gpus)] -= ask.gpu_milli
        return every, np.zeros(hosts, dtype=np.intp), after
    option = free >= ask.gpu_milli
    for column in range(1, devices):
        option[column] &= ~(free[:column] == free[column]).any(axis=0)
    column_of, host_of = np.nonzero(option)
    after = free[:, host_of]
    after[column_of, np.arange(host_of.size)] -= ask.gpu_milli
    return host_of, column_of, after
