import pytest

from innkeeper.bus.messages import (
    Build,
    Destroy,
    FromAgent,
    FromConductor,
    GuestBuilt,
    GuestDestroyed,
    GuestRefused,
    HostReports,
    Noted,
    ReportsRefused,
    TasksWaiting,
    ToAgent,
    ToConductor,
    decode_from_agent,
    decode_from_conductor,
    decode_to_agent,
    decode_to_conductor,
    encode,
)
from innkeeper.core.errors import BusError
from innkeeper.core.ids import HostName, InstanceUuid, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.report import HostReport, ProviderReport

REPORT = HostReport(
    HostName("h"), (ProviderReport(RpUuid("u"), "h", (Inventory("VCPU", 4),), ("CUSTOM_X",)),)
)


@pytest.mark.parametrize("message", [TasksWaiting(), HostReports((REPORT,))])
def test_what_a_conductor_hears(message: ToConductor) -> None:
    assert decode_to_conductor(encode(message)) == message


@pytest.mark.parametrize("kind", [Build, Destroy])
def test_what_an_agent_hears(kind: type[ToAgent]) -> None:
    message = kind(HostName("h"), InstanceUuid("i"), 3)
    assert decode_to_agent(encode(message)) == message


@pytest.mark.parametrize("message", [GuestBuilt(), GuestRefused("no"), GuestDestroyed()])
def test_what_an_agent_answers(message: FromAgent) -> None:
    assert decode_from_agent(encode(message)) == message


@pytest.mark.parametrize("message", [Noted(), ReportsRefused("no")])
def test_what_a_conductor_answers(message: FromConductor) -> None:
    assert decode_from_conductor(encode(message)) == message


@pytest.mark.parametrize("payload", [b"", b"{", encode(GuestBuilt())])
def test_what_is_no_message_is_said_so(payload: bytes) -> None:
    with pytest.raises(BusError):
        decode_to_agent(payload)
