"""Query photos and the log of queries, forgotten when their time is over.

A photo goes first: its row says where the file is until the file has gone, so a killed worker's photos are
found again.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Now
from django.utils import timezone

from retrieval.photos.files import delete_file
from tenants.models import Gallery, QueryLog

_PHOTOS_AT_ONCE = 500
_ROWS_AT_ONCE = 5000


def forget_queries() -> None:
    """Remove what the tenant that is set need not, or must not, keep any longer; some thousands at once.

    Raises `Unavailable`; what is left is removed by the next call.
    """
    for row_id in list(
        QueryLog.objects.filter(_photo_is_over()).values_list("pk", flat=True)[:_PHOTOS_AT_ONCE]
    ):
        _forget_photo(row_id)
    oldest = QueryLog.objects.filter(_row_is_over()).order_by("at").values("pk")[:_ROWS_AT_ONCE]
    QueryLog.objects.filter(pk__in=oldest).delete()


def tenants_with_old_queries() -> list[UUID]:
    """Tenants with something to forget."""
    old = QueryLog.across_tenants.filter(_photo_is_over() | _row_is_over())
    return list(old.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())


def delete_query_photos(gallery: Gallery) -> None:
    """Remove the query photos of a gallery that is being deleted. Raises `Unavailable`."""
    kept = _list_kept(gallery)
    while batch := list(kept.values_list("pk", flat=True)[:_PHOTOS_AT_ONCE]):
        for row_id in batch:
            _forget_photo(row_id)


def has_query_photos(gallery: Gallery) -> bool:
    """Whether there is one left."""
    return _list_kept(gallery).exists()


def _list_kept(gallery: Gallery) -> QuerySet[QueryLog]:
    return QueryLog.objects.filter(gallery=gallery).exclude(file="")


def _forget_photo(row_id: UUID) -> None:
    """Delete the file, then its name; the lock waits for whoever stores it just now."""
    with transaction.atomic():
        for row in QueryLog.objects.select_for_update().filter(pk=row_id).exclude(file=""):
            delete_file(row.file)
            QueryLog.objects.filter(pk=row.pk).update(file="", size=0)


def _photo_is_over() -> Q:
    """Kept for as long as the tenant says now; for no time where it has turned that off."""
    days = F("tenant__keep_queries_days")
    kept_for = ExpressionWrapper(days * Value(timedelta(days=1)), output_field=DurationField())
    ends = ExpressionWrapper(Now() - kept_for, output_field=QueryLog._meta.get_field("at"))  # noqa: SLF001 - Django's public way to a field
    return ~Q(file="") & (Q(tenant__keep_queries_days=None) | Q(at__lte=ends))


def _row_is_over() -> Q:
    return Q(file="", at__lte=timezone.now() - timedelta(days=settings.QUERY_LOG_DAYS))
