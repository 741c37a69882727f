"""A start that takes long, or for ever, is ended by the signal that ends the program."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from innkeeper.core.errors import SetupError
from innkeeper.wiring.serve import unless


class Start:
    """A start that waits, and notes what is undone."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.begun = asyncio.Event()
        self.undone = 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[str]:
        try:
            self.begun.set()
            await self.may_end.wait()
            yield "up"
        finally:
            self.undone += 1


async def test_a_start_that_hangs_is_undone_when_told() -> None:
    start, told = Start(), asyncio.Event()

    async def tell() -> None:
        await start.begun.wait()
        told.set()

    telling = asyncio.create_task(tell())
    async with asyncio.timeout(30), unless(told, start()) as started:
        assert started is None
        assert start.undone == 1
    await telling


async def test_what_has_started_lasts_as_long_as_the_block() -> None:
    start, told = Start(), asyncio.Event()
    start.may_end.set()
    async with unless(told, start()) as started:
        assert started == "up"
        told.set()
        assert start.undone == 0
    assert start.undone == 1


async def test_a_start_that_fails_says_so() -> None:
    @asynccontextmanager
    async def fail() -> AsyncIterator[str]:
        raise SetupError("No.")
        yield ""

    with pytest.raises(SetupError, match="No"):
        async with unless(asyncio.Event(), fail()):
            pass
