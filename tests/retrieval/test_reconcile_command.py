"""`manage.py reconcile`: the reconciler by hand, and what it prints."""

import uuid
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from jobs.models import Job
from retrieval.index.store import VectorStore
from tenants.models import Gallery, VectorIndex
from tenants.scope import tenant_scope
from tests.relay import Relay
from tests.retrieval.shelf import Shelf, list_region_ids, open_shelf
from tests.retrieval.stock import assert_whole, draw_units, read_gallery, stocked_shelf
from tests.tenants.rows import change_rows


@pytest.fixture(scope="module")
def made(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, 6, preset="exact") as shelf:
        yield shelf


def reconcile(*args: str) -> list[str]:
    """The lines that the command prints, called with no tenant set."""
    printed = StringIO()
    call_command("reconcile", *args, stdout=printed)
    return printed.getvalue().splitlines()


def test_command_tells_what_it_mended_and_that_it_is_mended(made: Shelf, store: VectorStore) -> None:
    gallery = str(made.gallery.pk)
    store.delete(made.space, sorted(list_region_ids(made))[:2])
    store.upsert(made.space, [10**12], draw_units(1, made.space.dim, 0))

    for options in ([], ["--quick"]):
        (line,) = reconcile("--gallery", gallery, *options)
        assert line == (
            f"{gallery} float efficientnet_lite2 v1: "
            + ("as it should be" if options else "2 were missing and 1 were too many; mended")
        )
    assert_whole(made, store)


def test_command_goes_through_the_searched_indexes_of_all_tenants(made: Shelf) -> None:
    """A gallery that is deleted, or has no index yet, is not looked at; a lost collection gets its job."""
    lost, deleted = open_shelf("globex"), open_shelf("globex")
    provisioning = open_shelf("globex", Gallery.State.PROVISIONING)
    change_rows(Gallery.across_tenants.filter(pk=deleted.gallery.pk), deleted_at=timezone.now())

    lines = {line.split()[0]: line for line in reconcile()}

    assert lines[str(made.gallery.pk)].endswith("as it should be")
    assert not {str(shelf.gallery.pk) for shelf in (deleted, provisioning)} & lines.keys()
    with tenant_scope(lost.tenant.id):
        (job,) = Job.objects.filter(gallery=lost.gallery)
        assert (job.kind, job.input) == ("reindex", {"asked": False, "reuse": True})
    assert f"the collection is lost; job {job.pk} builds it anew" in lines[str(lost.gallery.pk)]
    change_rows(Gallery.across_tenants.filter(pk=lost.gallery.pk), deleted_at=timezone.now())


def test_command_refuses_a_gallery_that_is_not_there(rows: None) -> None:
    with pytest.raises(CommandError, match="no gallery"):
        reconcile("--gallery", str(uuid.uuid4()))


def test_command_says_that_milvus_is_away(made: Shelf, milvus_relay: Relay) -> None:
    before = VectorIndex.objects.get(pk=made.index.pk).checked_at
    milvus_relay.cut()
    with pytest.raises(CommandError, match="Try again shortly"):
        reconcile("--gallery", str(made.gallery.pk))
    assert made.index.checked_at == before
    assert read_gallery(made).state == "ready"
