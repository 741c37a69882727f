"""Query strings: what they ask for, and the words for what is wrong with them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from innkeeper.api.placement.errors import HttpError
from innkeeper.api.placement.params import MAX_PARAMETERS, Params
from innkeeper.api.placement.query.aggregates import AggregateConditions, collect_aggregates
from innkeeper.api.placement.query.candidates import parse_candidate_request
from innkeeper.api.placement.query.resources import MORE_THAN_ANY, parse_resources
from innkeeper.api.placement.query.traits import TraitConditions, collect_traits
from innkeeper.api.placement.versions import LATEST, Version
from innkeeper.core.ids import AggregateUuid
from innkeeper.core.request_group import CandidateRequest, RequestGroup

A = AggregateUuid("aaaaaaaa-0000-4000-8000-000000000001")
B = AggregateUuid("aaaaaaaa-0000-4000-8000-000000000002")


def candidate_request(query: str, version: Version = LATEST) -> CandidateRequest:
    return parse_candidate_request(Params.parse(query), version)


# --- parameters -----------------------------------------------------------------------------


def test_parameters_keep_order_and_repetition() -> None:
    params = Params.parse("a=1&b=&a=%C3%A9+x")
    assert params.pairs == (("a", "1"), ("b", ""), ("a", "é x"))
    assert (params.get("a"), params.all("a"), params.get("c")) == ("é x", ["1", "é x"], None)
    assert ("b" in params, "c" in params) == (True, False)


@pytest.mark.parametrize("query", ["a=%ff", "&".join(["a=1"] * (MAX_PARAMETERS + 1))])
def test_parameters_that_are_refused(query: str) -> None:
    with pytest.raises(HttpError, match="Invalid query string parameters"):
        Params.parse(query)


# --- resources ------------------------------------------------------------------------------


def test_resources() -> None:
    assert parse_resources("VCPU:2,DISK_GB:10") == (("DISK_GB", 10), ("VCPU", 2))
    assert parse_resources("VCPU:2,VCPU:3") == (("VCPU", 3),)
    assert parse_resources(f"VCPU:{2**70}") == (("VCPU", MORE_THAN_ANY),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Badly formed resources parameter.* Got: empty string."),
        ("VCPU", "Badly formed resources parameter.* Got: VCPU."),
        ("VCPU:1:2", "Badly formed resources parameter.* Got: VCPU:1:2."),
        ("VCPU:1,", "Badly formed resources parameter"),
        ("VCPU:x", "Requested resource VCPU expected positive integer amount. Got: x."),
        ("VCPU:0", "Requested resource VCPU requires amount >= 1. Got: 0."),
        ("VCPU:" + "9" * 5000, "expected positive integer amount"),
    ],
)
def test_malformed_resources(text: str, words: str) -> None:
    with pytest.raises(HttpError, match=words) as caught:
        parse_resources(text)
    assert caught.value.status == 400


# --- traits ---------------------------------------------------------------------------------


def traits(query: str, version: Version = LATEST) -> TraitConditions:
    return collect_traits(Params.parse(query), "required", version)


def test_traits() -> None:
    assert traits("") == TraitConditions()
    assert traits("required=X,!Y, Z") == TraitConditions((("X",), ("Z",)), frozenset({"Y"}))
    assert traits("required=in:X,Y&required=!!Z") == TraitConditions(
        (("X", "Y"),), frozenset({"Z"})
    )


def test_up_to_1_38_the_last_of_repeated_traits_counts() -> None:
    assert traits("required=X&required=Y", (1, 38)) == TraitConditions((("Y",),))


@pytest.mark.parametrize(
    ("query", "version", "words"),
    [
        ("required=", (1, 18), "of the form: HW_CPU_X86_VMX,CUSTOM_MAGIC. Got an empty trait in"),
        ("required=X,", (1, 22), "of the form: HW_CPU_X86_VMX,!CUSTOM_MAGIC. Got an empty"),
        ("required=!", (1, 39), "Got an empty trait in: !"),
        ("required=!X", (1, 21), "of the form: HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: !X"),
        ("required=in:X", (1, 38), "only supported since microversion 1.39. Got: in:X"),
        ("required=in:X,", (1, 39), "of the form: in:HW_CPU_X86_VMX,CUSTOM_MAGIC. Got an empty"),
        ("required=in:X,!Y", (1, 39), "does not support forbidden traits. Got: in:X,!Y"),
    ],
)
def test_malformed_traits(query: str, version: Version, words: str) -> None:
    with pytest.raises(HttpError, match=words):
        traits(query, version)


# --- aggregates -----------------------------------------------------------------------------


def aggregates(query: str, version: Version = LATEST) -> AggregateConditions:
    return collect_aggregates(Params.parse(query), "member_of", version)


def test_aggregates() -> None:
    assert aggregates(f"member_of={A}&member_of=in:{A},{B}").member_of == ((A,), (A, B))
    assert aggregates(f"member_of=!{A}&member_of=!in:{B}").forbidden == {A, B}
    assert aggregates(f"member_of={A.replace('-', '').upper()}").member_of == ((A,),)


@pytest.mark.parametrize(
    ("query", "version", "words"),
    [
        (f"member_of={A}&member_of={B}", (1, 23), "Multiple member_of parameters are not"),
        (f"member_of=!{A}", (1, 31), "Forbidden member_of parameters are not supported"),
        (f"member_of={A},{B}", (1, 39), "must be prefixed with the 'in:' or '!in:' keyword"),
        ("member_of=x", (1, 39), "to contain valid UUID.* Got: x"),
        ("member_of=in:", (1, 39), "to contain valid UUID"),
    ],
)
def test_malformed_aggregates(query: str, version: Version, words: str) -> None:
    with pytest.raises(HttpError, match=words):
        aggregates(query, version)


# --- whole requests -------------------------------------------------------------------------


def test_a_whole_request() -> None:
    found = candidate_request(
        f"resources=VCPU:1&resources_NUMA=MEMORY_MB:8&required_NUMA=X,!Y&member_of_NUMA={A}"
        f"&in_tree={B}&group_policy=isolate&limit=7&root_required=R,!S&same_subtree=_NUMA,_A"
        "&required_A=X"
    )
    assert found == CandidateRequest(
        groups=(
            RequestGroup(resources=(("VCPU", 1),), in_tree=B),
            RequestGroup(
                suffix="_NUMA",
                resources=(("MEMORY_MB", 8),),
                required=(("X",),),
                forbidden=frozenset({"Y"}),
                member_of=((A,),),
            ),
            RequestGroup(suffix="_A", required=(("X",),)),
        ),
        group_policy="isolate",
        limit=7,
        same_subtree=(frozenset({"_NUMA", "_A"}),),
        root_required=frozenset({"R"}),
        root_forbidden=frozenset({"S"}),
    )


def test_of_a_repeated_limit_and_policy_the_first_counts() -> None:
    found = candidate_request("resources=VCPU:1&limit=3&limit=9&group_policy=none&group_policy=x")
    assert (found.limit, found.group_policy) == (3, "none")


def test_trees_since_1_29() -> None:
    assert not candidate_request("resources=VCPU:1", (1, 28)).nested
    assert candidate_request("resources=VCPU:1", (1, 29)).nested


def test_a_limit_of_very_many_digits_is_none() -> None:
    assert candidate_request("resources=VCPU:1&limit=" + "9" * 5000).limit is None


@pytest.mark.parametrize(
    ("query", "version", "words", "code"),
    [
        ("", (1, 39), "at least one resources or resources", "query.missing_value"),
        ("", (1, 35), "At least one request group", "undefined_code"),
        ("required1=X", (1, 35), "All traits parameters must be associated", "undefined_code"),
        (f"member_of1={A}", (1, 35), "All member_of parameters must", "undefined_code"),
        (f"in_tree={A}", (1, 35), "All request groups must specify resources", "undefined_code"),
        ("resources=VCPU:1&required1=X", (1, 39), "bad group.*'1'", "query.bad_value"),
        ("resources=VCPU:1&same_subtree=1", (1, 39), "Real suffixes.*'1'", "query.bad_value"),
        ("resources=VCPU:1&same_subtree=", (1, 39), "Empty string", "query.bad_value"),
        ("resources=VCPU:1&required=X,!X", (1, 22), "required: .X.", "undefined_code"),
        ("resources=VCPU:1&in_tree=x", (1, 39), "'in_tree' parameter to be a format of uuid", None),
        ("resources=VCPU:1&limit=x&limit=1", (1, 39), "limit 'x' is no number", None),
        ("resources=VCPU:1&group_policy=x&group_policy=none", (1, 39), "'x' is not one of", None),
        ("resources1=VCPU:1&resources2=VCPU:1", (1, 39), '"group_policy" parameter is', None),
        (
            "resources=VCPU:1&root_required=X&root_required=Y",
            (1, 39),
            "once",
            "query.duplicate_key",
        ),
        ("resources=VCPU:1&root_required=X,!X", (1, 39), "Conflicting.*X", "query.bad_value"),
        ("resources=VCPU:1&root_required=in:X", (1, 39), "'in:HW_CPU_X86_VMX", None),
    ],
)
def test_requests_that_contradict_themselves(
    query: str, version: Version, words: str, code: str | None
) -> None:
    with pytest.raises(HttpError, match=words) as caught:
        candidate_request(query, version)
    assert caught.value.status == 400
    if code is not None:
        assert caught.value.code == f"placement.{code}"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["resources", "resources1", "required", "member_of", "in_tree", "same_subtree"]
            ),
            st.text(alphabet="VCPU:1,!in ", max_size=12),
        ),
        max_size=5,
    ),
    st.integers(10, 39),
)
def test_any_query_is_read_or_refused(pairs: list[tuple[str, str]], minor: int) -> None:
    with contextlib.suppress(HttpError):
        parse_candidate_request(Params(tuple(pairs)), (1, minor))
