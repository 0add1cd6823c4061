"""The rows of generations: begun, reused, gone over to, given up, dropped."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from retrieval.index import fitting
from retrieval.index.generations import (
    Superseded,
    begin_generation,
    drop_retired,
    drop_strays,
    go_live,
    list_droppable,
    retire_unfinished,
)
from retrieval.index.rows import is_collection_of, list_searched, list_written, space_of
from retrieval.index.store import VectorStore
from tenants.domain.galleries import hide_gallery
from tenants.models import Gallery, Projection, Rotation, VectorIndex
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, open_shelf
from tests.retrieval.stock import change_index, read_gallery, stock_shelf

BOTH = ["efficientnet_lite2", "efficientnet_lite0"]


@pytest.fixture
def shelf(rows: None) -> Iterator[Shelf]:
    """A gallery that has no index yet."""
    opened = open_shelf("acme", Gallery.State.PROVISIONING, index={"preset": "exact"})
    with tenant_scope(opened.tenant.id):
        yield opened


def begin(shelf: Shelf, *, asked: bool = False, reuse: bool = False) -> list[VectorIndex]:
    return begin_generation(read_gallery(shelf), asked=asked, reuse=reuse)


def make_live(shelf: Shelf) -> list[VectorIndex]:
    indexes = begin(shelf)
    go_live(read_gallery(shelf), indexes)
    return indexes


def retire_long_ago(indexes: list[VectorIndex]) -> None:
    long_ago = timezone.now() - timedelta(seconds=settings.RECOGNIZE_TIMEOUT_S + 6)
    VectorIndex.objects.filter(pk__in=[index.pk for index in indexes]).update(retired_at=long_ago)


def test_generation_is_written_from_its_beginning_and_searched_once_it_is_live(shelf: Shelf) -> None:
    first = begin(shelf)
    assert list_searched(read_gallery(shelf)) == []
    assert list_written(read_gallery(shelf)) == first
    go_live(read_gallery(shelf), first)
    gallery = read_gallery(shelf)
    assert gallery.generation == 1
    assert list_searched(gallery) == first

    change_index(shelf, preset="balanced")
    second = begin(shelf)
    assert list_searched(read_gallery(shelf)) == first
    assert list_written(read_gallery(shelf)) == first + second
    go_live(read_gallery(shelf), second)
    gallery = read_gallery(shelf)
    assert gallery.generation == 2
    assert list_searched(gallery) == list_written(gallery) == second
    assert VectorIndex.objects.get(pk=first[0].pk).retired_at is not None
    assert VectorIndex.objects.get(pk=second[0].pk).checked_at is not None


def test_interrupted_generation_is_taken_up_again_while_it_is_still_wanted(shelf: Shelf) -> None:
    first = begin(shelf)
    assert begin(shelf) == first
    change_index(shelf, preset="balanced")
    (second,) = begin(shelf)
    assert second.generation == first[0].generation + 1
    assert list_written(read_gallery(shelf)) == [second]


def test_models_have_a_collection_each_or_one_joined(shelf: Shelf) -> None:
    change_index(shelf, embedders=BOTH)
    assert {index.model: index.embedders for index in begin(shelf)} == {name: [name] for name in BOTH}
    change_index(shelf, embedders=BOTH, fusion="early")
    (joined,) = begin(shelf)
    assert (joined.model, joined.embedders) == ("__".join(BOTH), BOTH)
    assert len(space_of(joined).collection) < 255


@pytest.mark.parametrize("trouble", ["superseded", "deleted"])
def test_generation_that_is_not_wanted_any_more_does_not_become_live(shelf: Shelf, trouble: str) -> None:
    first = make_live(shelf)
    change_index(shelf, preset="balanced")
    second = begin(shelf)
    if trouble == "deleted":
        hide_gallery(gallery=shelf.gallery)
    else:
        change_index(shelf, preset="fast")
        begin(shelf)
    with pytest.raises(Superseded):
        go_live(read_gallery(shelf), second)
    gallery = read_gallery(shelf)
    assert gallery.generation == 1
    assert list_searched(gallery) == first
    assert VectorIndex.objects.get(pk=first[0].pk).retired_at is None


def test_generation_that_was_given_up_is_not_written_any_more(shelf: Shelf) -> None:
    live = make_live(shelf)
    change_index(shelf, preset="balanced")
    begin(shelf)
    retire_unfinished(read_gallery(shelf))
    assert list_written(read_gallery(shelf)) == live
    retire_unfinished(read_gallery(shelf))
    assert list_searched(read_gallery(shelf)) == live


def test_retired_index_can_be_dropped_when_its_last_search_is_over(shelf: Shelf) -> None:
    retired = make_live(shelf)
    change_index(shelf, preset="balanced")
    make_live(shelf)
    own = VectorIndex.objects.filter(gallery=shelf.gallery)
    assert not list_droppable(own)
    retire_long_ago(retired)
    assert list(list_droppable(own)) == retired


def fit_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "LEAST_TO_FIT", 10)


def count_artefacts(shelf: Shelf) -> tuple[int, int]:
    return (
        Projection.objects.filter(gallery=shelf.gallery).count(),
        Rotation.objects.filter(gallery=shelf.gallery).count(),
    )


def test_artefacts_count_up_and_are_dropped_with_the_last_index_that_uses_them(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_small(monkeypatch)
    stock_shelf(shelf, 24)
    wanted = {"preset": "exact", "representation": "binary", "projection": "pca", "dims": 8}
    change_index(shelf, **wanted)
    (first,) = begin(shelf, asked=True)
    go_live(read_gallery(shelf), [first])
    (second,) = begin(shelf, reuse=True)
    go_live(read_gallery(shelf), [second])
    assert (second.projection, second.rotation) == (first.projection, first.rotation)
    assert (second.sampled, second.width) == (24, 8)
    assert count_artefacts(shelf) == (1, 1)

    retire_long_ago([first])
    drop_retired(shelf.gallery)
    assert count_artefacts(shelf) == (1, 1), "the rebuilt index uses them"

    (third,) = begin(shelf)
    assert third.projection is not None
    assert third.projection.version == 2, "it was asked for before, and is kept whatever the job says"
    assert count_artefacts(shelf) == (2, 2)
    go_live(read_gallery(shelf), [third])
    retire_long_ago([second])
    drop_retired(shelf.gallery)
    assert count_artefacts(shelf) == (1, 1)
    assert list(VectorIndex.objects.filter(gallery=shelf.gallery)) == [third]


def test_fit_whose_rows_were_not_made_leaves_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    fit_small(monkeypatch)
    stock_shelf(shelf, 24)
    change_index(shelf, embedders=BOTH, representation="binary", projection="pca", dims=8)
    stock_shelf(shelf, 24)
    with monkeypatch.context() as patch:
        patch.setattr("retrieval.index.generations.VectorIndex.objects.create", None)
        with pytest.raises(TypeError):
            begin(shelf, asked=True)
    assert count_artefacts(shelf) == (0, 0)
    assert len(begin(shelf, asked=True)) == 2
    assert count_artefacts(shelf) == (2, 2)


def test_collections_that_no_row_describes_are_dropped(shelf: Shelf, store: VectorStore) -> None:
    """Those of the first version, whose generation had no row, or of a job that was killed."""
    (index,) = make_live(shelf)
    stray = replace(space_of(index), dim=8, model="old")
    store.ensure_collection(stray)

    drop_strays(shelf.gallery)

    assert not store.has_collection(stray)


def test_collections_are_told_apart_by_tenant_and_gallery(shelf: Shelf) -> None:
    (index,) = begin(shelf)
    own = space_of(index)
    assert is_collection_of(shelf.gallery, own.collection)
    assert is_collection_of(shelf.gallery, replace(own, model="old", generation=9).collection)
    for foreign in (replace(own, gallery_id=index.pk), replace(own, tenant_id=index.pk)):
        assert not is_collection_of(shelf.gallery, foreign.collection)
