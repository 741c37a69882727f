"""The fence of work in the background: a turn that fails is told to the operator, and is over.

It must never stand between a failure and somebody who waits for the outcome.
"""

from collections.abc import Awaitable

import structlog

from innkeeper.core.errors import InnkeeperError

_log = structlog.get_logger(__name__)


async def fenced(turn: Awaitable[None], *, failed: str, **about: object) -> None:
    """Await ``turn``; if it raises, log ``failed`` with ``about``, and return all the same."""
    try:
        await turn
    except InnkeeperError as error:
        _log.warning(failed, error=error.detail, **about)
    except Exception:  # fence: background
        _log.exception(failed, **about)
