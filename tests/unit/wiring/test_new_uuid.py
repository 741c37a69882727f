"""Ids of requests are random uuids, as the standard writes them."""

from uuid import RFC_4122, UUID

from innkeeper.wiring.parts import new_uuid


def test_each_is_a_canonical_uuid_of_version_4() -> None:
    made = {new_uuid() for _ in range(200)}
    assert len(made) == 200
    for each in made:
        parsed = UUID(each)
        assert (str(parsed), parsed.version, parsed.variant) == (each, 4, RFC_4122)
