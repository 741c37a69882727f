"""The lock file of an embedded store: one process at a time writes a SQLite database."""

import fcntl
import os
from pathlib import Path

from innkeeper.core.errors import SetupError


class StoreLock:
    """An exclusive lock, held until ``release`` or the end of the process, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock; raise SetupError if another process has it or ``path`` is unwritable."""
        try:
            self._file = path.open("a+", encoding="ascii")
        except OSError as error:
            raise SetupError(
                f"Cannot write {path}: {error.strerror}. Choose another data directory with"
                " --data-dir, or make this one writable."
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            owner = self._file.read().strip() or "unknown"
            self._file.close()
            raise SetupError(
                f"The data directory {path.parent} is in use by another process (pid {owner})."
                " Stop that one, or choose another with --data-dir."
            ) from error
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would race with the next owner."""
        self._file.close()
