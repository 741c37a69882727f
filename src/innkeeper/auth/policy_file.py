"""The files of an operator's policy: which there are, whether they are sound, and whether changed.

A policy is one file and, beside it, the files of a directory ``policy.d``, in order of their
names. What they mean is oslo.policy's; this module only looks at their form.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from oslo_policy.policy import parse_file_contents

from innkeeper.core.errors import SetupError

DIRECTORY: Final = "policy.d"
LOOK_AGAIN_S: Final = 1.0
"""How long files are taken to be as they were: a change of policy may take that long."""

Written = str | list[str | list[str]]
"""A check as a file has it: text, or the lists of lists of old."""
Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of change in ns and size of each file."""


class PolicyFiles(msgspec.Struct, frozen=True):
    """The policy file and the directory beside it."""

    file: Path

    @property
    def directory(self) -> Path:
        """Where further files are."""
        return self.file.parent / DIRECTORY

    def paths(self) -> list[Path]:
        """Give all of them, weakest first."""
        further = sorted(self.directory.iterdir()) if self.directory.is_dir() else []
        return [self.file, *(p for p in further if p.is_file() and not p.name.startswith("."))]

    def stamp(self) -> Stamp:
        """Give what changes when one of them does. A file that is not there has none."""
        stamps = []
        try:
            for path in self.paths():
                status = path.stat()
                stamps.append((path.name, status.st_mtime_ns, status.st_size))
        except OSError:
            return ()
        return tuple(stamps)

    def rules(self) -> dict[str, Written]:
        """Give the checks in them by rule name. Raises SetupError naming file and rule."""
        rules: dict[str, Written] = {}
        for path in self.paths():
            rules.update(_read(path))
        return rules


class Watch:
    """Notices that files changed, without looking more often than it makes sense."""

    def __init__(self, files: PolicyFiles, clock: Callable[[], float]) -> None:
        """``clock`` gives monotonic seconds."""
        self._files = files
        self._clock = clock
        self._stamp = files.stamp()
        self._looked = clock()

    def changed(self) -> bool:
        """Tell whether they changed since the last time that this was true."""
        now = self._clock()
        if now - self._looked < LOOK_AGAIN_S:
            return False
        self._looked = now
        stamp = self._files.stamp()
        changed, self._stamp = stamp != self._stamp, stamp
        return changed


def _read(path: Path) -> dict[str, Written]:
    try:
        read = parse_file_contents(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"{path}: cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SetupError(f"{path}: neither YAML nor JSON: {error}") from error
    try:
        return msgspec.convert(read, dict[str, Written])
    except msgspec.ValidationError as error:
        raise SetupError(f"{path}: not of the form `rule: check`: {error}.") from error
