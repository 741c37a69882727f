"""Access: who is asking and what they may do, as one thing that is handed to every API."""

from dataclasses import dataclass

from innkeeper.auth.policy import Policy
from innkeeper.auth.strategy import Authenticator


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are known, and the rules that give them leave."""

    authenticator: Authenticator
    policy: Policy
