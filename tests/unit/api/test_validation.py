"""Two judges of one schema: their verdicts are the same, and the words are jsonschema's."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from innkeeper.api.placement.schemas import (
    allocation,
    allocation_candidate,
    inventory,
    resource_class,
    resource_provider,
)
from innkeeper.api.validation import InvalidDocument, MalformedJson, decode_json

NAMES = ["name", "uuid", "total", "VCPU", "VCPU\n", "vcpu", "resources", "resources1", "CUSTOM_A"]
KEYS = st.sampled_from([*NAMES, "inventories", "resource_provider_generation", "resource_class"])
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2**33),
        st.sampled_from([1.0, 0.5, 1e30]),
        st.sampled_from([*NAMES, "", "a" * 256, "10", "9a9a1e2e-1d07-4a8e-9a54-5b0f4d4f5f4a"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=10,
)
SCHEMAS = [
    inventory.PUT_ALL,
    inventory.POST,
    resource_provider.POST_1_14,
    resource_class.NAMED,
    allocation.PUT_1_38,
    allocation_candidate.GET_1_36,
]


@given(st.sampled_from(SCHEMAS), VALUES)
def test_the_quick_judge_accepts_what_the_exact_one_accepts(schema: Any, document: Any) -> None:
    assert schema._quick.is_valid(document) == schema._exact.is_valid(document)


def test_the_words_are_those_of_jsonschema() -> None:
    document = {"resource_class": "VCPU", "total": 2**31}
    with pytest.raises(InvalidDocument) as caught:
        inventory.POST.check(document)
    with pytest.raises(jsonschema.ValidationError) as expected:
        jsonschema.validate(document, inventory.POST.schema)
    assert str(caught.value) == str(expected.value)
    assert "Failed validating 'maximum' in schema['properties']['total']" in str(caught.value)


def test_an_integer_may_be_written_as_a_float() -> None:
    inventory.POST.check({"resource_class": "VCPU", "total": 4.0})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b"1e400",
        b'"\\ud800"',
        b"\xff",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode_json(body)


def test_malformed_json_is_told_in_the_words_of_python() -> None:
    with pytest.raises(MalformedJson, match="Expecting property name enclosed in double quotes"):
        decode_json(b"{x}")


def test_a_number_of_any_length_is_read_exactly() -> None:
    assert decode_json(b"[123456789012345678901234567890]") == [123456789012345678901234567890]
