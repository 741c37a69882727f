"""A command whose output nobody reads to its end is fine."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("asked", [["--help"], ["host", "list", "--help"], ["openapi", "native"]])
def test_nobody_reads_stdout(asked: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "innkeeper", *asked],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
