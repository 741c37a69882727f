"""An audit as it is shown.

A command that asks a server imports this and no more of the API: it must stay light.
"""

from datetime import datetime
from typing import Literal

import msgspec

from innkeeper.api.native.links import Link
from innkeeper.core.audit import Finding


class AuditView(msgspec.Struct, frozen=True):
    """An audit as it is shown."""

    id: str
    state: Literal["running", "done", "failed"]
    started_at: datetime
    finished_at: datetime | None
    clean: bool | None
    """Whether nothing is wrong; null until it is done."""
    counts: dict[str, int]
    """Rows looked at, by table."""
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]
    links: tuple[Link, ...]


class AuditShown(msgspec.Struct, frozen=True):
    """One audit."""

    audit: AuditView


class AuditList(msgspec.Struct, frozen=True):
    """The latest audits of this process, the newest first."""

    audits: tuple[AuditView, ...]
    links: tuple[Link, ...] = ()
