"""The picture of the store in memory: columns, trees, search.

Columns, not objects: providers have row numbers, each resource class has arrays over the
providers that have it. It never decides what is true (the store does) and never blocks:
it is touched on one thread only and does no I/O.
"""
