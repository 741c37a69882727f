"""The pure nouns and rules of placement.

Standard library and msgspec only: no I/O, no clock, no randomness, no globals.
"""
