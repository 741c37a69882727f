"""Two judges of one schema: their verdicts are the same, and the words are jsonschema's."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.exceptions import best_match

from innkeeper.api import validation
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


@pytest.mark.parametrize(
    "document",
    [
        list(range(100_000)),
        {"inventories": {"CUSTOM_" * 9_999: {}}, "resource_provider_generation": 1},
        {"inventories": {}, "resource_provider_generation": 1, **{f"x{n}": n for n in range(9999)}},
    ],
)
def test_the_words_of_a_long_document_begin_as_ever_and_have_an_end(document: Any) -> None:
    with pytest.raises(InvalidDocument) as caught:
        inventory.PUT_ALL.check(document)
    said = str(caught.value)
    assert said[:1_000] == str(best_match(inventory.PUT_ALL._exact.iter_errors(document)))[:1_000]
    assert len(said) < 17_000
    assert "Failed validating" in said


def test_of_very_many_faults_not_all_are_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = 0

    def counted(errors: Any) -> Any:
        nonlocal found
        for error in errors:
            found += 1
            yield error

    monkeypatch.setattr(validation, "best_match", lambda errors: best_match(counted(errors)))
    faults = {f"CUSTOM_{n}": {"total": -1} for n in range(5_000)}
    with pytest.raises(InvalidDocument, match="-1 is less than the minimum"):
        inventory.PUT_ALL.check({"inventories": faults, "resource_provider_generation": 1})
    assert 0 < found < 2_000


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
