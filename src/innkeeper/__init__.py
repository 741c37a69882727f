"""Innkeeper: the placement and scheduling control plane of a cloud.

This package file exists to name the package. It must never import the parts: importing
`innkeeper` has no side effects and costs nothing.
"""
