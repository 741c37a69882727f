"""A database URL that makes no sense is told without the password that may be in it."""

import pytest

from innkeeper.core.errors import SetupError
from innkeeper.store.dialects.backend import shown
from innkeeper.store.placement_db.opening import placement_url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgres//ann:secret@db/inn", "***@db/inn"),
        ("postgresql://ann:secret@db:port/inn", "***@db:port/inn"),
        ("postgresql://ann:sec@ret@db:port/inn?password=secret", "***@db:port/inn"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_malformed_url_is_told_without_its_password(url: str, told: str) -> None:
    for read in (shown, placement_url):
        if "://" not in url and read is placement_url:
            continue  # a file
        with pytest.raises(SetupError) as refused:
            read(url)
        assert refused.value.detail.startswith(f"'{told}' is no database URL.")
        assert "sec" not in refused.value.detail
