"""Pick: a chosen host, and what is held there."""

from innkeeper.core.selection import Selection
from innkeeper.index.holds import Hold
from innkeeper.index.index import Index
from innkeeper.scheduler.contest import Contest
from innkeeper.scheduler.group_picks import GroupPicks


class Pick:
    """A chosen host, with what is held there until ``release``."""

    __slots__ = ("_group", "_hold", "_picks", "contest", "position", "selection")

    def __init__(self, position: int, selection: Selection, contest: Contest) -> None:
        self.position = position
        self.selection = selection
        self.contest = contest
        self._group: str | None = None
        self._hold: Hold | None = None
        self._picks: GroupPicks | None = None

    def hold(self, index: Index, picks: GroupPicks, group: str | None) -> None:
        """Count the place as used, and the instance as a member of its group."""
        self._hold, self._picks, self._group = index.hold(self.selection.allocations), picks, group
        if group is not None:
            picks.add(group, self.position)

    def release(self) -> None:
        """Give the place back. Safe to call again."""
        if self._hold is not None:
            self._hold.release()
            self._hold = None
            if self._picks is not None and self._group is not None:
                self._picks.remove(self._group, self.position)
