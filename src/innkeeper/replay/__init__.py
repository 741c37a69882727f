"""Traces of real clusters, replayed against the scheduler.

Here are the pure parts: reading a trace, making the sequence of arrivals, measuring and
comparing. Nothing here places anything by itself or prints.
"""
