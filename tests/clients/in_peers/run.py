"""Runs unittest tests of clients against a live Placement API, in the environment of the peers.

    run.py URL TOKEN REPORT NAME...

Our own of this folder, which find the server in PLACEMENT_URL, and those that other projects
ship in their packages. These bring a fixture that starts openstack-placement inside their own
process; it is replaced by one that names the live server instead, after emptying it. REPORT is
written as JSON: the outcome of each test, and each answer of the server's that was its own failure.
"""

import json
import logging
import os
import sys
import traceback
import unittest
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any
from unittest.mock import Mock

import fixtures
import requests

TIMEOUT_S = 60
NO_CONTENT = 204
SERVER_FAILURE = 500

Failure = tuple[type[BaseException], BaseException, TracebackType]


class LivePlacement(fixtures.Fixture):
    """A server that runs already, emptied: it takes the place of upstream's own fixture."""

    endpoint = ""
    live_token = ""

    def __init__(self, token: str = "", conf_fixture: Any = None, **options: Any) -> None:
        super().__init__()
        # Takes settings of openstack-placement: they say how it searches, not what is right.
        self.conf_fixture = Mock()
        self.token = self.live_token
        self.db = options.get("db", True)

    def setUp(self) -> None:
        super().setUp()
        Emptying(self.endpoint, self.token).run()


class Emptying:
    """Deletes through the API whatever a test before may have left."""

    def __init__(self, endpoint: str, token: str) -> None:
        self._endpoint = endpoint
        self._session = requests.Session()
        self._session.headers.update(
            {"x-auth-token": token, "openstack-api-version": "placement 1.39"}
        )

    def run(self) -> None:
        """Delete consumers, providers from the leaves up, then names."""
        providers = self._get("/resource_providers")["resource_providers"]
        paths = [f"/resource_providers/{each['uuid']}" for each in providers]
        for path in paths:
            for consumer in self._get(f"{path}/allocations")["allocations"]:
                self._delete(f"/allocations/{consumer}")
        while paths:
            left = [path for path in paths if not self._delete(path)]
            assert len(left) < len(paths), left
            paths = left
        for name in self._get("/traits?name=startswith:CUSTOM_")["traits"]:
            assert self._delete(f"/traits/{name}"), name
        for each in self._get("/resource_classes")["resource_classes"]:
            if each["name"].startswith("CUSTOM_"):
                assert self._delete(f"/resource_classes/{each['name']}"), each

    def _get(self, path: str) -> Any:
        response = self._session.get(self._endpoint + path, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.json()

    def _delete(self, path: str) -> bool:
        response = self._session.delete(self._endpoint + path, timeout=TIMEOUT_S)
        return response.status_code == NO_CONTENT


class Outcomes(unittest.TestResult):
    """Collects why each test failed; None: it passed."""

    def __init__(self) -> None:
        super().__init__()
        self.by_test: dict[str, str | None] = {}
        self.skips: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest calls it
        super().startTest(test)
        self.by_test[test.id()] = None

    def addError(self, test: unittest.TestCase, err: Failure) -> None:  # noqa: N802 - unittest calls it
        self._fail(test, err)

    def addFailure(self, test: unittest.TestCase, err: Failure) -> None:  # noqa: N802 - unittest calls it
        self._fail(test, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - unittest calls it
        self.skips[test.id()] = reason

    def _fail(self, test: unittest.TestCase, err: Failure) -> None:
        self.by_test[test.id()] = "".join(traceback.format_exception(*err))


def note_server_failures(url: str, noted: list[str]) -> None:
    """Have each answer of 500 and above from a server noted, whoever in this process gets it."""
    send = requests.adapters.HTTPAdapter.send

    def noting(self: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = send(self, request, **options)
        if response.status_code >= SERVER_FAILURE and request.url.startswith(url):
            noted.append(f"{response.status_code} {request.method} {request.url}")
        return response

    requests.adapters.HTTPAdapter.send = noting


def prepare_nova() -> None:
    """Have Nova's tests find the files of its package, and bear the SQLAlchemy that is here."""
    # Only for Nova's own tests, since it takes seconds; their package sets up threading first.
    import_module("nova.tests.functional")
    conf, nova_fixtures = import_module("nova.conf"), import_module("nova.tests.fixtures")
    deprecation = import_module("sqlalchemy.exc").SADeprecationWarning

    class WarningsFixture(nova_fixtures.WarningsFixture):
        def setUp(self) -> None:
            super().setUp()
            warnings.filterwarnings("ignore", category=deprecation)

    nova_fixtures.WarningsFixture = WarningsFixture
    conf.paths.ALL_OPTS[0].default = sys.prefix


def main() -> None:
    url, token, report, *names = sys.argv[1:]
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    os.environ["PLACEMENT_URL"] = url
    server_failures: list[str] = []
    outcomes = Outcomes()
    note_server_failures(url, server_failures)
    if any(".tests." in name for name in names):
        LivePlacement.endpoint, LivePlacement.live_token = url, token
        # In place of the module, which would import all of the server that is not started.
        upstream = ModuleType("placement.tests.functional.fixtures.placement")
        upstream.PlacementFixture = LivePlacement
        sys.modules[upstream.__name__] = upstream
    if any(name.startswith("nova.tests.") for name in names):
        prepare_nova()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(outcomes)
    report_of = {
        "outcomes": outcomes.by_test,
        "skips": outcomes.skips,
        "server_failures": server_failures,
    }
    Path(report).write_text(json.dumps(report_of), encoding="utf-8")


if __name__ == "__main__":
    main()
