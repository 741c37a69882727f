"""openstacksdk against a live Innkeeper; what it does stands in in_peers/."""

import pytest

from tests.clients.peer_tests import PeerTests


@pytest.mark.slow
def test_every_method_of_the_placement_proxy(peer_tests: PeerTests) -> None:
    assert peer_tests.passed(["openstacksdk_placement"]) == 1
