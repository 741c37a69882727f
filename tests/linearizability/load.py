"""Clients that claim, move, release and change what few providers have, and write down it all.

Each consumer belongs to one client, which asks one thing at a time. A request that nobody answered
in full leaves its consumer alone from then on: what became of it is not known.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any, Final
from uuid import UUID

import httpx2

from tests.linearizability.checker import UNANSWERED, Kind, Operation

VERSION: Final = {"openstack-api-version": "placement 1.39"}
TIMEOUT_S: Final = 20.0
CLASS: Final = "VCPU"
MAX_HELD: Final = 6
"""Consumers of one client at a time."""


def provider_uuid(number: int) -> str:
    return str(UUID(int=number + 1))


@dataclass
class Consumer:
    """What a client knows of one of its consumers."""

    uuid: str
    provider: int
    amount: int
    generation: int = 1


@dataclass
class Record:
    """The histories, by number of the provider."""

    of: defaultdict[int, list[Operation]] = field(default_factory=lambda: defaultdict(list))
    answers: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, provider: int, kind: Kind, amount: int, *, when: tuple[float, float]) -> None:
        self.of[provider].append(Operation(kind, amount, *when))


class Client:
    """One client. Each of its requests has a connection of its own, so any worker may answer."""

    def __init__(self, url: str, record: Record, random: Random, *, number: int) -> None:
        self._url = f"{url}/placement"
        self._record = record
        self._random = random
        self._number = number
        self._consumers = 0
        self._held: list[Consumer] = []
        self.providers = 3

    async def run(self, until: float) -> None:
        """Go on until ``time.monotonic()`` is ``until``."""
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, headers=VERSION, limits=limits) as http:
            self._http = http
            while time.monotonic() < until:
                await self._random.choices(
                    (self._claim, self._release, self._move, self._look, self._resize, self._mark),
                    weights=(6, 4, 3, 4, 1, 1),
                )[0]()

    async def _ask(self, method: str, path: str, **more: Any) -> tuple[Any, float, float]:
        """Give the answer (None: there was none that says what was done), and when."""
        called = time.monotonic()
        try:
            answer = await self._http.request(method, self._url + path, **more)
        except httpx2.TransportError as error:
            self._record.answers[type(error).__name__] += 1
            return None, called, UNANSWERED
        self._record.answers[f"{method} {answer.status_code}"] += 1
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return None, called, UNANSWERED
        return answer, called, time.monotonic()

    async def _claim(self) -> None:
        if len(self._held) >= MAX_HELD:
            return
        self._consumers += 1
        uuid = str(UUID(int=self._number << 64 | self._consumers))
        provider = self._random.randrange(self.providers)
        wanted = Consumer(uuid, provider, self._random.randint(1, 3))
        answer, *when = await self._ask(
            "PUT", f"/allocations/{uuid}", json=allocating(wanted, None)
        )
        self._note(answer, wanted.provider, wanted.amount, when=(when[0], when[1]))
        if answer is not None and answer.status_code == HTTPStatus.NO_CONTENT:
            self._held.append(wanted)

    def _note(self, answer: Any, provider: int, amount: int, *, when: tuple[float, float]) -> None:
        """Write down what a claim came to."""
        if answer is None or answer.status_code == HTTPStatus.NO_CONTENT:
            self._record.add(provider, "take", amount, when=when)
        elif is_full(answer):
            self._record.add(provider, "refused", amount, when=when)
        else:
            raise AssertionError(f"{answer.status_code}: {answer.text}")

    async def _release(self) -> None:
        if not self._held:
            return
        gone = self._held.pop(self._random.randrange(len(self._held)))
        answer, *when = await self._ask("DELETE", f"/allocations/{gone.uuid}")
        if answer is not None and answer.status_code != HTTPStatus.NO_CONTENT:
            raise AssertionError(f"{answer.status_code}: {answer.text}")
        self._record.add(gone.provider, "give back", gone.amount, when=(when[0], when[1]))

    async def _move(self) -> None:
        if not self._held:
            return
        mover = self._held.pop(self._random.randrange(len(self._held)))
        target = (mover.provider + self._random.randint(1, self.providers - 1)) % self.providers
        moved = Consumer(mover.uuid, target, mover.amount, mover.generation + 1)
        body = {mover.uuid: allocating(moved, mover.generation)}
        answer, *when = await self._ask("POST", "/allocations", json=body)
        at = (when[0], when[1])
        self._note(answer, target, mover.amount, when=at)
        if answer is None or answer.status_code == HTTPStatus.NO_CONTENT:
            self._record.add(mover.provider, "give back", mover.amount, when=at)
        if answer is not None:
            self._held.append(moved if answer.status_code == HTTPStatus.NO_CONTENT else mover)

    async def _look(self) -> None:
        number = self._random.randrange(self.providers)
        path = f"/resource_providers/{provider_uuid(number)}"
        if self._random.random() < 0.5:
            answer, *when = await self._ask("GET", f"{path}/usages")
            kind: Kind = "read used"
        else:
            answer, *when = await self._ask("GET", f"{path}/inventories/{CLASS}")
            kind = "read capacity"
        if answer is None:
            return
        assert answer.status_code == HTTPStatus.OK, answer.text
        shown = answer.json()
        amount = shown["usages"][CLASS] if kind == "read used" else shown["total"]
        self._record.add(number, kind, amount, when=(when[0], when[1]))

    async def _resize(self) -> None:
        number, total = self._random.randrange(self.providers), self._random.randint(4, 12)
        path = f"/resource_providers/{provider_uuid(number)}"
        found, *_ = await self._ask("GET", path)
        if found is None:
            return
        body = {"resource_provider_generation": found.json()["generation"], "total": total}
        answer, *when = await self._ask("PUT", f"{path}/inventories/{CLASS}", json=body)
        if answer is None or answer.status_code == HTTPStatus.OK:
            self._record.add(number, "set", total, when=(when[0], when[1]))
        else:
            # Somebody else was quicker.
            assert answer.status_code == HTTPStatus.CONFLICT, answer.text

    async def _mark(self) -> None:
        path = f"/resource_providers/{provider_uuid(self._random.randrange(self.providers))}"
        found, *_ = await self._ask("GET", path)
        if found is None:
            return
        traits = self._random.sample(["HW_CPU_X86_AVX", "HW_CPU_X86_AVX2", "HW_CPU_X86_SSE"], 2)
        body = {"resource_provider_generation": found.json()["generation"], "traits": traits}
        answer, *_ = await self._ask("PUT", f"{path}/traits", json=body)
        assert answer is None or answer.status_code in {HTTPStatus.OK, HTTPStatus.CONFLICT}


def allocating(consumer: Consumer, generation: int | None) -> dict[str, object]:
    resources = {CLASS: consumer.amount}
    return {
        "allocations": {provider_uuid(consumer.provider): {"resources": resources}},
        "project_id": "project",
        "user_id": "user",
        "consumer_generation": generation,
        "consumer_type": "INSTANCE",
    }


def is_full(answer: httpx2.Response) -> bool:
    """Tell whether a claim was refused for want of room, and for nothing else."""
    if answer.status_code != HTTPStatus.CONFLICT:
        return False
    return "exceed" in answer.json()["errors"][0]["detail"]


async def set_up(url: str, *, providers: int, capacity: int) -> None:
    """Make the providers."""
    async with httpx2.AsyncClient(
        base_url=f"{url}/placement", headers=VERSION, timeout=TIMEOUT_S
    ) as http:
        for number in range(providers):
            uuid = provider_uuid(number)
            made = await http.post("/resource_providers", json={"name": f"p{number}", "uuid": uuid})
            assert made.status_code == HTTPStatus.OK, made.text
            body = {"resource_provider_generation": 0, "inventories": {CLASS: {"total": capacity}}}
            filled = await http.put(f"/resource_providers/{uuid}/inventories", json=body)
            assert filled.status_code == HTTPStatus.OK, filled.text
