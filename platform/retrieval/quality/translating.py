"""Thresholds that owners have set, carried over to an index whose scores are others."""

import logging
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from retrieval.index.gallery_index import GalleryIndex
from retrieval.index.store import IndexMissing
from retrieval.quality.calibration import calibrate
from retrieval.quality.translation import Translation
from retrieval.ranking.measures import Curve
from retrieval.settings.gallery import GallerySettings, merge_settings
from tenants.models import Gallery, Product, VectorIndex

_log = logging.getLogger(__name__)


def compare_scales(
    gallery: Gallery, before: Sequence[VectorIndex], after: Sequence[VectorIndex]
) -> Translation | None:
    """How scores move from one index to the other; None where no threshold is set, where they do not move, or
    where the gallery has too little to tell.
    """
    settings = GallerySettings.parse(gallery.settings)
    is_set = settings.score_threshold is not None or _list_own(gallery).exists()
    if not before or not is_set or _describe_scale(before) == _describe_scale(after):
        return None
    old, new = (_trace(gallery, indexes, settings) for indexes in (before, after))
    return Translation(old, new) if old and new else None


def move_thresholds(gallery: Gallery, translation: Translation) -> dict[str, Any]:
    """Translate the gallery's threshold and its products' own; says what became of them.

    Belongs into the transaction that goes over to the new index.
    """
    was = GallerySettings.parse(gallery.settings).score_threshold
    now = None if was is None else round(translation.apply(was), 4)
    if now is not None:
        gallery.settings = merge_settings(gallery.settings, {"score_threshold": now})
        gallery.save(update_fields=["settings"])
    own = list(_list_own(gallery))
    for product in own:
        product.score_threshold = round(translation.apply(product.score_threshold or 0.0), 4)
    Product.objects.bulk_update(own, ["score_threshold"], batch_size=500)
    return {"score_threshold": {"was": was, "is": now}, "products": len(own)}


def _list_own(gallery: Gallery) -> QuerySet[Product]:
    return Product.objects.filter(gallery=gallery, deleted_at=None, score_threshold__isnull=False)


def _trace(gallery: Gallery, indexes: Sequence[VectorIndex], settings: GallerySettings) -> Curve | None:
    index = GalleryIndex(gallery, indexes, settings.index)
    try:
        return calibrate(index, settings, false_accept_rate=settings.false_accept_rate).curve
    except IndexMissing:
        _log.warning("%s is lost; thresholds that were set for it stay as they are", indexes[0])
        return None


def _describe_scale(indexes: Sequence[VectorIndex]) -> list[tuple[Any, ...]]:
    return [(i.model, i.spec["representation"], i.projection_id, i.rotation_id) for i in indexes]
