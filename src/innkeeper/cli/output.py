"""Output: answers to stdout, as tables for people or as JSON for programs."""

import sys
from typing import Final

import msgspec
from rich.console import Console, RenderableType

PIPE_WIDTH: Final = 240
"""Columns when stdout is no terminal: so wide that no row of a table is broken, for grep."""


class _Stdout(Console):
    """A console on stdout. If nobody reads it any more, that is `main`'s to deal with."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError; rich would end the program, as if something had failed."""
        raise BrokenPipeError


def console() -> Console:
    """Give a console on stdout."""
    return page() if sys.stdout.isatty() else _Stdout(width=PIPE_WIDTH)


def page() -> Console:
    """Give a console on stdout for running text: as wide as people read, in a pipe as well."""
    return _Stdout()


def show(drawn: RenderableType) -> None:
    """Draw on stdout."""
    console().print(drawn)
    sys.stdout.flush()


def show_json(body: object) -> None:
    """Print as one JSON document, indented."""
    print(msgspec.json.format(msgspec.json.encode(body), indent=2).decode(), flush=True)


def show_plain(text: str) -> None:
    """Print as it is, unbroken: for what people copy."""
    print(text, flush=True)


def aside(drawn: RenderableType) -> None:
    """Draw on stderr, beside the answer."""
    Console(stderr=True, width=None if sys.stderr.isatty() else PIPE_WIDTH).print(drawn)


def note(text: str) -> None:
    """Tell people something beside the answer, on stderr."""
    print(text, file=sys.stderr)
