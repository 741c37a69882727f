"""Strategy ``none``: whoever reaches the server may do everything.

Only for a server that listens on a loopback address; whoever starts it must see to that.
"""

from collections.abc import Mapping

import msgspec

from innkeeper.auth.credentials import Credentials


class OpenAccess(msgspec.Struct, frozen=True):
    """Everybody is the same administrator."""

    challenge: tuple[tuple[str, str], ...] = ()
    everybody: Credentials = Credentials(
        user_id="admin",
        project_id="admin",
        roles=frozenset({"admin", "service", "member", "reader"}),
    )

    def authenticate(self, headers: Mapping[str, str]) -> Credentials:
        """Give the one administrator."""
        return self.everybody
