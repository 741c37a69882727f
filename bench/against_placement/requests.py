"""Requests as they go over the wire."""

from collections.abc import Iterator
from functools import cache, lru_cache
from random import Random
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec

VERSION: Final = "1.39"
HEADERS: Final = {
    "X-Auth-Token": "admin",
    "OpenStack-API-Version": f"placement {VERSION}",
    "Accept": "application/json",
}
CONSUMERS_A_PROJECT: Final = 20
"""Both systems are asked about projects of the same size, however much either one has claimed."""
CONSUMER_TYPE: Final = "INSTANCE"
USER: Final = "0f9e8d7c6b5a49382716a5b4c3d2e1f0"
CLAIMED: Final = {"DISK_GB": 1, "MEMORY_MB": 64, "VCPU": 1}


def request(method: str, path: str, body: object = None, *, version: str = VERSION) -> bytes:
    """Give a whole request; a body is sent as JSON."""
    head = f"{method} {path} HTTP/1.1\r\n{_lines(version)}"
    if body is None:
        return f"{head}\r\n".encode()
    content = msgspec.json.encode(body)
    of_body = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}{of_body}\r\n".encode() + content


@cache
def _lines(version: str) -> str:
    """Give the headers that every request of a version has."""
    headers = {"Host": "127.0.0.1", **HEADERS, "OpenStack-API-Version": f"placement {version}"}
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def candidates_path(query: dict[str, str], limit: int | None) -> str:
    """Give the path of a search."""
    limited = query if limit is None else {**query, "limit": str(limit)}
    return "/allocation_candidates?" + urlencode(limited, safe=":,")


@lru_cache(maxsize=16)
def numbered_uuid(number: int, *, of: int) -> str:
    """Give a uuid that says its number, of a kind from 0 to 15."""
    return str(UUID(int=(of << 124) + (4 << 76) + (8 << 60) + number))


def project(number: int) -> str:
    """Give the project of the consumer with a number: a few have the same."""
    return numbered_uuid(number // CONSUMERS_A_PROJECT, of=0xD)


def claim(consumer: str, allocations: object, project_id: str) -> bytes:
    """Give the request that makes a consumer hold something; it must be new."""
    return request(
        "PUT",
        f"/allocations/{consumer}",
        {
            "allocations": allocations,
            "project_id": project_id,
            "user_id": USER,
            "consumer_generation": None,
            "consumer_type": CONSUMER_TYPE,
        },
    )


def claims(hosts: list[str], count: int, random: Random) -> Iterator[bytes]:
    """Give claims of new consumers, each on a host chosen at random, in projects of their own."""
    first = random.getrandbits(32) * CONSUMERS_A_PROJECT
    for number in range(first, first + count):
        allocations = {random.choice(hosts): {"resources": CLAIMED}}
        yield claim(new_uuid(random), allocations, project(number))


def new_uuid(random: Random) -> str:
    """Give a uuid that nobody has."""
    return str(UUID(int=random.getrandbits(128), version=4))
