"""What operators look up is in the documentation: settings, error codes, commands, links."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from innkeeper.api.limits import OverLimit
from innkeeper.api.native import faults
from innkeeper.api.native.operations import OPERATIONS
from innkeeper.auth.rules import RULES
from innkeeper.cli.main import make_app
from innkeeper.config import Config, setting_types
from innkeeper.core.errors import InnkeeperError


def all_errors(kind: type[InnkeeperError] = InnkeeperError) -> Iterator[type[InnkeeperError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from all_errors(below)


def default_of(key: str) -> str:
    value: object = Config()
    for part in key.split("."):
        value = getattr(value, part)
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_each_setting_is_listed_with_its_default(checkout: Path) -> None:
    text = (checkout / "docs/reference/settings.md").read_text()
    row = re.compile(r"^\| `([a-z_.]+)` \|[^|]*\| (?:`([^`]*)` )?\| \S", re.MULTILINE)
    listed = dict(row.findall(text))
    assert listed == {key: default_of(key) for key, _ in setting_types()}


def test_each_error_code_is_listed_once_and_belongs_to_one_error(checkout: Path) -> None:
    text = (checkout / "docs/reference/errors.md").read_text()
    listed = re.findall(r"^\| `(innkeeper\.[a-z_]+)` \|", text, re.MULTILINE)
    codes = [kind.code for kind in all_errors()]
    codes += [kind.code for kind in OverLimit.__subclasses__()]
    codes += [
        text
        for name, text in vars(faults).items()
        if re.fullmatch("[A-Z_]+", name) and str(text).startswith("innkeeper.")
    ]
    assert len(set(codes)) == len(codes)
    assert len(set(listed)) == len(listed)
    assert set(codes) <= set(listed)


def test_each_policy_rule_is_listed_as_it_is(checkout: Path) -> None:
    text = (checkout / "docs/reference/policy.md").read_text()
    row = re.compile(r"^\| `([\w:]+)` \| `([^`]+)`(.*?) \| ([a-z, ]+) \| (.+) \|$", re.MULTILINE)
    listed = [
        (name, check, "before" in old, scopes, tuple(re.findall("`([^`]+)`", guards)))
        for name, check, old, scopes, guards in row.findall(text)
    ]
    assert listed == [
        (
            rule.name,
            rule.check,
            rule.admin_deprecated,
            ", ".join(rule.scopes) or "any",
            rule.operations,
        )
        for rule in RULES
    ]


def test_each_operation_of_the_native_api_is_listed(checkout: Path) -> None:
    text = (checkout / "docs/reference/native-api.md").read_text()
    listed = re.findall(r"^\| `([A-Z]+) /v1([^` ]*)` \| (.+) \|$", text, re.MULTILINE)
    assert sorted(listed) == sorted((each.method, each.path, each.summary) for each in OPERATIONS)


def commands(app: App, before: str) -> Iterator[str]:
    names = [name for name in app if not name.startswith("-")]
    if not names:
        yield before
    for name in names:
        yield from commands(app[name], f"{before} {name}")


def test_each_command_is_listed(checkout: Path) -> None:
    text = (checkout / "docs/reference/commands.md").read_text()
    listed = re.findall(r"^\| `(innkeeper [a-z ]+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(commands(make_app(), "innkeeper"))


def test_links_lead_somewhere(checkout: Path) -> None:
    for path in (checkout / "README.md", *(checkout / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path}: {target}"


@pytest.mark.parametrize("part", ["tutorials", "how-to", "reference", "explanation", "adr"])
def test_each_page_is_in_the_index_of_its_part(checkout: Path, part: str) -> None:
    folder = checkout / "docs" / part
    listed = re.findall(r"\]\(([^)/]+\.md)\)", (folder / "index.md").read_text())
    assert sorted([*listed, "index.md"]) == sorted(path.name for path in folder.glob("*.md"))
