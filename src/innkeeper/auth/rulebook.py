"""The rulebook: all rules in force at one time, read by oslo.policy and frozen.

A change of a file makes a new one; a file that makes no sense makes none. Everything that
oslo.policy says while it reads goes through here, so that an operator gets one line, and a rule
that cannot be read never becomes one that quietly refuses.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

import msgspec
from oslo_config import cfg
from oslo_policy import opts, policy

from innkeeper.auth.credentials import Credentials, ServiceCredentials
from innkeeper.auth.policy_file import PolicyFiles
from innkeeper.auth.rules import RULES, Rule
from innkeeper.core.errors import SetupError

ADMINS_DEPRECATED: Final = ("rule:admin_api", "role:admin")
"""Name and check of the rule of old, under which administrators might do what services may."""
_SOMEBODY: Final = Credentials("user", "project", frozenset({"reader"}))

Source = Literal["default", "deprecated", "file"]

_OUTSIDE: Final = ("http", "https")
"""Checks that ask another server at each decision; a slow one would stop everything here."""
_OURS: Final = ("placement:", "innkeeper:")


class RuleInForce(msgspec.Struct, frozen=True):
    """A rule as it is now, and why."""

    name: str
    check: str
    source: Source
    """deprecated: the default, and what the rule allowed before it was made stricter."""
    scopes: tuple[str, ...]
    operations: tuple[str, ...]
    description: str


class Leaf(msgspec.Struct, frozen=True):
    """One condition of a rule, and whether a caller meets it."""

    check: str
    holds: bool


class Verdict(msgspec.Struct, frozen=True):
    """Whether a caller has a leave, and why."""

    rule: str
    allowed: bool
    check: str
    wrong_scope: tuple[str, ...]
    """The scopes that the rule is meant for, if the caller's is none of them; else ()."""
    conditions: tuple[Leaf, ...]


class Rulebook:
    """Rules that no longer change."""

    def __init__(
        self, files: PolicyFiles | None, *, enforce_scope: bool, enforce_new_defaults: bool
    ) -> None:
        """Read the rules. Raises SetupError, naming what cannot be read."""
        self._in_files = files.rules() if files is not None else {}
        with _hearing() as heard:
            self._enforcer = policy.Enforcer(
                _oslo_settings(files, enforce_new_defaults=enforce_new_defaults)
            )
            self._enforcer.suppress_deprecation_warnings = True
            self._enforcer.suppress_default_change_warnings = True
            self._enforcer.register_defaults([_registered(r, enforce_scope) for r in RULES])
            self._enforcer.load_rules()
        # From now on no file is looked at: enforce() would do so at each decision.
        self._enforcer.use_conf = False
        self.warnings = tuple(self._judged(heard, files))
        """What is no error and yet not right, for the log."""

    def decide(
        self, rule: str, credentials: Credentials, target: tuple[tuple[str, str], ...]
    ) -> bool:
        """Tell whether the caller has the leave. Takes about 0.2 ms."""
        return bool(self._enforcer.authorize(rule, dict(target), _seen(credentials)))

    def explain(self, rule: str, credentials: Credentials, target: Mapping[str, str]) -> Verdict:
        """Tell whether the caller has the leave, and which of its conditions he meets."""
        check = self._enforcer.rules[rule]
        leaves = {str(leaf): leaf for leaf in _leaves(check, self._enforcer.rules)}
        scopes = tuple(self._enforcer.registered_rules[rule].scope_types or ())
        return Verdict(
            rule=rule,
            allowed=self.decide(rule, credentials, tuple(target.items())),
            check=str(check),
            wrong_scope=() if credentials.scope in scopes else scopes,
            conditions=tuple(
                Leaf(text, holds=self._holds(leaf, _seen(credentials), target))
                for text, leaf in leaves.items()
            ),
        )

    def rules(self) -> tuple[RuleInForce, ...]:
        """Give every rule: ours in their order, then those that only a file has."""
        known = {rule.name for rule in RULES}
        further = (
            Rule(name, "", "A rule of the policy file that others may be made of.", scopes=())
            for name in self._in_files
            if name not in known
        )
        return tuple(self._in_force(rule) for rule in (*RULES, *further))

    def _in_force(self, rule: Rule) -> RuleInForce:
        check = self._enforcer.rules[rule.name]
        source: Source = "default"
        if rule.name in self._in_files:
            source = "file"
        elif check != self._enforcer.registered_rules[rule.name].check:
            source = "deprecated"
        return RuleInForce(
            name=rule.name,
            check=str(check),
            source=source,
            scopes=rule.scopes,
            operations=rule.operations,
            description=rule.description,
        )

    def _judged(self, heard: list[logging.LogRecord], files: PolicyFiles | None) -> Iterator[str]:
        """Give warnings; raise SetupError for what must not be put in force."""
        where = f"Policy file {files.file}" if files is not None else "Policy"
        for record in heard:
            if record.levelno >= logging.ERROR:
                raise SetupError(f"{where}: {record.getMessage()}.")
            yield f"{where}: {record.getMessage()}"
        for name in self._in_files:
            for leaf in _leaves(self._enforcer.rules[name], self._enforcer.rules, (name,)):
                self._try(f"{where}: {name}: {leaf}", leaf)
            if name.startswith(_OURS) and name not in self._enforcer.registered_rules:
                yield f"{where}: nothing asks for a rule {name}."

    def _try(self, what: str, leaf: policy.Check) -> None:
        """Raise SetupError if asking this condition would be an error, whoever asks."""
        if getattr(leaf, "kind", "") in _OUTSIDE:
            raise SetupError(f"{what}: a check that asks another server is not supported.")
        try:
            self._holds(leaf, _seen(_SOMEBODY), defaultdict(str))
        except (ValueError, TypeError, SyntaxError, LookupError, AttributeError) as error:
            raise SetupError(f"{what}: cannot be asked: {error}.") from error

    def _holds(self, leaf: policy.Check, seen: dict[str, Any], target: Mapping[str, str]) -> bool:
        return bool(self._enforcer.enforce(leaf, target, seen))


def _leaves(
    check: object, rules: Mapping[str, object], above: tuple[str, ...] = ()
) -> Iterator[Any]:
    """Yield the conditions that a check consists of, through the rules that it names.

    Raises SetupError if a rule is made of itself; ``above`` are the rules on the way here.
    """
    match check:
        case policy.AndCheck() | policy.OrCheck():
            for part in check.rules:
                yield from _leaves(part, rules, above)
        case policy.NotCheck():
            yield from _leaves(check.rule, rules, above)
        case policy.RuleCheck():
            if check.match in above:
                raise SetupError(f"Policy: rule {check.match} is made of itself.")
            try:
                named = rules[check.match]
            except KeyError:
                yield check
            else:
                yield from _leaves(named, rules, (*above, check.match))
        case _:
            yield check


def _registered(rule: Rule, enforce_scope: bool) -> policy.RuleDefault:  # noqa: FBT001 - no choice
    """Give a rule as oslo.policy wants it."""
    deprecated = policy.DeprecatedRule(
        name=ADMINS_DEPRECATED[0],
        check_str=ADMINS_DEPRECATED[1],
        deprecated_reason="Services have a role of their own.",
        deprecated_since="W",
    )
    return policy.RuleDefault(
        rule.name,
        rule.check,
        description=rule.description,
        scope_types=list(rule.scopes) if rule.scopes and enforce_scope else None,
        deprecated_rule=deprecated if rule.admin_deprecated else None,
    )


def _oslo_settings(files: PolicyFiles | None, *, enforce_new_defaults: bool) -> cfg.ConfigOpts:
    """Give the settings of oslo.policy, out of nothing but ours."""
    conf = cfg.ConfigOpts()
    conf(args=[], default_config_files=[], default_config_dirs=[])
    conf.register_opts(dict(opts.list_opts())["oslo_policy"], group="oslo_policy")
    # Where there is no file, one that is there and empty: a name alone would be searched for.
    file = os.devnull if files is None else str(files.file.absolute())
    further = files is not None and files.directory.is_dir()
    for name, value in (
        ("policy_file", file),
        ("policy_dirs", [str(files.directory.absolute())] if files and further else []),
        ("enforce_new_defaults", enforce_new_defaults),
    ):
        conf.set_override(name, value, group="oslo_policy")
    return conf


def _seen(credentials: Credentials) -> dict[str, Any]:
    """Give the caller by the names that checks use: a new one each time, as it gets changed."""
    service = credentials.service or ServiceCredentials()
    return {
        "user_id": credentials.user_id,
        "user_domain_id": credentials.user_domain_id,
        "system_scope": credentials.system_scope or None,
        "domain_id": credentials.domain_id,
        "project_id": credentials.project_id,
        "project_domain_id": credentials.project_domain_id,
        "roles": sorted(credentials.roles),
        "is_admin_project": credentials.is_admin_project,
        "service_user_id": service.user_id or None,
        "service_user_domain_id": service.user_domain_id,
        "service_project_id": service.project_id,
        "service_project_domain_id": service.project_domain_id,
        "service_roles": sorted(service.roles),
    }


class _Hearing(logging.Handler):
    """Keeps what is said instead of printing it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


@contextmanager
def _hearing() -> Iterator[list[logging.LogRecord]]:
    """Give what oslo.policy says while the block lasts; nobody else hears it."""
    logger, handler = logging.getLogger("oslo_policy"), _Hearing()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield handler.records
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
