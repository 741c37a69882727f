"""Microversions: which one a request asks for."""

import pytest

from innkeeper.api.placement.call import pick
from innkeeper.api.placement.versions import (
    LATEST,
    VERSIONS,
    MalformedVersion,
    UnacceptableVersion,
    Version,
    negotiate,
    text,
)


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("", (1, 0)),
        ("placement 1.17", (1, 17)),
        ("placement latest", LATEST),
        ("PLACEMENT 1.2", (1, 2)),
        ("compute 2.90, placement 1.36", (1, 36)),
        ("compute 2.90", (1, 0)),
        ("1.17", (1, 0)),
    ],
)
def test_negotiate(header: str, version: Version) -> None:
    assert negotiate({"openstack-api-version": header}) == version


def test_without_a_header_it_is_the_oldest() -> None:
    assert negotiate({}) == (1, 0)


@pytest.mark.parametrize("wanted", ["0.5", "1.40", "2.0", "1.-1"])
def test_unacceptable(wanted: str) -> None:
    with pytest.raises(UnacceptableVersion, match=f"Unacceptable version header: {wanted}"):
        negotiate({"openstack-api-version": f"placement {wanted}"})


@pytest.mark.parametrize("wanted", ["1.2.3", "pony.horse", "1", "one"])
def test_malformed(wanted: str) -> None:
    with pytest.raises(MalformedVersion, match=f"invalid version string: {wanted}"):
        negotiate({"openstack-api-version": f"placement {wanted}"})


def test_all_of_them() -> None:
    assert len(VERSIONS) == 40
    assert [text(negotiate({"openstack-api-version": f"placement {v}"})) for v in VERSIONS] == [
        *VERSIONS
    ]


def test_pick_takes_the_newest_that_is_not_newer() -> None:
    choices: list[tuple[Version, str]] = [((1, 20), "c"), ((1, 5), "b"), ((1, 0), "a")]
    found = [pick(v, *choices) for v in ((1, 0), (1, 4), (1, 5), (1, 19), (1, 20), (1, 39))]
    assert found == ["a", "a", "b", "b", "c", "c"]
