"""The command line: its commands, and the one place where errors become exit codes."""

import sys
from typing import Final

from cyclopts import App

from innkeeper.cli import exits
from innkeeper.core.errors import InnkeeperError, SetupError

HELP: Final = """
Innkeeper places workloads: it knows every host and every device, finds where a workload
fits, claims the place without a race, and retries elsewhere when a build fails.

Start with one of these:

    innkeeper up                             # two cells with simulated hosts, and the API
    innkeeper api                            # the APIs alone: in the place of openstack-placement
    innkeeper replay openb --as-servers      # 8,152 real GPU tasks through the whole system
    innkeeper replay openb --policy fgd      # how well one policy packs, measured
    innkeeper audit                          # do the books add up?
"""

EPILOGUE: Final = (
    "Exit codes: 0 fine, 1 problems were found, 2 it could not run as asked."
    " Every setting can also stand in a TOML file (--config) or in an INNKEEPER_* variable."
)


def make_app() -> App:
    """Give the command line. A command's module is imported when the command is used."""
    app = App(
        name="innkeeper",
        help=HELP,
        help_format="markdown",
        help_epilogue=EPILOGUE,
        version=_version,
        version_format="plaintext",
        result_action="return_value",
    )
    app.command("innkeeper.cli.up:up")
    app.command("innkeeper.cli.api:api")
    app.command(_noun("replay", "Replay the trace of a real cluster.", openb="replay:openb"))
    app.command("innkeeper.cli.audit:audit")
    app.command(
        _noun("db", "The schema of the database.", version="db:show_version", sync="db:sync")
    )
    app.command(_noun("status", "Whether all is well for an upgrade.", check="status:check"))
    app.command(
        _noun(
            "import",
            "Take over what another program keeps.",
            placement="import_placement:import_placement",
        )
    )
    app.command(
        _noun("config", "Configuration files.", **{"import": "config_import:config_import"})
    )
    app.command(
        _noun(
            "export",
            "Give another program what is kept here.",
            placement="export_placement:export_placement",
        )
    )
    app.command(_noun("host", "Hosts and what they have left.", list="host:list_hosts"))
    app.command(
        _noun(
            "instance",
            "Instances, in whatever cell they are.",
            list="instance:list_instances",
            show="instance:show_instance",
        )
    )
    app.command(
        _noun("provider", "Resource providers and their trees.", tree="provider:show_trees")
    )
    app.command(
        _noun(
            "policy",
            "Who may do what.",
            list="policy:list_rules",
            check="policy:check",
        )
    )
    app.command(
        _noun(
            "openapi",
            "The OpenAPI documents of the APIs.",
            placement="openapi:placement",
            native="openapi:native",
        )
    )
    return app


def main() -> None:
    """Run one command and exit as `exits` says."""
    try:
        code = make_app()()
    except SetupError as error:
        code = _complain(error, exits.SETUP)
    except InnkeeperError as error:
        code = _complain(error, exits.PROBLEMS)
    except BrokenPipeError:
        # Whoever read stdout (head, less) has enough.
        sys.stderr.close()
        code = exits.FINE
    sys.exit(code)


def _noun(name: str, text: str, **verbs: str) -> App:
    """Give the commands on one noun; ``verbs`` are ``module:function`` below this package."""
    app = App(name=name, help=text)
    for verb, place in verbs.items():
        app.command(f"innkeeper.cli.{place}", name=verb)
    return app


def _complain(error: InnkeeperError, code: int) -> int:
    line = " ".join(error.detail.split())
    print(f"innkeeper: {line}", file=sys.stderr)
    return code


def _version() -> str:
    from importlib.metadata import version

    return f"innkeeper {version('innkeeper')}"
