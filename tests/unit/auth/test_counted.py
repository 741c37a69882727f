import pytest

from innkeeper.auth.counted import Counted
from innkeeper.auth.credentials import Credentials
from innkeeper.auth.strategy import Asking
from innkeeper.core.errors import IdentityUnavailable
from innkeeper.obs.tallies import Tallies


class Scripted:
    challenge = (("www-authenticate", "Basic"),)

    async def authenticate(self, asking: Asking) -> Credentials | None:
        match asking.path:
            case "/known":
                return Credentials(user_id="ann", project_id="p")
            case "/unknown":
                return None
        raise IdentityUnavailable("gone")

    async def close(self) -> None:
        pass


async def test_each_outcome_is_counted_and_none_is_changed() -> None:
    tallies = Tallies()
    counted = Counted(Scripted(), strategy="http_basic", tally=tallies.authentications.add)
    known = await counted.authenticate(Asking({}, path="/known"))
    assert known is not None
    assert known.user_id == "ann"
    assert await counted.authenticate(Asking({}, path="/unknown")) is None
    assert await counted.authenticate(Asking({}, path="/unknown")) is None
    with pytest.raises(IdentityUnavailable):
        await counted.authenticate(Asking({}, path="/broken"))
    assert counted.challenge == Scripted.challenge
    assert tallies.authentications.counts == {
        ("http_basic", "accepted"): 1,
        ("http_basic", "refused"): 2,
        ("http_basic", "unavailable"): 1,
    }
