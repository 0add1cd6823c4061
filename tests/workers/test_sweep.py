"""The running service finds by itself what nobody asked it to do."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone

from retrieval.index.rows import list_searched, space_of
from retrieval.index.store import connect_store
from tenants.models import Gallery, Upload, VectorIndex
from tenants.scope import tenant_scope
from tests.api.catalog import add_product, make_gallery, upload, wait_indexed
from tests.api.photos import draw_photo
from tests.api.sending import send_chunk
from tests.conftest import Shop, wait_until
from tests.tenants.rows import change_rows


@pytest.fixture
def gallery(acme: Shop) -> str:
    """A gallery with a photo."""
    made = make_gallery(acme, settings={"index": {"preset": "exact"}})
    upload(acme, made, add_product(acme, made, "one"), draw_photo(1))
    wait_indexed(acme, made, 1)
    return made


def recognize(shop: Shop, gallery: str) -> tuple[int, str | None]:
    """(status, SKU) of a photo that the gallery knows."""
    answer = shop.http.post(f"/v1/galleries/{gallery}/recognize", files={"image": draw_photo(1)})
    product = answer.json()["answer"]["product"] if answer.status_code == 200 else None
    return answer.status_code, product and product["sku"]


def test_index_that_milvus_has_lost_is_rebuilt_unattended(acme: Shop, gallery: str) -> None:
    row = Gallery.across_tenants.get(pk=UUID(gallery))
    with tenant_scope(row.tenant_id):
        for index in list_searched(row):
            connect_store().drop_collection(space_of(index))
    status, _ = recognize(acme, gallery)
    assert status == 503

    wait_until(lambda: recognize(acme, gallery) == (200, "one"), "the index is back", 90)

    assert Gallery.across_tenants.get(pk=row.pk).generation == row.generation + 1


def test_provisioning_that_nobody_does_is_done(acme: Shop, gallery: str) -> None:
    """So the galleries of the first version come to their indexes."""
    row = Gallery.across_tenants.get(pk=UUID(gallery))
    change_rows(
        Gallery.across_tenants.filter(pk=row.pk),
        state="provisioning",
        created_at=timezone.now() - timedelta(minutes=5),
    )
    wait_until(lambda: recognize(acme, gallery) == (200, "one"), "the gallery is ready", 90)
    assert VectorIndex.across_tenants.filter(gallery=row.pk, retired_at=None).count() == 1


def test_expired_upload_is_removed_unattended(acme: Shop) -> None:
    begun = acme.http.post("/v1/uploads", json={"filename": "shop.zip", "size": 1000})
    assert send_chunk(acme, begun.headers["Location"], 0, b"PK").status_code == 200
    mine = Upload.across_tenants.filter(tenant=acme.tenant)
    folder = Path(settings.MEDIA_ROOT) / str(acme.tenant.id) / "uploads"
    assert len(list(folder.iterdir())) == 1
    change_rows(mine, expires_at=timezone.now())
    wait_until(lambda: not mine.exists(), "the upload is removed", 60)
    assert not list(folder.iterdir())
