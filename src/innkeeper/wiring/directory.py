"""The data directory: whose it is, who serves it, and when it may be emptied.

Only a directory that a replay made is ever emptied, and then only of what Innkeeper itself
puts there.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from innkeeper.config import DATABASE_NAME, DIRECTORY_MODE
from innkeeper.core.errors import SetupError
from innkeeper.store.dialects.backend import is_embedded
from innkeeper.store.lock import StoreLock
from innkeeper.wiring.endpoint import ENDPOINT_NAME

MARKER_NAME: Final = "made-by-replay"
"""Its presence says: nothing here but what a replay wrote; the next one may empty it."""

RUNS_NAME: Final = "runs"
"""Directory below a replay's, with one data directory for each of its runs."""
LOCK_NAME: Final = DATABASE_NAME + ".lock"

_OURS: Final = (
    *(DATABASE_NAME + suffix for suffix in ("", "-wal", "-shm")),
    ENDPOINT_NAME,
)
_JOURNALS: Final = ("guests-*.journal", "refusals-*.journal")


@contextmanager
def own(directory: Path, database_url: str) -> Iterator[None]:
    """Have the directory for this process alone while the block lasts. Raises SetupError.

    An embedded database does that by itself.
    """
    if is_embedded(database_url):
        yield
        return
    _make(directory)
    lock = StoreLock(directory / LOCK_NAME)
    try:
        yield
    finally:
        lock.release()


def take_for_replay(directory: Path) -> None:
    """Make ``directory`` ready for a replay, which needs an empty one.

    What an earlier replay left there is removed; of anything else nothing is. Raises
    SetupError, saying what to do, if it holds what no replay made, or is in use.
    """
    _make(directory)
    # The lock says that nobody works on it now, and that we may write there.
    lock = StoreLock(directory / LOCK_NAME)
    try:
        marker = directory / MARKER_NAME
        others = {each.name for each in directory.iterdir()} - {LOCK_NAME}
        if others and not marker.exists():
            raise SetupError(
                f"{directory} holds what no replay made, or a server has used since"
                f" ({min(others)}), and a replay needs an empty directory. Choose another with"
                " --data-dir."
            )
        marker.touch()
        for name in _OURS:
            (directory / name).unlink(missing_ok=True)
        for pattern in _JOURNALS:
            for journal in directory.glob(pattern):
                journal.unlink()
        shutil.rmtree(directory / RUNS_NAME, ignore_errors=True)
    finally:
        lock.release()


def keep(directory: Path) -> None:
    """Say that the directory is in real use now: no replay may empty it any more."""
    (directory / MARKER_NAME).unlink(missing_ok=True)


def run_directory(directory: Path, name: str) -> Path:
    """Give the data directory of one run of a replay that has several."""
    return directory / RUNS_NAME / name


def drop_run(run: Path) -> None:
    """Remove the data directory of one run of a replay."""
    if run.parent.name == RUNS_NAME and (run.parent.parent / MARKER_NAME).exists():
        shutil.rmtree(run, ignore_errors=True)


def databases(directory: Path) -> tuple[Path, ...]:
    """Give the databases there: the directory's own, and those of a replay's runs. SetupError."""
    own = directory / DATABASE_NAME
    try:
        runs = sorted((directory / RUNS_NAME).glob(f"*/{DATABASE_NAME}"))
        return (*([own] if own.is_file() else []), *runs)
    except OSError as error:
        raise SetupError(
            f"Cannot look into the data directory {directory}: {error.strerror}. Run this as the"
            " user that Innkeeper runs as."
        ) from error


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"Cannot make the data directory {directory}: {error.strerror}. Choose another with"
            " --data-dir."
        ) from error
