"""What became of each recognition, written down after its caller has the answer; its photo only on wish."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from config.log import request_id
from inference.headers import sniff_format
from inference.metadata import remove_metadata
from tenants.domain.files import store_file
from tenants.models import QueryLog, Tenant
from tenants.models.identifiers import new_id
from tenants.scope import current_tenant_id

_log = logging.getLogger(__name__)


def log_query(*, gallery_id: UUID, photo: bytes, answer: Mapping[str, Any], took_ms: int) -> QueryLog | None:
    """Write the row of an answered recognition, and keep its photo where the tenant that is set keeps them.

    answer: as `retrieval.answers` says it. None where the gallery was deleted meanwhile. Raises
    `StorageAway`; then the row stands, and its file is missing.
    """
    query_id, tenant_id = new_id(), current_tenant_id()
    kept = remove_metadata(photo) if _keeps_photos(tenant_id) else b""
    row = QueryLog(
        pk=query_id,
        tenant_id=tenant_id,
        gallery_id=gallery_id,
        request_id=request_id.get(),
        outcome=_name_outcome(answer),
        similarity=answer["score"],
        took_ms=took_ms,
        file=f"{tenant_id}/{gallery_id}/asked/{query_id}.{sniff_format(photo)}" if kept else "",
        size=len(kept),
    )
    try:
        row.save(force_insert=True)
    except IntegrityError:
        _log.info("gallery %s was deleted before its query could be written down", gallery_id)
        return None
    if kept:
        _store_photo(row, kept)
    return row


def _keeps_photos(tenant_id: UUID) -> bool:
    return Tenant.objects.filter(pk=tenant_id, deleted_at=None, keep_queries_days__isnull=False).exists()


def _store_photo(row: QueryLog, photo: bytes) -> None:
    """Store the file that the row names already, so that one that is killed here leaves no file unknown.

    Locked, so that whoever forgets the photo meanwhile does so before, and then nothing is stored, or after.
    """
    with transaction.atomic():
        if QueryLog.objects.select_for_update().filter(pk=row.pk, file=row.file).exists():
            store_file(row.file, photo)


def _name_outcome(answer: Mapping[str, Any]) -> str:
    unknown = answer["outcome"] == "unknown"
    return QueryLog.Outcome.UNKNOWN if unknown else QueryLog.Outcome.RECOGNISED
