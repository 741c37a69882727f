"""Weighers: each gives all hosts at once a score, the higher the better."""
