"""The command line: its commands, and the one place where errors become exit codes."""

import sys
from typing import Final, NamedTuple

from cyclopts import App

from innkeeper.cli import exits
from innkeeper.core.errors import InnkeeperError, SetupError

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
    verbs: dict[str, tuple[str, str]]
    """Each as ``module:function`` below this package, and what it does: its own words are not
    there before it is imported."""


NOUNS: Final = (
    Noun(
        "replay",
        "Replay the trace of a real cluster.",
        {"openb": ("replay:openb", "1,213 nodes with 6,212 GPUs, 8,152 tasks, six policies")},
    ),
    Noun(
        "db",
        "The schema of the database.",
        {
            "version": ("db:show_version", "shows it, and whether it must be upgraded"),
            "sync": ("db:sync", "makes the database, or brings it to the newest schema"),
        },
    ),
    Noun(
        "status",
        "Whether all is well for an upgrade.",
        {"check": ("status:check", "checks settings, policy, database and disk")},
    ),
    Noun(
        "import",
        "Take over what another program keeps.",
        {
            "placement": (
                "import_placement:import_placement",
                "takes over a database of openstack-placement",
            )
        },
    ),
    Noun(
        "config",
        "Configuration files.",
        {"import": ("config_import:config_import", "translates placement.conf into one")},
    ),
    Noun(
        "export",
        "Give another program what is kept here.",
        {
            "placement": (
                "export_placement:export_placement",
                "writes a database that openstack-placement starts on",
            )
        },
    ),
    Noun(
        "host",
        "Hosts and what they have left.",
        {"list": ("host:list_hosts", "lists them, by name")},
    ),
    Noun(
        "instance",
        "Instances, in whatever cell they are.",
        {
            "list": ("instance:list_instances", "lists them, in the order of their creation"),
            "show": ("instance:show_instance", "shows one, and why it is where it is"),
        },
    ),
    Noun(
        "provider",
        "Resource providers and their trees.",
        {"tree": ("provider:show_trees", "draws them, with inventories, usage and traits")},
    ),
    Noun(
        "policy",
        "Who may do what.",
        {
            "list": ("policy:list_rules", "lists every rule, and where it is from"),
            "check": ("policy:check", "says what somebody may do, and why"),
        },
    ),
    Noun(
        "openapi",
        "The OpenAPI documents of the APIs.",
        {
            "placement": ("openapi:placement", "that of the Placement API, at any microversion"),
            "native": ("openapi:native", "that of the native API"),
        },
    ),
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
        # Whoever read stdout (head, less) has enough.
        sys.stderr.close()
        code = exits.FINE
    sys.exit(code)


def _commands(noun: Noun) -> App:
    told = "\n".join(f"- `{verb}`: {does}" for verb, (_, does) in noun.verbs.items())
    app = App(name=noun.name, help=f"{noun.help}\n\n{told}")
    for verb, (place, _) in noun.verbs.items():
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
