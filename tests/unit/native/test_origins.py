"""Web pages of others, which a browser sends requests for: they change nothing here."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from innkeeper.api.cors import Cors
from innkeeper.api.http import Request
from innkeeper.api.native.app import native_app
from innkeeper.api.native.origins import Origins
from innkeeper.api.native.service import Service
from innkeeper.auth.access import Access
from innkeeper.auth.open_access import OpenAccess
from innkeeper.auth.policy import EverythingAllowed
from innkeeper.config import ApiSettings, AuthSettings, Config, CorsSettings
from innkeeper.wiring.access import make_origins

OURS = "127.0.0.1:8778"
LISTED = Origins(frozenset({"https://ops.example"}))
LOCAL = Origins(only_loopback=True)


async def ask(method: str, origins: Origins, *, body: bytes = b"", **said: str) -> tuple[int, Any]:
    """Ask for a path that answers no such method, or has no store: 405 or 500 is let through."""
    service = cast("Service", SimpleNamespace(new_uuid=lambda: "u"))
    access = Access(OpenAccess(), EverythingAllowed())
    app = native_app(service, access, Cors(), origins=origins)

    async def read() -> bytes:
        return body

    headers = {"host": OURS} | {name.replace("_", "-"): text for name, text in said.items()}
    answer = await app(Request(method, "/server-groups", headers, read=read))
    return answer.status, msgspec.json.decode(answer.body)["errors"][0]["code"]


LET_THROUGH = (500, "innkeeper.unexpected")
FOREIGN_ORIGIN = (403, "innkeeper.foreign_origin")
FOREIGN_HOST = (403, "innkeeper.foreign_host")


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        ("https://evil.example", FOREIGN_ORIGIN),
        ("null", FOREIGN_ORIGIN),
        ("http://127.0.0.1:1", FOREIGN_ORIGIN),
        (f"http://{OURS}.evil.example", FOREIGN_ORIGIN),
        ("https://ops.example", LET_THROUGH),
        # As it is behind something that ends TLS.
        (f"https://{OURS}", LET_THROUGH),
    ],
)
async def test_what_a_page_may_change(origin: str, answer: tuple[int, str]) -> None:
    assert await ask("POST", LISTED, origin=origin) == answer
    assert await ask("DELETE", LISTED, origin=origin) in (
        answer,
        (405, "innkeeper.method_not_allowed"),
    )


async def test_what_only_reads_is_left_to_the_browser() -> None:
    assert await ask("GET", LISTED, origin="https://evil.example") == LET_THROUGH


async def test_any_origin() -> None:
    anybody = Origins(frozenset({"*"}))
    assert await ask("POST", anybody, origin="https://evil.example") == LET_THROUGH


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("evil.example:8778", FOREIGN_HOST),
        ("192.0.2.1", FOREIGN_HOST),
        ("localhost.evil.example", FOREIGN_HOST),
        ("[nonsense", FOREIGN_HOST),
        ("LocalHost:8778", LET_THROUGH),
        ("127.0.0.2", LET_THROUGH),
        ("[::1]:8778", LET_THROUGH),
    ],
)
async def test_by_which_names(host: str, answer: tuple[int, str]) -> None:
    assert await ask("GET", LOCAL, host=host) == answer
    assert await ask("GET", LISTED, host=host) == LET_THROUGH


@pytest.mark.parametrize(
    ("media", "answer"),
    [
        ("text/plain", (415, "innkeeper.not_json")),
        ("", (415, "innkeeper.not_json")),
        ("Application/JSON; charset=utf-8", LET_THROUGH),
    ],
)
async def test_a_body_is_json(media: str, answer: tuple[int, str]) -> None:
    assert await ask("POST", LISTED, body=b"{}", content_type=media) == answer


async def test_a_nul_character_is_refused() -> None:
    said = await ask("POST", LISTED, body=rb'{"name": "\u0000"}', content_type="application/json")
    assert said == (400, "innkeeper.invalid_input")


@pytest.mark.parametrize(
    ("config", "only_loopback"),
    [
        (Config(), True),
        (Config(api=ApiSettings(allow_remote=True)), False),
        (Config(auth=AuthSettings(strategy="keystone")), False),
    ],
)
def test_names_are_looked_at_where_nobody_is_asked_who_he_is(
    config: Config, *, only_loopback: bool
) -> None:
    assert make_origins(config).only_loopback is only_loopback


def test_origins_are_those_of_cors() -> None:
    config = Config(cors=CorsSettings(allowed_origins=("https://ops.example",)))
    assert make_origins(config).allowed == {"https://ops.example"}
