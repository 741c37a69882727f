"""Exit codes, the same for every command."""

from typing import Final

FINE: Final = 0
PROBLEMS: Final = 1
"""It ran, and found something wrong: books that do not add up, a thing that is not there."""
SETUP: Final = 2
"""It could not run as asked: one line on stderr says why and what to do."""
