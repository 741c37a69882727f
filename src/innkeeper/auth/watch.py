"""Watch: whether files changed since somebody read them. It reads nothing itself."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

LOOK_AGAIN_S: Final = 1.0
"""How long files are taken to be as they were: a change may take that long to be noticed."""

Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of change in ns and size of each file; () if one of them is not there."""


class Watch:
    """Notices changes, without looking more often than makes sense."""

    def __init__(self, paths: Callable[[], Iterable[Path]], clock: Callable[[], float]) -> None:
        """``paths`` gives the files as they are now; ``clock`` gives monotonic seconds."""
        self._paths = paths
        self._clock = clock
        self._stamp = self._look()
        self._looked = clock()

    def changed(self) -> bool:
        """Tell whether they changed since this was asked, or since the watch began."""
        now = self._clock()
        if now - self._looked < LOOK_AGAIN_S:
            return False
        self._looked = now
        before, self._stamp = self._stamp, self._look()
        return self._stamp != before

    def _look(self) -> Stamp:
        stamps = []
        try:
            for path in self._paths():
                status = path.stat()
                stamps.append((str(path), status.st_mtime_ns, status.st_size))
        except OSError:
            return ()
        return tuple(stamps)
