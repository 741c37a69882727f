"""Journal: an append-only file of records, which a killed process leaves readable.

A record is one line of JSON, given to the system at once, so that it survives the process at
once. It does not survive the machine (nothing is synced): nor do the guests it tells of.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from innkeeper.core.errors import SetupError

LONG: Final = 10_000
"""Records after which a journal is worth rewriting, if it had fewer then: about a megabyte."""

_Record = TypeVar("_Record")


class Journal(Generic[_Record]):
    """Records of one type, in order. Without a path they are kept nowhere."""

    def __init__(self, path: Path | None, kind: type[_Record]) -> None:
        """Open or make the file; SetupError if that can't be done."""
        self._path = path
        self._decoder: msgspec.json.Decoder[_Record] = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder()
        self._fd = -1
        # Records when it was rewritten last, and since then; bytes in all.
        self._kept = self._appended = self._size = 0
        if path is not None:
            self._fd = _open(path)
            self._size = os.fstat(self._fd).st_size

    @property
    def is_long(self) -> bool:
        """Whether so much was appended that it should be rewritten, which is rarely then."""
        return self._appended >= max(LONG, self._kept)

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
        """Write a record. If that fails (OSError), nothing of it is left."""
        if self._fd < 0:
            return
        try:
            written = _write(self._fd, self._line(record))
        except OSError:
            # What comes after a part of a line could not be read.
            os.ftruncate(self._fd, self._size)
            raise
        self._size += written
        self._appended += 1

    def rewrite(self, records: Iterable[_Record]) -> None:
        """Replace all that was written by ``records``, in one step; drops a torn last line.

        If that fails, all is as it was.
        """
        if self._path is None:
            return
        lines = [self._line(record) for record in records]
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        fd = _open(fresh)
        try:
            size = _write(fd, b"".join(lines))
            fresh.replace(self._path)
        except BaseException:
            os.close(fd)
            raise
        self.close()
        self._fd, self._size = fd, size
        self._kept, self._appended = len(lines), 0

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _line(self, record: _Record) -> bytes:
        return self._encoder.encode(record) + b"\n"


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise SetupError(f"Cannot write the journal {path}: {error.strerror}.") from error


def _write(fd: int, content: bytes) -> int:
    """Write all of ``content``, which may take several calls; give its length."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]
    return len(content)
