"""Points in time in the store: microseconds since the epoch, the same on every engine."""

from datetime import datetime

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

from innkeeper.core.moment import from_us, to_us


class Timestamp(TypeDecorator[datetime]):
    """A column of aware UTC datetimes, kept as integers."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn a datetime into what is kept."""
        del dialect
        return None if value is None else to_us(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn what is kept into a datetime."""
        del dialect
        return None if value is None else from_us(value)
