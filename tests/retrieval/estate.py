"""A shop that has something of everything, and what is left of it anywhere."""

import io
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils import timezone

from jobs.models import Job, JobItem
from jobs.valkey import connect_valkey
from retrieval.index.store import VectorStore
from retrieval.query_log import log_query
from tenants.domain.exemplars import add_distractor, add_labelled_query
from tenants.domain.keys import issue_key
from tenants.domain.privacy import change_privacy
from tenants.models import (
    AuditEvent,
    Calibration,
    Embedding,
    Evaluation,
    Exemplar,
    ExemplarRegion,
    IdempotentCall,
    Invitation,
    Membership,
    MonthlyUsage,
    Projection,
    Quota,
    ReferenceImage,
    Region,
    Rotation,
    Tenant,
    Usage,
    VectorIndex,
    WebhookDelivery,
    WebhookEndpoint,
)
from tenants.models.owned import TenantOwned
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.retrieval.shelf import Shelf, add_photos, open_shelf
from transfer.imports.request import ImportRequest
from transfer.uploads.receiving import store_upload

_BOX = {"x1": 0, "y1": 0, "x2": 1, "y2": 1, "score": 1, "source": "whole"}
_VECTOR = Embedding.pack(np.full(4, 0.5, np.float32))


def open_estate(name: str, store: VectorStore) -> Shelf:
    """A shop with a gallery, rows in every table, files of every kind, a collection, and a key in Valkey."""
    shelf = open_shelf(name)
    store.ensure_collection(shelf.space)
    fill_estate(shelf)
    return shelf


def fill_estate(shelf: Shelf) -> None:
    """The same for a shop that there is, without the collection."""
    with tenant_scope(shelf.tenant.id):
        images = add_photos(shelf, 1, 2, 3)
        _add_vectors(shelf, images)
        _add_exemplars(shelf)
        _add_measurements(shelf)
        _add_webhook(shelf)
        _add_import(shelf, images)
        store_upload("catalogue.zip", io.BytesIO(b"x" * 100))
        _add_limits(shelf)
        _add_records(shelf)
        name = f"{shelf.tenant.slug}-owner"
        user = get_user_model().objects.create(username=name, email=f"{name}@shop.example")
        Membership.objects.create(tenant=shelf.tenant, user=user, role=Membership.Role.OWNER)
        issue_key(tenant=shelf.tenant, name="till", scopes=[])
    connect_valkey().set(f"vitrine:asked:nothing:{shelf.tenant.id}", 1, ex=600)


def owned_models() -> list[type[TenantOwned]]:
    """Every table that belongs to tenants."""
    return [model for model in apps.get_models() if issubclass(model, TenantOwned)]


def count_rows(tenant: Tenant) -> dict[str, int]:
    """How many rows the tenant has in each table."""
    rows = {model._meta.label: model.across_tenants.filter(tenant=tenant) for model in owned_models()}  # noqa: SLF001 - a model's name
    return {label: found.count() for label, found in rows.items()}


def find_mentions(*ids: object) -> set[str]:
    """The tables that mention one of the ids in any column of any row, whatever the column is."""
    wanted = [str(said) for said in ids]
    return {
        model._meta.label  # noqa: SLF001 - a model's name
        for model in apps.get_models()
        if any(word in said for said in _print_rows(model) for word in wanted)
    }


def list_files(name: object) -> list[str]:
    """Files and folders below MEDIA_ROOT whose path holds the name."""
    root = Path(settings.MEDIA_ROOT)
    return sorted(path for found in root.rglob("*") if str(name) in (path := str(found.relative_to(root))))


def list_keys(tenant: Tenant) -> list[bytes]:
    """Keys in Valkey that name the tenant, and not the messages in a queue."""
    return list(connect_valkey().scan_iter(f"*{tenant.id}*"))


def _print_rows(model: type[Model]) -> Iterator[str]:
    manager = model.across_tenants if issubclass(model, TenantOwned) else model._default_manager  # noqa: SLF001 - of any model
    for row in manager.values().iterator():
        yield " ".join(str(value) for value in row.values())


def _add_vectors(shelf: Shelf, images: list[ReferenceImage]) -> None:
    owner = {"tenant": shelf.tenant}
    for image in images:
        region = Region.objects.create(**owner, image=image, **_BOX)
        Embedding.objects.create(**owner, region=region, model="any", vector=_VECTOR)
    fitted: dict[str, Any] = {**owner, "gallery": shelf.gallery, "model": "any", "version": 1, "fitted_on": 1}
    projection = Projection.objects.create(**fitted, in_dim=1, out_dim=1, mean=b"", matrix=b"")
    rotation = Rotation.objects.create(**fitted, method="sign", dim=8, mean=b"")
    VectorIndex.objects.filter(gallery=shelf.gallery).update(projection=projection, rotation=rotation)


def _add_exemplars(shelf: Shelf) -> None:
    photo = {"filename": "a.png", "image_format": "png"}
    add_labelled_query(gallery=shelf.gallery, sku="one", data=draw_photo(10), **photo)
    add_distractor(tenant_id=shelf.tenant.id, data=draw_photo(11), **photo)
    for exemplar in Exemplar.objects.all():
        region = {"tenant": shelf.tenant, "exemplar": exemplar, "model": "any", "ordinal": 0}
        ExemplarRegion.objects.create(**region, **_BOX, vector=_VECTOR)


def _add_measurements(shelf: Shelf) -> None:
    measured = {"tenant": shelf.tenant, "gallery": shelf.gallery, "generation": 1}
    Calibration.objects.create(**measured, false_accept_rate=0.1)
    Evaluation.objects.create(**measured, source=Evaluation.Source.QUERIES)


def _add_webhook(shelf: Shelf) -> None:
    endpoint = WebhookEndpoint.objects.create(
        tenant=shelf.tenant, url="https://shop.example/hook", events=[], secret="whsec_any"
    )
    WebhookDelivery.objects.create(
        tenant=shelf.tenant,
        endpoint=endpoint,
        event_id=uuid.uuid4(),
        event=WebhookEndpoint.Event.JOB_FINISHED,
        body={"data": {"gallery": str(shelf.gallery.pk)}},
        state=WebhookDelivery.State.DELIVERED,
    )


def _add_limits(shelf: Shelf) -> None:
    tenant = shelf.tenant
    Quota.objects.get_or_create(tenant=tenant)
    Usage.objects.get_or_create(tenant=tenant)
    MonthlyUsage.objects.get_or_create(tenant=tenant, month=timezone.now().date().replace(day=1))


def _add_records(shelf: Shelf) -> None:
    owner = {"tenant": shelf.tenant}
    AuditEvent.objects.create(**owner, actor=AuditEvent.Actor.SYSTEM, action="gallery.created")
    IdempotentCall.objects.create(**owner, key="any", leased_until=timezone.now())
    Invitation.objects.create(
        **owner,
        email=f"{shelf.tenant.slug}-guest@shop.example",
        role=Membership.Role.VIEWER,
        token_hash=uuid.uuid4().hex * 2,
        expires_at=timezone.now() + timedelta(days=7),
    )
    change_privacy(keep_queries_days=30)
    answer = {"outcome": "unknown", "score": None}
    log_query(gallery_id=shelf.gallery.pk, photo=draw_photo(12), answer=answer, took_ms=1)


def _add_import(shelf: Shelf, images: list[ReferenceImage]) -> None:
    job = Job.objects.create(
        tenant=shelf.tenant,
        gallery=shelf.gallery,
        kind=Job.Kind.IMPORT,
        input=ImportRequest(directory="").as_input(),
        trigger="test",
        state=Job.State.SUCCEEDED,
        finished_at=timezone.now(),
    )
    for line, image in enumerate(images, start=1):
        JobItem.objects.create(
            tenant=shelf.tenant, job=job, line=line, state="indexed", image=image, conflicts=[images[0].pk]
        )
