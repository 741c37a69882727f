"""Filters: each says of all hosts at once which of them will do."""
