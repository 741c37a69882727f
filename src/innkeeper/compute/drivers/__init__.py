"""Drivers: what makes guests on a host. One file each."""
