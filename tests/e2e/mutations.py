"""Valid requests as bytes, and seeded ways to spoil them."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from innkeeper.api.native.operations import OPERATIONS
from innkeeper.api.placement.routes import ROUTES
from tests.conformance.test_any_input import AGGREGATE, CONSUMER, HELD, HOST, NUMA, READS, WRITES

NAMES: Final = {
    "uuid": HOST,
    "consumer_uuid": CONSUMER,
    "resource_class": "VCPU",
    "provider": HOST,
    "id": AGGREGATE,
}
INSTANCE: Final = {
    "name": "i",
    "project_id": "p",
    "user_id": "u",
    "groups": [{"suffix": "_A", "resources": {"VCPU": 1}, "required": [["HW_CPU_X86_AVX"]]}],
}
NATIVE_BODIES: Final[dict[str, Any]] = {
    "/instances": {"instance": INSTANCE},
    "/selections": {
        "selections": {
            "project_id": "p",
            "user_id": "u",
            "resources": {"VCPU": 1},
            "consumers": [AGGREGATE],
        }
    },
    "/server-groups": {"server_group": {"name": "g", "policy": "affinity"}},
    "/hosts/{name}/disable": {"reason": "r"},
}


def request(method: str, target: str, body: Any = None, *, headers: bytes = b"") -> bytes:
    """Give a good request."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {target} HTTP/1.1\r\nhost: [::1]\r\nopenstack-api-version: placement 1.39\r\n"
    length = f"content-type: application/json\r\ncontent-length: {len(content)}\r\n"
    return head.encode() + (length.encode() if content else b"") + headers + b"\r\n" + content


def chunked(method: str, target: str, body: Any) -> bytes:
    """Give a good request whose body comes in two chunks."""
    content = json.dumps(body).encode()
    half = len(content) // 2
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in (content[:half], content[half:]) if c)
    return (
        f"{method} {target} HTTP/1.1\r\nhost: [::1]\r\nopenstack-api-version: placement 1.39\r\n"
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    ).encode() + chunks + b"0\r\n\r\n"  # fmt: skip


def filled(template: str) -> str:
    """Give a path for a template."""
    parts = template.split("/")
    return "/".join(NAMES.get(p[1:-1], "CUSTOM_X") if p.startswith("{") else p for p in parts)


def corpus() -> list[bytes]:
    """Give a good request, or one nearly good, for each method of each path of both APIs."""
    found = [
        request(method, "/placement" + filled(path))
        for path, methods in ROUTES.items()
        for method in methods
    ]
    for method, path, body in WRITES:
        found += [request(method, "/placement" + path, body)]
        found += [chunked(method, "/placement" + path, body)]
    for path, pairs in READS:
        query = "&".join(f"{name}={text}" for name, text in pairs)
        found += [request("GET", f"/placement{path}?{query}")] * 3
    for each in OPERATIONS:
        body = NATIVE_BODIES.get(each.path)
        found.append(request(each.method, "/v1" + filled(each.path), body))
    put = {**HELD, "consumer_generation": None, "consumer_type": "INSTANCE"}
    found.append(request("PUT", f"/placement/allocations/{NUMA}", put))
    found.append(request("GET", "/healthz") + request("GET", "/readyz"))
    return found


TOKENS: Final = [
    *(b"\x00", b"\xff\xfe", b"%00", b"%0A", b"%0d%0a", b"%ff", b"%", b"%zz", b"\r\n", b"\n", b"\r"),
    *(b"NaN", b"Infinity", b"-0", b"1e999", b"9" * 25, b"9" * 6000, b"-1", b"1.5", b"null", b"[]"),
    *(b'"\\ud800"', b"\\u0000", b"\xed\xa0\x80", b"\xc0\xaf", b"{}", b'""', b"true", b"\t", b" "),
    *(b"[" * 5000, b'{"a":' * 5000, b"[" * 400 + b"]" * 400, b"x" * 70_000, b"&" * 3000, b"?"),
    *(b"content-length: 0\r\n", b"content-length: 5\r\ncontent-length: 6\r\n", b"expect: x\r\n"),
    *(b"content-length: -1\r\n", b"content-length: 1_0\r\n", b"content-length: 99999999999\r\n"),
    *(b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip, chunked\r\n", b"; a=b"),
    *(
        b"transfer-encoding : chunked\r\n",
        b" folded\r\n",
        b"connection: upgrade\r\nupgrade: h2c\r\n",
    ),
    *(
        b"expect: 100-continue\r\n",
        b"accept: text/html\r\n",
        b"accept: */*;q=nan\r\n",
        b"host: \r\n",
    ),
    *(b"accept: text/plain\r\n", b"accept: ;,;/\r\n", b"host: a\x80b\r\n", b"origin: x\r\n"),
    *(b"http://inn/placement/", b"http://[::1", b"*", b"//", b"/../", b"ffffffffffffffff\r\n"),
    *(b"0\r\n\r\n", b"HTTP/1.0", b"HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT a:1 "),
    *(b"openstack-api-version: placement 1." + b"9" * 5000 + b"\r\n", b"latest", b"placement"),
    *(b"openstack-api-version: innkeeper " + b"9" * 5000 + b".1\r\n", b"in:", b"!", b",", b":"),
    *(b"limit=9", b"&limit=" + b"9" * 5000, b"&resources=VCPU:" + b"9" * 5000, b"CUSTOM_A%0A"),
    b"".join(b"&resources%d=VCPU:1" % number for number in range(1, 200)) + b"&group_policy=none",
]


def flip(random: Random, text: bytearray, _: list[bytes]) -> None:
    text[random.randrange(len(text))] = random.randrange(256)


def insert(random: Random, text: bytearray, _: list[bytes]) -> None:
    place = random.randrange(len(text))
    text[place:place] = random.choice(TOKENS)


def overwrite(random: Random, text: bytearray, _: list[bytes]) -> None:
    place = random.randrange(len(text))
    text[place : place + random.randrange(1, 12)] = random.choice(TOKENS)


def delete(random: Random, text: bytearray, _: list[bytes]) -> None:
    place = random.randrange(len(text))
    del text[place : place + random.randrange(1, 20)]


def duplicate(random: Random, text: bytearray, _: list[bytes]) -> None:
    place = random.randrange(len(text))
    text[place:place] = text[place : place + random.randrange(1, 80)]


def truncate(random: Random, text: bytearray, _: list[bytes]) -> None:
    del text[random.randrange(1, len(text) + 1) :]


def splice(random: Random, text: bytearray, good: list[bytes]) -> None:
    other = random.choice(good)
    text[random.randrange(len(text)) :] = other[random.randrange(len(other)) :]


def header(random: Random, text: bytearray, _: list[bytes]) -> None:
    """Put a line between the headers."""
    ends = [at for at in range(len(text)) if text[at : at + 2] == b"\r\n"]
    if ends:
        place = random.choice(ends) + 2
        text[place:place] = random.choice(TOKENS)


def number(random: Random, text: bytearray, _: list[bytes]) -> None:
    """Put something else where a digit stands."""
    digits = [at for at, byte in enumerate(text) if chr(byte).isdigit()]
    if digits:
        place = random.choice(digits)
        text[place : place + 1] = random.choice(TOKENS)


def content(random: Random, text: bytearray, _: list[bytes]) -> None:
    """Put something into the body, and say its true length."""
    head, gap, body = bytes(text).partition(b"\r\n\r\n")
    if body and b"content-length" in head:
        place = random.randrange(len(body))
        body = body[:place] + random.choice(TOKENS) + body[place + random.randrange(20) :]
        first, _, rest = head.partition(b"content-length: ")
        _, _, rest = rest.partition(b"\r\n")
        line = b"content-length: %d\r\n" % len(body)
        text[:] = first + line + rest + (b"\r\n" if rest else b"") + b"\r\n" + body
        if not gap:
            text += b"\r\n"


Mutation = Callable[[Random, bytearray, list[bytes]], None]
MUTATIONS: Final[list[Mutation]] = [
    *(flip, insert, overwrite, delete, duplicate, truncate, splice, header, number),
    *(content, content, content),
]


def mutated(random: Random, good: list[bytes]) -> bytes:
    """Give a good request after one mutation or some."""
    text = bytearray(random.choice(good))
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 5))):
        random.choice(MUTATIONS)(random, text, good)
        if not text:
            break
    return bytes(text)
