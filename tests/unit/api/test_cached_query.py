"""Parsed queries are remembered by their text and version; long ones and refusals are not."""

import pytest

from innkeeper.api.placement.errors import HttpError, bad_request
from innkeeper.api.placement.query.cached import MAX_CACHED_CHARACTERS, cached_by_query
from innkeeper.api.placement.versions import Version


def test_a_query_is_parsed_once_for_each_version() -> None:
    parsed: list[tuple[str, Version]] = []

    @cached_by_query
    def parse(query: str, version: Version) -> str:
        parsed.append((query, version))
        return f"{query} at 1.{version[1]}"

    asked = [("a", (1, 1)), ("a", (1, 2)), ("b", (1, 1)), ("a", (1, 1)), ("b", (1, 1))]
    answers = [parse(query, version) for query, version in asked]
    assert answers == ["a at 1.1", "a at 1.2", "b at 1.1", "a at 1.1", "b at 1.1"]
    assert parsed == asked[:3]


def test_a_long_query_is_parsed_each_time() -> None:
    parsed: list[str] = []

    @cached_by_query
    def parse(query: str, _version: Version) -> str:
        parsed.append(query)
        return query

    longest, longer = "x" * MAX_CACHED_CHARACTERS, "x" * (MAX_CACHED_CHARACTERS + 1)
    for query in (longest, longest, longer, longer):
        assert parse(query, (1, 0)) == query
    assert parsed == [longest, longer, longer]


def test_a_refusal_is_found_anew_each_time() -> None:
    refused: list[str] = []

    @cached_by_query
    def parse(query: str, _version: Version) -> str:
        refused.append(query)
        raise bad_request("no")

    for _ in range(2):
        with pytest.raises(HttpError):
            parse("a", (1, 0))
    assert refused == ["a", "a"]
