"""What is measured is what it is called."""

from bench.against_placement.cases import FLAT_QUERY, FLAVORS, flavored, wide_query
from innkeeper.index.answers import MOST


def test_no_search_is_answered_by_what_was_kept_of_another() -> None:
    # Two workers have half of them each, by chance.
    assert FLAVORS >= 4 * MOST
    for query in (FLAT_QUERY, wide_query(8)):
        asked = {tuple(flavored(query, number).items()) for number in range(FLAVORS)}
        assert len(asked) == FLAVORS


def test_a_flavor_asks_for_a_little_more_memory_or_has_other_numbers() -> None:
    assert flavored(FLAT_QUERY, 0) == FLAT_QUERY
    assert flavored(FLAT_QUERY, 3) == {"resources": "VCPU:1,MEMORY_MB:67,DISK_GB:1"}
    assert flavored(wide_query(2), 3) == {
        "resources_3": "PGPU:1",
        "resources_4": "PGPU:1",
        "group_policy": "isolate",
    }
