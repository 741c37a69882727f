"""The command line: its commands, and the one place where errors become exit codes."""

import os
import sys
from collections.abc import Iterable
from functools import wraps
from typing import TYPE_CHECKING, Final, NamedTuple

from cyclopts import App

from innkeeper.cli import exits
from innkeeper.core.errors import InnkeeperError, SetupError

if TYPE_CHECKING:
    from rich.console import Console

HELP: Final = """
Innkeeper places workloads: it knows every host and every device, finds where a workload
fits, claims the place without a race, and retries elsewhere when a build fails.

Start with one of these:

    innkeeper up                          # cells with simulated hosts, the APIs
    innkeeper api                         # the Placement API and the native one
    innkeeper replay openb --as-servers   # 8,152 GPU tasks through all of that
    innkeeper replay openb --policy fgd   # how well one policy packs, measured
    innkeeper audit                       # do the books add up?
"""

EPILOGUE: Final = (
    "Exit codes: 0 fine, 1 problems were found, 2 it could not run as asked."
    " Every setting can also stand in a TOML file (--config) or in an INNKEEPER_* variable."
)


PACKAGE: Final = "innkeeper.cli"


class Noun(NamedTuple):
    """Commands on one noun."""

    name: str
    help: str
    verbs: dict[str, str]
    """Each as ``module:function`` below this package."""


NOUNS: Final = (
    Noun(
        "replay",
        "Replay the trace of a real cluster.",
        {"openb": "replay:openb"},
    ),
    Noun(
        "db",
        "The schema of the database.",
        {
            "version": "db:show_version",
            "sync": "db:sync",
        },
    ),
    Noun(
        "status",
        "Whether all is well for an upgrade.",
        {"check": "status:check"},
    ),
    Noun(
        "import",
        "Take over what another program keeps.",
        {"placement": "import_placement:import_placement"},
    ),
    Noun(
        "config",
        "Configuration files.",
        {"import": "config_import:config_import"},
    ),
    Noun(
        "export",
        "Give another program what is kept here.",
        {"placement": "export_placement:export_placement"},
    ),
    Noun(
        "host",
        "Hosts and what they have left.",
        {"list": "host:list_hosts"},
    ),
    Noun(
        "instance",
        "Instances, in whatever cell they are.",
        {
            "list": "instance:list_instances",
            "show": "instance:show_instance",
        },
    ),
    Noun(
        "provider",
        "Resource providers and their trees.",
        {"tree": "provider:show_trees"},
    ),
    Noun(
        "policy",
        "Who may do what.",
        {
            "list": "policy:list_rules",
            "check": "policy:check",
        },
    ),
    Noun(
        "openapi",
        "The OpenAPI documents of the APIs.",
        {
            "placement": "openapi:placement",
            "native": "openapi:native",
        },
    ),
)


class _Described(App):
    """An app that imports the commands that a page of its help lists: they say what they do."""

    # Cyclopts reads the signature of what it overrides.
    @wraps(App.help_print)
    def help_print(  # type: ignore[override]
        self,
        tokens: str | Iterable[str] | None = None,
        *,
        console: "Console | None" = None,
    ) -> None:
        from innkeeper.cli.output import page

        _, apps, _ = self.parse_commands(tokens)
        apps[-1].resolved_commands()
        super().help_print(tokens, console=page())


def make_app() -> App:
    """Give the command line. A command's module is imported when the command is used."""
    app = _Described(
        name="innkeeper",
        help=HELP,
        help_format="markdown",
        help_epilogue=EPILOGUE,
        version=_version,
        version_format="plaintext",
        result_action="return_value",
    )
    for place in ("up:up", "api:api", "audit:audit"):
        app.command(f"{PACKAGE}.{place}")
    for noun in NOUNS:
        app.command(_commands(noun))
    return app


def main() -> None:
    """Run one command and exit as `exits` says."""
    try:
        code = make_app()()
    except SetupError as error:
        code = _complain(error, exits.SETUP)
    except InnkeeperError as error:
        code = _complain(error, exits.PROBLEMS)
    except PermissionError as error:
        code = _complain(_not_ours(error), exits.SETUP)
    except BrokenPipeError:
        # Whoever read stdout (head, less) has enough; what is still to be written goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = exits.FINE
    sys.exit(code)


def _commands(noun: Noun) -> App:
    app = App(name=noun.name, help=noun.help)
    for verb, place in noun.verbs.items():
        app.command(f"{PACKAGE}.{place}", name=verb)
    return app


def _not_ours(error: PermissionError) -> SetupError:
    return SetupError(
        f"{error.filename or 'A file'}: {error.strerror or error}. Run this as a user who may use"
        " it, such as the one that Innkeeper runs as."
    )


def _complain(error: InnkeeperError, code: int) -> int:
    line = " ".join(error.detail.split())
    print(f"innkeeper: {line}", file=sys.stderr)
    return code


def _version() -> str:
    from importlib.metadata import version

    return f"innkeeper {version('innkeeper')}"
