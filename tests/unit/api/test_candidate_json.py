"""The answer that is put together from kept pieces says what a plainly written one would."""

from random import Random

import msgspec
from hypothesis import given

from innkeeper.api.placement.candidate_json import encoded_candidates
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import RpId, RpRow
from innkeeper.core.moment import to_us
from innkeeper.core.picture import Picture, UsagePicture
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.index import Index
from innkeeper.index.kept import Kept
from innkeeper.index.search import candidates
from tests.conformance.plain_candidates import plain_answer
from tests.provider_pictures import table
from tests.unit.index.worlds import (
    CLASSES,
    NOW,
    Rp,
    Stock,
    World,
    a_request,
    a_world,
    group,
    loaded,
    provider_picture,
    rp_uuid,
    seeds,
    world,
)

VERSIONS: tuple[Version, ...] = (
    (1, 10),
    (1, 12),
    (1, 17),
    (1, 27),
    (1, 29),
    (1, 34),
    (1, 39),
)
STEPS = 6
MOST_PROVIDERS = 8


def check(index: Index, request: CandidateRequest) -> None:
    found = candidates(index, request)
    for version in VERSIONS:
        ours = encoded_candidates(index, version, request, found)
        plain = plain_answer(index, version, request, found)
        assert unordered(ours) == unordered(plain), version


def unordered(answer: bytes) -> object:
    """Give what an answer says, with the lists sorted in which order means nothing."""
    said = msgspec.json.decode(answer)
    for request in said["allocation_requests"]:
        if isinstance(request["allocations"], list):
            request["allocations"].sort(key=lambda each: each["resource_provider"]["uuid"])
        for uuids in request.get("mappings", {}).values():
            uuids.sort()
    return said


def below(where: World, rp_id: int) -> list[int]:
    """Give a provider and all below it, parents first."""
    return [each for each in where.rps if rp_id in where.lineage(each)]


def moved(random: Random, where: World) -> tuple[World, list[int]]:
    """Move a subtree; give all whose root may have changed."""
    rp_id = random.choice(list(where.rps))
    subtree = below(where, rp_id)
    parents = [None, *(each for each in where.rps if each not in subtree)]
    rp = msgspec.structs.replace(where.rps[rp_id], parent=random.choice(parents))
    return World({**where.rps, rp_id: rp}), subtree


def removed(random: Random, where: World) -> tuple[World, int] | None:
    leaves = [each for each in where.rps if below(where, each) == [each]]
    if len(where.rps) == 1:
        return None
    gone = random.choice(leaves)
    return World({rp_id: rp for rp_id, rp in where.rps.items() if rp_id != gone}), gone


def change(random: Random, index: Index, where: World) -> World:
    """Change something in the world, and tell the index as the store would."""
    rp_id = random.choice(list(where.rps))
    match random.choice(["used", "used", "made anew", "moved", "removed", "one more"]):
        case "used":
            used = tuple((name, random.randint(0, 4)) for name in CLASSES)
            index.apply(Picture(usages=(UsagePicture(RpId(rp_id), 2, to_us(NOW), used),)))
            return where
        case "made anew":
            other = a_world(random, 1).rps[1]
            rp = msgspec.structs.replace(other, id=rp_id, parent=where.rps[rp_id].parent)
            where, changed = World({**where.rps, rp_id: rp}), [rp_id]
        case "moved":
            where, changed = moved(random, where)
        case "one more":
            new = max(where.rps) + 1
            parent = random.choice([None, rp_id])
            where, changed = World({**where.rps, new: Rp(new, parent, {"A": Stock()})}), [new]
        case _:
            left = removed(random, where)
            if left is not None:
                where, gone = left
                index.apply(Picture(removed=(RpId(gone),)))
            return where
    index.apply(Picture(providers=table(provider_picture(where, each) for each in changed)))
    return where


@given(seeds)
def test_pieces_say_what_the_plain_answer_says_whatever_has_changed(random: Random) -> None:
    where = a_world(random, MOST_PROVIDERS)
    index = loaded(where)
    everything = CandidateRequest(groups=(group(A=1),))
    for _ in range(STEPS):
        check(index, everything)
        asked = a_request(random)
        if any(each.resources for each in asked.groups):
            check(index, asked)
        where = change(random, index, where)
    check(index, everything)


def test_a_suffix_that_is_the_uuid_of_a_provider_stays_what_it_is() -> None:
    index = loaded(world(Rp(1, None, {"A": Stock()}), Rp(2, None, {"A": Stock()})))
    check(index, CandidateRequest(groups=(group(rp_uuid(1), A=1), group("_B", A=1))))


def test_what_is_kept_has_a_bound() -> None:
    kept = Kept(max_bytes=10)
    kept.put(RpRow(1), b"1234")
    kept.put(RpRow(2), b"123456")
    assert (kept.get(RpRow(1)), kept.get(RpRow(2))) == (b"1234", b"123456")
    kept.put(RpRow(2), b"12345")
    kept.put(RpRow(3), b"1")
    assert kept.get(RpRow(1)) == b"1234"
    kept.put(RpRow(4), b"1")
    assert (kept.get(RpRow(1)), kept.get(RpRow(4))) == (None, b"1")
