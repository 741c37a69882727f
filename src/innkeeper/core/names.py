"""Rules for the names of traits and resource classes: standard ones, and CUSTOM_ ones."""

import re
from typing import Final

CUSTOM_PREFIX: Final = "CUSTOM_"
MAX_NAME_LENGTH: Final = 255
"""Width of the name columns, and the API's limit."""

SHARES_VIA_AGGREGATE: Final = "MISC_SHARES_VIA_AGGREGATE"
"""The trait that makes a provider a sharing provider."""

_CUSTOM: Final = re.compile(r"CUSTOM_[A-Z0-9_]+")


def is_custom(name: str) -> bool:
    """Tell whether ``name`` is in the namespace that operators may create names in."""
    return name.startswith(CUSTOM_PREFIX)


def is_valid_custom(name: str) -> bool:
    """Tell whether ``name`` may be created: CUSTOM_ and upper-case letters, digits, underscores."""
    return len(name) <= MAX_NAME_LENGTH and _CUSTOM.fullmatch(name) is not None
