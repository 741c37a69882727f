"""What is the same answer: two of them side by side, and what is different, in words."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tests.conformance.oracle.exchange import Answer, Request

IGNORED_HEADERS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)
"""What belongs to the HTTP server and not to the API."""

FORMS = {"x-openstack-request-id": re.compile(r"req-[0-9a-f-]{36}")}
"""Headers whose value is each server's own: both must have them, in this form."""


@dataclass(frozen=True)
class Difference:
    """One thing in which two answers differ."""

    where: str
    """``status``, ``header NAME``, ``error FIELD`` or ``body``."""
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        return f"{self.where}: {self.ours!r}, not {self.theirs!r}"


def differences(request: Request, ours: Answer, theirs: Answer) -> Iterator[Difference]:
    """Give all in which they differ, but for the order of lists, which is nobody's promise.

    The one list whose order a client knows is the one that it has sent: aggregates are echoed.
    """
    if ours.status != theirs.status:
        yield Difference("status", ours.status, theirs.status)
    yield from _header_differences(ours.headers, theirs.headers)
    if ours.is_json and theirs.is_json:
        yield from _json_differences(ours.json, theirs.json)
        if request.method == "PUT" and request.target.endswith("/aggregates"):
            mine, other = ours.json.get("aggregates"), theirs.json.get("aggregates")
            if mine != other:
                yield Difference("order", mine, other)
    elif ours.body != theirs.body:
        # An error as text or HTML is its detail, and the words around it.
        is_error = theirs.body and ours.status == theirs.status >= HTTPStatus.BAD_REQUEST
        mine, other = (each.body.decode("utf-8", "replace") for each in (ours, theirs))
        yield Difference("error detail" if is_error else "body", mine, other)


def _header_differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*ours, *theirs} - IGNORED_HEADERS):
        mine, other = _header(name, ours.get(name)), _header(name, theirs.get(name))
        if mine != other:
            yield Difference(f"header {name}", mine, other)


def _header(name: str, value: str | None) -> str | None:
    if value is not None and name in FORMS:
        return "well formed" if FORMS[name].fullmatch(value) else value
    if value is not None and name == "allow":
        return ", ".join(sorted(word.strip() for word in value.split(",")))
    return value


def _json_differences(ours: Any, theirs: Any) -> Iterator[Difference]:
    if _is_error(ours) and _is_error(theirs):
        (mine,), (other,) = ours["errors"], theirs["errors"]
        for name in sorted({*mine, *other}):
            one, two = mine.get(name), other.get(name)
            if one != two and not (name == "request_id" and one and two):
                yield Difference(f"error {name}", one, two)
        return
    mine, other = ordered(ours), ordered(theirs)
    if mine != other:
        yield Difference("body", mine, other)


def _is_error(document: Any) -> bool:
    return isinstance(document, dict) and "errors" in document


def ordered(document: Any) -> Any:
    """Give a document whose lists are in one order."""
    if isinstance(document, dict):
        return {key: ordered(value) for key, value in sorted(document.items())}
    if isinstance(document, list):
        return sorted((ordered(each) for each in document), key=json.dumps)
    return document
