"""placement.conf becomes a file that we can be started with; nothing is lost without a word."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innkeeper.cli.placement_conf.ini import Unresolved, parse, resolve
from innkeeper.cli.placement_conf.mapping import (
    CORS_DEFAULTS,
    PLACEMENTS_DEFAULTS,
    SECTIONS,
    WHOLE_SECTIONS,
    Setting,
)
from innkeeper.cli.placement_conf.translate import Translation, toml, translate
from innkeeper.config import Config, load, setting_types
from innkeeper.core.errors import SetupError

FULL: Final = r"""
# A file as operators have it.
[DEFAULT]
debug = True
log_dir = /var/log/placement
region = one

[api]
auth_strategy = keystone

[placement]
randomize_allocation_candidates = yes
max_allocation_candidates = 100000
incomplete_consumer_project_id = nobody's
allocation_candidates_generation_strategy = depth-first

[placement_database]
connection = mysql+pymysql://placement:s3cr$$et@db/placement?charset=utf8

[oslo_policy]
policy_file = rules.yaml
enforce_scope = false

[keystone_authtoken]
auth_url : https://keystone:5000/v3
www_authenticate_uri = ${keystone_authtoken.auth_url}
region-name = $region
memcached_servers = one:11211,
    two:11211
auth_type = password
project_domain_id = default
user_domain_name = Services
project_name = service
username = placement
password = "p$$a\$s 'w\"ö#;["
service_token_roles = service, admin
service_token_roles = service,
    operator
token_cache_time = 60
insecure = 0

[cors]
allowed_origin = https://a.example,https://b.example
"""


def translated(text: str, folder: Path) -> Translation:
    return translate(text, file=folder / "placement.conf")


def loaded(text: str, folder: Path) -> Config:
    """Give the configuration that the translated file makes."""
    file = folder / "innkeeper.toml"
    file.write_text(toml(translated(text, folder), source="placement.conf"), encoding="utf-8")
    return load(file=file, environ={}, flags={})


def test_a_whole_file_is_taken_by_our_own_reader(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").touch()
    config = loaded(FULL, tmp_path)
    assert config.log_level == "debug"
    assert config.auth.strategy == "keystone"
    assert config.auth.policy_file == str(tmp_path / "rules.yaml")
    assert not config.auth.enforce_scope
    assert config.keystone.auth_url == "https://keystone:5000/v3"
    assert config.keystone.www_authenticate_uri == "https://keystone:5000/v3"
    assert config.keystone.region_name == "one"
    assert config.keystone.password == "p$a$s 'w\\\"ö#;["
    assert config.keystone.user_domain_name == "Services"
    assert config.keystone.project_domain_name == "Default"
    assert config.keystone.service_token_roles == ("service", "operator")
    assert config.keystone.cache_s == 60.0
    assert not config.keystone.insecure
    assert config.placement.randomize_candidates
    assert config.placement.max_candidates == 100_000
    assert config.placement.incomplete_consumer_project_id == "nobody's"
    assert config.cors.allowed_origins == ("https://a.example", "https://b.example")
    assert config.cors.allow_headers == CORS_DEFAULTS["cors.allow_headers"]


def test_each_option_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").touch()
    translation = translated(FULL, tmp_path)
    assert translation.missing is None
    assert len(translation.told) == len(parse(FULL, file="x"))
    outcomes = {(told.section, told.name): told.outcome for told in translation.told}
    assert [key for key, outcome in outcomes.items() if outcome == "look"] == [
        ("DEFAULT", "region"),
        ("placement", "allocation_candidates_generation_strategy"),
    ]
    assert outcomes["DEFAULT", "log_dir"] == "dropped"
    assert outcomes["keystone_authtoken", "memcached_servers"] == "dropped"
    assert translation.connection == "mysql+pymysql://placement:s3cr$et@db/placement?charset=utf8"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[api]\nauth_strategy = magic", "expected one of"),
        ("[placement]\nmax_allocation_candidates = many", "no whole number"),
        ("[placement]\nmax_allocation_candidates = -7", "at least -1"),
        ("[placement]\nallocation_candidates_generation_strategy = depth-first", "in turn"),
        ("[placement]\nnew_thing = 1", "not an option"),
        ("[nonsense]\nx = 1", "not an option"),
        ("[keystone_authtoken]\nproject_domain_id = abcdef", "domain's name"),
        ("[keystone_authtoken]\nauth_type = v3applicationcredential", "with a password"),
        ("[keystone_authtoken]\nusername = $who", "$who is not set"),
        ("[oslo_policy]\nenforce_scope = maybe", "neither true nor false"),
        ("[oslo_middleware]\nenable_proxy_headers_parsing = true", "absolute URLs"),
    ],
)
def test_what_needs_a_look_says_why(tmp_path: Path, text: str, why: str) -> None:
    (told,) = translated(text, tmp_path).told
    assert told.outcome == "look"
    assert why in told.why


def test_what_innkeeper_does_anyway_needs_no_look(tmp_path: Path) -> None:
    text = "[placement]\nallocation_candidates_generation_strategy = breadth-first"
    (told,) = translated(text, tmp_path).told
    assert told.outcome == "dropped"


def test_a_silent_file_is_what_placement_does_by_itself(tmp_path: Path) -> None:
    translation = translated("", tmp_path)
    assert translation.settings == {"auth.strategy": "keystone"}
    assert translation.missing is not None
    assert "keystone.auth_url" in translation.missing
    (tmp_path / "policy.yaml").touch()
    assert translated("", tmp_path).settings["auth.policy_file"] == str(tmp_path / "policy.yaml")


def test_a_policy_file_that_is_not_there_needs_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "[oslo_policy]\npolicy_file = gone.yaml"
    (tmp_path / "policy.yaml").touch()
    translation = translate(text, file=Path("placement.conf"))
    assert [(told.outcome, "gone.yaml" in told.why) for told in translation.told] == [
        ("look", True)
    ]
    assert "auth.policy_file" not in translation.settings
    (tmp_path / "gone.yaml").touch()
    translation = translate(text, file=Path("placement.conf"))
    assert translation.settings["auth.policy_file"] == str(tmp_path / "gone.yaml")
    translation = translate("", file=Path("placement.conf"))
    assert translation.settings["auth.policy_file"] == str(tmp_path / "policy.yaml")


def test_options_of_another_section_that_auth_section_names(tmp_path: Path) -> None:
    text = (
        "[keystone_authtoken]\nauth_section = me\n[me]\nusername = placement\nauth_url = http://k"
    )
    settings = translated(text, tmp_path).settings
    assert settings["keystone.username"] == "placement"
    assert settings["keystone.auth_url"] == "http://k"


@pytest.mark.parametrize(
    ("text", "line"),
    [("  indented = 1", 1), ("[api]\nnothing", 2), ("[api", 1), ("[]", 1), ("\n= value", 2)],
)
def test_what_cannot_be_read_names_the_line(text: str, line: int) -> None:
    with pytest.raises(SetupError, match=f"placement.conf: line {line} "):
        parse(text, file="placement.conf")


def test_values_that_lead_to_each_other_end() -> None:
    options = parse("a = $b\nb = $a", file="x")
    with pytest.raises(Unresolved):
        resolve(options["DEFAULT", "a"], options)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")))
def test_any_password_is_kept(password: str) -> None:
    text = f"[keystone_authtoken]\npassword = '{password.replace('$', '$$')}'"
    options = parse(text, file="x")
    found = resolve(options["keystone_authtoken", "password"], options)
    # A backslash before a dollar is an escape of theirs, whatever follows.
    assert found == password or "\\$" in password
    assert load_text(toml(translate(text, file=Path("x")), source="x"))["password"] == found


def load_text(text: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text)["keystone"]
    return found


def test_each_setting_that_is_named_is_one_of_ours() -> None:
    ours = {key for key, _ in setting_types()}
    named = {
        entry.key
        for section in SECTIONS.values()
        for entry in section.values()
        if isinstance(entry, Setting)
    }
    assert named | PLACEMENTS_DEFAULTS.keys() | CORS_DEFAULTS.keys() <= ours


@pytest.mark.slow
def test_each_option_of_placement_is_known(checkout: Path) -> None:
    """The peers' own generator lists every option that there is."""
    namespaces = (
        *("placement.conf", "keystonemiddleware.auth_token", "oslo.policy", "oslo.log"),
        *("oslo.middleware.cors", "oslo.middleware.http_proxy_to_wsgi"),
    )
    done = subprocess.run(
        [
            checkout / ".venv-peers/bin/oslo-config-generator",
            *(word for name in namespaces for word in ("--namespace", name)),
            *("--format", "json"),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    listed = json.loads(done.stdout)["options"]
    options = {
        (section, option["name"].replace("-", "_"))
        for section, of in listed.items()
        for option in of["opts"]
    }
    assert len(options) > 80
    unknown = {
        key
        for key in options
        if key[0] not in WHOLE_SECTIONS and key[1] not in SECTIONS.get(key[0], {})
    }
    assert unknown == set()


@pytest.mark.slow
def test_the_command_writes_a_private_file_and_says_what_became_of_what(tmp_path: Path) -> None:
    (tmp_path / "placement.conf").write_text(FULL, encoding="utf-8")
    command = [sys.executable, "-m", "innkeeper", "config", "import", "placement.conf"]
    done = subprocess.run(
        [*command, "--output", "innkeeper.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "[DEFAULT] region" in done.stderr
    assert "innkeeper import placement" in done.stderr
    assert "s3cr" not in done.stderr
    written = tmp_path / "innkeeper.toml"
    assert written.stat().st_mode & 0o777 == 0o600
    again = subprocess.run(
        [*command, "--output", "innkeeper.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert again.returncode == 2
    assert "is there already" in again.stderr
