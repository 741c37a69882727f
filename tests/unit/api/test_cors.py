"""Cross-origin requests: who gets leave."""

import pytest

from innkeeper.api.cors import Cors
from innkeeper.api.http import Request, Response

CORS = Cors(
    origins=frozenset({"http://ok", "https://also.ok:8443"}),
    headers=frozenset({"openstack-api-version"}),
)
ORIGIN = "access-control-allow-origin"


def applied(method: str, headers: dict[str, str], cors: Cors = CORS) -> Response:
    return cors.apply(Request(method, "/", headers), Response(405))


def test_off_it_changes_nothing() -> None:
    response = applied("OPTIONS", {"origin": "http://ok"}, Cors())
    assert (response.status, response.headers) == (405, [])


def test_preflight() -> None:
    response = applied(
        "OPTIONS",
        {
            "origin": "http://ok",
            "access-control-request-method": "PUT",
            "access-control-request-headers": "OpenStack-API-Version, content-type",
        },
    )
    headers = dict(response.headers)
    assert response.status == 200
    assert headers[ORIGIN] == "http://ok"
    assert headers["access-control-allow-methods"] == "PUT"
    assert headers["access-control-allow-headers"] == "OpenStack-API-Version,content-type"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil", "access-control-request-method": "GET"},
        {"origin": "http://ok"},
        {"origin": "http://ok", "access-control-request-method": "STEAL"},
        {
            "origin": "http://ok",
            "access-control-request-method": "GET",
            "access-control-request-headers": "x-secret",
        },
    ],
)
def test_preflight_without_leave(headers: dict[str, str]) -> None:
    response = applied("OPTIONS", headers)
    assert (response.status, response.headers) == (200, [])


@pytest.mark.parametrize(
    ("origin", "leave"),
    [
        ("http://ok", "http://ok"),
        ("https://also.ok:8443", "https://also.ok:8443"),
        ("http://also.ok:8443", None),
        ("http://evil", None),
    ],
)
def test_a_plain_request(origin: str, leave: str | None) -> None:
    response = applied("GET", {"origin": origin})
    assert response.status == 405
    assert dict(response.headers).get(ORIGIN) == leave


def test_any_origin() -> None:
    cors = Cors(origins=frozenset({"*", "http://ok"}))
    assert dict(applied("GET", {"origin": "http://ok"}, cors).headers)[ORIGIN] == "http://ok"
    assert dict(applied("GET", {"origin": "http://evil"}, cors).headers)[ORIGIN] == "*"
    assert applied("GET", {}, cors).headers == []


def test_what_the_settings_change() -> None:
    cors = Cors(
        origins=frozenset({"http://ok"}),
        methods=frozenset({"GET"}),
        exposed=("x-openstack-request-id", "openstack-api-version"),
        credentials=False,
        max_age_s=0,
    )
    plain = dict(applied("GET", {"origin": "http://ok"}, cors).headers)
    assert plain["access-control-expose-headers"] == "x-openstack-request-id,openstack-api-version"
    assert "access-control-allow-credentials" not in plain
    asked = {"origin": "http://ok", "access-control-request-method": "GET"}
    preflight = dict(applied("OPTIONS", asked, cors).headers)
    assert preflight[ORIGIN] == "http://ok"
    assert "access-control-max-age" not in preflight
    asked["access-control-request-method"] = "PUT"
    assert applied("OPTIONS", asked, cors).headers == []
