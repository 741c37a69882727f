"""`innkeeper status check`: what to look at before an upgrade."""

import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.markup import escape
from rich.table import Table

from innkeeper.cli import output
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.core.check import Check, Result
from innkeeper.core.errors import SetupError

UNEXPECTED: Final = 255
"""As the status commands of OpenStack's services have it."""
_CODES: Final[dict[Result, int]] = {"success": 0, "warning": 1, "failure": 2}
_COLOURS: Final[dict[Result, str]] = {"success": "green", "warning": "yellow", "failure": "red"}


def check(*, json: Json = False, settings: Settings | None = None) -> int:
    """Check whether this installation is ready for an upgrade.

    Only reads; a server may run. Exit codes are those of OpenStack's status commands: 0 all
    succeeded, 1 there are warnings, 2 something failed, 255 the check itself broke.

    For example:

        innkeeper status check
        innkeeper status check --config /etc/innkeeper/innkeeper.toml --json
    """
    try:
        checks = _checked(settings)
    except Exception:  # fence: status
        # Any other code would be taken for the outcome of the checks.
        traceback.print_exc()
        return UNEXPECTED
    if json:
        output.show_json({"checks": checks})
    else:
        output.show(_table(checks))
    return max(_CODES[each.result] for each in checks)


def _checked(settings: Settings | None) -> Sequence[Check]:
    try:
        config = configured(settings)
    except SetupError as error:
        return (Check("Settings", "failure", error.detail, "See docs/reference/settings.md."),)
    from innkeeper.wiring.status import check_all

    return check_all(config, now=datetime.now(UTC))


def _table(checks: Sequence[Check]) -> Table:
    table = Table("check", "result", "found", "what to do", box=None, pad_edge=False)
    for each in checks:
        result = f"[{_COLOURS[each.result]}]{each.result.capitalize()}[/]"
        table.add_row(each.name, result, escape(each.detail), escape(each.remedy))
    return table
