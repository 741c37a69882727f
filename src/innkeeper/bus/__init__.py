"""How the parts of a cell talk: requests with a deadline, and hints.

The bus is never the record of anything. A message may be lost, late or delivered twice.
"""
