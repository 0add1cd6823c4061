"""The second phase of an import: the products that its rows name, created or changed before photos come.

Rows of one SKU that say different things: for each field the last line that says it counts. Products are
written in the order of their SKUs, some hundreds in a transaction that also keeps how far it came, so that
each is written once however often the worker is killed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from jobs.items import end_items, items_of
from jobs.models import Job, JobItem
from jobs.turn import Turn
from tenants.domain.quotas import check_quota, describe_full, fit_into_quota, read_room
from tenants.models import Gallery, Product
from transfer.errors import LineProblem
from transfer.imports.request import Mode
from transfer.imports.standing import add_problems, keep_standing

_BATCH = 500
_FIELDS = ("title", "category", "attributes", "score_threshold")


@dataclass(frozen=True)
class _Written:
    """How many products were created and changed; `unfit`: SKUs that the shop has no room for."""

    created: int
    updated: int
    unfit: Sequence[str]


def store_products(job: Job, gallery: Gallery, mode: Mode, turn: Turn) -> None:
    """Create the products that are missing; but in mode `create`, change the others as their rows say.

    Rows of products that the shop has no room for end as failed (`quota_exceeded`). Raises `NotDone` when the
    slice is over.
    """
    while not job.result.get("products_stored"):
        turn.check()
        fit_into_quota(partial(_store_batch, job, gallery, mode))


def _store_batch(job: Job, gallery: Gallery, mode: Mode) -> None:
    rows = items_of(job.pk, JobItem.State.PENDING)
    skus = _next_skus(rows, job.result.get("products_after", ""))
    with transaction.atomic():
        if not skus:
            keep_standing(job, products_stored=True)
            return
        said = _merge_rows(rows.filter(sku__in=skus))
        written = _write_products(gallery, mode, said)
        unfit = rows.filter(sku__in=written.unfit)
        end_items(unfit, code="quota_exceeded", message=describe_full(gallery.tenant_id, "products"))
        keep_standing(
            job,
            products_after=skus[-1],
            created=job.result.get("created", 0) + written.created,
            updated=job.result.get("updated", 0) + written.updated,
        )


def link_styles(job: Job, gallery: Gallery, turn: Turn) -> None:
    """Point products to those that they are variants of, now that all exist.

    A SKU that the gallery does not have, or the product's own, becomes a problem of its line in the result.
    Raises `NotDone` when the slice is over.
    """
    while not job.result.get("styles_linked"):
        turn.check()
        rows = items_of(job.pk, JobItem.State.PENDING).filter(data__has_key="style_of")
        skus = _next_skus(rows, job.result.get("styles_after", ""))
        with transaction.atomic():
            if not skus:
                keep_standing(job, styles_linked=True)
                return
            problems = _link_products(gallery, rows.filter(sku__in=skus))
            keep_standing(job, styles_after=skus[-1], problems=add_problems(job, problems))


def _next_skus(rows: QuerySet[JobItem], after: str) -> list[str]:
    return list(rows.filter(sku__gt=after).order_by("sku").values_list("sku", flat=True).distinct()[:_BATCH])


def _merge_rows(rows: QuerySet[JobItem]) -> dict[str, dict[str, Any]]:
    """By SKU, what its rows say of the product."""
    said: dict[str, dict[str, Any]] = {}
    for sku, data in rows.order_by("line").values_list("sku", "data").iterator():
        fields = {name: data[name] for name in _FIELDS if name in data}
        said.setdefault(sku, {}).update(fields)
    return said


def _write_products(gallery: Gallery, mode: Mode, said: Mapping[str, Mapping[str, Any]]) -> _Written:
    """Raises `QuotaExceeded` when somebody else took the room meanwhile."""
    there = _lock_products(gallery, said)
    room = read_room(gallery.tenant_id).products
    lacking = [sku for sku in said if sku not in there]
    missing, unfit = lacking[:room], lacking[len(lacking[:room]) :]
    Product.objects.bulk_create(
        (Product(tenant_id=gallery.tenant_id, gallery=gallery, sku=sku, **said[sku]) for sku in missing),
        # Somebody else may create the same SKU at this moment; then it is there, as if it had been before.
        ignore_conflicts=True,
    )
    if missing:
        check_quota(gallery.tenant_id, "products")
    changed = [] if mode == "create" else [there[sku] for sku in there if _change(there[sku], said[sku])]
    Product.objects.bulk_update(changed, [*_FIELDS, "updated_at"])
    return _Written(created=len(missing), updated=len(changed), unfit=unfit)


def _lock_products(gallery: Gallery, skus: Iterable[str]) -> dict[str, Product]:
    live = Product.objects.filter(gallery=gallery, deleted_at=None, sku__in=list(skus))
    return {product.sku: product for product in live.order_by("pk").select_for_update()}


def _change(product: Product, said: Mapping[str, Any]) -> bool:
    """Set what the rows say; whether anything differs."""
    if all(getattr(product, name) == value for name, value in said.items()):
        return False
    for name, value in said.items():
        setattr(product, name, value)
    product.updated_at = timezone.now()
    return True


def _link_products(gallery: Gallery, rows: QuerySet[JobItem]) -> Sequence[LineProblem]:
    styles = {row.sku: row for row in rows.order_by("line").iterator()}
    wanted = {str(row.data["style_of"]) for row in styles.values() if row.data["style_of"]}
    live = Product.objects.filter(gallery=gallery, deleted_at=None)
    targets = {product.sku: product for product in live.filter(sku__in=wanted)}
    problems: list[LineProblem] = []
    changed: list[Product] = []
    for product in _lock_products(gallery, styles).values():
        row = styles[product.sku]
        sku = row.data["style_of"]
        if sku and (sku == product.sku or sku not in targets):
            problems.append(LineProblem(row.line, f"The gallery has no other product {sku!r} (`style_of`)."))
        else:
            product.style_of = targets[sku] if sku else None
            changed.append(product)
    Product.objects.bulk_update(changed, ["style_of"])
    return problems
