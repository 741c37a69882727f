"""Innkeeper beside openstack-placement: the same cloud, the same requests, in turn.

`python -m bench against_placement` starts openstack-placement under uWSGI and `innkeeper api`
on databases of one PostgreSQL server (and once more on SQLite), fills them with the same cloud,
and asks them the same things one after the other. What counts are ratios, of CPU above all: the
machine may have other things to do.
"""
