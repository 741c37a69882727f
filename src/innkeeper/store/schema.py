"""The schema's version: brought to the newest by Alembic, and refused if it is newer than us."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import Connection, Engine, inspect, text

from innkeeper.core.errors import SetupError

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST: Final = "0001"
"""The newest revision in migrations/versions; a test compares the two."""

_KNOWN: Final = frozenset({"0001"})
"""Every revision that this version can read or upgrade."""


Standing = Literal["empty", "older", "newest", "newer"]
"""How the schema of a database compares to ours."""


def standing(conn: Connection) -> tuple[str | None, Standing]:
    """Give the revision of the schema, and how it compares to ours."""
    found = revision(conn)
    if found is None:
        return None, "empty"
    if found == NEWEST:
        return found, "newest"
    return found, "older" if found in _KNOWN else "newer"


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; raise SetupError if a newer Innkeeper made it."""
    with engine.begin() as conn:
        found = revision(conn)
        if found == NEWEST:
            return
        if found is not None and found not in _KNOWN:
            raise _newer(found)
        if found is None and holds_anything(conn):
            raise SetupError(
                "The database holds tables, and they are not Innkeeper's, or the making of them"
                " was interrupted. Name an empty database."
            )
        _upgrade(conn)


def check(conn: Connection) -> None:
    """Raise SetupError, saying what to do, unless the schema is the newest, ready to be read."""
    found = revision(conn)
    if found is None:
        raise SetupError("The database is empty. Run `innkeeper db sync`, or start a server on it.")
    if found not in _KNOWN:
        raise _newer(found)
    if found != NEWEST:
        raise SetupError(
            f"The database is of the older schema {found}. Run `innkeeper db sync`, which brings it"
            " to the newest."
        )


def holds_anything(conn: Connection) -> bool:
    """Tell whether there is any table."""
    return bool(inspect(conn).get_table_names())


def revision(conn: Connection) -> str | None:
    """Give the schema's revision; None for an empty database."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _newer(found: str) -> SetupError:
    return SetupError(
        f"The database is of schema {found}, newer than this Innkeeper knows ({NEWEST})."
        " Start the newer version, or restore a copy made before the upgrade. If it is another"
        " program's, name an empty one; `innkeeper import placement` takes over that of Placement."
    )


def _upgrade(conn: Connection) -> None:
    # Half a second of imports, which only a schema that is made or changed is worth.
    from alembic import command

    command.upgrade(_config(conn), "head")


def _config(conn: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = conn
    return config
