import json
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Innkeeper

pytestmark = pytest.mark.slow

TASKS_OF_OPENB: Final = 8_152


def test_a_run_is_measured_audited_and_left_for_the_audit_command(
    innkeeper: Innkeeper, tiny_trace: Path
) -> None:
    done = innkeeper("replay", "openb", "--policy", "bestfit", "--data", tiny_trace, "--json")
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads(done.stdout)["policies"]
    assert figures["policy"] == "best-fit"
    assert figures["books_clean"]
    assert 50 < figures["allocated_percent"] <= 100
    assert figures["allocated_percent"] + figures["unallocated_percent"] == 100

    audited = innkeeper("audit", "--json")
    assert audited.returncode == 0, audited.stderr
    (books,) = json.loads(audited.stdout)["audits"]
    assert books["clean"]
    assert books["counts"]["hosts"] == 6
    assert books["counts"]["instances"] >= 60


def test_runs_of_one_seed_are_the_same_and_another_replay_may_follow(
    innkeeper: Innkeeper, tiny_trace: Path
) -> None:
    replay = ("replay", "openb", "--policy", "random", "--data", tiny_trace, "--json")
    first, second = innkeeper(*replay), innkeeper(*replay)
    assert first.returncode == second.returncode == 0, second.stderr
    assert first.stdout == second.stdout


def test_several_seeds_make_one_row_and_leave_nothing_behind(
    innkeeper: Innkeeper, tiny_trace: Path, tmp_path: Path
) -> None:
    done = innkeeper("replay", "openb", "--seeds", 2, "--jobs", 2, "--data", tiny_trace)
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("fgd  ")]
    assert row.split()[:2] == ["fgd", "2"]
    assert row.endswith("clean")
    # No terminal: plain lines tell of progress.
    assert "fgd seed 43:" in done.stdout
    assert not list((tmp_path / "innkeeper-data").glob("runs/*/innkeeper.db"))


def test_the_whole_system_places_builds_retries_and_keeps_its_books(
    innkeeper: Innkeeper, tiny_trace: Path
) -> None:
    done = innkeeper(
        *("replay", "openb", "--as-servers", "--exit", "--port", 0, "--failure-rate", 0.2),
        *("--data", tiny_trace, "--json"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    last = result["last"]
    assert last["active"] + sum(result["errors"].values()) == last["tasks"] == 60
    assert last["retried"] > 0
    assert result["cells"] == 2
    assert result["audit"]["findings"] == []
    assert innkeeper("audit").returncode == 0

    listed = innkeeper("instance", "list", "--status", "ACTIVE", "--limit", 1000, "--json")
    instances = json.loads(listed.stdout)["instances"]
    assert len(instances) == last["active"]
    shown = innkeeper("instance", "show", instances[0]["uuid"], "--json")
    assert json.loads(shown.stdout)["decision"]["why"].startswith("Of 6 hosts")

    hosts = json.loads(innkeeper("host", "list", "--json").stdout)["hosts"]
    assert [host["name"] for host in hosts] == [f"node-{n}" for n in range(6)]
    used = sum(host["resources"]["CUSTOM_GPU_MILLI"]["used"] for host in hosts)
    assert used > 0
    assert used == 16_000 - 1000 * result["unallocated_gpus"]

    (tree,) = json.loads(innkeeper("provider", "tree", "node-5_gpu3", "--json").stdout)[
        "provider_trees"
    ]
    assert tree["name"] == "node-5"
    assert len(tree["children"]) == 4
    assert tree["children"][3]["traits"] == ["CUSTOM_GPU_MODEL_T4"]


def test_every_command_draws_tables_for_people(innkeeper: Innkeeper, tiny_trace: Path) -> None:
    innkeeper("replay", "openb", "--data", tiny_trace)
    assert "node-3" in innkeeper("host", "list").stdout
    assert "ACTIVE" in innkeeper("instance", "list", "--limit", 3).stdout
    assert "CUSTOM_GPU_MODEL_T4" in innkeeper("provider", "tree", "node-0").stdout
    assert "The books are clean." in innkeeper("audit").stdout


def test_the_whole_cluster_ends_with_clean_books(innkeeper: Innkeeper, checkout: Path) -> None:
    # What `make run` does. It writes for long enough that refusals, retries and batches of all
    # sizes meet, which the small trace does not.
    done = innkeeper(
        *("replay", "openb", "--as-servers", "--policy", "fgd", "--exit", "--port", 0, "--json"),
        *("--data", checkout / "examples/openb"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    last = result["last"]
    assert last["active"] + sum(result["errors"].values()) == last["tasks"] == TASKS_OF_OPENB
    assert result["audit"]["findings"] == []
