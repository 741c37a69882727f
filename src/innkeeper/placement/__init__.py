"""The use cases of placement, one function per verb, one file per noun.

Reads that the index can answer come from it, on its thread; the others, and every write, go
through the store. No HTTP here, and no SQL.
"""
