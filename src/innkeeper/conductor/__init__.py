"""Conductors: the api's, which casts builds, and each cell's, which sees them through.

A cell's conductor has no way up: it gets a CellStore and a CellBus, and nothing else.
"""
