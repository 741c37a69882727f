"""Who may use the APIs, made from the settings. A strategy that is not used is not imported."""

import time
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from innkeeper.api.cors import Cors
from innkeeper.api.native.origins import Origins
from innkeeper.auth.access import Access
from innkeeper.auth.counted import Counted, Tally
from innkeeper.auth.noauth2 import NoAuth2
from innkeeper.auth.open_access import OpenAccess
from innkeeper.auth.policy import EverythingAllowed, LatePolicy, Policy
from innkeeper.auth.strategy import Authenticator
from innkeeper.config import UNGUARDED, AuthSettings, Config, CorsSettings


def make_access(config: Config, *, late: bool = False) -> Access:
    """Give what stands between a request and the APIs. Raises SetupError.

    ``late``: rules are read when they are first needed. That is half a second which the first
    request pays instead of the start; but a file that makes no sense shows only then.
    """
    return Access(_authenticator(config), _policy(config.auth, late=late))


def counted(access: Access, config: Config, *, tally: Tally) -> Access:
    """Give ``access`` with each outcome of its strategy counted."""
    authenticator = Counted(access.authenticator, strategy=config.auth.strategy, tally=tally)
    return Access(authenticator, access.policy)


def make_cors(settings: CorsSettings) -> Cors:
    """Give which pages of other origins may call."""
    return Cors(
        origins=frozenset(settings.allowed_origins),
        headers=frozenset(name.lower() for name in settings.allow_headers),
        methods=frozenset(settings.allow_methods),
        exposed=settings.expose_headers,
        credentials=settings.allow_credentials,
        max_age_s=settings.max_age_s,
    )


def make_origins(config: Config) -> Origins:
    """Give whose pages may change things."""
    return Origins(
        allowed=frozenset(config.cors.allowed_origins),
        only_loopback=config.auth.strategy in UNGUARDED and not config.api.allow_remote,
    )


def _authenticator(config: Config) -> Authenticator:
    match config.auth.strategy:
        case "none":
            return OpenAccess()
        case "noauth2":
            return NoAuth2()
        case "http_basic":
            from innkeeper.auth.http_basic import HttpBasic

            return HttpBasic(
                Path(config.auth.htpasswd_file), clock=time.monotonic, secret=token_bytes()
            )
        case "keystone":
            from innkeeper.auth.keystone import KeystoneTokens
            from innkeeper.auth.keystone_client import KeystoneClient

            return KeystoneTokens(
                KeystoneClient(config.keystone, now=_now),
                config.keystone,
                now=_now,
                clock=time.monotonic,
            )


def _now() -> datetime:
    return datetime.now(UTC)


def _policy(settings: AuthSettings, *, late: bool) -> Policy:
    if settings.strategy == "none" and not settings.policy_file:
        return EverythingAllowed()

    def make() -> Policy:
        from innkeeper.auth.rule_policy import RulePolicy

        return RulePolicy(
            Path(settings.policy_file) if settings.policy_file else None,
            enforce_scope=settings.enforce_scope,
            enforce_new_defaults=settings.enforce_new_defaults,
            clock=time.monotonic,
        )

    return LatePolicy(make) if late else make()
