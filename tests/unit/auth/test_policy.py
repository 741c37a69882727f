"""Policies: check strings, policy files, and who may do what by default."""

from pathlib import Path

import pytest

from innkeeper.api.placement.routes import ROUTES
from innkeeper.auth.check import parse
from innkeeper.auth.credentials import Credentials
from innkeeper.auth.noauth2 import NoAuth2
from innkeeper.auth.open_access import OpenAccess
from innkeeper.auth.policy import RulePolicy
from innkeeper.auth.policy_file import read_policy_file
from innkeeper.auth.strategy import Asking
from innkeeper.core.errors import SetupError

ADMIN = Credentials("a", "pa", frozenset({"admin"}))
SERVICE = Credentials("s", "ps", frozenset({"service"}))
READER = Credentials("r", "pr", frozenset({"reader"}))

ALL_RULES = sorted(
    {
        endpoint.rule
        for methods in ROUTES.values()
        for endpoints in methods.values()
        for endpoint in endpoints
        if endpoint.rule is not None
    }
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("@", True),
        ("!", False),
        ("role:READER", True),
        ("role:admin", False),
        ("not role:admin", True),
        ("role:admin or role:reader", True),
        ("role:admin and role:reader", False),
        ("role:reader and not (role:admin or user_id:x)", True),
        ("project_id:%(project_id)s", True),
        ("project_id:%(absent)s", False),
        ("user_id:r", True),
        ("rule:yes", True),
        ("rule:absent", False),
        ("role:admin or role:reader and role:nobody", False),
        ("(role:admin or role:reader) and not role:nobody", True),
    ],
)
def test_check(text: str, holds: bool) -> None:  # noqa: FBT001
    assert parse(text)(READER, {"project_id": "pr"}, {"yes": parse("@")}) is holds


@pytest.mark.parametrize("text", ["role:a and", "(role:a", "role:a)", "is_admin", "http:x", "not"])
def test_check_that_cannot_be_read(text: str) -> None:
    with pytest.raises(SetupError):
        parse(text)


@pytest.mark.parametrize("rule", ALL_RULES)
def test_every_rule_of_the_routes_has_a_default(rule: str) -> None:
    for secure in (False, True):
        policy = RulePolicy(secure=secure)
        assert policy.allows(rule, SERVICE, {})
        assert policy.allows(rule, ADMIN, {}) is not (
            secure and rule == "placement:reshaper:reshape"
        )
        assert not policy.allows(rule, READER, {})
        system = Credentials("a", None, frozenset({"admin"}), system_scope="all")
        assert not policy.allows(rule, system, {})


def test_a_reader_sees_the_usages_of_the_own_project_alone() -> None:
    policy = RulePolicy()
    assert policy.allows("placement:usages", READER, {"project_id": "pr"})
    assert not policy.allows("placement:usages", READER, {"project_id": "pa"})


def test_an_override_replaces_a_rule() -> None:
    policy = RulePolicy({"placement:traits:list": "role:reader"})
    assert policy.allows("placement:traits:list", READER, {})
    assert not policy.allows("placement:traits:list", ADMIN, {})


def test_policy_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "# who may what\n"
        "---\n"
        '"placement:traits:list": "role:reader"  # all\n'
        "placement:usages: '@'\n"
        "admin_api: role:admin or role:boss\n"
        '"placement:reshaper:reshape": "!"\n'
    )
    assert read_policy_file(path) == {
        "placement:traits:list": "role:reader",
        "placement:usages": "@",
        "admin_api": "role:admin or role:boss",
        "placement:reshaper:reshape": "!",
    }


def test_policy_file_as_json(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{\n  "a:b": "role:x",\n  "c:d": ""\n}\n')
    assert read_policy_file(path) == {"a:b": "role:x", "c:d": ""}


@pytest.mark.parametrize("text", ["- a\n", "a\n", "a: [b]\n  c: |\n x\n"])
def test_policy_file_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(SetupError, match=r"line \d"):
        read_policy_file(path)


def test_policy_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Cannot read"):
        read_policy_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({"x-auth-token": "admin"}, Credentials("admin", "admin", frozenset({"admin"}))),
        ({"x-auth-token": "u:p"}, Credentials("u", "p")),
        ({"x-auth-token": "u"}, Credentials("u", "u")),
        (
            {"x-auth-token": "u:p", "x-roles": "Reader, member", "x-project-id": "q"},
            Credentials("u", "q", frozenset({"reader", "member"})),
        ),
        (
            {"x-auth-token": "admin", "openstack-system-scope": "all"},
            Credentials("admin", None, frozenset({"admin"}), system_scope="all"),
        ),
        ({}, None),
    ],
)
async def test_noauth2(headers: dict[str, str], who: Credentials | None) -> None:
    assert await NoAuth2().authenticate(Asking(headers)) == who


async def test_open_access_lets_everybody_do_everything() -> None:
    everybody = await OpenAccess().authenticate(Asking({}))
    assert all(RulePolicy().allows(rule, everybody, {}) for rule in ALL_RULES)
