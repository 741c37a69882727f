"""Policies: who may do what by default, and the files of operators."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from innkeeper.api.native.operations import OPERATIONS
from innkeeper.api.placement.routes import ROUTES
from innkeeper.auth.credentials import Credentials, ServiceCredentials
from innkeeper.auth.policy import EverythingAllowed, LatePolicy
from innkeeper.auth.rule_policy import RulePolicy
from innkeeper.core.errors import SetupError

ADMIN = Credentials("a", "pa", frozenset({"admin", "member", "reader"}))
SERVICE = Credentials("s", "ps", frozenset({"service"}))
READER = Credentials("r", "pr", frozenset({"reader"}))
SYSTEM_ADMIN = Credentials("a", None, frozenset({"admin", "reader"}), system_scope="all")
SYSTEM_READER = Credentials("r", None, frozenset({"reader"}), system_scope="all")
DOMAIN_ADMIN = Credentials("a", None, frozenset({"admin"}), domain_id="d")

RESHAPE = "placement:reshaper:reshape"
TRAITS = "placement:traits:list"
PLACEMENT_RULES = sorted(
    {
        endpoint.rule
        for methods in ROUTES.values()
        for endpoints in methods.values()
        for endpoint in endpoints
        if endpoint.rule is not None
    }
)


def with_file(path: Path, text: str, **settings: bool) -> RulePolicy:
    path.write_text(text)
    return RulePolicy(path, **settings)


@pytest.mark.parametrize("rule", PLACEMENT_RULES)
def test_every_rule_of_the_placement_api_has_its_default(rule: str) -> None:
    for strict in (False, True):
        policy = RulePolicy(enforce_new_defaults=strict)
        assert policy.allows(rule, SERVICE, SERVICE.own)
        assert policy.allows(rule, ADMIN, ADMIN.own) is not (strict and rule == RESHAPE)
        assert policy.allows(rule, READER, READER.own) is (rule == "placement:usages")
        assert not policy.allows(rule, SYSTEM_ADMIN, SYSTEM_ADMIN.own)
        assert not policy.allows(rule, DOMAIN_ADMIN, DOMAIN_ADMIN.own)


def test_without_scopes_a_role_is_enough() -> None:
    policy = RulePolicy(enforce_scope=False)
    assert policy.allows(TRAITS, SYSTEM_ADMIN, {})
    assert policy.allows(TRAITS, DOMAIN_ADMIN, {})


def test_a_reader_sees_the_usages_of_the_own_project_alone() -> None:
    policy = RulePolicy()
    assert policy.allows("placement:usages", READER, {"project_id": "pr"})
    assert not policy.allows("placement:usages", READER, {"project_id": "pa"})
    assert not policy.allows("placement:usages", READER, {})


def test_a_decision_about_a_long_name_is_not_remembered() -> None:
    policy = RulePolicy()
    assert policy.allows("placement:usages", READER, {"project_id": "pr"})
    for length in range(1_000, 1_005):
        assert not policy.allows("placement:usages", READER, {"project_id": "p" * length})
    assert policy._decide.cache_info().currsize == 1


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [
        (ADMIN, True, True),
        (SERVICE, True, False),
        (READER, False, False),
        (SYSTEM_ADMIN, True, True),
        (SYSTEM_READER, True, False),
        (DOMAIN_ADMIN, False, False),
    ],
)
def test_the_native_api(who: Credentials, reads: bool, writes: bool) -> None:  # noqa: FBT001
    policy = RulePolicy()
    assert policy.allows("innkeeper:read", who, who.own) is reads
    assert policy.allows("innkeeper:write", who, who.own) is writes


def test_what_changes_something_needs_the_leave_to_write() -> None:
    rules = {(each.method, each.rule) for each in OPERATIONS if not each.discovery}
    assert {rule for method, rule in rules if method == "GET"} == {"innkeeper:read"}
    assert {rule for method, rule in rules if method != "GET"} == {"innkeeper:write"}
    described = {"", "/openapi.json", "/placement/openapi.json"}
    assert {each.path for each in OPERATIONS if each.rule is None} == described


@pytest.mark.parametrize(
    ("check", "who", "allowed"),
    [
        ("@", READER, True),
        ("", READER, True),
        ("!", ADMIN, False),
        ("role:READER and not (role:admin or user_id:x)", READER, True),
        ("project_id:%(project_id)s", READER, True),
        ("project_id:%(absent)s", READER, False),
        ("rule:admin_api or rule:absent", ADMIN, True),
        ("rule:absent", ADMIN, False),
        ("is_admin_project:True", READER, True),
        ("user_domain_id:default", READER, False),
        ("'reader':%(user_id)s", READER, False),
        ("service_roles:service", Credentials("r", service=ServiceCredentials("s")), False),
        (
            "service_roles:service",
            Credentials("r", service=ServiceCredentials(roles=frozenset({"service"}))),
            True,
        ),
        ("service_user_id:s", Credentials("r", service=ServiceCredentials("s")), True),
    ],
)
def test_a_file_replaces_a_rule(
    tmp_path: Path,
    check: str,
    who: Credentials,
    allowed: bool,  # noqa: FBT001
) -> None:
    policy = with_file(tmp_path / "policy.yaml", f'"{TRAITS}": "{check}"\n')
    assert policy.allows(TRAITS, who, who.own) is allowed


def test_a_file_may_be_json_and_have_lists(tmp_path: Path) -> None:
    policy = with_file(tmp_path / "policy.json", f'{{"{TRAITS}": [["role:reader"], "role:x"]}}')
    assert policy.allows(TRAITS, READER, {})
    assert not policy.allows(TRAITS, SERVICE, {})


def test_a_rule_of_the_base_carries_the_rules_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    policy = with_file(path, "admin_or_service_api: role:boss", enforce_new_defaults=False)
    boss = Credentials("b", "p", frozenset({"boss"}))
    assert policy.allows(TRAITS, boss, {})
    assert not policy.allows(TRAITS, ADMIN, {})


def test_files_of_the_directory_are_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "policy.d").mkdir()
    (tmp_path / "policy.d" / "10-first.yaml").write_text(f'"{TRAITS}": "!"\n')
    (tmp_path / "policy.d" / "20-second.yaml").write_text(f'"{TRAITS}": "role:reader"\n')
    (tmp_path / "policy.d" / ".hidden.yaml").write_text("- no policy\n")
    policy = with_file(tmp_path / "policy.yaml", f'"{TRAITS}": "role:nobody"\n')
    assert policy.allows(TRAITS, READER, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", ("policy.yaml", "not of the form")),
        ("a: {b: c}\n", ("policy.yaml", "not of the form")),
        ("a: null\n", ("policy.yaml", "not of the form")),
        ("a: [b\n", ("policy.yaml", "neither YAML nor JSON")),
        ("a: role:a and\n", ("policy.yaml", "role:a and")),
        ("a: (role:a\n", ("policy.yaml", "(role:a")),
        ("a: role:x or nonsense\n", ("policy.yaml", "nonsense")),
        ("a: rule:b\nb: role:x or rule:a\n", ("made of itself",)),
        ("a: user_id:%(x)q\n", ("a: user_id:%(x)q", "cannot be asked")),
        ("a: roles.name:x\n", ("roles.name:x", "cannot be asked")),
        ("a: 1x:y\n", ("1x:y", "cannot be asked")),
        ("a: http://server/%(x)s\n", ("http", "not supported")),
    ],
)
def test_a_file_that_makes_no_sense(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(SetupError) as refused:
        with_file(tmp_path / "policy.yaml", text)
    for word in words:
        assert word in refused.value.detail


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read: No such file"):
        RulePolicy(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"placement:trait:list": "@"\n', "nothing asks for a rule placement:trait:list"),
        (f'"{TRAITS}": rule:absent\n', "not defined"),
        (f'"{TRAITS}": rule:admin_or_service_api\n', "the same as the defaults"),
    ],
)
def test_what_is_not_quite_right_is_logged(tmp_path: Path, text: str, words: str) -> None:
    with capture_logs() as logs:
        with_file(tmp_path / "policy.yaml", text)
    (event,) = logs
    assert event["log_level"] == "warning"
    assert words in event["event"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def rewrite(path: Path, text: str, *, version: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(version, version))


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "policy.yaml"
    rewrite(path, f'"{TRAITS}": "!"\n', version=1)
    policy = RulePolicy(path, clock=clock)
    assert not policy.allows(TRAITS, READER, {})
    rewrite(path, f'"{TRAITS}": "@"\n', version=2)
    assert not policy.allows(TRAITS, READER, {}), "it looks once a second"
    clock.now = 2.0
    assert policy.allows(TRAITS, READER, {})
    (tmp_path / "policy.d").mkdir()
    rewrite(tmp_path / "policy.d" / "more.yaml", f'"{TRAITS}": "!"\n', version=3)
    clock.now = 4.0
    assert not policy.allows(TRAITS, READER, {})


@pytest.mark.parametrize("text", ["- a\n", None])
def test_a_file_that_becomes_bad_leaves_the_rules_as_they_were(
    tmp_path: Path, text: str | None
) -> None:
    clock, path = Clock(), tmp_path / "policy.yaml"
    rewrite(path, f'"{TRAITS}": "role:reader"\n', version=1)
    policy = RulePolicy(path, clock=clock)
    if text is None:
        path.unlink()
    else:
        rewrite(path, text, version=2)
    clock.now = 2.0
    with capture_logs() as logs:
        assert policy.allows(TRAITS, READER, {})
        assert not policy.allows(TRAITS, SERVICE, {})
    assert [event["log_level"] for event in logs] == ["error"]
    rewrite(path, f'"{TRAITS}": "role:service"\n', version=3)
    clock.now = 4.0
    assert policy.allows(TRAITS, SERVICE, {})


def test_each_rule_says_where_it_is_from(tmp_path: Path) -> None:
    text = f'"{TRAITS}": "role:reader"\nhelpers: role:x\n'
    policy = with_file(tmp_path / "policy.yaml", text, enforce_new_defaults=False)
    rules = {rule.name: rule for rule in policy.rulebook.rules()}
    assert rules[TRAITS].source == "file"
    assert rules[TRAITS].check == "role:reader"
    assert rules["service_api"].source == "deprecated"
    assert rules["service_api"].check == "(role:service or role:admin)"
    assert rules[RESHAPE].source == "default"
    assert rules["helpers"].source == "file"


def test_a_verdict_says_why() -> None:
    rulebook = RulePolicy().rulebook
    refused = rulebook.explain(RESHAPE, ADMIN, {})
    assert not refused.allowed
    assert [(leaf.check, leaf.holds) for leaf in refused.conditions] == [("role:service", False)]
    assert refused.wrong_scope == ()
    of_another_scope = rulebook.explain(TRAITS, SYSTEM_ADMIN, {})
    assert not of_another_scope.allowed
    assert of_another_scope.wrong_scope == ("project",)
    allowed = rulebook.explain("placement:usages", READER, {"project_id": "pr"})
    assert allowed.allowed
    assert {leaf.check for leaf in allowed.conditions if leaf.holds} == {
        "role:reader",
        "project_id:%(project_id)s",
    }


def test_a_policy_made_late_is_made_once() -> None:
    made = []

    def make() -> EverythingAllowed:
        made.append(1)
        return EverythingAllowed()

    policy = LatePolicy(make)
    assert made == []
    assert policy.allows("x", READER, {})
    assert policy.allows("y", READER, {})
    assert made == [1]
