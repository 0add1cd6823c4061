"""Labelled queries, evaluations and representations through the running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.datasets import LabelledPhoto
from demo.evaluation.labelled_queries import bring_queries
from demo.evaluation.representations import (
    EXACT,
    HYBRID,
    Variant,
    change_index,
    find_hybrid_loss,
    keep_index,
    measure_representations,
)
from demo.evaluation.ways import compare_ways
from demo.importing import Article, import_articles
from tests.api.photos import draw_photo
from tests.conftest import Service, Shop
from vitrine.client import VitrineClient
from vitrine.errors import VitrineError

PRODUCTS = ("tea", "coffee", "soap")


def _tell(_said: str) -> None:
    """Nobody listens."""


def _save(path: Path, seed: int, tilt: float) -> Path:
    path.write_bytes(draw_photo(seed, tilt))
    return path


@pytest.fixture
def client(service: Service, acme: Shop) -> Iterator[VitrineClient]:
    with VitrineClient(service.url, acme.key) as opened:
        yield opened


@pytest.fixture
def gallery(client: VitrineClient, tmp_path: Path) -> str:
    """A gallery with two photos of each product, and bits of another kind than usual."""
    found = client.ensure_gallery("Shop", settings={"index": {"dba": 1, "whitening": 0.25}}).id
    articles = [
        Article(name, name, "", [_save(tmp_path / f"{name}-{tilt}.png", seed, tilt) for tilt in (0, 8)])
        for seed, name in enumerate(PRODUCTS)
    ]
    assert not import_articles(client, found, articles, _tell).failures
    return found


def _label_queries(folder: Path, *labels: str) -> list[LabelledPhoto]:
    return [
        LabelledPhoto(_save(folder / f"query-{label}.png", seed, -6), label, "")
        for seed, label in enumerate(labels)
    ]


def test_queries_are_exactly_those_of_the_data(client: VitrineClient, gallery: str, tmp_path: Path) -> None:
    photos = _label_queries(tmp_path, *PRODUCTS)
    assert bring_queries(client, gallery, photos, _tell) == []
    first = {row.sku: row.id for row in client.list_labelled_queries(gallery)}

    renamed = [LabelledPhoto(photos[1].path, "not in the gallery", ""), photos[0]]
    broken = LabelledPhoto(tmp_path / "broken.jpg", "tea", "")
    broken.path.write_bytes(b"not a picture")
    missing = LabelledPhoto(tmp_path / "missing.jpg", "tea", "")
    failures = bring_queries(client, gallery, [*renamed, broken, missing], _tell)

    second = {row.sku: row.id for row in client.list_labelled_queries(gallery, state="indexed")}
    assert second.keys() == {"tea", *(sku for sku in second if sku and sku.startswith("not-in-the-gallery-"))}
    assert len(second) == 2
    assert second["tea"] == first["tea"]
    assert {failure.code for failure in failures} == {"file_unreadable", "image_unsupported_format"}


def test_representations_are_evaluated_and_settings_put_back(
    client: VitrineClient, gallery: str, tmp_path: Path
) -> None:
    bring_queries(client, gallery, _label_queries(tmp_path, *PRODUCTS), _tell)
    before = client.read_gallery(gallery)
    sign = Variant("binary, sign", {"representation": "binary", "binarizer": "sign"})
    measured = measure_representations(client, gallery, _tell, variants=(EXACT, sign, HYBRID))
    after = client.read_gallery(gallery)
    assert [[model.representation for model in each.models] for each in measured] == [
        ["float"],
        ["binary"],
        ["hybrid"],
    ]
    generations = [each.comparison.generation for each in measured]
    assert generations == sorted(set(generations))
    assert all(each.comparison.queries == len(PRODUCTS) for each in measured)
    assert find_hybrid_loss(measured) == 0
    assert after.settings == before.settings
    assert after.job is None


def test_settings_are_put_back_when_something_fails(client: VitrineClient, gallery: str) -> None:
    before = client.read_gallery(gallery).settings

    def fail_half_way() -> None:
        with keep_index(client, gallery, _tell):
            changed = change_index(client, gallery, {"preset": "compact"}, _tell)
            assert changed.settings["index"]["representation"] == "hybrid"
            raise VitrineError("broken", "Something failed.")

    with pytest.raises(VitrineError, match="Something failed"):
        fail_half_way()
    assert client.read_gallery(gallery).settings == before


def test_evaluation_can_be_applied_in_one_call(client: VitrineClient, gallery: str, tmp_path: Path) -> None:
    bring_queries(client, gallery, _label_queries(tmp_path, *PRODUCTS), _tell)
    comparison = compare_ways(client, gallery, _tell)
    assert comparison.plain.recall_at_1 == 1.0
    voting = next(place for place, way in enumerate(comparison.ways) if way.name == "vote")
    assert client.apply_evaluation(gallery, comparison.id, way=voting).settings["grouping"] == "vote"
