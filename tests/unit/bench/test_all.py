"""All benchmarks in a row: what was missed is said last."""

import sys

import pytest

from bench import __main__ as every


def test_what_was_missed_is_said_in_the_last_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(name: str, _options: list[str]) -> int:
        sys.stdout.write(f"goals of {name}\n")
        return int(name == "schedule")

    monkeypatch.setattr(every, "run", run)
    monkeypatch.setattr("sys.argv", ["bench"])
    every.main()
    *_, of_last, missed = capsys.readouterr().out.splitlines()
    assert of_last == "goals of against_placement"
    assert missed == "MISSED        goals of schedule, as said above"
