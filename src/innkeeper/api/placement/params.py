"""The parameters of a query string, in their order, repeated ones included."""

from typing import Final
from urllib.parse import parse_qsl

import msgspec

from innkeeper.api.placement.errors import bad_request

MAX_PARAMETERS: Final = 2_000
"""Most parameters in one query. 64 KiB of request line, the server's limit, hold few more."""


class Params(msgspec.Struct, frozen=True):
    """Decoded (name, value) pairs."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, query: str) -> "Params":
        """Decode a query string; raise HttpError 400 if it is not UTF-8 or too long."""
        try:
            pairs = parse_qsl(
                query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
            )
        except ValueError as error:
            raise bad_request(f"Invalid query string parameters: {error}") from error
        return cls(tuple(pairs))

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.pairs)

    def last(self) -> dict[str, str]:
        """Give each parameter once, with the last of its values."""
        return dict(self.pairs)

    def all(self, name: str) -> list[str]:
        """Give every value of a parameter, in order."""
        return [value for key, value in self.pairs if key == name]

    def get(self, name: str) -> str | None:
        """Give the last value of a parameter; None if it is absent."""
        return self.last().get(name)
