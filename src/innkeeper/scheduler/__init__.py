"""Choosing hosts: filter, weigh, claim, alternates, and a record of why.

Works on arrays over all hosts, on the loop thread only, so nothing here takes a lock. It
never writes to the store: a claim is made by the claimer that the caller brings.
"""
