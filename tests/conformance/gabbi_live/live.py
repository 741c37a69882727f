"""Run one upstream YAML file against a live server, with gabbi."""

import contextlib
import io
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from gabbi import handlers as gabbi_handlers
from gabbi import httpclient, suitemaker
from gabbi import utils as gabbi_utils

REQUEST_TIMEOUT_S = 20.0
REASON_CHARS = 1_000

Failures = dict[str, str]
"""Why a test failed, by its name."""


class LiveHttp(httpclient.Http):  # type: ignore[misc] # gabbi has no types
    """gabbi's own client, less what leaks between tests.

    gabbi makes one HTTP client per test and never closes it. Here the tests of a file share
    one, which keeps no cookies and ignores proxies.
    """

    def __init__(self, client: httpx.Client) -> None:
        self.extensions: dict[str, Any] = {}
        self.client = client

    def request(self, *args: Any, **kwargs: Any) -> Any:
        self.client.cookies.clear()
        return super().request(*args, **kwargs)


def load(path: Path) -> dict[str, Any]:
    """Give a YAML file as gabbi reads it."""
    loaded: dict[str, Any] = gabbi_utils.load_yaml(yaml_file=str(path))
    return loaded


def test_names(path: Path) -> list[str]:
    return [str(test["name"]) for test in load(path)["tests"]]


def run(path: Path, port: int) -> Failures:
    """Run the tests of one file in order; give those that failed, skipped ones among them."""
    failures: Failures = {}
    names = []
    with httpx.Client(trust_env=False) as client:
        for test in _tests(path, port, client):
            name = test.test_data["name"]
            names.append(name)
            result = unittest.TestResult()
            with contextlib.redirect_stdout(io.StringIO()):
                test.run(result)
            problems = [trace for _, trace in (*result.failures, *result.errors, *result.skipped)]
            if problems or result.unexpectedSuccesses or not result.testsRun:
                failures[name] = _reason(test, "".join(problems))
    for name in set(test_names(path)).difference(names):
        failures[name] = "not run"
    return failures


def _tests(path: Path, port: int, client: httpx.Client) -> Iterator[Any]:
    get_http = mock.Mock(return_value=LiveHttp(client))
    with mock.patch.object(suitemaker.httpclient, "get_http", get_http):
        suite = suitemaker.test_suite_from_dict(
            unittest.TestLoader(),
            path.stem,
            load(path),
            str(path.parent),
            "127.0.0.1",
            port,
            None,
            None,
            handlers=[handler() for handler in gabbi_handlers.RESPONSE_HANDLERS],
        )
    yield from suite._tests


def _reason(test: Any, problem: str) -> str:
    """Give the last of what is wrong, and what the server said."""
    return (
        f"{test.test_data['method']} {getattr(test, 'url', '?')}: {problem[-REASON_CHARS:]}"
        f"\nresponse: {str(getattr(test, 'output', ''))[:REASON_CHARS]}"
    )
