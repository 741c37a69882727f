from datetime import UTC, datetime

import pytest

from innkeeper.api.native.asked import Asked, Group, request_spec
from innkeeper.api.native.call import Call
from innkeeper.api.native.instances import CreateInstance
from innkeeper.core.errors import InvalidInput
from innkeeper.core.picture import NamePicture, Picture
from innkeeper.core.request_group import RequestGroup
from innkeeper.index.index import Index

NOW = datetime(2026, 7, 1, tzinfo=UTC)
UUID = "0b3a5b4e-6d0c-4a3e-9f3a-7d7f6d6a4b11"


@pytest.fixture
def index() -> Index:
    index = Index()
    index.apply(
        Picture(
            resource_classes=tuple(NamePicture(n, NOW) for n in ("VCPU", "MEMORY_MB", "PGPU")),
            traits=tuple(NamePicture(n, NOW) for n in ("HW_A", "HW_B", "HW_C")),
        )
    )
    return index


def call(content: bytes) -> Call:
    return Call(path={}, query={}, content=content, url="/v1/instances")


def test_resources_are_short_for_one_group(index: Index) -> None:
    asked = Asked(project_id="p", user_id="u", resources={"VCPU": 2, "MEMORY_MB": 512})
    (group,) = request_spec(asked, index, cells={"a"}).request.groups
    assert group == RequestGroup(resources=(("MEMORY_MB", 512), ("VCPU", 2)))


def test_everything_is_translated(index: Index) -> None:
    asked = Asked(
        project_id="p",
        user_id="u",
        resources={"VCPU": 1},
        traits=("HW_A", ("HW_B", "HW_C")),
        groups=(
            Group({"PGPU": 1}, "_1", forbidden=("HW_A",), member_of=((UUID.upper(),),)),
            Group({"PGPU": 1}, "_2", in_tree=UUID.replace("-", "")),
        ),
        group_policy="isolate",
        same_subtree=(("_1", "_2"),),
        root_required=("HW_A",),
        server_group=UUID,
        policy="fgd",
        cell="a",
        host="h",
        different_host=("x",),
    )
    spec = request_spec(asked, index, cells={"a"})
    plain, one, two = spec.request.groups
    assert plain.required == (("HW_A",), ("HW_B", "HW_C"))
    assert one.forbidden == {"HW_A"}
    assert one.member_of == ((UUID,),)
    assert two.in_tree == UUID
    assert spec.request.group_policy == "isolate"
    assert spec.request.same_subtree == (frozenset({"_1", "_2"}),)
    assert (spec.group, spec.policy, spec.host) == (UUID, "fgd", "h")
    assert spec.different_host == ("x",)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "nothing is asked for"),
        ({"resources": {"VCPUS": 1}}, "resources: there is no 'VCPUS'"),
        ({"resources": {"VCPU": 1}, "traits": ("HW_X",)}, "required: there is no 'HW_X'"),
        ({"traits": ("HW_A",)}, "traits: they need resources"),
        ({"resources": {"VCPU": 1}, "server_group": "x"}, "server_group: 'x' is no uuid"),
        (
            {"groups": (Group({"PGPU": 1}, "_1"), Group({"PGPU": 1}, "_2"))},
            "group_policy: several groups",
        ),
        ({"groups": (Group({"PGPU": 1}, "_1"), Group({}, "_1"))}, "the same suffix"),
        ({"groups": (Group({"PGPU": 1}, "_1"), Group({}, ""))}, "without a suffix needs"),
        ({"resources": {"VCPU": 1}, "same_subtree": (("_9",),)}, "no group with the suffix '_9'"),
        ({"resources": {"VCPU": 1}, "cell": "b"}, "cell: there is no 'b'"),
    ],
)
def test_nonsense_is_refused_with_its_field(
    index: Index, fields: dict[str, object], words: str
) -> None:
    asked = Asked(project_id="p", user_id="u", **fields)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=words):
        request_spec(asked, index, cells={"a"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "missing required field `instance`"),
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"instance": []}', "instance: Expected `object`, got `array`"),
        (
            b'{"instance": {"name": 1, "project_id": "p", "user_id": "u"}}',
            "instance.name: Expected `str`, got `int`",
        ),
        (
            b'{"instance": {"project_id": "p", "user_id": "u", "resources": {"VCPU": 0}}}',
            r"instance.resources\[...\]: Expected `int` >= 1",
        ),
        (
            b'{"instance": {"name": "n", "project_id": "p", "user_id": "u", "flavor": "m1"}}',
            "contains unknown field `flavor`",
        ),
    ],
)
def test_a_bad_body_is_refused_with_its_field(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        call(content).body(CreateInstance)
