"""A step of a history: a request whose generations and allocations are filled in when it is sent.

Steps do not depend on each other, so that a failing history can be shortened by leaving some
out. What must fit the state of the moment is a Blank in the body: it is filled from what
Innkeeper answers just then. (Were that wrong, the two would differ in what they answer.)
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from tests.conformance.oracle.exchange import Answer, Request

LATEST = "1.39"


class View:
    """What Innkeeper says of the state, and the last candidates that it gave."""

    def __init__(self, ask: Callable[[Request], Answer]) -> None:
        self.ask = ask
        self.candidates: list[dict[str, Any]] = []

    def get(self, path: str) -> dict[str, Any]:
        answer = self._answer(path)
        found: dict[str, Any] = answer.json
        return found if answer.status == 200 else {}

    def modified(self, path: str) -> str | None:
        return self._answer(path).headers.get("last-modified")

    def _answer(self, path: str) -> Answer:
        headers = (("openstack-api-version", f"placement {LATEST}"),)
        return self.ask(Request("GET", path, headers))

    def generation(self, rp_uuid: str) -> int:
        return int(self.get(f"/resource_providers/{rp_uuid}").get("generation", 0))

    def consumer(self, consumer_uuid: str) -> dict[str, Any]:
        return self.get(f"/allocations/{consumer_uuid}")

    def allocations(self, consumer_uuid: str) -> dict[str, Any]:
        """Give what a consumer holds, as the body of a write has it."""
        held = self.consumer(consumer_uuid)["allocations"]
        return {rp: {"resources": each["resources"]} for rp, each in held.items()}

    def inventories(self, rp_uuid: str) -> dict[str, Any]:
        return dict(self.get(f"/resource_providers/{rp_uuid}/inventories").get("inventories", {}))

    def holders(self, rp_uuid: str) -> list[str]:
        return sorted(self.get(f"/resource_providers/{rp_uuid}/allocations").get("allocations", {}))


class Blank(Protocol):
    """A place in a body that is filled in when the request is sent."""

    def fill(self, view: View) -> Any: ...


@dataclass(frozen=True)
class Seen:
    """The generation of a provider."""

    rp_uuid: str
    off: int = 0

    def fill(self, view: View) -> int:
        return view.generation(self.rp_uuid) + self.off


@dataclass(frozen=True)
class Step:
    """One request, but for its blanks."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    version: str | None = LATEST
    headers: tuple[tuple[str, str], ...] = ()
    """Beyond the usual ones, or instead of them; one without a value is left out."""
    changes: tuple["Change", ...] = ()

    def request(self, view: View) -> Request:
        content = b""
        if self.body is not None:
            document = filled(self.body, view)
            for change in self.changes:
                document = change.of(document)
            content = json.dumps(document).encode()
        pairs = "&".join(f"{key}={quote(value, safe=':,!')}" for key, value in self.query)
        target = quote(self.path, safe="/") + (f"?{pairs}" if pairs else "")
        headers: dict[str, str] = {}
        if self.version is not None:
            headers["openstack-api-version"] = f"placement {self.version}"
        if content:
            headers["content-type"] = "application/json"
        headers |= dict(self.headers)
        return Request(self.method, target, tuple(headers.items()), content)


@dataclass(frozen=True)
class Change:
    """Spoils one place of a body."""

    place: int
    kind: str
    """drop, add or put."""
    value: Any = field(default=None, hash=False)

    def of(self, document: Any) -> Any:
        # Another change may spoil a place within this value, which other steps have too.
        value = deepcopy(self.value)
        places = list(_places(document))
        if not places:
            return value
        container, key = places[self.place % len(places)]
        if self.kind == "drop":
            del container[key]
        elif self.kind == "add" and isinstance(container, dict):
            container["x"] = value
        else:
            container[key] = value
        return document


def _places(document: Any) -> Any:
    if not isinstance(document, dict | list):
        return
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(items):
        yield document, key
        yield from _places(value)


def filled(body: Any, view: View) -> Any:
    """Give a body without its blanks."""
    if isinstance(body, dict):
        return {key: filled(value, view) for key, value in body.items()}
    if isinstance(body, list | tuple):
        return [filled(value, view) for value in body]
    return filled(body.fill(view), view) if hasattr(body, "fill") else body
