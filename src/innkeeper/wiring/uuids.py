"""New uuids. Each request takes one for its id."""

import os
from typing import Final

UUID_BYTES: Final = 16
DIGITS: Final = 2 * UUID_BYTES
AT_ONCE: Final = 256
"""To ask the system lets go of the interpreter, and a thread that waits for it may keep it for a
while: too dear to be done for each."""

_VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

_unused: list[str] = []


def new_uuid() -> str:
    """Give a new random uuid (RFC 9562, version 4)."""
    of = _digits()
    return f"{of[:8]}-{of[8:12]}-4{of[13:16]}-{_VARIANTS[of[16]]}{of[17:20]}-{of[20:]}"


def _digits() -> str:
    """Give 32 random hexadecimal digits."""
    try:
        # Of several threads each takes another.
        return _unused.pop()
    except IndexError:
        fresh = os.urandom(UUID_BYTES * AT_ONCE).hex()
        first, *others = (fresh[at : at + DIGITS] for at in range(0, len(fresh), DIGITS))
        _unused.extend(others)
        return first


def _forget() -> None:
    """Forget what a parent process has too."""
    _unused.clear()


os.register_at_fork(after_in_child=_forget)
