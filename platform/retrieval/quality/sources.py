"""Whether a gallery can be measured now, said before a job is made of it."""

from retrieval.index.gallery_index import GalleryIndex, open_index
from retrieval.quality.exemplars import ensure_exemplar_vectors
from retrieval.quality.trials import list_paired_products
from retrieval.readiness import check_ready
from retrieval.settings.gallery import GallerySettings
from tenants.errors import Conflict
from tenants.models import Evaluation, Exemplar, Gallery, ReferenceImage


def check_measurable(gallery: Gallery) -> None:
    """Raise `Conflict` for a gallery that is not ready, or has no indexed photo."""
    check_ready(gallery)
    indexed = ReferenceImage.objects.filter(
        gallery=gallery, state=ReferenceImage.State.INDEXED, deleted_at=None
    )
    if not indexed.exists():
        raise Conflict(
            "The gallery has no indexed photos yet. Add some, and try again.", code="gallery_empty"
        )


def check_source(gallery: Gallery, source: str) -> None:
    """Raise `Conflict` where the gallery lacks the photos that an evaluation of this source asks with."""
    if source == Evaluation.Source.LEAVE_ONE_OUT:
        if not list_paired_products(gallery).exists():
            raise Conflict(
                "No product has two indexed photos, so none can be asked for with another. "
                "Add second photos, or send labelled queries.",
                code="too_few_photos",
            )
        return
    queries = Exemplar.objects.filter(gallery=gallery).exclude(state=Exemplar.State.FAILED)
    if not queries.exists():
        raise Conflict("The gallery has no labelled queries. Send some first.", code="no_labelled_queries")


def open_measured(gallery: Gallery) -> tuple[GalleryIndex, GallerySettings]:
    """The gallery's live index, its exemplars seen by its models, and its settings. Raises `Conflict`."""
    check_measurable(gallery)
    settings = GallerySettings.parse(gallery.settings)
    index = open_index(gallery, settings.index)
    if index is None:
        raise Conflict("The gallery has no index yet. Try again shortly.", code="gallery_not_ready")
    ensure_exemplar_vectors(gallery, index.embedders)
    return index, settings
