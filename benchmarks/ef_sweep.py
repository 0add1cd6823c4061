"""What ef buys in an HNSW gallery: recall@10 against the time of a search, as figures and a picture in docs/.

One collection of clustered made-up vectors; each query is searched with every ef in turn, through the
product's vector store. Run by `python -m stack run -- python -m benchmarks.ef_sweep`.
"""

import argparse
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import matplotlib as mpl  # noqa: E402 - Django first
from matplotlib.figure import Figure  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.clusters import (  # noqa: E402
    QUERIES,
    Gallery,
    K,
    describe_space,
    draw_gallery,
    filled_collection,
    measure_recall,
)
from benchmarks.figures import Spread, spread_of, write_figures  # noqa: E402
from retrieval.index.space import HNSW, SearchParams, Space  # noqa: E402
from retrieval.index.store import Hit, VectorStore, connect_store  # noqa: E402

EFS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
PICTURE = Path("docs/ef_sweep.svg")
_WARM_UP = 10
_COLOUR = "#1f5f8b"


@dataclass(frozen=True)
class Point:
    """What one ef gives."""

    ef: int
    recall: float
    latency: Spread


def main() -> None:
    """Measure, print, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=256)
    asked = parser.parse_args()
    gallery, store = draw_gallery(asked.size, asked.dim), connect_store()
    with filled_collection(store, describe_space(asked.dim, HNSW), gallery.vectors) as space:
        points = measure_efs(store, space, gallery)
    title = f"{asked.size:,} vectors of {asked.dim}, HNSW " + ", ".join(f"{n} {v}" for n, v in HNSW.params)
    print_table(title, points)
    draw_picture(title, points)
    write_figures(
        "ef_sweep",
        {"size": asked.size, "dim": asked.dim, "k": K, "points": [asdict(point) for point in points]},
    )


def measure_efs(store: VectorStore, space: Space, gallery: Gallery) -> list[Point]:
    """Each query with every ef in turn, so that all see the same machine."""
    found: dict[int, list[list[Hit]]] = {ef: [] for ef in EFS}
    taken: dict[int, list[float]] = {ef: [] for ef in EFS}
    for number, query in enumerate([*gallery.queries[:_WARM_UP], *gallery.queries]):
        for ef in EFS:
            started = time.perf_counter()
            (hits,) = store.search(space, query[None], limit=K, seen=0, params=SearchParams(ef=ef))
            if number >= _WARM_UP:
                taken[ef].append((time.perf_counter() - started) * 1000)
                found[ef].append(hits)
    return [
        Point(ef, round(measure_recall(found[ef], gallery.nearest), 4), spread_of(taken[ef])) for ef in EFS
    ]


def print_table(title: str, points: list[Point]) -> None:
    """One row an ef."""
    table = Table("ef", f"recall@{K}", "p50 ms", "p95 ms", title=title)
    for point in points:
        table.add_row(
            str(point.ef), f"{point.recall:.3f}", f"{point.latency.p50:.2f}", f"{point.latency.p95:.2f}"
        )
    Console().print(table)


def draw_picture(title: str, points: list[Point]) -> None:
    """Recall over time, each point with its ef."""
    # Without a salt of chance and a date, the same figures draw the same file.
    with mpl.rc_context({"svg.hashsalt": "vitrine", "font.size": 10, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained", facecolor="white")
        axes = figure.add_subplot()
        times = [point.latency.p50 for point in points]
        axes.plot(times, [point.recall for point in points], marker="o", color=_COLOUR, linewidth=1.5)
        for point in points:
            axes.annotate(
                f"ef {point.ef}" if point.ef == EFS[0] else str(point.ef),
                (point.latency.p50, point.recall),
                textcoords="offset points",
                xytext=(4, -13),
                color="#333333",
                fontsize=9,
            )
        axes.margins(x=0.06, y=0.12)
        axes.set_xlabel(f"median time of a search, ms ({QUERIES} queries, one at a time)")
        axes.set_ylabel(f"recall@{K}, against the exact nearest")
        axes.set_title(title, fontsize=11)
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(PICTURE, format="svg", metadata={"Date": None})
    print(f"drawn in {PICTURE}")


if __name__ == "__main__":
    main()
