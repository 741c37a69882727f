"""Upstream's own API suite, unmodified, against a live server: one test here per file there.

Another server is judged with GABBI_TARGET='COMMAND {port} {data_dir}' in the environment.
"""

import multiprocessing
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.conformance.gabbi_live import live, suite

Recorder = Callable[[str, object], None]

FILE_TIMEOUT_S = 250
"""More than any file needs on a busy machine, and less than pytest allows."""

# (file, test): why it fails. One that passes all the same fails here, so that it is removed.
EXPECTED_FAILURES: dict[tuple[str, str], str] = {}

HERE = Path(__file__).resolve().parent
OURS = shlex.join([sys.executable, str(HERE / "serve.py")]) + " {port} {data_dir}"

# What upstream's suite asks of a store, by kind of engine: each file gets a database of its own.
ON_SERVERS = {
    "postgresql": (
        "allocations.yaml",
        "allocations-post.yaml",
        "consumer-types-1.38.yaml",
        "inventory.yaml",
        "reshaper.yaml",
        "resource-classes.yaml",
        "resource-provider.yaml",
        "resource-provider-aggregates.yaml",
        "traits.yaml",
        "usage.yaml",
    ),
    "mariadb": (
        "allocations-post.yaml",
        "reshaper.yaml",
        "resource-provider.yaml",
        "unicode.yaml",
    ),
}


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Give where processes come from: one that has imported the reference already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(suite.PRELOAD)
    return context


@pytest.mark.slow
@pytest.mark.parametrize("name", suite.file_names())
def test_file(
    name: str, processes: ForkServerContext, tmp_path: Path, record_property: Recorder
) -> None:
    with counted(name, "SQLite", record_property) as failures:
        judge(name, os.environ.get("GABBI_TARGET", OURS), processes, (tmp_path, failures))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "name", "stores"),
    [
        *((engine, name, 1) for engine, names in ON_SERVERS.items() for name in names),
        # As of several processes: each request goes to another one than that before it.
        *(("postgresql", name, 2) for name in ON_SERVERS["postgresql"]),
    ],
)
def test_file_on_a_database_server(
    engine: str,
    name: str,
    stores: int,
    request: pytest.FixtureRequest,
    processes: ForkServerContext,
    tmp_path: Path,
    record_property: Recorder,
) -> None:
    url = request.getfixturevalue(f"{engine}_url")
    command = f"env GABBI_STORE_URL={shlex.quote(url)} GABBI_STORES={stores} {OURS}"
    shown = engine if stores == 1 else f"{engine}, {stores} at once"
    with counted(name, shown, record_property) as failures:
        judge(name, command, processes, (tmp_path, failures))


@contextmanager
def counted(name: str, engine: str, record: Recorder) -> Iterator[dict[str, str]]:
    """Give where to put the tests of a file that failed; what came of it is in the summary."""
    everything = len(live.test_names(suite.gabbits() / name))
    unfair = sum(file == name for file, _ in suite.UNFAIR)
    failures = dict.fromkeys(map(str, range(everything - unfair)), "no outcome")
    try:
        yield failures
    finally:
        passed = everything - unfair - len(failures)
        record("conformance", (engine, passed, len(failures), unfair))


def judge(
    name: str,
    command: str,
    processes: ForkServerContext,
    into: tuple[Path, dict[str, str]],
) -> None:
    """Fail unless one file passes against the server that ``command`` starts.

    ``into`` is its directory, and what takes the tests that failed, with why.
    """
    folder, failures = into
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=suite.run_file, args=(sender, name, command, folder))
    process.start()
    sender.close()
    try:
        if not receiver.poll(FILE_TIMEOUT_S):
            pytest.fail(f"{name} took longer than {FILE_TIMEOUT_S} s")
        found, differences = receiver.recv()
    except EOFError:
        pytest.fail(f"the process that ran {name} died; its error is in the captured output")
    finally:
        process.terminate()
        process.join()
        receiver.close()
    assert differences == []
    failures.clear()
    failures.update(found)
    expected = {test for file, test in EXPECTED_FAILURES if file == name}
    wrong = [f"{test}: {why}" for test, why in failures.items() if test not in expected]
    if wrong:
        pytest.fail("\n\n".join(wrong), pytrace=False)
    assert expected - failures.keys() == set(), "these pass now: take them off the list"


def test_the_lists_name_tests_that_exist() -> None:
    for file, test in (*EXPECTED_FAILURES, *suite.UNFAIR):
        assert test in live.test_names(suite.gabbits() / file)


def test_the_whole_suite_is_there() -> None:
    names = suite.file_names()
    assert len(names) == 79
    assert sum(len(live.test_names(suite.gabbits() / name)) for name in names) == 1316
