"""Trouble: what a driver's error means, whichever driver it is of."""

from enum import Enum, auto


class Trouble(Enum):
    """What went wrong, as far as it decides what is done about it."""

    DUPLICATE = auto()
    """A unique key is taken."""
    CONFLICT = auto()
    """Another rule of the schema refuses the write."""
    TRANSIENT = auto()
    """A deadlock or the like: the whole transaction may go well the next time."""
    LOST = auto()
    """The connection is broken; what was sent last may have been carried out or not."""
    UNAVAILABLE = auto()
    """The database cannot do it now: full, shutting down, too slow."""
    REFUSED = auto()
    """A statement that is wrong: a defect of ours."""
