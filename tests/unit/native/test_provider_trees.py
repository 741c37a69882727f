"""Provider trees as they are shown, however deep they are."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec

from innkeeper.api.native.call import Call
from innkeeper.api.native.provider_trees import MAX_DEPTH, show_tree
from innkeeper.api.native.provider_view import TreeShown
from innkeeper.api.native.service import Service
from tests.unit.index.worlds import Rp, loaded, rp_uuid, world


async def shown(depth: int) -> Any:
    """Give the tree of a chain of so many providers, as JSON has it."""
    index = loaded(world(Rp(1), *(Rp(each, each - 1) for each in range(2, depth + 1))))
    service = cast("Service", SimpleNamespace(index=index))
    call = Call(path={"provider": rp_uuid(depth)}, query={}, content=b"", url="")
    body = msgspec.json.encode((await show_tree(service, call)).body)
    assert msgspec.json.decode(body, type=TreeShown)
    return msgspec.json.decode(body)["provider_tree"]


def levels(tree: Any) -> list[Any]:
    return [tree, *(each for child in tree["children"] for each in levels(child))]


async def test_a_chain_is_shown_whole() -> None:
    chain = levels(await shown(MAX_DEPTH))
    assert [each["uuid"] for each in chain] == [rp_uuid(n + 1) for n in range(MAX_DEPTH)]
    assert not any("cut" in each for each in chain)


async def test_a_chain_that_is_too_deep_is_cut_and_says_so() -> None:
    chain = levels(await shown(600))
    assert [each["uuid"] for each in chain] == [rp_uuid(n + 1) for n in range(MAX_DEPTH)]
    assert [each.get("cut", False) for each in chain] == [False] * (MAX_DEPTH - 1) + [True]
