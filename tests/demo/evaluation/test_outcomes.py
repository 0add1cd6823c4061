from pathlib import Path

from demo.datasets import Dataset, LabelledPhoto
from demo.evaluation.outcomes import BARE, group_articles, name_gallery


def test_articles_gather_a_labels_photos_in_order() -> None:
    photos = [
        LabelledPhoto(Path(f"{number}.jpg"), label, "c") for number, label in enumerate(("b", "a b", "b"))
    ]
    first, second = group_articles(photos)
    assert (first.sku, first.title, list(first.photos)) == ("b", "b", [Path("0.jpg"), Path("2.jpg")])
    assert second.title == "a b"
    assert " " not in second.sku


def test_bare_embedder_has_a_gallery_of_its_own() -> None:
    data = Dataset(Path("data"), (LabelledPhoto(Path("a.jpg"), "a", ""),), (), ())
    other = Dataset(Path("data"), (LabelledPhoto(Path("b.jpg"), "a", ""),), (), ())
    assert len({name_gallery(data), name_gallery(data, BARE), name_gallery(other)}) == 3
    assert name_gallery(data) == name_gallery(data)
