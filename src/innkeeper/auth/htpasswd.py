"""Htpasswd files: users and the bcrypt hashes of their passwords, as ``htpasswd -B`` makes them."""

import re
from pathlib import Path
from typing import Final

from innkeeper.core.errors import SetupError

MAX_COST: Final = 14
"""Largest bcrypt cost: about a second of a processor for each password that is checked."""

_BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")


def read_htpasswd(path: Path) -> dict[str, bytes]:
    """Give the hash of each user's password. Raises SetupError naming the line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"Cannot read the password file {path}: {error}.") from error
    users: dict[str, bytes] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        name, colon, hashed = line.partition(":")
        if not (name and colon):
            raise SetupError(f"{path}, line {number}: not of the form `user:hash`.")
        if name in users:
            raise SetupError(f"{path}, line {number}: the user {name} is there already.")
        users[name] = _checked(hashed, f"{path}, line {number}: the user {name}")
    if not users:
        raise SetupError(f"The password file {path} names no user. Add one with `htpasswd -B`.")
    return users


def costliest(users: dict[str, bytes]) -> bytes:
    """Give the hash that takes longest to check."""
    return max(users.values(), key=lambda hashed: hashed[4:6])


def _checked(hashed: str, whose: str) -> bytes:
    found = _BCRYPT.fullmatch(hashed)
    if found is None:
        raise SetupError(
            f"{whose} has a password hash that is not of bcrypt, the only kind that is taken."
            " Make one with `htpasswd -B`."
        )
    if int(found[1]) > MAX_COST:
        raise SetupError(f"{whose} has a hash of cost {found[1]}; at most {MAX_COST} is taken.")
    return hashed.encode()
