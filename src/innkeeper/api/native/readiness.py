"""Readiness: whether requests can be served now, and if not, why. Cheap enough to be polled."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from innkeeper.core.errors import InnkeeperError
from innkeeper.store.open_store import OpenStore
from innkeeper.store.txn import Txn

TIMEOUT_S: Final = 2.0
"""A store that cannot commit nothing, or be read, within this time serves nobody."""


class Condition(msgspec.Struct, frozen=True):
    """One thing that must hold."""

    name: str
    holds: bool
    detail: str = ""


class Readiness:
    """Looks whether the process can serve."""

    def __init__(self, store: OpenStore, *, started: Callable[[], bool]) -> None:
        """Look at ``store``; ``started`` tells whether every part of the process runs."""
        self._store = store
        self._started = started

    async def conditions(self) -> tuple[Condition, ...]:
        """Give what must hold, with the reason for what does not."""
        if not self._started():
            return (Condition("started", holds=False, detail="the index is being loaded"),)
        # An empty transaction waits in the queue that all writes wait in.
        return (
            Condition("started", holds=True),
            await _condition("store_writable", self._store.write(_nothing), late="no commit"),
            await _condition("index_fresh", self._store.fresh(), late="not caught up"),
        )


async def _condition(name: str, work: Awaitable[None], *, late: str) -> Condition:
    """Tell whether ``work`` comes to an end."""
    try:
        await asyncio.wait_for(work, TIMEOUT_S)
    except TimeoutError:
        return Condition(name, holds=False, detail=f"{late} within {TIMEOUT_S:g} s")
    except InnkeeperError as error:
        return Condition(name, holds=False, detail=error.detail)
    return Condition(name, holds=True)


def _nothing(_txn: Txn) -> None:
    """Write nothing."""
