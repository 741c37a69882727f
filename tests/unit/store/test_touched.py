import msgspec
import pytest

from innkeeper.store.touched import Touched

FIELDS = Touched.__struct_fields__


def touching(field: str, name: int) -> Touched:
    kind = type(getattr(Touched(), field))
    return Touched(**{field: True if kind is bool else {name}})


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_merged_is_touched(field: str) -> None:
    touched = Touched()
    assert not touched
    touched.merge(touching(field, 1))
    assert touched
    assert touched == touching(field, 1)


@pytest.mark.parametrize("field", FIELDS)
def test_nothing_is_lost_by_a_merge(field: str) -> None:
    touched, other = touching(field, 1), touching(field, 2)
    touched.merge(other)
    touched.merge(Touched())
    both = getattr(touched, field)
    assert both is True or both == {1, 2}
    # What was merged stays what it was.
    assert msgspec.structs.astuple(other) == msgspec.structs.astuple(touching(field, 2))
