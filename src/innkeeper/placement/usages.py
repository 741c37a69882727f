"""Use cases of usages: how much of what is taken, per provider or per project."""

from innkeeper.core.provider import Provider
from innkeeper.placement.providers import row_of
from innkeeper.placement.service import Placement
from innkeeper.store import usages as stored
from innkeeper.store.usages import TypeUsage


def provider_usages(placement: Placement, uuid: str) -> tuple[Provider, dict[str, int]]:
    """Give a provider and what is used of each of its inventories; raise NotFound."""
    row = row_of(placement.index, uuid)
    used = {name: used for name, _, used in placement.index.stock(row)}
    return placement.index.provider(row), used


async def project_usages(
    placement: Placement, project_id: str, *, user_id: str | None
) -> tuple[TypeUsage, ...]:
    """Give what a project, or one user in it, uses, by consumer type."""
    return await stored.of_project(placement.store, project_id, user_id=user_id)
