"""Keystone tokens: remembered, refused, ended, of services; and a Keystone that fails."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import msgspec
import pytest
from structlog.testing import capture_logs

from innkeeper.auth.access_rules import permits
from innkeeper.auth.keystone import REFUSED_S, KeystoneTokens
from innkeeper.auth.keystone_client import KeystoneClient
from innkeeper.auth.strategy import Asking
from innkeeper.auth.token import AccessRule, Token, TokenShown
from innkeeper.config import KeystoneSettings
from innkeeper.core.errors import IdentityUnavailable, SetupError

START = datetime(2026, 11, 1, tzinfo=UTC)
URL = "http://keystone:5000"
SETTINGS = KeystoneSettings(auth_url=URL, username="placement", password="p", cache_s=100)


class Times:
    """Both clocks, which only go when told."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def clock(self) -> float:
        return self.passed_s


def body(lives_s: float = 3600, **more: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "expires_at": (START + timedelta(seconds=lives_s)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "issued_at": "2026-11-01T00:00:00.000000Z",
        "user": {"id": "u", "name": "ann", "domain": {"id": "ud", "name": "D"}},
        "project": {"id": "p", "name": "demo", "domain": {"id": "pd", "name": "D"}},
        "roles": [{"id": "1", "name": "Reader"}],
        **more,
    }
    return {"token": {name: text for name, text in shown.items() if text is not None}}


class FakeKeystone:
    """Answers as Keystone does; what it was asked is kept."""

    def __init__(self, times: Times) -> None:
        self.times = times
        self.tokens: dict[str, dict[str, Any]] = {}
        self.own_lives_s = 3600.0
        self.catalog: list[dict[str, Any]] = []
        self.logins = 0
        self.own = ""
        self.asked: list[httpx2.Request] = []
        self.failure: Callable[[httpx2.Request], httpx2.Response] | None = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.failure is not None:
            return self.failure(request)
        if request.method == "POST":
            self.logins += 1
            self.own = f"own-{self.logins}"
            lives_s = self.times.passed_s + self.own_lives_s
            shown = body(lives_s, catalog=self.catalog)
            return httpx2.Response(201, json=shown, headers={"x-subject-token": self.own})
        self.asked.append(request)
        if request.headers["x-auth-token"] != self.own:
            return httpx2.Response(401, json={"error": {}})
        shown_token = self.tokens.get(request.headers["x-subject-token"])
        if shown_token is None or (
            self._ended(shown_token) and "allow_expired" not in str(request.url)
        ):
            return httpx2.Response(404, json={"error": {}})
        return httpx2.Response(200, json=shown_token)

    def _ended(self, shown: dict[str, Any]) -> bool:
        ends = datetime.fromisoformat(shown["token"]["expires_at"])
        return ends <= self.times.now()


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def keystone(times: Times) -> FakeKeystone:
    fake = FakeKeystone(times)
    fake.tokens["user"] = body()
    fake.tokens["service"] = body(
        roles=[{"name": "service"}], user={"id": "nova", "domain": {"id": "d"}}
    )
    return fake


Make = Callable[..., KeystoneTokens]


@pytest.fixture
def make(keystone: FakeKeystone, times: Times) -> Make:
    def made(**changes: Any) -> KeystoneTokens:
        settings = msgspec.structs.replace(SETTINGS, **changes)
        client = KeystoneClient(settings, now=times.now, transport=httpx2.MockTransport(keystone))
        return KeystoneTokens(client, settings, now=times.now, clock=times.clock)

    return made


def asking(
    token: str | None = "user",  # noqa: S107 - made up
    service: str | None = None,
    **more: str,
) -> Asking:
    headers = {"x-auth-token": token, "x-service-token": service}
    return Asking({name: text for name, text in headers.items() if text is not None}, **more)


async def test_a_token_says_who_asks(make: Make, keystone: FakeKeystone) -> None:
    who = await make().authenticate(asking())
    assert who is not None
    assert (who.user_id, who.user_domain_id) == ("u", "ud")
    assert (who.project_id, who.project_domain_id) == ("p", "pd")
    assert who.roles == {"reader"}
    assert who.scope == "project"
    assert who.is_admin_project
    assert who.service is None
    (asked,) = keystone.asked
    assert asked.url.path == "/v3/auth/tokens"


@pytest.mark.parametrize(
    ("more", "scope"),
    [
        ({"project": None, "system": {"all": True}}, "system"),
        ({"project": None, "domain": {"id": "d"}}, "domain"),
        ({"project": None, "roles": None}, "project"),
        ({"is_admin_project": False}, "project"),
    ],
)
async def test_scopes(make: Make, keystone: FakeKeystone, more: dict[str, Any], scope: str) -> None:
    keystone.tokens["user"] = body(**more)
    who = await make().authenticate(asking())
    assert who is not None
    assert who.scope == scope
    assert who.is_admin_project is more.get("is_admin_project", True)


@pytest.mark.parametrize("token", [None, "", "unknown", "two\nlines", "ü", "x" * 10_000])
async def test_what_is_no_token(make: Make, token: str | None) -> None:
    tokens = make(www_authenticate_uri="http://public:5000")
    assert await tokens.authenticate(asking(token)) is None
    assert tokens.challenge == (("www-authenticate", 'Keystone uri="http://public:5000"'),)


async def test_a_valid_token_is_remembered(
    make: Make, keystone: FakeKeystone, times: Times
) -> None:
    tokens = make()
    for _ in range(5):
        assert await tokens.authenticate(asking())
    assert len(keystone.asked) == 1
    del keystone.tokens["user"]
    times.passed_s = 99
    assert await tokens.authenticate(asking()), "revoked, and believed for a while"
    times.passed_s = 100
    assert await tokens.authenticate(asking()) is None


async def test_nothing_is_remembered_if_told_so(make: Make, keystone: FakeKeystone) -> None:
    tokens = make(cache_s=0)
    for _ in range(3):
        assert await tokens.authenticate(asking())
    assert len(keystone.asked) == 3


async def test_a_token_is_never_believed_past_its_end(
    make: Make, keystone: FakeKeystone, times: Times
) -> None:
    keystone.tokens["user"] = body(50)
    tokens = make()
    assert await tokens.authenticate(asking())
    times.passed_s = 50
    assert await tokens.authenticate(asking()) is None
    assert len(keystone.asked) == 1


async def test_a_refused_token_is_asked_about_again_soon(
    make: Make, keystone: FakeKeystone, times: Times
) -> None:
    tokens = make()
    for _ in range(3):
        assert await tokens.authenticate(asking("late")) is None
    assert len(keystone.asked) == 1
    keystone.tokens["late"] = body()
    times.passed_s = REFUSED_S
    assert await tokens.authenticate(asking("late"))


async def test_many_at_once_are_one_question(make: Make, keystone: FakeKeystone) -> None:
    tokens = make()
    found = await asyncio.gather(*(tokens.authenticate(asking()) for _ in range(50)))
    assert all(found)
    assert len(keystone.asked) == 1
    assert keystone.logins == 1


async def test_one_who_goes_away_does_not_spoil_it_for_the_others(make: Make) -> None:
    tokens = make()
    first = asyncio.create_task(tokens.authenticate(asking()))
    second = asyncio.create_task(tokens.authenticate(asking()))
    await asyncio.sleep(0)
    first.cancel()
    assert await second


async def test_our_own_token_is_renewed_before_its_end(
    make: Make, keystone: FakeKeystone, times: Times
) -> None:
    tokens = make(cache_s=0)
    for passed_s, logins in ((0, 1), (3500, 1), (3541, 2)):
        keystone.tokens["user"] = body(9_999)
        times.passed_s = passed_s
        assert await tokens.authenticate(asking())
        assert keystone.logins == logins


async def test_our_own_token_is_renewed_when_it_is_refused(
    make: Make, keystone: FakeKeystone
) -> None:
    tokens = make(cache_s=0)
    assert await tokens.authenticate(asking())
    keystone.own = "revoked"
    assert await tokens.authenticate(asking())
    assert keystone.logins == 2


async def test_a_service_may_bring_a_token_that_has_ended(
    make: Make, keystone: FakeKeystone, times: Times
) -> None:
    keystone.tokens["user"] = body(10)
    tokens = make()
    times.passed_s = 20
    assert await tokens.authenticate(asking()) is None
    who = await tokens.authenticate(asking(service="service"))
    assert who is not None
    assert who.user_id == "u"
    assert who.service is not None
    assert who.service.user_id == "nova"
    assert who.service.roles == {"service"}
    assert await tokens.authenticate(asking()) is None, "the same token without the service"


async def test_a_service_token_must_be_one(make: Make, keystone: FakeKeystone) -> None:
    keystone.tokens["other"] = body(roles=[{"name": "member"}])
    assert await make().authenticate(asking(service="other")) is None
    assert await make().authenticate(asking(service="unknown")) is None
    lenient = make(service_token_roles_required=False)
    assert await lenient.authenticate(asking(service="other"))
    assert await lenient.authenticate(asking(service="unknown")) is None
    keystone.tokens["ended"] = body(-10)
    assert await lenient.authenticate(asking("ended", service="other")) is None
    assert await make(service_token_roles=("Member",)).authenticate(asking(service="other"))


async def test_a_service_token_that_is_none_frees_no_credential_of_its_rules(
    make: Make, keystone: FakeKeystone
) -> None:
    keystone.tokens["restricted"] = body(application_credential={"access_rules": []})
    keystone.tokens["service"] = body(roles=[{"name": "service"}])
    lenient = make(service_token_roles_required=False)
    assert await lenient.authenticate(asking("restricted", service="restricted")) is None
    assert await lenient.authenticate(asking("restricted", service="service"))


def refuse(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused", request=request)


def hang(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("slow", request=request)


@pytest.mark.parametrize(
    "failure",
    [
        refuse,
        hang,
        lambda _: httpx2.Response(500),
        lambda _: httpx2.Response(401),
        lambda _: httpx2.Response(403),
        lambda _: httpx2.Response(201, text="<html>"),
        lambda _: httpx2.Response(200, json={"token": {}}),
        lambda _: httpx2.Response(200, json=body(expires_at="2026-11-01T00:00:00")),
    ],
)
async def test_a_keystone_that_fails(
    make: Make, keystone: FakeKeystone, failure: Callable[[httpx2.Request], httpx2.Response]
) -> None:
    tokens = make(cache_s=10)
    assert await tokens.authenticate(asking())
    keystone.failure = failure
    assert await tokens.authenticate(asking()), "what is remembered goes on working"
    with pytest.raises(IdentityUnavailable):
        await tokens.authenticate(asking("service"))
    with pytest.raises(IdentityUnavailable):
        await make().authenticate(asking())
    keystone.failure = None
    assert await tokens.authenticate(asking("service"))


async def test_a_keystone_that_hangs_is_waited_for_together(
    make: Make, keystone: FakeKeystone
) -> None:
    waited = []

    def hang_once(request: httpx2.Request) -> httpx2.Response:
        waited.append(request)
        raise httpx2.ReadTimeout("slow", request=request)

    keystone.failure = hang_once
    tokens = make()
    with capture_logs() as logs:
        found = await asyncio.gather(
            *(tokens.authenticate(asking(f"token-{n}")) for n in range(50)),
            return_exceptions=True,
        )
    assert {type(each) for each in found} == {IdentityUnavailable}
    assert len(waited) == 1
    assert [event["log_level"] for event in logs] == ["error"]


async def test_a_connection_that_was_closed_is_no_failure(
    make: Make, keystone: FakeKeystone
) -> None:
    tokens = make(cache_s=0)
    assert await tokens.authenticate(asking())

    def once(request: httpx2.Request) -> httpx2.Response:
        keystone.failure = None
        raise httpx2.RemoteProtocolError("closed", request=request)

    keystone.failure = once
    assert await tokens.authenticate(asking())


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "keystone"),
        ({"interface": "internal"}, "inside-1"),
        ({"interface": "internal", "region_name": "two"}, "inside-2"),
        ({"interface": "admin"}, "keystone"),
    ],
)
async def test_the_endpoint_of_the_catalog(
    make: Make, keystone: FakeKeystone, settings: dict[str, str], host: str
) -> None:
    endpoints = [
        {"interface": "public", "region_id": "one", "url": "http://outside:5000/v3"},
        {"interface": "internal", "region_id": "one", "url": "http://inside-1:5000/v3/"},
        {"interface": "internal", "region_id": "two", "url": "http://inside-2:5000"},
    ]
    keystone.catalog = [
        {"type": "placement", "endpoints": [{"interface": "internal", "url": "http://p"}]},
        {"type": "identity", "endpoints": endpoints},
    ]
    assert await make(**settings).authenticate(asking())
    (asked,) = keystone.asked
    assert (asked.url.host, asked.url.path) == (host, "/v3/auth/tokens")


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/resource_providers", "/resource_providers", True),
        ("/resource_providers", "/resource_providers/x", False),
        ("/resource_providers/*", "/resource_providers/x", True),
        ("/resource_providers/*", "/resource_providers/x/y", False),
        ("/resource_providers/{uuid}/traits", "/resource_providers/x/traits", True),
        ("/**", "/a/b/c", True),
        ("/a.c", "/abc", False),
    ],
)
def test_access_rules(pattern: str, path: str, fits: bool) -> None:  # noqa: FBT001
    rules = (AccessRule("placement", "GET", pattern),)
    assert permits(rules, Asking({}, path=path)) is fits
    assert not permits(rules, Asking({}, path=path, method="PUT"))
    assert not permits(rules, Asking({}, path=path, service="innkeeper"))


async def test_a_restricted_credential_is_good_for_what_it_names(
    make: Make, keystone: FakeKeystone
) -> None:
    rules = [{"id": "1", "service": "placement", "method": "GET", "path": "/traits"}]
    keystone.tokens["user"] = body(application_credential={"id": "a", "access_rules": rules})
    tokens = make()
    assert await tokens.authenticate(asking(path="/traits"))
    assert await tokens.authenticate(asking(path="/usages")) is None
    assert await tokens.authenticate(asking(path="/usages", service=None, method="GET")) is None
    assert await tokens.authenticate(Asking({"x-auth-token": "user", "x-service-token": "service"}))


def test_a_certificate_file_that_is_none(make: Make, tmp_path: Any) -> None:
    with pytest.raises(SetupError, match=r"keystone\.ca_file"):
        make(ca_file=str(tmp_path / "none.pem"))


def test_what_is_shown_is_read_as_it_is() -> None:
    shown = msgspec.json.decode(json.dumps(body()), type=TokenShown)
    assert isinstance(shown.token, Token)
    assert shown.token.expires_at == START + timedelta(hours=1)
