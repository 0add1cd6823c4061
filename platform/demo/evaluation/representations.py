"""The quality of every representation: one gallery's index built anew for each, and evaluated."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from demo.evaluation.ways import compare_ways, describe_comparison
from demo.settling import Told, wait_for_job, wait_until_settled
from vitrine.answers import GalleryRow, ModelRow
from vitrine.client import VitrineClient
from vitrine.comparisons import Comparison

# Null takes back what was said, by whoever evaluated this gallery before.
_SHIPPED: Final[Mapping[str, Any]] = dict.fromkeys(
    ("preset", "representation", "type", "projection", "binarizer", "dba")
)


@dataclass(frozen=True)
class Variant:
    """A representation: a name, and what of the index's settings is said beside the defaults."""

    name: str
    index: Mapping[str, Any]


EXACT: Final = Variant("float, exact", {"preset": "exact"})
HYBRID: Final = Variant("hybrid", {"preset": "compact"})
VARIANTS: Final = (
    Variant("float, raw", {"projection": "none"}),
    Variant("float, as shipped", {}),
    Variant("float, dba 5", {"dba": 5}),
    EXACT,
    Variant("binary, sign", {"representation": "binary", "binarizer": "sign"}),
    Variant("binary, ITQ", {"representation": "binary", "binarizer": "itq"}),
    HYBRID,
)


@dataclass(frozen=True)
class Measured:
    """A representation with its evaluation, and the models' vectors as its index holds them."""

    variant: Variant
    models: tuple[ModelRow, ...]
    comparison: Comparison


def measure_representations(
    client: VitrineClient, gallery: str, tell: Told, *, variants: Sequence[Variant] = VARIANTS
) -> list[Measured]:
    """Each representation in turn. The gallery's settings are put back at the end, whatever happens.

    Raises `JobFailed`, `GaveUpWaiting`.
    """
    with keep_index(client, gallery, tell):
        return [_measure(client, gallery, variant, tell) for variant in variants]


@contextmanager
def keep_index(client: VitrineClient, gallery: str, tell: Told) -> Iterator[None]:
    """Put the index's settings back to what they are now when the block is over."""
    before = client.read_gallery(gallery).settings["index"]
    try:
        yield
    finally:
        tell("putting the gallery's settings back")
        change_index(client, gallery, {**_SHIPPED, **before}, tell)


def change_index(client: VitrineClient, gallery: str, index: Mapping[str, Any], tell: Told) -> GalleryRow:
    """The gallery once its index is built as these settings want it. Raises `JobFailed`, `GaveUpWaiting`."""
    changed = client.change_settings(gallery, {"index": dict(index)})
    if changed.job:
        wait_for_job(client, changed.job, tell)
    return wait_until_settled(client, gallery, tell)


def _measure(client: VitrineClient, gallery: str, variant: Variant, tell: Told) -> Measured:
    def tell_which(said: str) -> None:
        tell(f"{variant.name}: {said}")

    row = change_index(client, gallery, {**_SHIPPED, **variant.index}, tell_which)
    return Measured(variant, row.models, compare_ways(client, gallery, tell_which))


def find_hybrid_loss(measured: Sequence[Measured]) -> float:
    """Points of recall@1 that plain search in the hybrid index gains over exact float search."""
    plain = {each.variant.name: each.comparison.plain.recall_at_1 for each in measured}
    return 100 * (plain[HYBRID.name] - plain[EXACT.name])


def describe_representations(measured: Sequence[Measured]) -> dict[str, Any]:
    """All representations as JSON values."""
    return {
        "hybrid_minus_exact_points": round(find_hybrid_loss(measured), 3),
        "representations": [
            {
                "name": each.variant.name,
                "index": dict(each.variant.index),
                "models": [asdict(model) for model in each.models],
                "evaluation": describe_comparison(each.comparison),
            }
            for each in measured
        ],
    }
