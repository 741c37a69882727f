import io
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from innkeeper.api.native.host_view import Amounts, HostView
from innkeeper.api.native.instance_view import DecisionView, InstanceView
from innkeeper.api.native.provider_view import InventoryView, ProviderView
from innkeeper.cli.audit_table import audit_table
from innkeeper.cli.replay import _policies
from innkeeper.cli.tables import host_table, instance_details, instance_table, provider_tree
from innkeeper.core.audit import Finding
from innkeeper.core.decision import Decision, Score, Step
from innkeeper.core.errors import SetupError
from innkeeper.core.ids import HostName
from innkeeper.core.instance import Attempt, Fault

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def drawn(table: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def host(name: str, **changes: object) -> HostView:
    fields: dict[str, object] = {
        "cell": "a",
        "zone": "z",
        "enabled": True,
        "up": True,
        "disabled_reason": "",
        "provider": "p",
        "resources": {"VCPU": Amounts(32, 4)},
        "links": (),
    }
    return HostView(name=name, **{**fields, **changes})  # type: ignore[arg-type]


def instance(**changes: object) -> InstanceView:
    fields: dict[str, object] = {
        "uuid": "u" * 36,
        "name": "[red]n",
        "project_id": "p",
        "user_id": "u",
        "status": "ERROR",
        "task_state": None,
        "cell": "a",
        "cell_up": True,
        "host": None,
        "attempt": 2,
        "attempts": (Attempt(1, HostName("h1"), "no power"),),
        "fault": Fault("innkeeper.build_failed", "It failed."),
        "selection": None,
        "alternates": 0,
        "created_at": NOW,
        "updated_at": NOW,
        "deleted_at": None,
        "links": (),
    }
    return InstanceView(**{**fields, **changes})  # type: ignore[arg-type]


def test_hosts_show_what_they_have_and_how_they_are() -> None:
    text = drawn(
        host_table(
            [
                host("h1"),
                host("h2", up=False, resources={}),
                host("h3", enabled=False, disabled_reason="[disk]"),
            ]
        )
    )
    assert "4 / 32" in text
    assert "down" in text
    assert "disabled: [disk]" in text
    assert "VCPU" in text


def test_instances_show_their_cell_as_down_if_it_is() -> None:
    text = drawn(instance_table([instance(cell_up=False), instance(task_state="deleting")]))
    assert "a (down)" in text
    assert "ERROR (deleting)" in text
    assert "[red]n" in text


def test_an_instance_shows_what_was_tried_and_why() -> None:
    record = Decision(
        "fgd", 3, steps=(Step("units", 1, 2, "too big"),), top=(Score(HostName("h1"), 50.0),)
    )
    decision = DecisionView(instance="u", why=record.why(), record=record, links=())
    text = drawn(instance_details(instance(), decision))
    for words in ("h1: no power", "It failed.", "Of 3 hosts", "too big", "h1 scored 50"):
        assert words in text


def test_a_tree_shows_its_devices() -> None:
    gpu = ProviderView(
        "g", "h1_gpu0", 1, {"PGPU": InventoryView(1, 0, 1.0, 1, 1)}, ("CUSTOM_T4",), (), ()
    )
    root = ProviderView("r", "h1", 1, {}, (), (), (gpu,))
    text = drawn(provider_tree(root))
    assert "h1_gpu0" in text
    assert "PGPU 1/1" in text
    assert "CUSTOM_T4" in text


def test_an_audit_says_what_is_wrong() -> None:
    finding = Finding("wrong", "tree_is_whole", "p1", "its root is 3")
    text = drawn(audit_table("db", {"hosts": 2}, ("tree_is_whole",), [finding]))
    assert "1 things are wrong." in text
    assert "its root is 3" in text
    assert "The books are clean." in drawn(audit_table("db", {}, ("tree_is_whole",), []))


@pytest.mark.parametrize(
    ("named", "meant"),
    [("bestfit", "best-fit"), ("BEST_FIT", "best-fit"), ("dotprod", "dot-product"), ("fgd", "fgd")],
)
def test_policies_go_by_several_names(named: str, meant: str) -> None:
    assert _policies(named) == (meant,)


def test_all_policies_and_none() -> None:
    assert len(_policies("all")) == 6
    with pytest.raises(SetupError, match="gpu-packing"):
        _policies("worst")
