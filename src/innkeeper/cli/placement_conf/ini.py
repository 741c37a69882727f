"""The format of OpenStack's configuration files, read by its own rules.

Those are not configparser's: values go on in indented lines, a key may come more than once,
values may be quoted, and ``$name`` stands for another option.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from innkeeper.core.errors import SetupError

MAX_NESTING: Final = 10
"""How often a value may lead to another one; a ring of them would never end."""

_REFERENCE: Final = re.compile(r"\\\$|\$(\$|\{([\w.-]+)\}|([A-Za-z_][\w]*))")


class Given(msgspec.Struct, frozen=True):
    """One option as a file has it."""

    section: str
    name: str
    values: tuple[str, ...]
    """One for each time that it is given; of a long one, the lines are joined by newlines."""
    line: int
    """Where it was given last, from 1."""

    @property
    def last(self) -> str:
        """The value that counts for all options but those that are lists of several."""
        return self.values[-1]


def parse(text: str, *, file: str) -> dict[tuple[str, str], Given]:
    """Give the options by (section, name), in the order in which they came up first.

    Names are in the form with underscores. Raises SetupError, naming the line.
    """
    reader = _Reader(file)
    for number, line in enumerate(text.split("\n"), start=1):
        reader.read(number, line.rstrip())
    reader.flush()
    return reader.found


class _Reader:
    """Reads one line after the other."""

    def __init__(self, file: str) -> None:
        self.found: dict[tuple[str, str], Given] = {}
        self._file = file
        self._section = "DEFAULT"
        self._key = ""
        self._lines: list[str] = []
        self._number = 0

    def read(self, number: int, line: str) -> None:
        """Take one line without its end."""
        if line.startswith((" ", "\t")):
            if not self._key:
                raise self._refused(number, "goes on with a value, and there is none before it")
            self._lines.append(line.strip())
            return
        self.flush()
        if not line or line.startswith(("#", ";")):
            return
        if line.startswith("["):
            if not line.endswith("]") or not line[1:-1].strip():
                raise self._refused(number, "should be a section such as [DEFAULT]")
            self._section = line[1:-1].strip()
            return
        self._begin(number, line)

    def flush(self) -> None:
        """Keep the option that was being read, if there is one."""
        if self._key:
            key = (self._section, self._key)
            before = self.found.get(key)
            value = "\n".join(self._lines)
            self.found[key] = Given(
                *key,
                values=(value,) if before is None else (*before.values, value),
                line=self._number,
            )
        self._key = ""

    def _begin(self, number: int, line: str) -> None:
        match = re.match(r"([^:=]+)[:=](.*)", line)
        if match is None or not match[1].strip():
            raise self._refused(number, "should be a line such as `name = value`")
        self._key = match[1].strip().replace("-", "_")
        self._number = number
        value = match[2].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        self._lines = [value]

    def _refused(self, number: int, why: str) -> SetupError:
        return SetupError(f"{self._file}: line {number} {why}.")


class Unresolved(ValueError):
    """A value names an option that the file does not have."""


def resolve(given: Given, options: Mapping[tuple[str, str], Given], *, depth: int = 0) -> str:
    r"""Give the value with what its ``$name`` and ``${section.name}`` stand for.

    ``$$`` and ``\$`` are a plain dollar. Raises Unresolved.
    """

    def replaced(match: re.Match[str]) -> str:
        if match[1] in {None, "$"}:
            return "$"
        name = match[2] or match[3]
        section, dot, option = name.rpartition(".")
        wanted = ((section, option),) if dot else ((given.section, name), ("DEFAULT", name))
        for key in wanted:
            found = options.get((key[0], key[1].replace("-", "_")))
            if found is not None and depth < MAX_NESTING:
                return resolve(found, options, depth=depth + 1)
        raise Unresolved(f"${name} is not set in this file")

    return _REFERENCE.sub(replaced, given.last)
