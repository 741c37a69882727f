"""The translation: from the text of placement.conf to settings, with a word on each option."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec

from innkeeper.cli.placement_conf.ini import Given, parse, resolve
from innkeeper.cli.placement_conf.mapping import (
    AUTH_SECTION,
    CORS_DEFAULTS,
    PLACEMENTS_DEFAULTS,
    SECTIONS,
    WHOLE_SECTIONS,
    Entry,
    NotHere,
    Setting,
)
from innkeeper.config import load, setting_types
from innkeeper.core.errors import SetupError

POLICY_FILE: Final = "auth.policy_file"

Outcome = Literal["translated", "dropped", "look"]


class Told(msgspec.Struct, frozen=True):
    """What became of one option."""

    section: str
    name: str
    outcome: Outcome
    """look: it was dropped, and a person should see whether that matters."""
    why: str
    """The setting that it became, or why it became none."""


class Translation(msgspec.Struct, frozen=True):
    """A whole file, translated."""

    settings: dict[str, object]
    """By dotted key."""
    told: tuple[Told, ...]
    connection: str | None
    """The database of Placement, which is no setting."""
    missing: str | None
    """What the settings still lack before a server starts with them."""


def translate(text: str, *, file: Path) -> Translation:
    """Translate ``text``, which was read from ``file``. Raises SetupError if it cannot be read."""
    options = parse(text, file=str(file))
    folder = file.absolute().parent
    aliased = _with_auth_section(options)
    settings: dict[str, object] = {}
    told: list[Told] = []
    connection = None
    for given in options.values():
        entry = _entry(given, aliased)
        said, value = _translated(given, entry, options, folder=folder)
        if isinstance(entry, Setting) and said.outcome == "translated":
            settings[entry.key] = value
        if (given.section, given.name) == ("placement_database", "connection"):
            connection = str(value)
        told.append(said)
    _fill_up(settings)
    # Without a word, policy.yaml beside the file counts, if it is there.
    policy = folder / "policy.yaml"
    if ("oslo_policy", "policy_file") not in options and policy.is_file():
        settings[POLICY_FILE] = str(policy)
    return Translation(settings, tuple(told), connection, _missing(settings))


def toml(translation: Translation, *, source: str) -> str:
    """Give the settings as a file of ours."""
    tables: dict[str, list[str]] = {"": []}
    for key, _ in setting_types():
        if key in translation.settings:
            table, _, name = key.rpartition(".")
            value = _literal(translation.settings[key])
            tables.setdefault(table, []).append(f"{name} = {value}")
    lines = [f"# Translated from {source}."]
    for table, rows in tables.items():
        if rows:
            lines += [*([f"\n[{table}]"] if table else [""]), *rows]
    return "\n".join(lines) + "\n"


def _entry(given: Given, aliased: str | None) -> Entry | None:
    whole = WHOLE_SECTIONS.get(given.section)
    if whole is not None:
        return whole
    section = AUTH_SECTION if given.section == aliased else given.section
    return SECTIONS.get(section, {}).get(given.name)


def _with_auth_section(options: Mapping[tuple[str, str], Given]) -> str | None:
    """Give the section that holds the options of [keystone_authtoken] instead, if one does."""
    named = options.get((AUTH_SECTION, "auth_section"))
    return None if named is None else named.last


def _translated(
    given: Given, entry: Entry | None, options: Mapping[tuple[str, str], Given], *, folder: Path
) -> tuple[Told, object]:
    """Give what became of an option, and its value."""

    def said(outcome: Outcome, why: str) -> Told:
        return Told(given.section, given.name, outcome, why)

    if entry is None:
        return said("look", "not an option of openstack-placement 16, or not known here"), None
    try:
        text = resolve(given, options)
        if isinstance(entry, NotHere):
            return said("look" if entry.wants_a_look(text) else "dropped", entry.why), text
        value = entry.convert(text)
        if entry.key == POLICY_FILE:
            value = _there(folder / text)
        # Each value alone: what it lacks of others is told at the end.
        _check_value(entry.key, value)
    except ValueError as error:
        return said("look", str(error)), None
    except SetupError as error:
        return said("look", error.detail.partition(": ")[2]), None
    return said("translated", entry.key), value


def _there(policy: Path) -> str:
    """Give the path of a policy file; ValueError if Placement goes without it."""
    if not policy.is_file():
        raise ValueError(f"there is no {policy}, and Placement takes its defaults then")
    return str(policy)


def _check_value(key: str, value: object) -> None:
    """Raise SetupError if ``key`` does not take ``value``, whatever other settings lack."""
    try:
        load(file=None, environ={}, flags={key: value})
    except SetupError as error:
        # What is wrong with a flag begins with its name; with several settings, with a key.
        if error.detail.startswith("--"):
            raise


def _fill_up(settings: dict[str, object]) -> None:
    """Add what Placement does where its file is silent and we would do otherwise."""
    for key, value in PLACEMENTS_DEFAULTS.items():
        settings.setdefault(key, value)
    if settings.get("cors.allowed_origins"):
        for key, headers in CORS_DEFAULTS.items():
            settings.setdefault(key, headers)


def _missing(settings: Mapping[str, object]) -> str | None:
    try:
        load(file=None, environ={}, flags=settings)
    except SetupError as error:
        return error.detail
    return None


def _literal(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    # JSON's texts, numbers and truth values are TOML's as well, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
