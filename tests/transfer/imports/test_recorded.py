"""An import in the audit log: one event for all of its rows."""

import io

import pytest

from tenants.domain.audit import Actor, acting_as
from tenants.domain.products import create_product
from tenants.models import AuditEvent, Product
from tenants.scope import tenant_scope
from tests.retrieval.shelf import open_shelf
from tests.transfer.imports.catalogues import run_to_end
from transfer.imports.request import ImportRequest
from transfer.imports.starting import start_import
from transfer.uploads.receiving import store_upload

TILL = Actor(AuditEvent.Actor.KEY, id="1", name="till", address="192.0.2.7")
ROWS = 700


@pytest.mark.usefixtures("rows")
def test_import_of_many_rows_leaves_one_event_with_its_counts_by_whoever_asked_for_it() -> None:
    shelf = open_shelf("acme")
    lines = "".join(f"sku-{number},,Tea {number}\n" for number in range(ROWS))
    with tenant_scope(shelf.tenant.id):
        create_product(gallery=shelf.gallery, sku="old")
        with acting_as(TILL):
            upload = store_upload("shop.csv", io.BytesIO(b"sku,image,title\n" + lines.encode()))
            request = ImportRequest(upload=upload.pk, mode="replace")
            job = start_import(gallery=shelf.gallery, request=request, trigger="api")
        before = AuditEvent.objects.count()
        job = run_to_end(job)
        assert (job.state, job.code) == ("succeeded", "")
        assert Product.objects.filter(gallery=shelf.gallery, deleted_at=None).count() == ROWS
        (event,) = AuditEvent.objects.order_by("pk")[before:]
        assert (event.action, event.object_id, event.actor_name) == ("job.ended", str(job.pk), "till")
        after = event.after or {}
        assert after["counts"]["done"] == ROWS
        # The shelf's own product and the old one.
        assert after["result"] == {"created": ROWS, "updated": 0, "retired": 2}
