"""Logs: one line an event, to stderr, through structlog.

Stdout belongs to the answers of commands; nothing here may ever write to it.
"""

import logging
import sys
from typing import Final

import structlog
from structlog.typing import EventDict

from innkeeper.config import LogLevel

LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


MAX_VALUE_CHARS: Final = 2_000
"""What is logged of one value: enough to know it by, where anybody may send 64 KiB of it."""


def set_up(level: LogLevel) -> None:
    """Send events of ``level`` and above to stderr: ours, and those of the libraries."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _harmless,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=LEVELS[level],
        stream=sys.stderr,
        format="%(asctime)s [%(levelname)s] %(name)s: %(message)s",
        force=True,
    )
    # It would log the headers of every answer, among them the tokens that Keystone gives.
    logging.getLogger("httpcore2").setLevel(max(LEVELS[level], logging.INFO))


def _harmless(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Escape what a terminal would obey, and cut what is very long: it may be anybody's words."""
    for name, value in event.items():
        if isinstance(value, str):
            cut = value[:MAX_VALUE_CHARS]
            event[name] = cut if cut.isprintable() else "".join(map(_shown, cut))
    return event


def _shown(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def _to_stderr(*_names: object) -> structlog.PrintLogger:
    """Give what writes a line. Stderr is looked up for each: it may be another by then."""
    return structlog.PrintLogger(sys.stderr)
