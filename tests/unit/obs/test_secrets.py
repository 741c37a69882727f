"""Logs never hold a token, however much is logged, and nothing that a terminal would obey."""

import asyncio
import logging
from collections.abc import Iterator

import httpx2
import pytest
import structlog

from innkeeper.obs import log


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    root, wire = logging.getLogger(), logging.getLogger("httpcore2")
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    wire.setLevel(logging.NOTSET)


async def test_not_even_when_all_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Subject-Token: s3cret\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    log.set_up("debug")
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, httpx2.AsyncClient() as client:
        port = server.sockets[0].getsockname()[1]
        await client.get(f"http://127.0.0.1:{port}/", headers={"x-auth-token": "s3cret"})
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in said
    assert "s3cret" not in said


def test_what_somebody_sends_is_logged_so_that_it_does_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up("info")
    structlog.get_logger("t").info(
        "refused", user="\x1b[2Jbob\nfine", other="h\u00e9" + "x" * 70_000
    )
    said = capsys.readouterr().err
    assert "user=\\x1b[2Jbob\\nfine" in said
    assert "h\u00e9xxx" in said
    assert said.count("\n") == 1
    assert len(said) < 3_000


def test_a_traceback_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info")
    structlog.get_logger("t").error("failed", exc_info=ValueError("why"))
    assert "\nValueError: why" in capsys.readouterr().err
