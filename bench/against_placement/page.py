"""The page of plots in the documentation, made from the JSON of a run.

    python -m bench.against_placement.page bench/results/against_placement.json [docs/reference]

Plots are SVG, written by hand: bars on a logarithmic scale, one for each system.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from bench.against_placement.figures import Figures, shown
from bench.against_placement.results import CaseResult, Run, SceneResult, markdown

DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"
COLOURS: Final = {
    "placement": "#b5533c",
    "innkeeper-postgresql": "#2f6f8f",
    "innkeeper-postgresql-1": "#4f8cac",
    "innkeeper-postgresql-2": "#6fa8c9",
    "innkeeper-sqlite": "#7fb069",
}
WIDTH: Final = 860
LABEL: Final = 330
VALUE: Final = 90
BAR: Final = 13
GAP: Final = 12
TOP: Final = 40

Value = Callable[[Figures], float | None]


class Bars(msgspec.Struct, frozen=True):
    """One case of a plot: a bar for each system that has a value."""

    title: str
    values: Sequence[tuple[str, float]]


class Plot(msgspec.Struct, frozen=True):
    """One plot of the page."""

    file: str
    title: str
    value: Value
    only: str = ""
    """What the titles of its cases have in them."""
    better: str = "less is better"


PLOTS: Final = (
    Plot("cpu", "CPU per request, ms: server and database", lambda got: got.cpu_ms),
    Plot("latency", "Latency p50, ms", lambda got: got.p50_ms),
    Plot(
        "throughput",
        "Requests a second",
        lambda got: got.per_s,
        only="at a time",
        better="more is better",
    ),
)


def bars(run: Run, plot: Plot) -> Iterator[Bars]:
    """Give what a plot shows."""
    for scene in run.scenes:
        for case in scene.cases:
            found = [
                (name, value)
                for name, got in case.systems.items()
                if (value := plot.value(got)) is not None and value > 0
            ]
            if found and plot.only in case.title:
                yield Bars(_title(scene, case), found)


def _title(scene: SceneResult, case: CaseResult) -> str:
    return f"{scene.title}: {case.title}"


def svg(title: str, better: str, shown_bars: Sequence[Bars]) -> str:
    """Draw bars on a logarithmic scale."""
    every = [value for each in shown_bars for _, value in each.values]
    low = math.floor(math.log10(min(every)))
    high = math.ceil(math.log10(max(every) * 1.01))
    room = WIDTH - LABEL - VALUE

    def x(value: float) -> float:
        return LABEL + room * (math.log10(value) - low) / max(1, high - low)

    body: list[str] = []
    y = TOP + GAP
    for each in shown_bars:
        middle = y + BAR * len(each.values) / 2 + 4
        body.append(_text(LABEL - 8, middle, each.title, anchor="end"))
        for name, value in each.values:
            wide = max(1.0, x(value) - LABEL)
            colour = COLOURS.get(name, "#888")
            body.append(
                f'<rect x="{LABEL}" y="{y}" width="{wide:.1f}" height="{BAR - 2}" fill="{colour}">'
                f"<title>{escape(name)}: {shown(value)}</title></rect>"
            )
            body.append(_text(LABEL + wide + 4, y + BAR - 4, shown(value), size=10))
            y += BAR
        y += GAP
    grid = [_line(x(10.0**power), y) for power in range(low, high + 1)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}"'
        f' height="{y}" font-family="sans-serif">'
    )
    return "\n".join(
        [
            head,
            f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>',
            *grid,
            _text(8, 18, f"{title} ({better}; logarithmic)", size=14),
            *_legend(),
            *body,
            "</svg>",
            "",
        ]
    )


def _legend() -> Iterator[str]:
    at = 8
    for name, colour in COLOURS.items():
        yield f'<rect x="{at}" y="26" width="10" height="10" fill="{colour}"/>'
        yield _text(at + 14, 35, name)
        at += 165


def _line(x: float, bottom: float) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#e4e4e4"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 11) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {where} fill="#222222">{escape(words)}</text>'


def page(run: Run) -> str:
    """Give the page, in Markdown."""
    pictures = [f"![{plot.title}](benchmarks/{plot.file}.svg)\n" for plot in PLOTS]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "One run of the [benchmarks](../how-to/measure.md) that put Innkeeper beside",
            "openstack-placement. This page is made from",
            "[its results](benchmarks/results.json) by `python -m bench.against_placement.page`.",
            "",
            *pictures,
            markdown(run),
        ]
    )


def write(run: Run, folder: Path) -> None:
    """Write the page, its plots and the results that they are made from."""
    beside = folder / "benchmarks"
    beside.mkdir(parents=True, exist_ok=True)
    for plot in PLOTS:
        found = list(bars(run, plot))
        if found:
            (beside / f"{plot.file}.svg").write_text(svg(plot.title, plot.better, found))
    results = msgspec.json.format(msgspec.json.encode(run))
    (beside / "results.json").write_bytes(results + b"\n")
    (folder / "benchmarks.md").write_text(page(run))


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=DOCS)
    told = parser.parse_args()
    write(msgspec.json.decode(told.results.read_bytes(), type=Run), told.folder)


if __name__ == "__main__":
    main()
