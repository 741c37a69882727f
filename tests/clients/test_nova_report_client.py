"""Nova's report client against a live Innkeeper; what it does stands in in_peers/."""

import pytest

from tests.clients.peer_tests import PeerTests


@pytest.mark.slow
def test_every_method_configuration_and_rivals(peer_tests: PeerTests) -> None:
    assert peer_tests.passed(["nova_report_client"]) == 6
