"""The photos that a shop keeps beside its references."""

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from tenants.errors import NotFound
from tenants.models import Exemplar, Gallery, Product


def list_distractors() -> QuerySet[Exemplar]:
    """The shop's distractors."""
    return Exemplar.objects.filter(role=Exemplar.Role.DISTRACTOR)


def get_distractor(exemplar_id: UUID) -> Exemplar:
    """A distractor of this tenant. Raises `NotFound`."""
    exemplar = list_distractors().filter(pk=exemplar_id).first()
    if exemplar is None:
        raise NotFound("No such distractor.", code="distractor_not_found")
    return exemplar


def list_labelled_queries(gallery: Gallery) -> QuerySet[Exemplar]:
    """A gallery's labelled queries, each with `sku_known`: whether the gallery has a product of that SKU."""
    products = Product.objects.filter(gallery=gallery, deleted_at=None, sku=OuterRef("sku"))
    queries = Exemplar.objects.filter(role=Exemplar.Role.QUERY, gallery=gallery)
    return queries.annotate(sku_known=Exists(products))


def get_labelled_query(gallery: Gallery, exemplar_id: UUID) -> Exemplar:
    """A labelled query of the gallery. Raises `NotFound`."""
    exemplar = list_labelled_queries(gallery).filter(pk=exemplar_id).first()
    if exemplar is None:
        raise NotFound("No such labelled query in this gallery.", code="labelled_query_not_found")
    return exemplar
