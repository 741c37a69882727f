"""`innkeeper policy`: the rules in force, and what they allow whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Group, Parameter
from rich.table import Table

from innkeeper.cli import exits, output
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.core.errors import SetupError

if TYPE_CHECKING:
    from innkeeper.auth.credentials import Credentials
    from innkeeper.auth.rulebook import Rulebook, RuleInForce, Verdict

CALLER = Group("Who asks", sort_key=1)


@Parameter(name="*", group=CALLER)
@dataclass(frozen=True, slots=True)
class Caller:
    """Whose leave is looked at."""

    roles: Annotated[str, Parameter(show_default=False)] = ""
    """Roles, with commas between them. Implied ones must be named: admin,member,reader."""
    user_id: Annotated[str, Parameter(name="--user-id", show_default=False)] = "user"
    """Id of the user [default: user]."""
    project_id: Annotated[str | None, Parameter(name="--project-id", show_default=False)] = None
    """Id of the project that the token is of [default: project, unless it is of another scope]."""
    domain_id: Annotated[str | None, Parameter(name="--domain-id", show_default=False)] = None
    """Id of the domain, for a token of one."""
    system: Annotated[bool, Parameter(negative="")] = False
    """The token is of the whole system."""
    credentials: Annotated[Path | None, Parameter(show_default=False)] = None
    """JSON file of a token as Keystone shows it (GET /v3/auth/tokens), instead of the above."""


def list_rules(*, json: Json = False, settings: Settings | None = None) -> int:
    """List every rule with the check that is in force and where it comes from.

    The settings auth.policy_file, auth.enforce_scope and auth.enforce_new_defaults count.

    For example:

        innkeeper policy list
        innkeeper policy list --config /etc/innkeeper/innkeeper.toml
        innkeeper policy list --json | jq '.rules[] | select(.source == "file")'
    """
    rules = _rulebook(settings).rules()
    if json:
        output.show_json({"rules": rules})
    else:
        output.show(_rule_table(rules))
    return exits.FINE


def check(
    rule: str | None = None,
    /,
    *,
    target: Annotated[str, Parameter(show_default=False)] = "",
    json: Json = False,
    caller: Caller | None = None,
    settings: Settings | None = None,
) -> int:
    """Say what somebody may do, and why or why not.

    With a rule, the exit code is 0 if he may and 1 if not; without one, all rules are shown.

    For example:

        innkeeper policy check --roles member,reader
        innkeeper policy check placement:usages --roles reader --project-id p --target project_id=p
        innkeeper policy check innkeeper:read --roles reader --system
        innkeeper policy check --credentials token.json

    Parameters
    ----------
    rule
        The rule to look at [default: all that guard something].
    target
        What is asked about, such as project_id=ID, with commas between several [default: what
        belongs to the caller].
    """
    who = _who(caller or Caller())
    rulebook = _rulebook(settings)
    known = {each.name: each for each in rulebook.rules()}
    if rule is not None and not (rule in known and known[rule].operations):
        raise SetupError(
            f"There is no rule {rule} that guards anything: see `innkeeper policy list`."
        )
    asked = (
        [rule] if rule is not None else [each.name for each in known.values() if each.operations]
    )
    about = _target(target) if target else who.own
    verdicts = [rulebook.explain(name, who, about) for name in asked]
    if json:
        output.show_json({"credentials": who, "target": about, "verdicts": verdicts})
    elif rule is not None:
        output.show_plain(f"{rule}: {'allowed' if verdicts[0].allowed else 'refused'}")
        output.show_plain(_why(verdicts[0]))
    else:
        output.show(_verdict_table(verdicts))
    return exits.FINE if rule is None or verdicts[0].allowed else exits.PROBLEMS


def _rulebook(settings: Settings | None) -> "Rulebook":
    from innkeeper.auth.rule_policy import RulePolicy

    auth = configured(settings).auth
    if auth.strategy == "none" and not auth.policy_file:
        output.note("With auth.strategy none nobody is told apart: no rule counts, all is allowed.")
    return RulePolicy(
        Path(auth.policy_file) if auth.policy_file else None,
        enforce_scope=auth.enforce_scope,
        enforce_new_defaults=auth.enforce_new_defaults,
    ).rulebook


def _who(caller: Caller) -> "Credentials":
    from innkeeper.auth.credentials import Credentials

    if caller.credentials is not None:
        return _shown(caller.credentials)
    project_id = caller.project_id
    if project_id is None and caller.domain_id is None and not caller.system:
        project_id = "project"
    return Credentials(
        user_id=caller.user_id,
        project_id=project_id,
        roles=frozenset(role.strip().lower() for role in caller.roles.split(",") if role.strip()),
        system_scope="all" if caller.system else "",
        domain_id=caller.domain_id,
    )


def _shown(path: Path) -> "Credentials":
    """Read a token as Keystone shows it."""
    from innkeeper.auth.token import TokenShown

    try:
        return msgspec.json.decode(path.read_bytes(), type=TokenShown).token.credentials()
    except OSError as error:
        raise SetupError(f"--credentials: {path} cannot be read: {error.strerror}.") from error
    except msgspec.MsgspecError as error:
        raise SetupError(f"--credentials: {path} is no token of Keystone: {error}.") from error


def _target(text: str) -> dict[str, str]:
    target = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if not (name and equals):
            raise SetupError(f"--target: expected NAME=VALUE, got {part.strip()!r}.")
        target[name] = value
    return target


def _why(verdict: "Verdict") -> str:
    lines = [f"  the rule is: {verdict.check}"]
    if verdict.wrong_scope:
        lines.append(f"  it is for tokens of: {', '.join(verdict.wrong_scope)}")
    lines += [
        f"  {'met    ' if leaf.holds else 'not met'}  {leaf.check}" for leaf in verdict.conditions
    ]
    return "\n".join(lines)


def _rule_table(rules: "Sequence[RuleInForce]") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Rule", "Check", "From", "Scope", "Guards"):
        table.add_column(heading, overflow="fold")
    for each in rules:
        table.add_row(
            each.name,
            each.check,
            each.source,
            ", ".join(each.scopes) or "any",
            "\n".join(each.operations),
        )
    return table


def _verdict_table(verdicts: "Sequence[Verdict]") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Rule", "", "Why"):
        table.add_column(heading, overflow="fold")
    for each in verdicts:
        table.add_row(each.rule, "allowed" if each.allowed else "refused", _short(each))
    return table


def _short(verdict: "Verdict") -> str:
    if verdict.wrong_scope:
        return f"for tokens of: {', '.join(verdict.wrong_scope)}"
    met = [leaf.check for leaf in verdict.conditions if leaf.holds]
    missed = [leaf.check for leaf in verdict.conditions if not leaf.holds]
    return f"met: {', '.join(met)}" if verdict.allowed else f"not met: {', '.join(missed)}"
