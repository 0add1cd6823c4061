"""Figures of a benchmark: medians and tails, printed and written as JSON."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Milliseconds over some repeats."""

    p50: float
    p95: float
    repeats: int


def spread_of(milliseconds: Sequence[float]) -> Spread:
    """Median and 95th percentile."""
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return Spread(round(float(p50), 2), round(float(p95), 2), len(milliseconds))


def write_figures(name: str, figures: dict[str, Any]) -> None:
    """Keep the figures under var/bench/<name>.json, with the machine they were taken on."""
    plain = {key: asdict(value) if isinstance(value, Spread) else value for key, value in figures.items()}
    path = Path("var/bench") / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": platform.processor() or platform.machine(), **plain}, indent=2))
    print(f"written to {path}")
