"""TimedCache: what is known for a while, and only so much of it."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class TimedCache(Generic[Value]):
    """Values by key, each until its time; beyond the limit the least used goes first."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        """``clock`` gives monotonic seconds."""
        self._limit = limit
        self._clock = clock
        self._kept: OrderedDict[bytes, tuple[float, Value]] = OrderedDict()

    def get(self, key: bytes) -> Value | None:
        """Give the value; None if there is none or its time is over."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept[0] <= self._clock():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def put(self, key: bytes, value: Value, *, for_s: float) -> None:
        """Keep the value for so long; for no time, do not keep it."""
        if for_s <= 0:
            return
        self._kept[key] = (self._clock() + for_s, value)
        self._kept.move_to_end(key)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
