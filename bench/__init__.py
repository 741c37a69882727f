"""Benchmarks: each module is a case with a ``main()``; `python -m bench` runs them all."""
