"""Options that several commands share, and the configuration that they lead to."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from innkeeper.config import CONFIG_VARIABLE, Config, LogLevel, load
from innkeeper.obs import log

SETTINGS: Final = Group("Settings", sort_key=2)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of tables.")]


@Parameter(name="*", group=SETTINGS)
@dataclass(frozen=True, slots=True)
class Settings:
    """What every command can be told; each is a setting of the configuration as well."""

    data_dir: Annotated[str | None, Parameter(show_default=False)] = None
    """Directory of the database [default: ./innkeeper-data]."""
    database_url: Annotated[str | None, Parameter(show_default=False)] = None
    """Database of PostgreSQL or MariaDB [default: SQLite in the data directory]."""
    config: Annotated[Path | None, Parameter(show_default=False)] = None
    """TOML file with settings [default: the one that INNKEEPER_CONFIG names]."""
    log_level: Annotated[LogLevel | None, Parameter(show_default=False)] = None
    """What to log on stderr [default: warning]."""


def configured(settings: Settings | None, flags: Mapping[str, object] | None = None) -> Config:
    """Give the configuration, and log from now on as it says.

    ``flags`` maps dotted keys to what was given, or None. Raises SetupError.
    """
    settings = settings or Settings()
    named = os.environ.get(CONFIG_VARIABLE)
    config = load(
        file=settings.config or (Path(named) if named else None),
        environ=os.environ,
        flags={
            "data_dir": settings.data_dir,
            "store.url": settings.database_url,
            "log_level": settings.log_level,
            **(flags or {}),
        },
    )
    log.set_up(config.log_level)
    return config
