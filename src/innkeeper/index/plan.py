"""Plans: compiled requests."""

from innkeeper.index.columns import Columns


class Plans:
    """Compiled requests, kept until the layout changes."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
