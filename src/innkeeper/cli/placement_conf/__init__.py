"""placement.conf of openstack-placement, translated into settings of Innkeeper.

It is read as text; nothing of OpenStack needs to be installed.
"""
