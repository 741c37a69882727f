"""`python -m bench against_placement`: choose, measure, write down."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Final

import msgspec

import bench.against_placement as this
from bench.against_placement.cases import Case, Scene, scenes
from bench.against_placement.measuring import FULL, QUICK, measure
from bench.against_placement.results import Machine, Run, goal_lines, markdown
from bench.against_placement.systems import BenchPostgreSQL, peer_is_there
from tests.servers.server import running

OUT: Final = Path(__file__).resolve().parents[1] / "results"
PEER_VERSION: Final = "openstack_placement-*.dist-info"


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        prog="python -m bench against_placement",
        description=this.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="short turns, and unless --only says which, a few cases: about three minutes",
    )
    parser.add_argument(
        "--only",
        metavar="WORDS",
        action="append",
        default=[],
        help="cases with this in their names, as --list shows them; may be given again",
    )
    parser.add_argument("--alone", action="store_true", help="only what the peer cannot follow")
    parser.add_argument(
        "--list", action="store_true", help="say what there is, and measure nothing"
    )
    parser.add_argument("--out", type=Path, default=OUT, help=f"where results go [{OUT.name}/]")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a goal was missed")
    told = parser.parse_args()
    # Whoever ends this ends the servers too: they are stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chosen = list(choose(quick=told.quick, alone=told.alone, only=told.only))
    if told.list:
        for scene, cases in chosen:
            print(*(f"{scene.cloud.title}: {case.title}" for case in cases), sep="\n")
        return 0
    if not peer_is_there():
        raise SystemExit("openstack-placement is not there: make .venv-peers/.stamp")
    found = run(chosen, quick=told.quick, out=told.out)
    say(f"\nwritten to {told.out}, after {found.took_s:.0f} s")
    return report(found, strict=told.strict)


def choose(*, quick: bool, alone: bool, only: Sequence[str]) -> Iterator[tuple[Scene, list[Case]]]:
    """Give the scenes and cases that are asked for."""
    for scene in scenes():
        if alone and not scene.alone:
            continue
        cases = [
            case
            for case in scene.cases
            if any(words in f"{scene.cloud.title}: {case.title}" for words in only)
            or (not only and (case.quick or not quick))
        ]
        if cases:
            yield scene, cases


def run(chosen: list[tuple[Scene, list[Case]]], *, quick: bool, out: Path) -> Run:
    """Measure it all, and write down what there is after each scene."""
    began = time.monotonic()
    found = Run(
        began_at=datetime.now(UTC).isoformat(timespec="minutes"),
        took_s=0.0,
        quick=quick,
        machine=look_at_machine(),
        scenes=[],
    )
    pace = QUICK if quick else FULL
    with (
        tempfile.TemporaryDirectory(prefix="innkeeper-bench-") as folder,
        running(BenchPostgreSQL, safe=True) as server,
    ):
        if not isinstance(server, BenchPostgreSQL):
            raise TypeError("running() gave another server than was asked for")
        for scene, cases in chosen:
            scenes_so_far = [
                *found.scenes,
                measure(scene, cases, folder=Path(folder), postgresql=server, pace=pace, say=say),
            ]
            took_s = time.monotonic() - began
            found = msgspec.structs.replace(found, scenes=scenes_so_far, took_s=took_s)
            write(found, out)
    return found


def write(found: Run, out: Path) -> None:
    """Write down what was found."""
    out.mkdir(parents=True, exist_ok=True)
    stem = "against_placement-quick" if found.quick else "against_placement"
    (out / f"{stem}.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    (out / f"{stem}.md").write_text(f"# Innkeeper beside openstack-placement\n\n{markdown(found)}")


def say(line: str) -> None:
    """Show a line at once: a run takes long."""
    print(line, flush=True)


def look_at_machine() -> Machine:
    """Say where this runs."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    peers = Path(__file__).resolve().parents[2] / ".venv-peers"
    peer = next(peers.glob(f"lib/python3*/site-packages/{PEER_VERSION}"), None)
    return Machine(
        cpu=models[0] if models else "unknown",
        cores=os.cpu_count() or 1,
        load=os.getloadavg()[0],
        python=python_version(),
        versions={
            "innkeeper": version("innkeeper"),
            "openstack-placement": peer.name.split("-")[1].removesuffix(".dist") if peer else "?",
        },
    )


def report(found: Run, *, strict: bool) -> int:
    """Say which goals were met; give the exit code."""
    say("")
    for line in goal_lines(found):
        say(line)
    missed = sum(goal.missed for goal in found.goals())
    say(f"{missed} of {len(found.goals())} goals were missed")
    return 1 if strict and missed else 0


if __name__ == "__main__":
    sys.exit(main())
