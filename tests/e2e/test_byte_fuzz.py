"""Spoilt bytes over real sockets: no 5xx, no hang, no traceback, and the books are clean after."""

import asyncio
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.conformance.test_any_input import HOST, INVENTORIES, NUMA
from tests.e2e.conftest import COMMAND, PATIENCE_S, Innkeeper, clean_environment
from tests.e2e.mutations import corpus, mutated, request

SHORT_S = 15.0
AT_ONCE = 8
RECEIVE_TIMEOUT_S = 2
QUIET_S = 0.25
"""An answer whose connection stays open is followed by nothing for so long."""
DEADLINE_S = 60.0
MOST_MEMORY_KB = 1_500_000
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


class Fuzzed:
    def __init__(self, port: int, log: Path, process: subprocess.Popen[str]) -> None:
        self.port = port
        self.log = log
        self.process = process

    def memory_kb(self) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", text)[0])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Fuzzed]:
    limits = {"INNKEEPER_API_RECEIVE_TIMEOUT_S": str(RECEIVE_TIMEOUT_S)}
    log = tmp_path / "log"
    arguments = ("up", "--json", "--port", "0", "--hosts", "3", "--data-dir", str(tmp_path / "d"))
    with (
        log.open("w") as file,
        subprocess.Popen(
            [*COMMAND, *arguments],
            env=clean_environment() | limits,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.rstrip() == "}":
                break
        url = json.loads(said)["url"]
        yield Fuzzed(int(url.rpartition(":")[2]), log, process)
        process.kill()


async def ask(port: int, text: bytes) -> bytes:
    """Send bytes; give all that comes back. Raises TimeoutError if it hangs."""
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = b""
        try:
            writer.write(text)
            await writer.drain()
            while True:
                # Once there is an answer, silence means that the server waits for more.
                wait = QUIET_S if STATUS.search(answer) else DEADLINE_S
                try:
                    chunk = await asyncio.wait_for(reader.read(65_536), wait)
                except TimeoutError:
                    if wait == QUIET_S:
                        return answer
                    raise
                if not chunk:
                    return answer
                answer += chunk
        except ConnectionError:
            return answer
        finally:
            writer.close()


async def prepare(port: int) -> None:
    path = f"/placement/resource_providers/{HOST}"
    seen = {"resource_provider_generation": 0, "inventories": INVENTORIES}
    child = {"name": "numa", "uuid": NUMA, "parent_provider_uuid": HOST}
    for method, target, body in (
        ("PUT", "/placement/traits/CUSTOM_X", None),
        ("PUT", "/placement/resource_classes/CUSTOM_GOLD", None),
        ("POST", "/placement/resource_providers", {"name": "host", "uuid": HOST}),
        ("POST", "/placement/resource_providers", child),
        ("PUT", f"{path}/inventories", seen),
    ):
        answer = await ask(port, request(method, target, body, headers=b"connection: close\r\n"))
        assert STATUS.match(answer)[1] in {b"200", b"201"}, answer  # type: ignore[index]


async def fuzz(server: Fuzzed, *, seed: int, seconds: float) -> int:
    random, good, count = Random(seed), corpus(), 0
    end = time.monotonic() + seconds
    await prepare(server.port)

    async def go_on() -> None:
        nonlocal count
        while time.monotonic() < end:
            text = mutated(random, good)
            try:
                answer = await ask(server.port, text)
            except TimeoutError:
                raise AssertionError(f"no answer to {text[:2000]!r}") from None
            count += 1
            statuses = [int(status) for status in STATUS.findall(answer)]
            bad = max(statuses, default=0) >= 500 or b"Traceback" in answer
            assert not bad, f"{text[:2000]!r} was answered {answer[:2000]!r}"

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(go_on())
    alive = await ask(server.port, request("GET", "/readyz", headers=b"connection: close\r\n"))
    assert alive.startswith(b"HTTP/1.1 200"), alive
    return count


def check(server: Fuzzed, innkeeper: Innkeeper, *, seed: int, seconds: float) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown if it fails
    count = asyncio.run(fuzz(server, seed=seed, seconds=seconds))
    assert count > seconds
    assert server.process.poll() is None
    assert server.memory_kb() < MOST_MEMORY_KB
    audit = innkeeper("audit", "--url", f"http://127.0.0.1:{server.port}", "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    server.process.terminate()
    server.process.wait(PATIENCE_S)
    log = server.log.read_text()
    assert "Traceback" not in log
    assert not re.search(r"\[(error|critical)", log, re.IGNORECASE), log[-3000:]


def test_spoilt_bytes(server: Fuzzed, innkeeper: Innkeeper) -> None:
    check(server, innkeeper, seed=20_261_121, seconds=SHORT_S)


@pytest.mark.soak
def test_spoilt_bytes_for_long(server: Fuzzed, innkeeper: Innkeeper, soak_seconds: float) -> None:
    seed = int(os.environ.get("INNKEEPER_FUZZ_SEED", time.time_ns() % 2**32))
    check(server, innkeeper, seed=seed, seconds=soak_seconds)
