"""The native API, `/v1`: the nouns that the Placement API has no words for.

One file per noun; `operations.py` is the one table of everything that can be asked.
"""
