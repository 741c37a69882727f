"""Holds: what claims in flight will use, counted as used until they are settled."""

from collections.abc import Callable, Sequence

from innkeeper.core.allocation import Allocation

Changer = Callable[[Sequence[Allocation], int], None]
"""Adds allocations to what is held (1), or takes them off it (-1)."""


class Hold:
    """Assumed usage of one or more claims; it ends with the first release."""

    __slots__ = ("_allocations", "_change")

    def __init__(self, allocations: Sequence[Allocation], change: Changer) -> None:
        self._allocations: Sequence[Allocation] | None = tuple(allocations)
        self._change = change
        change(self._allocations, 1)

    def release(self) -> None:
        """Count it as used no more. Safe to call again."""
        allocations, self._allocations = self._allocations, None
        if allocations is not None:
            self._change(allocations, -1)
