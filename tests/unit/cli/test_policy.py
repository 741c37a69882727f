"""`innkeeper policy`: rules in force, and what they allow whom."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from innkeeper.auth.rules import RULES
from innkeeper.cli.options import Settings
from innkeeper.cli.policy import Caller, check, list_rules
from innkeeper.core.errors import SetupError

USAGES = "placement:usages"
GUARDING = {rule.name for rule in RULES if rule.operations}


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Undo what a command does to the logs: it would go on into a stderr that is closed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give settings with a policy file of one rule."""
    policy = tmp_path / "policy.yaml"
    policy.write_text('"placement:traits:list": "role:auditor"\n')
    config = tmp_path / "innkeeper.toml"
    config.write_text(f'[auth]\npolicy_file = "{policy}"\nenforce_new_defaults = false\n')
    return Settings(config=config)


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_rules_as_json(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_rules(json=True, settings=settings) == 0
    rules = {rule["name"]: rule for rule in printed(capsys)["rules"]}
    assert set(rules) == {rule.name for rule in RULES}
    assert rules["placement:traits:list"]["source"] == "file"
    assert rules["placement:traits:list"]["check"] == "role:auditor"
    assert rules["service_api"]["source"] == "deprecated"


def test_the_rules_as_a_table(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_rules(settings=settings) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("placement:traits:list")]
    assert line.split() == [
        *("placement:traits:list", "role:auditor", "file", "project", "GET", "/traits"),
    ]


@pytest.mark.parametrize(
    ("rule", "caller", "target", "code"),
    [
        ("placement:traits:list", Caller(roles="auditor"), "", 0),
        ("placement:traits:list", Caller(roles="Auditor, admin"), "", 0),
        ("placement:traits:list", Caller(roles="admin"), "", 1),
        ("placement:traits:list", Caller(roles="auditor", system=True), "", 1),
        (USAGES, Caller(roles="reader"), "", 0),
        (USAGES, Caller(roles="reader", project_id="p"), "project_id=p", 0),
        (USAGES, Caller(roles="reader", project_id="p"), "project_id=q,user_id=u", 1),
        ("innkeeper:read", Caller(roles="reader", system=True), "", 0),
        ("innkeeper:read", Caller(roles="admin", domain_id="d"), "", 1),
    ],
)
def test_one_rule_is_an_exit_code(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    rule: str,
    caller: Caller,
    target: str,
    code: int,
) -> None:
    assert check(rule, caller=caller, target=target, settings=settings) == code
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"{rule}: {'refused' if code else 'allowed'}"


def test_why_not(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    check("placement:traits:list", caller=Caller(roles="auditor", system=True), settings=settings)
    out = capsys.readouterr().out
    assert "for tokens of: project" in out
    assert "met      role:auditor" in out


def test_all_rules(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(caller=Caller(roles="auditor"), settings=settings, json=True) == 0
    shown = printed(capsys)
    assert {each["rule"] for each in shown["verdicts"]} == GUARDING
    assert [each["rule"] for each in shown["verdicts"] if each["allowed"]] == [
        "placement:traits:list"
    ]
    assert check(caller=Caller(roles="auditor"), settings=settings) == 0
    assert "allowed  met: role:auditor" in capsys.readouterr().out


def test_a_token_as_keystone_shows_it(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    domain = {"id": "default", "name": "Default"}
    token = {
        "expires_at": "2026-11-01T00:00:00.000000Z",
        "user": {"id": "u", "name": "ann", "domain": domain},
        "project": {"id": "p", "name": "demo", "domain": domain},
        "roles": [{"id": "r", "name": "auditor"}],
    }
    path = tmp_path / "token.json"
    path.write_text(json.dumps({"token": token}))
    caller = Caller(credentials=path)
    assert check("placement:traits:list", caller=caller, settings=settings, json=True) == 0
    assert printed(capsys)["credentials"]["user_id"] == "u"


@pytest.mark.parametrize(
    ("rule", "options", "words"),
    [
        ("placement:trait:list", {}, "no rule placement:trait:list"),
        ("admin_api", {}, "no rule admin_api that guards"),
        (USAGES, {"target": "project_id"}, "--target: expected NAME=VALUE"),
        (USAGES, {"caller": Caller(credentials=Path("/nonexistent"))}, "cannot be read"),
        (USAGES, {"caller": Caller(credentials=Path(__file__))}, "no token of Keystone"),
    ],
)
def test_what_cannot_be_asked(
    settings: Settings, rule: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(SetupError, match=words):
        check(rule, settings=settings, **options)
