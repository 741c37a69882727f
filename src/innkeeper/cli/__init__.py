"""The `innkeeper` command: one file a noun or verb, each a thin layer over the parts below.

Stdout has answers only (tables, or JSON with ``--json``); stderr has progress and complaints.
"""
