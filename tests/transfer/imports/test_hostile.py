"""The photos of strangers, all in one archive."""

from collections import Counter
from pathlib import Path

from jobs.models import JobItem
from retrieval.index.store import VectorStore
from retrieval.photos.purging import purge_deleted
from tenants.models import ReferenceImage
from tests.retrieval.shelf import Shelf
from tests.transfer.imports.catalogues import ask_import, assert_exact, run_to_end

# What a row of such a file may end with; anything else would be a fault of ours.
OURS_TO_SAY = {
    "image_animated",
    "image_empty",
    "image_too_large",
    "image_unreadable",
    "image_unsupported_format",
}


def read_hostile(shared_data: Path) -> dict[str, bytes]:
    """Each file as a photo of one of seven products, named so that none is passed over."""
    files = sorted((shared_data / "fixtures" / "hostile").iterdir())
    assert len(files) > 100
    return {f"sku-{number % 7}/{path.name}.jpg": path.read_bytes() for number, path in enumerate(files)}


def test_archive_of_hostile_files_ends_each_row(shop: Shelf, store: VectorStore, shared_data: Path) -> None:
    files = read_hostile(shared_data)
    job = run_to_end(ask_import(shop, files))

    assert (job.state, job.total) == ("succeeded", len(files))
    assert job.done + job.failed + job.skipped == job.total
    rows = JobItem.objects.filter(job=job)
    assert set(rows.filter(state="failed").values_list("code", flat=True)) <= OURS_TO_SAY
    assert not rows.filter(state="failed", message="").exists()
    states = Counter(rows.values_list("state", flat=True))
    assert states["indexed"] > 30
    assert states["failed"] > 30
    failed = ReferenceImage.objects.filter(gallery=shop.gallery, state="failed")
    assert set(failed.values_list("failure_code", flat=True)) <= OURS_TO_SAY
    purge_deleted()
    assert_exact(shop, job, store)
