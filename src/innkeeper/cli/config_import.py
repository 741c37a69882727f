"""`innkeeper config import`: placement.conf as settings of Innkeeper."""

import os
import shlex
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from innkeeper.cli import exits, output
from innkeeper.cli.options import Json
from innkeeper.cli.placement_conf.translate import Told, Translation, toml, translate
from innkeeper.core.errors import SetupError

PRIVATE: Final = 0o600
"""Mode of the file that is written: it may hold a password."""

_COLOURS: Final = {"translated": "green", "dropped": "dim", "look": "yellow"}


def config_import(
    file: Path,
    /,
    *,
    output_file: Annotated[
        Path | None, Parameter(name=("--output", "-o"), show_default=False)
    ] = None,
    json: Json = False,
) -> int:
    """Translate placement.conf into a configuration file of Innkeeper.

    The result goes to stdout, or to a file that only you can read. What became of each option
    is said on stderr: translated; dropped, as it means nothing here; or "look", if something
    may behave differently without it. Exit code 1 if there is anything to look at.

    For example:

        innkeeper config import /etc/placement/placement.conf
        innkeeper config import /etc/placement/placement.conf --output /etc/innkeeper/innkeeper.toml

    Parameters
    ----------
    file
        The file that openstack-placement reads.
    output_file
        Write the result to this file, which must not exist yet.
    json
        Print settings and what became of each option as JSON.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{file}: is not text in UTF-8: {error}") from error
    translation = translate(text, file=file)
    result = toml(translation, source=str(file))
    if output_file is not None:
        _write(output_file, result)
    if json:
        output.show_json(
            {
                "settings": translation.settings,
                "options": translation.told,
                "missing": translation.missing,
            }
        )
    else:
        if output_file is None:
            output.show_plain(result.rstrip("\n"))
        output.aside(_report(translation))
    fine = translation.missing is None and all(told.outcome != "look" for told in translation.told)
    return exits.FINE if fine else exits.PROBLEMS


def _write(path: Path, text: str) -> None:
    """Write a new file that only its owner reads. Raises SetupError."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError as error:
        raise SetupError(
            f"--output: {path} is there already. Move it away, or name another."
        ) from error
    except OSError as error:
        raise SetupError(f"--output: {path} cannot be written: {error.strerror}") from error
    with os.fdopen(number, "w", encoding="utf-8") as opened:
        opened.write(text)


def _report(translation: Translation) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False)
    for outcome in ("look", "dropped", "translated"):
        for told in translation.told:
            if told.outcome == outcome:
                table.add_row(*_row(told))
    lines = []
    if translation.connection is not None:
        command = shlex.join(["innkeeper", "import", "placement", _masked(translation.connection)])
        lines.append(f"The database is taken over with: {escape(command)}")
    if translation.missing is not None:
        lines.append(f"[yellow]To start, it still lacks:[/] {escape(translation.missing)}")
    return Group(table, *lines)


def _masked(connection: str) -> str:
    """Give a database's URL without its password."""
    from innkeeper.store.placement_db.opening import placement_url, shown

    try:
        return shown(placement_url(connection))
    except SetupError:
        return "URL"


def _row(told: Told) -> tuple[str, str, str]:
    colour = _COLOURS[told.outcome]
    option = escape(f"[{told.section}] {told.name}")
    return f"[{colour}]{told.outcome}[/]", option, escape(told.why)
