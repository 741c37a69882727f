"""Runs every case: `python -m bench`, or the named ones: `python -m bench search`."""

import sys
from importlib import import_module
from pkgutil import iter_modules

import bench


def main() -> None:
    """Run the cases that the command line names, or all."""
    cases = [module.name for module in iter_modules(bench.__path__) if module.name[0] != "_"]
    wanted = sys.argv[1:] or cases
    del sys.argv[1:]  # They are names of cases; a case that has options of its own gets none.
    for case in wanted:
        if case not in cases:
            raise SystemExit(f"there is no case {case}; there are {', '.join(cases)}")
        print(f"== {case}", flush=True)
        import_module(f"bench.{case}").main()


if __name__ == "__main__":
    main()
