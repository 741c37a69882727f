"""Moments as whole microseconds since the epoch: how they are kept, in the store and in memory."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(moment: datetime) -> int:
    """Give microseconds since the epoch of an aware ``moment``, without rounding."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(us: int) -> datetime:
    """Give the aware UTC moment that is ``us`` microseconds after the epoch."""
    return _EPOCH + timedelta(0, 0, us)
