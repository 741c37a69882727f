from pathlib import Path

import pytest

from innkeeper.core.errors import BadTrace
from innkeeper.replay.measure import Summary
from innkeeper.replay.report import POLICY_OF, compare, load_published

HEADER = (
    "policy,arrived_percent,allocated_percent_mean,allocated_percent_sd,fragmented_percent_mean\n"
)


def test_the_example_has_every_policy_at_every_percent(checkout: Path) -> None:
    published = load_published(checkout / "examples/openb/published.csv")
    assert {(each.policy, each.arrived_percent) for each in published} == {
        (policy, percent) for policy in POLICY_OF.values() for percent in range(131)
    }
    fgd = next(each for each in published if (each.policy, each.arrived_percent) == ("fgd", 100))
    assert fgd.allocated_percent_mean == pytest.approx(95.23, abs=0.005)


def test_comparison() -> None:
    ours = [Summary("fgd", 100, 95.5, 0.1, 5.0, 3), Summary("mine", 100, 99.0, 0.1, 1.0, 3)]
    published = [Summary("fgd", 100, 95.0, 0.1, 4.0, 10), Summary("fgd", 90, 90.0, 0.1, 5.0, 10)]
    (found,) = compare(ours, published, arrived_percent=100)
    assert (found.policy, found.ours, found.published) == ("fgd", ours[0], published[0])
    assert found.allocated_difference == 0.5
    assert found.fragmented_difference == 1.0
    assert compare(ours, published, arrived_percent=90) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("policy\n", "row 1, column 'arrived_percent': expected it in the header"),
        (HEADER + "Best,1,1,1,1\n", "row 2, column 'policy': expected one of Random"),
        (HEADER + "FGD,1,x,1,1\n", "row 2, column 'allocated_percent_mean': expected a number"),
        (HEADER + "FGD,1,1\n", "row 2, column 'allocated_percent_sd': expected a number"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "published.csv"
    path.write_text(text)
    with pytest.raises(BadTrace) as caught:
        load_published(path)
    assert expected in caught.value.detail


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match="cannot be read"):
        load_published(tmp_path / "none.csv")
