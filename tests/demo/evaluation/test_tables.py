from dataclasses import asdict

import pytest
from rich.console import Console

from demo.evaluation.representations import (
    EXACT,
    HYBRID,
    Measured,
    describe_representations,
    find_hybrid_loss,
)
from demo.evaluation.tables import find_gain, print_bare, print_representations
from tests.vitrine.comparisons import make_body
from vitrine.answers import ModelRow
from vitrine.comparisons import read_comparison

_MEASURED = [
    Measured(EXACT, (ModelRow("e", "float", 400, None, None, 128),), read_comparison(make_body(0.75, 0.5))),
    Measured(
        HYBRID, (ModelRow("e", "hybrid", 400, "itq", 400, 128),), read_comparison(make_body(0.71875, 0.8))
    ),
]


def _open_console() -> Console:
    return Console(record=True, width=200)


def test_hybrid_is_measured_against_exact_float_in_points() -> None:
    assert find_hybrid_loss(_MEASURED) == pytest.approx(-3.125)
    assert describe_representations(_MEASURED)["hybrid_minus_exact_points"] == -3.125


def test_representations_are_shown_with_what_their_index_stores() -> None:
    console = _open_console()
    print_representations(console, _MEASURED)
    text = console.export_text()
    plain = text[text.index("Plain search") :]
    assert "128 floats" in plain
    assert "128 bits (itq)" in plain
    assert "hybrid minus exact float, plain search: -3.1 points of recall@1" in plain


def test_representations_keep_every_figure() -> None:
    described = describe_representations(_MEASURED)["representations"][0]
    assert (described["name"], described["index"]) == (EXACT.name, {"preset": "exact"})
    assert described["models"] == [asdict(_MEASURED[0].models[0])]
    assert described["evaluation"]["ways"][1]["true_accepts"] == {"0.01": 0.25, "0.05": None}


def _figures(recall: float | None) -> dict[str, dict[str, float | None]]:
    return {
        "recognize": {"recall_at_1": recall, "recall_at_5": 1.0},
        "search": {"mean_average_precision": 0.5},
    }


def test_gain_over_the_bare_embedder_is_in_points() -> None:
    console = _open_console()
    print_bare(console, _figures(0.75), _figures(0.5))
    assert "pipeline minus bare: +25.0 points" in console.export_text()
    assert find_gain(_figures(None), _figures(0.5)) is None
