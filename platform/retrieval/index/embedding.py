"""Regions that are known, seen by a model that is new: from the stored files, once a region and model."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from inference.boxes import Box
from inference.errors import ImageRejected
from retrieval.analysers import get_analyser
from retrieval.photos.files import read_file
from retrieval.pictures import decode_photo
from tenants.models import Embedding, Gallery, ReferenceImage, Region

_BATCH = 16
_log = logging.getLogger(__name__)


def embed_gallery(gallery: Gallery, embedders: Sequence[str], *, tell: Callable[[int, int], None]) -> None:
    """Embed the regions of the gallery's indexed photos that an embedder has not seen yet.

    tell: called with the numbers of regions done and to do. A photo whose file is lost or cannot be read any
    more is logged and left out. Killed half-way, the next call goes on. Raises `Unavailable`, `ModelMissing`.
    """
    images = ReferenceImage.objects.filter(
        gallery=gallery, state=ReferenceImage.State.INDEXED, deleted_at=None
    )
    unseen = [(name, key) for name in embedders for key in _list_unseen(images.values("pk"), name)]
    for at in range(0, len(unseen), _BATCH):
        batch = unseen[at : at + _BATCH]
        for name in embedders:
            _embed_regions(name, [key for model, key in batch if model == name])
        tell(at + len(batch), len(unseen))


def embed_unseen(images: Iterable[ReferenceImage], embedders: Sequence[str]) -> None:
    """Embed those regions of a few photos that an embedder has not seen yet. Raises as `embed_gallery`."""
    keys = [image.pk for image in images]
    for name in embedders:
        _embed_regions(name, _list_unseen(keys, name))


def _list_unseen(images: Any, embedder: str) -> list[int]:
    """images: primary keys, or a query for them."""
    seen = Embedding.objects.filter(model=embedder, region__image__in=images)
    regions = Region.objects.filter(image__in=images).exclude(pk__in=seen.values("region_id"))
    return list(regions.order_by("pk").values_list("pk", flat=True))


def _embed_regions(embedder: str, keys: Sequence[int]) -> None:
    regions = Region.objects.filter(pk__in=keys).select_related("image")
    made = [row for region in regions if (row := _embed_region(embedder, region)) is not None]
    Embedding.objects.bulk_create(made, ignore_conflicts=True)


def _embed_region(embedder: str, region: Region) -> Embedding | None:
    try:
        picture = decode_photo(read_file(region.image.file))
    except (FileNotFoundError, ImageRejected) as error:
        _log.error("image %s cannot be embedded again: %s", region.image_id, error)
        return None
    box = None if region.source == Region.Source.WHOLE else Box(*region.box)
    vector = get_analyser([embedder]).embed_body(picture, box)[embedder]
    return Embedding(
        tenant_id=region.tenant_id,
        region_id=region.pk,
        model=embedder,
        vector=Embedding.pack(np.asarray(vector, np.float32)),
    )
