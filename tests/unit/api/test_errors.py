"""Errors: what each core error becomes on the wire, and the forms that an error may take."""

import json

import pytest

from innkeeper.api.http import Response
from innkeeper.api.placement.error_body import Asked, render
from innkeeper.api.placement.errors import HttpError, refusal
from innkeeper.api.placement.versions import Version
from innkeeper.core import errors as core


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (core.InvalidInput("x"), 400, "placement.undefined_code"),
        (core.UnknownName("x"), 400, "placement.undefined_code"),
        (core.NotFound("x"), 404, "placement.undefined_code"),
        (core.ConcurrentUpdate("x"), 409, "placement.concurrent_update"),
        (core.DuplicateName("x"), 409, "placement.duplicate_name"),
        (core.InventoryInUse("x"), 409, "placement.inventory.inuse"),
        (core.ProviderInUse("x"), 409, "placement.resource_provider.inuse"),
        (core.CannotDeleteParent("x"), 409, "placement.resource_provider.cannot_delete_parent"),
        (core.CapacityExceeded("x"), 409, "placement.undefined_code"),
        (core.Unavailable("x"), 503, "placement.undefined_code"),
        (core.CellDown("x"), 500, "placement.undefined_code"),
    ],
)
def test_refusal(error: core.InnkeeperError, status: int, code: str) -> None:
    refused = refusal(error)
    assert (refused.status, refused.code, refused.detail) == (status, code, "x")


def test_refusal_in_other_words_and_with_another_code() -> None:
    refused = refusal(core.NotFound("x"), "y", code="z")
    assert (refused.status, refused.code, refused.detail) == (404, "z", "y")


def rendered(error: HttpError, *, accept: str = "", version: Version | None = (1, 39)) -> Response:
    return render(error, Asked(method="GET", accept=accept, request_id="req-1", version=version))


def test_json() -> None:
    response = rendered(HttpError(409, "No\nroom.", code="c", headers=(("allow", "GET"),)))
    assert response.headers == [("content-type", "application/json"), ("allow", "GET")]
    (entry,) = json.loads(response.body)["errors"]
    assert entry.pop("detail").endswith("\n\n No room.  ")
    assert entry == {"status": 409, "title": "Conflict", "request_id": "req-1", "code": "c"}


def test_without_identity_the_body_is_that_of_what_stands_before_the_api() -> None:
    body = json.loads(rendered(HttpError(401, ""), version=None).body)
    sentence = body.pop("message")
    assert sentence.startswith("This server could not verify that you are authorized to access")
    assert sentence.endswith("the credentials required.<br /><br />\n\n\n")
    assert body == {"code": "401 Unauthorized", "title": "Unauthorized"}


@pytest.mark.parametrize("accept", ["", "text/html"])
def test_without_a_token_of_keystone_the_body_is_that_of_its_middleware(accept: str) -> None:
    challenge = ("www-authenticate", 'Keystone uri="http://public:5000"')
    refused = HttpError(401, "", headers=(challenge,))
    response = rendered(refused, accept=accept, version=None)
    assert response.headers == [("content-type", "application/json"), challenge]
    assert json.loads(response.body) == {
        "error": {
            "code": 401,
            "title": "Unauthorized",
            "message": "The request you have made requires authentication.",
        }
    }


@pytest.mark.parametrize(("version", "has_code"), [((1, 22), False), ((1, 23), True)])
def test_codes_since_1_23(version: Version, has_code: bool) -> None:  # noqa: FBT001
    entry = json.loads(rendered(HttpError(400, "x"), version=version).body)["errors"][0]
    assert ("code" in entry) is has_code


def test_an_unacceptable_version_is_told_which_there_are() -> None:
    entry = json.loads(rendered(HttpError(406, "x"), version=None).body)["errors"][0]
    assert (entry["min_version"], entry["max_version"]) == ("1.0", "1.39")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html", "text/html; charset=UTF-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=UTF-8"),
        ("text/plain", "text/plain; charset=UTF-8"),
        ("image/png", "text/plain; charset=UTF-8"),
    ],
)
def test_form_follows_accept(accept: str, kind: str) -> None:
    response = rendered(HttpError(404, "<b>"), accept=accept)
    assert response.headers[0] == ("content-type", kind)
    assert b"<b>" in response.body or b"&lt;b&gt;" in response.body


def test_html_is_escaped() -> None:
    assert b"<script>" not in rendered(HttpError(404, "<script>"), accept="text/html").body
