"""The OpenStack Placement API, microversions 1.0 to 1.39, as an application.

Nothing of Innkeeper's own shows here: extensions live in the native API.
"""
