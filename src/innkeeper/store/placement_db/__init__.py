"""Databases of openstack-placement: read from, and written for it to start on.

Its schema is described here as a fact about another program. Nothing here changes a database
that is read, and nothing writes into one that already holds something.
"""
