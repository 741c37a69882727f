"""Journal: an append-only file of records, which a killed process leaves readable.

A record is one line of JSON, written by one system call, so that it survives the process at
once. It does not survive the machine (nothing is synced): nor do the guests it tells of.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from innkeeper.core.errors import SetupError

_Record = TypeVar("_Record")


class Journal(Generic[_Record]):
    """Records of one type, in order. Without a path they are kept nowhere."""

    def __init__(self, path: Path | None, kind: type[_Record]) -> None:
        """Open or make the file; SetupError if that can't be done."""
        self._path = path
        self._decoder: msgspec.json.Decoder[_Record] = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder()
        self._fd = -1
        if path is not None:
            self._open(path)

    def records(self) -> list[_Record]:
        """Give what was written so far. A torn last line was never answered for: it is left out."""
        if self._path is None:
            return []
        lines = self._path.read_bytes().split(b"\n")
        try:
            return [self._decoder.decode(line) for line in lines[:-1]]
        except msgspec.MsgspecError as error:
            raise SetupError(f"{self._path}: not a journal of this version: {error}") from error

    def append(self, record: _Record) -> None:
        """Write a record."""
        if self._fd >= 0:
            os.write(self._fd, self._encoder.encode(record) + b"\n")

    def rewrite(self, records: Iterable[_Record]) -> None:
        """Replace all that was written by ``records``, in one step; drops a torn last line."""
        if self._path is None:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_bytes(b"".join(self._encoder.encode(record) + b"\n" for record in records))
        self.close()
        fresh.replace(self._path)
        self._open(self._path)

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise SetupError(f"Cannot write the journal {path}: {error.strerror}.") from error
