import gzip
from pathlib import Path

import pytest

from innkeeper.core.errors import BadTrace
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.replay.openb import (
    Node,
    Task,
    candidate_request,
    load_nodes,
    load_tasks,
    model_trait,
    typical_tasks,
)

NODE_HEADER = "sn,cpu_milli,memory_mib,gpu,model\n"
TASK_HEADER = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"


def write(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_the_example_is_the_cluster_of_the_published_experiments(checkout: Path) -> None:
    nodes = load_nodes(checkout / "examples/openb/openb_node_list_gpu_node.csv")
    assert len(nodes) == 1213
    assert sum(node.gpus for node in nodes) == 6212
    assert sum(node.cpu_milli for node in nodes) == 107_018_000
    assert sum(node.memory_mb for node in nodes) == 503_828_480


def test_the_example_tasks_are_the_default_list(checkout: Path) -> None:
    tasks = load_tasks(checkout / "examples/openb/openb_pod_list_default.csv.gz")
    assert len(tasks) == 8152
    assert sum(task.asked_gpu_milli for task in tasks) == 6_086_800
    counts: dict[str, int] = {}
    for task in tasks:
        counts[task.workload] = counts.get(task.workload, 0) + 1
    assert counts == {
        "": 1088,
        "share": 3078,
        "gpu1": 3911,
        "gpu2": 16,
        "gpu4": 15,
        "gpu8": 44,
    }


def test_a_node_without_gpus_has_no_model(tmp_path: Path) -> None:
    path = write(tmp_path, NODE_HEADER + "n1,64000,1024,2,T4\nn2,1000,2048,0,\n")
    assert load_nodes(path) == (Node("n1", 64000, 1024, 2, "T4"), Node("n2", 1000, 2048, 0, ""))


def test_a_task_list_may_have_five_columns_or_more_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path, "gpu_milli,name,num_gpu,qos,memory_mib,cpu_milli\n500,t,1,LS,9,8\n")
    assert load_tasks(path) == (Task("t", 8, 9, 1, 500),)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (",1,1,0,", "row 2, column 'sn': expected a name, found ''"),
        ("n,x,1,0,", "row 2, column 'cpu_milli': expected a whole number from 1 to"),
        ("n,1,-1,0,", "row 2, column 'memory_mib': expected a whole number"),
        ("n,1,1,9,T4", "row 2, column 'gpu': expected a whole number from 0 to 8, found '9'"),
        ("n,1,1,1,", "row 2, column 'model': expected a name"),
        ("n,1,1.5,1,T4", "row 2, column 'memory_mib'"),
        ("n,1,1", "row 2, column 'model': expected 5 columns as in the header, found 3"),
        ("n,1,1,0,\nn,1,1,0,", "row 3, column 'sn': expected a name that no earlier row has"),
        ('n,"1"x,1,0,', "row 2: expected CSV"),
    ],
)
def test_a_bad_node_is_named(tmp_path: Path, row: str, expected: str) -> None:
    path = write(tmp_path, NODE_HEADER + row + "\n")
    with pytest.raises(BadTrace) as caught:
        load_nodes(path)
    assert caught.value.detail.startswith(str(path))
    assert expected in caught.value.detail


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("t,1,1,3,1000,", "column 'num_gpu': expected one of 0, 1, 2, 4, 8, found '3'"),
        ("t,1,1,1,1001,", "column 'gpu_milli': expected a whole number from 1 to 1000"),
        ("t,1,1,1,0,", "column 'gpu_milli': expected a whole number from 1 to 1000"),
        ("t,1,1,2,500,", "column 'gpu_milli': expected a whole number from 1000 to 1000"),
        ("t,1,1,0,5,", "column 'gpu_milli': expected a whole number from 0 to 0"),
        ("t,²,1,0,0,", "column 'cpu_milli'"),
    ],
)
def test_a_bad_task_is_named(tmp_path: Path, row: str, expected: str) -> None:
    with pytest.raises(BadTrace) as caught:
        load_tasks(write(tmp_path, TASK_HEADER + row + "\n"))
    assert "row 2, " in caught.value.detail
    assert expected in caught.value.detail


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match="row 1, column 'memory_mib': expected it in the header"):
        load_tasks(write(tmp_path, "name,cpu_milli,num_gpu,gpu_milli\n"))
    with pytest.raises(BadTrace, match="row 1, column 'sn'"):
        load_nodes(write(tmp_path, ""))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match="cannot be read: No such file"):
        load_nodes(tmp_path / "none.csv")
    with pytest.raises(BadTrace, match="expected a gzip file"):
        load_tasks(write(tmp_path, TASK_HEADER, "list.csv.gz"))
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(TASK_HEADER.encode() * 99)[:-12])
    with pytest.raises(BadTrace, match="expected a gzip file"):
        load_tasks(cut)
    (tmp_path / "latin.csv").write_bytes(b"name\xe9")
    with pytest.raises(BadTrace, match="expected UTF-8"):
        load_tasks(tmp_path / "latin.csv")


def test_a_sharing_task_asks_for_one_group_beside_its_host() -> None:
    assert candidate_request(Task("t", 4000, 1024, 1, 300)) == CandidateRequest(
        groups=(
            RequestGroup(resources=(("CUSTOM_CPU_MILLI", 4000), ("MEMORY_MB", 1024))),
            RequestGroup(suffix="_GPU0", resources=(("CUSTOM_GPU_MILLI", 300),)),
        )
    )


def test_several_gpus_are_isolated_groups_of_the_models_allowed() -> None:
    request = candidate_request(Task("t", 4000, 0, 2, 1000, "V100M16|V100M32|V100M32"))
    assert request.group_policy == "isolate"
    assert [group.suffix for group in request.groups] == ["", "_GPU0", "_GPU1"]
    assert request.groups[0].resources == (("CUSTOM_CPU_MILLI", 4000),)
    models = ("CUSTOM_GPU_MODEL_V100M16", "CUSTOM_GPU_MODEL_V100M32")
    assert all(group.required == (models,) for group in request.groups[1:])


def test_a_task_without_gpu_is_flat() -> None:
    request = candidate_request(Task("t", 4000, 1024, 0, 0))
    assert [group.suffix for group in request.groups] == [""]


def test_a_model_becomes_the_name_of_a_trait() -> None:
    assert model_trait("a-10 x") == "CUSTOM_GPU_MODEL_A_10_X"


def test_typical_tasks_cover_95_percent_the_most_frequent_first() -> None:
    tasks = [Task("a", 1, 1, 1, 500)] * 90 + [Task("b", 2, 1, 0, 0)] * 5
    tasks += [Task("c", 3, 1, 1, 1000, "T4")] * 5
    found = typical_tasks(tasks)
    assert [(task.cpu, task.weight) for task in found] == [(1, 90 / 95), (3, 5 / 95)]
    assert found[1].models == {"CUSTOM_GPU_MODEL_T4"}
    assert typical_tasks([]) == ()
