"""Answers that are kept: the latest, not the longest, and none that is older than a change."""

from innkeeper.core.picture import Picture
from innkeeper.index.answers import MOST, MOST_BYTES, Answers
from tests.unit.index.worlds import Rp, Stock, allocation, loaded, world


def test_the_latest_are_kept() -> None:
    answers = Answers()
    for number in range(MOST + 2):
        answers.put(number, b"%d" % number)
    kept = [number for number in range(MOST + 2) if answers.get(number) is not None]
    assert kept == list(range(2, MOST + 2))
    assert answers.get(2) == b"2"


def test_a_long_answer_is_not_kept() -> None:
    answers = Answers()
    answers.put("long", bytes(MOST_BYTES + 1))
    answers.put("just not", bytes(MOST_BYTES))
    assert answers.get("long") is None
    assert answers.get("just not") is not None


def test_whatever_changes_the_index_drops_them() -> None:
    index = loaded(world(Rp(1, stock={"A": Stock()})))

    def is_kept() -> bool:
        kept = index.answers.get("asked") is not None
        index.answers.put("asked", b"answer")
        return kept

    assert not is_kept()
    assert is_kept()
    index.apply(Picture(traits=()))
    assert not is_kept()
    hold = index.hold([allocation(1, "A", 1)])
    assert not is_kept()
    hold.release()
    assert not is_kept()
    assert is_kept()
