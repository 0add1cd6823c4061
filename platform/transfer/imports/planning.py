"""What an import would do, without doing it."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from jobs.items import items_of
from jobs.models import Job, JobItem
from tenants.models import Gallery, Product
from transfer.imports.request import Mode
from transfer.imports.standing import keep_standing

_MAX_SHOWN = 1000


def plan_import(job: Job, gallery: Gallery, mode: Mode) -> None:
    """End the rows as planned, and say in the result how many products would be created and changed.

    In mode `replace` also which would be deleted: the first thousand SKUs, and how many there are.
    """
    rows = items_of(job.pk, JobItem.State.PENDING).order_by()
    with transaction.atomic():
        named = rows.values("sku").distinct()
        live = Product.objects.filter(gallery=gallery, deleted_at=None)
        known = live.filter(sku__in=named).count()
        plan: dict[str, Any] = {"would_create": named.count() - known, "would_update": known}
        if mode == "replace":
            missing = list_unnamed(job, gallery)
            plan["retire_count"] = missing.count()
            plan["would_retire"] = list(missing.values_list("sku", flat=True)[:_MAX_SHOWN])
        keep_standing(job, **plan)
        rows.update(state=JobItem.State.PLANNED, ended_at=timezone.now())


def list_unnamed(job: Job, gallery: Gallery) -> QuerySet[Product]:
    """Live products that the gallery had when the import was asked for and that none of its rows names.

    A row that failed names its product all the same: a broken photo is no reason to delete what it shows.
    """
    naming = JobItem.objects.filter(job=job, sku=OuterRef("sku"))
    live = Product.objects.filter(gallery=gallery, deleted_at=None, created_at__lt=job.created_at)
    return live.filter(~Exists(naming)).order_by("sku")
