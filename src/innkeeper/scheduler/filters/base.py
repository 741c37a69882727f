"""What a filter is. Resources, traits and aggregates are the survey's part, not a filter's."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from innkeeper.core.ids import HostName
from innkeeper.core.request_spec import RequestSpec
from innkeeper.index.hosts import HostTable
from innkeeper.index.index import Index
from innkeeper.scheduler.arrays import Mask


class Filter(Protocol):
    """A condition on hosts. Its class name is the name of its step in the record."""

    @property
    def standing(self) -> bool:
        """Tell whether nothing but the hosts' table and the spec decides, without its owner.

        Neither its project, user nor server group, that is. Masks of such filters are kept until
        there are other hosts, or in another state. The others are asked each time, after them.
        """
        ...

    @property
    def reason(self) -> str:
        """Say, for people, what the hosts that it removes lack."""
        ...

    def applies(self, spec: RequestSpec) -> bool:
        """Tell whether the spec asks anything of this filter; if not, ``mask`` is not called."""
        ...

    def mask(self, spec: RequestSpec, hosts: HostTable, index: Index) -> Mask:
        """Give bool[n]: the hosts that pass. Must not look at what other filters removed."""
        ...


def named(hosts: HostTable, names: Iterable[HostName]) -> Mask:
    """Give the hosts with these names; unknown names are nobody."""
    mask = np.zeros(len(hosts), dtype=np.bool_)
    for name in names:
        position = hosts.position(name)
        if position is not None:
            mask[position] = True
    return mask
