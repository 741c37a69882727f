"""The store: the only code that knows SQL, and the truth about everything.

Each rule that must never break is one conditional write (section "The store is the truth" of
docs/architecture.md). Functions here are synchronous, take a ``Txn`` (writes) or a connection
(reads), and raise nothing but ``core.errors``.
"""
