"""What is said about a database URL that makes no sense: as people wrote it, but no password."""


def told(text: str) -> str:
    """Give ``text`` without what may be a password, wherever it stands in it."""
    before, at, rest = text.rpartition("@")
    return f"***@{rest.partition('?')[0]}" if at and before else text
