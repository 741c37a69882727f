"""Query strings to the values that a search takes: parsers, one per parameter or group."""
