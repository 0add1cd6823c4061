# ruff: noqa: SLF001 - to take a wall away is to reach into what stands behind it
"""Each wall between the tenants, and how to take it away; for tests.security.walls alone."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from prometheus_client.core import GaugeMetricFamily

import api.authentication
import api.metrics
import api.views.images
import jobs.calls
from retrieval.index.space import Space
from tenants.domain import media
from tenants.domain.keys import authenticate_key
from tenants.errors import NotFound
from tenants.models import ApiKey, ReferenceImage, Tenant
from tenants.models.owned import TenantScopedManager
from tenants.postgresql.roles import connected_as_owner
from tenants.queries.catalog import get_image
from tenants.scope import platform_scope
from tests.retrieval.estate import owned_models


@dataclass(frozen=True)
class Wall:
    """title: what is taken away. lower: does so in this process; in_database: once there is a database."""

    title: str
    lower: Callable[[], None]
    in_database: bool = False


def replace(place: object, name: str, new: object) -> None:
    """Put something else in the place of what the code calls by this name."""
    setattr(place, name, new)


def lower_manager() -> None:
    """The ORM answers with every tenant's rows, whoever is set."""
    replace(TenantScopedManager, "get_queryset", models.Manager.get_queryset)


def lower_row_level_security() -> None:
    """PostgreSQL answers likewise."""
    with connected_as_owner(), connection.cursor() as cursor:
        for table in list_tables():
            cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def list_tables() -> list[str]:
    """The tables behind the wall."""
    models_behind: list[type[models.Model]] = [Tenant, *owned_models()]
    return [model._meta.db_table for model in models_behind]


def lower_both() -> None:
    """The ORM and PostgreSQL at once."""
    lower_manager()
    lower_row_level_security()


def lower_tenant_of_collection() -> None:
    """Milvus's collections are named after their gallery, and no more after their tenant."""

    def name(space: Space) -> str:
        place = f"t{0:032x}_g{space.gallery_id.hex}"
        return f"{place}_{space.model}_{space.stored}_v{space.generation}"

    replace(Space, "collection", property(name))


def lower_collections() -> None:
    """One collection for everybody's vectors, as if tenant and gallery were filters that somebody forgot."""

    def name(space: Space) -> str:
        return f"t{0:032x}_g{0:032x}_{space.model}_{space.stored}_v{space.dim}"

    replace(Space, "collection", property(name))


def lower_signature() -> None:
    """An address of a photo counts whoever made it up."""

    def unsign(_self: object, token: str, **_options: Any) -> str:
        return token.partition(".")[0]

    replace(media._Signer, "unsign", unsign)


def lower_expiry() -> None:
    """An address of a photo is good for ever."""
    checked = media._Signer.unsign

    def unsign(self: media._Signer, token: str, **_options: Any) -> str:
        return checked(self, token)

    replace(media._Signer, "unsign", unsign)


def lower_silence() -> None:
    """Another's image is refused like one that there is not, but not in the same words."""

    def tell(gallery: Any, image_id: Any) -> ReferenceImage:
        if ReferenceImage.across_tenants.filter(pk=image_id).exclude(tenant_id=gallery.tenant_id).exists():
            raise NotFound("This image is another shop's.", code="image_not_found")
        return get_image(gallery, image_id)

    replace(api.views.images, "get_image", tell)


def lower_timing() -> None:
    """The same words, after one more look for an image that there is."""

    def look(gallery: Any, image_id: Any) -> ReferenceImage:
        if found := ReferenceImage.across_tenants.filter(pk=image_id).first():
            ReferenceImage.across_tenants.filter(sha256=found.sha256).exists()
        return get_image(gallery, image_id)

    replace(api.views.images, "get_image", look)


def lower_cache_keys() -> None:
    """A photo on its way to a worker lies where anybody's may lie."""
    replace(jobs.calls, "_photo_key", lambda _call_id: "vitrine:photo")


def lower_log() -> None:
    """The key of a call is logged."""

    def authenticate(*, plaintext: str) -> ApiKey:
        logging.getLogger("api").info("a call with %s", plaintext)
        return authenticate_key(plaintext=plaintext)

    replace(api.authentication, "authenticate_key", authenticate)


def lower_metrics() -> None:
    """`/metrics` counts by tenant."""

    def collect() -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("vitrine_tenants", "Tenants.", labels=["tenant"])
        with platform_scope():
            for tenant in Tenant.objects.all():
                family.add_metric([tenant.slug], 1)
        yield family

    replace(api.metrics, "_collect_queues", collect)


WALLS = {
    "manager": Wall("the manager's filter", lower_manager),
    "rls": Wall("row-level security", lower_row_level_security, in_database=True),
    "manager+rls": Wall("both of these", lower_both, in_database=True),
    "collection-tenant": Wall("the tenant in the names of collections", lower_tenant_of_collection),
    "collections": Wall("collections of one's own", lower_collections),
    "signature": Wall("the signature of photos' addresses", lower_signature),
    "expiry": Wall("their end", lower_expiry),
    "silence": Wall("one text for all that is not there", lower_silence),
    "timing": Wall("the same work for all that is not there", lower_timing),
    "cache-keys": Wall("keys in Valkey that nobody can guess", lower_cache_keys),
    "log": Wall("a log without keys", lower_log),
    "metrics": Wall("metrics without names", lower_metrics),
}
