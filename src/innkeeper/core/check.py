"""Check: what one look before an upgrade found."""

from typing import Literal

import msgspec

Result = Literal["success", "warning", "failure"]


class Check(msgspec.Struct, frozen=True):
    """What one check found."""

    name: str
    result: Result
    detail: str = ""
    remedy: str = ""
    """What to do; "" if nothing."""
