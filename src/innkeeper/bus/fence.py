"""The fence of the bus: a handler that fails costs its message, never the process."""

import structlog

from innkeeper.bus.port import Handler

_log = structlog.get_logger(__name__)


async def handle(handler: Handler, payload: bytes, *, subject: str) -> bytes | None:
    """Give what ``handler`` answers; None if it fails, which is logged."""
    try:
        return await handler(payload)
    except Exception:  # fence: bus
        _log.exception("handler failed", subject=subject)
        return None
