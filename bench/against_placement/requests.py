"""Requests as they go over the wire, made before anything is measured."""

from collections.abc import Iterator
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
PROJECT: Final = "7b2a4c1f0d6e4c5f9a8b7c6d5e4f3a2b"
USER: Final = "0f9e8d7c6b5a49382716a5b4c3d2e1f0"
CLAIMED: Final = {"DISK_GB": 1, "MEMORY_MB": 64, "VCPU": 1}


def request(method: str, path: str, body: object = None, *, version: str = VERSION) -> bytes:
    """Give a whole request; a body is sent as JSON."""
    content = b"" if body is None else msgspec.json.encode(body)
    headers = {"Host": "127.0.0.1", **HEADERS}
    headers["OpenStack-API-Version"] = f"placement {version}"
    if body is not None:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


def candidates_path(query: dict[str, str], limit: int | None) -> str:
    """Give the path of a search."""
    limited = query if limit is None else {**query, "limit": str(limit)}
    return "/allocation_candidates?" + urlencode(limited, safe=":,")


def claim(consumer: str, allocations: object) -> bytes:
    """Give the request that makes a consumer hold something; it must be new."""
    return request(
        "PUT",
        f"/allocations/{consumer}",
        {
            "allocations": allocations,
            "project_id": PROJECT,
            "user_id": USER,
            "consumer_generation": None,
            "consumer_type": "INSTANCE",
        },
    )


def claims(hosts: list[str], count: int, random: Random) -> Iterator[bytes]:
    """Give claims of new consumers, each on a host chosen at random."""
    for _ in range(count):
        yield claim(new_uuid(random), {random.choice(hosts): {"resources": CLAIMED}})


def new_uuid(random: Random) -> str:
    """Give a uuid that nobody has."""
    return str(UUID(int=random.getrandbits(128), version=4))
