"""Audits: do the books add up? A POST begins one, a GET shows how it went."""

from http import HTTPStatus

from innkeeper.api.native.audit_log import AuditRun
from innkeeper.api.native.audit_view import AuditList, AuditShown, AuditView
from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.links import Link
from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import ROOT
from innkeeper.core.errors import NotFound


async def create_audit(service: Service, _call: Call) -> Answer:
    """Begin an audit; one that is under way already is given instead."""
    view = _view(service.audits.begin())
    return Answer(AuditShown(view), status=HTTPStatus.ACCEPTED, location=view.links[0].href)


async def list_audits(service: Service, _call: Call) -> Answer:
    """Give the latest audits."""
    return Answer(AuditList(tuple(map(_view, service.audits.latest()))))


async def show_audit(service: Service, call: Call) -> Answer:
    """Give one audit. Raises NotFound."""
    run = service.audits.get(call.path["id"])
    if run is None:
        raise NotFound(f"There is no audit '{call.path['id']}' any more.")
    return Answer(AuditShown(_view(run)))


def _view(run: AuditRun) -> AuditView:
    report = run.report
    return AuditView(
        id=run.id,
        state=run.state,
        started_at=run.started_at,
        finished_at=run.finished_at,
        clean=None if report is None else report.clean,
        counts={} if report is None else report.counts,
        rules=() if report is None else report.rules,
        findings=() if report is None else report.findings,
        links=(Link("self", f"{ROOT}/audits/{run.id}"),),
    )
