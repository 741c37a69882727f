"""Accept: which of the types on offer a client gets."""

import pytest

from innkeeper.api.media import best_offer

OFFERS = ("text/html", "application/json")


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/*", "application/json"),
        ("text/plain", None),
        ("text/html;q=0.5, application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("*/*, text/html;q=0", "application/json"),
        ("application/json;q=0", None),
        ("nonsense", "text/html"),
        ("text/html;q=high", "text/html"),
        ("text/html;charset=utf-8;q=0.1,application/json;q=0.2", "application/json"),
    ],
)
def test_best_offer(accept: str, best: str | None) -> None:
    assert best_offer(accept, OFFERS) == best
