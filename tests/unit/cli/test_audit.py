"""What an audit takes, and that without a server it closes each database that it has opened."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from innkeeper.cli.audit import _read, audit
from innkeeper.cli.audit_options import Repair
from innkeeper.config import Config, StoreSettings
from innkeeper.core.errors import SetupError
from innkeeper.store.read_only import ReadOnlyStore
from innkeeper.store.store import Store


@pytest.mark.parametrize("by_url", [False, True])
def test_each_database_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_url: bool
) -> None:
    url = f"sqlite:///{tmp_path}/innkeeper.db"
    made = Store.open(url, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), writer_id="w")
    asyncio.run(made.close())
    closed: list[ReadOnlyStore] = []

    def close(store: ReadOnlyStore) -> None:
        closed.append(store)

    monkeypatch.setattr(ReadOnlyStore, "close_readers", close)
    store = StoreSettings(url=url if by_url else "")
    (found,) = _read(Config(data_dir=str(tmp_path), store=store))
    assert (found.database, found.clean) == (f"{tmp_path}/innkeeper.db", True)
    assert len(closed) == 1
    for each in closed:
        each._pool.shutdown()
        each._reader_engine.dispose()


@pytest.mark.parametrize(
    ("repair", "words"),
    [
        (Repair(yes=True), "--yes: .* --fix"),
        (Repair(yes=True, live_consumers="-"), "--yes: .* --fix"),
        (Repair(consumer_type="INSTANCE"), "--consumer-type: .* --live-consumers"),
        (Repair(fix=True, older_than="1h"), "--older-than: .* --live-consumers"),
        (Repair(fix=True, force_many_orphans=True), "--force-many-orphans: .* --live-consumers"),
    ],
)
def test_what_would_mean_nothing_is_refused(repair: Repair, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        asyncio.run(audit(repair=repair))
