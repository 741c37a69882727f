"""New uuids. Each request takes one for its id."""

import os
from typing import Final

UUID_BYTES: Final = 16
AT_ONCE: Final = 256
"""To ask the system lets go of the interpreter, and a thread that waits for it may keep it for a
while: too dear to be done for each."""

_unused: list[bytes] = []


def new_uuid() -> str:
    """Give a new random uuid (RFC 9562, version 4)."""
    digits = _sixteen_bytes().hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _sixteen_bytes() -> bytes:
    try:
        # Of several threads each takes another.
        return _unused.pop()
    except IndexError:
        fresh = os.urandom(UUID_BYTES * AT_ONCE)
        first, *others = (
            fresh[start : start + UUID_BYTES] for start in range(0, len(fresh), UUID_BYTES)
        )
        _unused.extend(others)
        return first


def _forget() -> None:
    """Forget what a parent process has too."""
    _unused.clear()


os.register_at_fork(after_in_child=_forget)
