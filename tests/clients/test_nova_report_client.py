"""Nova's report client against a live Innkeeper; what it does stands in in_peers/."""

import pytest

from tests.clients.peer_tests import PeerTests


@pytest.mark.slow
def test_every_method_and_configuration(peer_tests: PeerTests) -> None:
    assert peer_tests.passed(["nova_report_client"]) == 4
