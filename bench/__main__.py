"""Run the benchmarks.

    python -m bench                      all of them in their quick form, about five minutes
    python -m bench --full               all of them, about forty minutes
    python -m bench search               one, as it is by default
    python -m bench against_placement -h   what one of them can be told

Options after a name are that benchmark's own.
"""

import argparse
import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

import bench

QUICK: Final = {"against_placement": ["--quick"]}
"""What a benchmark is told that would take long otherwise."""

LAST: Final = "against_placement"
"""It ends with a line for each of its goals."""


def main() -> None:
    """Run the benchmark that the command line names, or all."""
    known = [module.name for module in iter_modules(bench.__path__) if module.name[0] != "_"]
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", choices=known, help="one benchmark; otherwise all")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="what that benchmark is told")
    parser.add_argument("--full", action="store_true", help="all, none in its quick form")
    told = parser.parse_args()
    if told.name is not None:
        sys.exit(run(told.name, told.options))
    missed = []
    for name in sorted(known, key=lambda name: name == LAST):
        print(f"== {name}", flush=True)
        if run(name, [] if told.full else QUICK.get(name, [])):
            missed.append(name)
    for name in missed:
        print(f"MISSED        goals of {name}, as said above", flush=True)


def run(name: str, options: list[str]) -> int:
    """Run one benchmark with ``options``; give its exit code."""
    sys.argv[:] = [f"python -m bench {name}", *options]
    module = import_module(f"bench.{name}")
    if hasattr(module, "__path__"):
        module = import_module(f"bench.{name}.command")
    code = module.main()
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
