"""Output: answers to stdout, as tables for people or as JSON for programs."""

import sys
from typing import Final

import msgspec
from rich.console import Console, RenderableType

PIPE_WIDTH: Final = 240
"""Columns when stdout is no terminal: so wide that no row of a table is broken, for grep."""


def console() -> Console:
    """Give a console on stdout."""
    if sys.stdout.isatty():
        return Console()
    return Console(width=PIPE_WIDTH)


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
