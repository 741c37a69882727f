"""Strategy ``http_basic``: users of an htpasswd file, for a cloud that has no Keystone.

Every user is an administrator; a policy file may tell them apart by ``user_id``. A password is
never kept, not even for the short time that it is remembered as right.
"""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import bcrypt
import structlog

from innkeeper.auth.credentials import Credentials
from innkeeper.auth.htpasswd import costliest, read_htpasswd
from innkeeper.auth.single_flight import SingleFlight
from innkeeper.auth.strategy import Asking
from innkeeper.auth.timed_cache import TimedCache
from innkeeper.auth.watch import Watch
from innkeeper.core.errors import IdentityUnavailable, SetupError

REMEMBERED_S: Final = 60.0
"""How long a password that was right is taken to be: bcrypt is slow on purpose."""
MAX_REMEMBERED: Final = 1_000
"""Passwords remembered, some 200 bytes each: more than such a file has users."""
MAX_CHECKS: Final = 50
"""Passwords being checked or waiting for it: a flood of wrong ones is refused, not queued."""
THREADS: Final = 2
"""Threads that check: bcrypt leaves the interpreter alone, so the loop goes on beside them."""
BCRYPT_BYTES: Final = 72
"""bcrypt looks at no more of a password; htpasswd cuts it there, so it is cut here."""
CHALLENGE: Final = (("www-authenticate", 'Basic realm="innkeeper", charset="UTF-8"'),)
ROLES: Final = frozenset({"admin", "member", "reader", "service"})
"""What every user of the file may be."""

_log = structlog.get_logger("innkeeper.auth")


class HttpBasic:
    """Asks for a user and a password with every request."""

    challenge = CHALLENGE

    def __init__(self, file: Path, *, clock: Callable[[], float], secret: bytes) -> None:
        """``clock`` gives monotonic seconds; ``secret`` is random. Raises SetupError."""
        self._file = file
        self._secret = secret
        self._watch = Watch(lambda: (file,), clock)
        self._users = read_htpasswd(file)
        self._right: TimedCache[Credentials] = TimedCache(MAX_REMEMBERED, clock)
        self._checks: SingleFlight[Credentials | None] = SingleFlight()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bcrypt")

    async def authenticate(self, asking: Asking) -> Credentials | None:
        """Give the user if the password is his. Raises IdentityUnavailable in a flood."""
        given = _given(asking.headers.get("authorization", ""))
        if given is None:
            return None
        if self._watch.changed():
            self._reload()
        name, password = given
        key = self._key(name, password)
        known = self._right.get(key)
        if known is not None:
            return known
        if len(self._checks) >= MAX_CHECKS:
            raise IdentityUnavailable("Too many passwords are being checked; try again.")
        return await self._checks.run(key, lambda: self._check(key, name, password))

    async def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _check(self, key: bytes, name: str, password: bytes) -> Credentials | None:
        users = self._users
        hashed = users.get(name)
        # Somebody who is not there takes as long: the time must not tell who is.
        against = costliest(users) if hashed is None else hashed
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._threads, _matches, password, against)
        if hashed is None or not right:
            _log.info("a password was refused", user=name)
            return None
        caller = Credentials(user_id=name, project_id=name, roles=ROLES)
        if self._users is users:
            self._right.put(key, caller, for_s=REMEMBERED_S)
        return caller

    def _reload(self) -> None:
        try:
            self._users = read_htpasswd(self._file)
        except SetupError as error:
            _log.error("the password file is not sound; users stay as they were", why=error.detail)
            return
        self._right.clear()
        _log.info("the password file was read again", users=len(self._users))

    def _key(self, name: str, password: bytes) -> bytes:
        """Give what stands for user and password while they are remembered."""
        text = name.encode() + b"\0" + password
        return hashlib.blake2b(text, key=self._secret, digest_size=32).digest()


def _given(header: str) -> tuple[str, bytes] | None:
    """Give user and password of an Authorization header; None if it says none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def _matches(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:BCRYPT_BYTES], hashed)
    except ValueError:
        return False
