"""Audit: what a proof of the books found."""

from typing import Literal

import msgspec

Severity = Literal["wrong", "note"]
"""wrong: a thing that must always be true is not. note: allowed, but worth knowing."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that the audit found."""

    severity: Severity
    rule: str
    """Which rule: ``used_equals_allocations``, ``allocation_has_owner``, ..."""
    subject: str
    """What it is about: a provider's uuid and class, a consumer's or an instance's uuid."""
    detail: str


class AuditReport(msgspec.Struct, frozen=True):
    """What was counted, which rules were checked, and what broke them."""

    counts: dict[str, int]
    """Rows looked at, by table."""
    rules: tuple[str, ...]
    findings: tuple[Finding, ...]
    """At most the first 1,000 of each rule."""

    @property
    def clean(self) -> bool:
        """Tell whether nothing is wrong (notes do not count)."""
        return not any(finding.severity == "wrong" for finding in self.findings)
