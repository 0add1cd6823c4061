"""Another model looks at the stored files, once a region; what it made is kept whatever befalls the job."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db.models import QuerySet

from jobs.models import Job
from jobs.turn import Turn
from retrieval.analysers import embedder_dim
from retrieval.index import embedding, reindexing
from retrieval.index.rows import list_searched
from retrieval.index.store import VectorStore
from retrieval.photos.indexing import index_pending
from retrieval.photos.purging import purge_deleted
from tenants.domain.images import delete_image
from tenants.models import Embedding
from tenants.scope import tenant_scope
from tests.retrieval.moments import Killed, act_before, kill
from tests.retrieval.shelf import Shelf, add_photos
from tests.retrieval.stock import (
    assert_whole,
    change_index,
    make_job,
    open_live,
    read_gallery,
    rebuild,
    run_again,
    stocked_shelf,
)


@pytest.fixture(scope="module")
def pictured(rows: None, store: VectorStore) -> Iterator[Shelf]:
    """Another gallery, of photos that models can see."""
    with stocked_shelf(store, 0, preset="exact", embedders=["efficientnet_lite2"]) as shelf:
        add_photos(shelf, 1, 2, 3)
        index_pending(Turn(60, 60))
        yield shelf


def seen_by(model: str, shelf: Shelf) -> QuerySet[Embedding]:
    return Embedding.objects.filter(model=model, region__image__gallery=shelf.gallery)


def test_other_model_sees_the_stored_files_and_gives_the_same_answers(
    pictured: Shelf, store: VectorStore, caplog: pytest.LogCaptureFixture
) -> None:
    with tenant_scope(pictured.tenant.id):
        (lost,) = add_photos(pictured, 4)
        index_pending(Turn(60, 60))
        (Path(django_settings.MEDIA_ROOT) / lost.file).unlink()
        change_index(pictured, preset="exact", embedders=["efficientnet_lite0"])

        job = rebuild(pictured)

        assert (job.state, job.done, job.total) == (Job.State.SUCCEEDED, 4, 4)
        assert f"image {lost.pk} cannot be embedded again" in caplog.text
        index = open_live(pictured)
        assert index.embedders == ["efficientnet_lite0"]
        seen = seen_by("efficientnet_lite0", pictured)
        keys, vectors = index.load(seen.values_list("region_id", flat=True))
        found = index.search(vectors, limit=4, wanted=4)
        assert [row[0].region_id for row in found] == keys.tolist()
        assert {len(row) for row in found} == {3}, "what no file is left of, no other model can see"
        delete_image(image=lost)
        purge_deleted()
        assert_whole(pictured, store)


def test_reindex_killed_while_it_embeds_goes_on_with_what_is_there(
    pictured: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(pictured.tenant.id):
        seen = seen_by("efficientnet_lite0", pictured)
        seen.delete()
        change_index(
            pictured, preset="exact", embedders=["efficientnet_lite2", "efficientnet_lite0"], fusion="early"
        )
        job = make_job(pictured)
        monkeypatch.setattr(embedding, "_BATCH", 2)
        with monkeypatch.context() as patch:
            act_before(patch, reindexing, "report_progress", kill)
            with pytest.raises(Killed):
                run_again(job)
        first = set(seen.values_list("pk", flat=True))
        assert len(first) == 2

        run_again(job)

        assert seen.count() == 3
        assert first < set(seen.values_list("pk", flat=True))
        assert_whole(pictured, store)
        (live,) = list_searched(read_gallery(pictured))
        assert live.model == "efficientnet_lite2__efficientnet_lite0"
        assert live.dim == embedder_dim("efficientnet_lite2") + embedder_dim("efficientnet_lite0")
