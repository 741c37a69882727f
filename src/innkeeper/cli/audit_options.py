"""Options of `innkeeper audit` that mend what it finds."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from cyclopts import Group, Parameter

from innkeeper.core.errors import SetupError
from innkeeper.core.ids import canonical_uuid

REPAIR: Final = Group("Repair", sort_key=1)
OLDER_THAN: Final = "10m"
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@Parameter(name="*", group=REPAIR)
@dataclass(frozen=True, slots=True)
class Repair:
    """Whether and how to mend what is found."""

    fix: Annotated[bool, Parameter(negative="")] = False
    """Show what would be done; do it after a yes on the terminal, or with --yes."""
    yes: Annotated[bool, Parameter(negative="")] = False
    """Do it without asking."""
    live_consumers: Annotated[str | None, Parameter(show_default=False)] = None
    """File with the uuids of all consumers that are alive, one a line or as a JSON list; - is
    stdin. Consumers that are not in it are orphans."""
    consumer_type: Annotated[str | None, Parameter(show_default=False)] = None
    """Take only consumers of this type for orphans, such as INSTANCE."""
    older_than: str = OLDER_THAN
    """Take only consumers for orphans that were not written for so long, such as 90s, 10m, 1h,
    2d: a build under way may be in no list yet."""
    force_many_orphans: Annotated[bool, Parameter(negative="")] = False
    """Release orphans though they are more than half of the consumers, or the list is empty."""

    @property
    def is_asked(self) -> bool:
        """Whether anything beyond the audit itself is wanted."""
        return self.fix or self.live_consumers is not None

    def check(self) -> None:
        """Raise SetupError for an option that means nothing without another."""
        if self.yes and not self.fix:
            raise SetupError("--yes: it means nothing without --fix.")
        of_orphans = {
            "--consumer-type": self.consumer_type is not None,
            "--older-than": self.older_than != OLDER_THAN,
            "--force-many-orphans": self.force_many_orphans,
        }
        for option, is_given in of_orphans.items():
            if is_given and self.live_consumers is None:
                raise SetupError(f"{option}: it means nothing without --live-consumers.")


def seconds(text: str) -> float:
    """Give a span such as 10m in seconds. Raises SetupError."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if found is None:
        raise SetupError(f"--older-than: expected a span such as 90s, 10m, 1h or 2d, got {text!r}")
    return float(int(found[1]) * _UNITS[found[2]])


def read_uuids(text: str, *, name: str) -> list[str]:
    """Give the uuids of a list: JSON, or one a line. Raises SetupError, naming the line."""
    if text.lstrip().startswith("["):
        try:
            listed = msgspec.json.decode(text, type=list[str])
        except msgspec.MsgspecError as error:
            raise SetupError(f"{name}: not a JSON list of uuids: {error}") from error
        lines = list(enumerate(listed, start=1))
    else:
        stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
        lines = [(number, line) for number, line in stripped if line]
    for number, uuid in lines:
        if canonical_uuid(uuid) is None:
            raise SetupError(f"{name}: entry {number} is no uuid: {uuid!r}")
    return [uuid for _, uuid in lines]
