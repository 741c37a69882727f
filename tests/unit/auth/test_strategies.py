"""Strategies that believe what they are told."""

import pytest

from innkeeper.auth.credentials import Credentials
from innkeeper.auth.noauth2 import NoAuth2
from innkeeper.auth.open_access import OpenAccess
from innkeeper.auth.rule_policy import RulePolicy
from innkeeper.auth.rules import RULES
from innkeeper.auth.strategy import Asking


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
    policy = RulePolicy()
    guarding = [rule.name for rule in RULES if rule.operations]
    assert all(policy.allows(rule, everybody, everybody.own) for rule in guarding)
