"""`innkeeper audit`: whether the books add up."""

import asyncio
from typing import Final

import msgspec

from innkeeper.api.native.audit_view import AuditShown
from innkeeper.cli import exits, output
from innkeeper.cli.audit_options import Repair
from innkeeper.cli.audit_table import audit_table
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.cli.source import Source, Where, opened_server
from innkeeper.config import Config, StoreSettings
from innkeeper.core.audit import AuditReport, Finding
from innkeeper.core.errors import SetupError

POLL_S: Final = 0.2
"""Pause between two looks at an audit that a server runs."""


class Audited(msgspec.Struct, frozen=True):
    """The audit of one database."""

    database: str
    clean: bool
    counts: dict[str, int]
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]


async def audit(
    *,
    repair: Repair | None = None,
    json: Json = False,
    where: Where | None = None,
    settings: Settings | None = None,
) -> int:
    """Prove from the rows themselves that what must always be true is true.

    Asks the server if one runs on the data directory; else reads the databases there, those
    of a replay's several runs too. Nothing is changed, unless --fix is given and confirmed.
    Exit code 0 if nothing is wrong (any more), else 1.

    For example:

        innkeeper audit
        innkeeper audit --data-dir /tmp/inn --json
        innkeeper audit --fix
        openstack server list --all-projects -f value -c ID |
            innkeeper audit --live-consumers - --consumer-type INSTANCE --fix
    """
    repair = repair or Repair()
    repair.check()
    if repair.is_asked:
        from innkeeper.cli.audit_fix import fix

        return await fix(repair, json=json, where=where, settings=settings)
    async with opened_server(where, settings) as server:
        found = [await _asked(server)] if server is not None else _read(configured(settings))
    if json:
        output.show_json({"audits": found})
    else:
        for each in found:
            output.show(audit_table(each.database, each.counts, each.rules, each.findings))
    return exits.FINE if all(each.clean for each in found) else exits.PROBLEMS


async def _asked(server: Source) -> Audited:
    """Have a running server do it."""
    run = (await server.ask("POST", "/v1/audits", AuditShown)).audit
    while run.state == "running":
        await asyncio.sleep(POLL_S)
        run = (await server.get(f"/v1/audits/{run.id}", AuditShown)).audit
    if run.clean is None:
        raise SetupError(f"The audit at {server.name} failed; the server's log says why.")
    return Audited(
        server.name, clean=run.clean, counts=run.counts, rules=run.rules, findings=run.findings
    )


def _read(config: Config) -> list[Audited]:
    """Do it here, on the databases of the data directory. Raises SetupError."""
    from innkeeper.wiring.directory import databases

    if config.store.url:
        return [_prove(config.database_url, config.store)]
    paths = databases(config.data_path)
    if not paths:
        raise SetupError(
            f"There is no database in {config.data_path}. Start a server or a replay on it first,"
            " or name another directory with --data-dir."
        )
    return [_prove(f"sqlite:///{path}", config.store) for path in paths]


def _prove(url: str, settings: StoreSettings) -> Audited:
    from innkeeper.store.audit import audit as prove
    from innkeeper.store.dialects.backend import shown
    from innkeeper.store.read_only import ReadOnlyStore

    store = ReadOnlyStore.look(url, settings=settings)
    try:
        return audited(shown(url), store.read_now(prove))
    finally:
        store.close_readers()


def audited(database: str, report: AuditReport) -> Audited:
    """Give what is shown of a report."""
    return Audited(
        database,
        clean=report.clean,
        counts=report.counts,
        rules=report.rules,
        findings=report.findings,
    )
