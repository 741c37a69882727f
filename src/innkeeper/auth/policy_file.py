"""The files of an operator's policy: which there are, and whether they are sound.

A policy is one file and, beside it, the files of a directory ``policy.d``, in order of their
names. What they mean is oslo.policy's; this module only looks at their form.
"""

from pathlib import Path
from typing import Final

import msgspec
from oslo_policy.policy import parse_file_contents

from innkeeper.core.errors import SetupError

DIRECTORY: Final = "policy.d"
Written = str | list[str | list[str]]
"""A check as a file has it: text, or the lists of lists of old."""


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

    def rules(self) -> dict[str, Written]:
        """Give the checks in them by rule name. Raises SetupError naming file and rule."""
        rules: dict[str, Written] = {}
        for path in self.paths():
            rules.update(_read(path))
        return rules


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
