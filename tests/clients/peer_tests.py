"""Runs tests in the environment of the peers, against a live Innkeeper."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.clients.live_innkeeper import TOKEN, in_place

SCRIPT: Final = Path(__file__).resolve().parent / "in_peers" / "run.py"
PATIENCE_S: Final = 280


@dataclass(frozen=True)
class PeerTests:
    """A Python that has the clients, and the server that these shall use."""

    python: Path
    environment: Mapping[str, str]
    url: str
    folder: Path

    def passed(
        self,
        names: Sequence[str],
        *,
        expected_failures: Mapping[str, str] | None = None,
        patience_s: float | None = PATIENCE_S,
    ) -> int:
        """Run them; give how many passed. All but the expected failures must, and none of these."""
        path = self.folder / "report.json"
        done = subprocess.run(
            [self.python, SCRIPT, self.url, TOKEN, path, *names],
            env={name: in_place(text, self.url) for name, text in self.environment.items()},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
        assert path.exists(), done.stderr[-4_000:]
        report = json.loads(path.read_text())
        assert report["skips"] == {}
        assert report["server_failures"] == []
        wrong = {test: why for test, why in report["outcomes"].items() if why is not None}
        expected = (expected_failures or {}).keys() & report["outcomes"].keys()
        reasons = [f"{test}: {why}" for test, why in wrong.items() if test not in expected]
        if reasons:
            pytest.fail("\n\n".join(reasons), pytrace=False)
        assert wrong.keys() == expected, "these pass now: take them off the list"
        return len(report["outcomes"]) - len(wrong)
