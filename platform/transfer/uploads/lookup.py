"""A shop's uploads. One that has expired is gone, removed already or not, but for a job that reads it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone

from jobs.lookup import UNFINISHED
from jobs.models import Job
from tenants.errors import NotFound
from tenants.models import Upload


def list_uploads() -> QuerySet[Upload]:
    """The uploads of the tenant that is set."""
    return Upload.objects.filter(expires_at__gt=timezone.now())


def get_upload(upload_id: UUID) -> Upload:
    """An upload of this tenant, also one that expired under a job that reads it. Raises `NotFound`."""
    alive = Q(expires_at__gt=timezone.now()) | Q(is_read())
    upload = Upload.objects.filter(alive, pk=upload_id).first()
    if upload is None:
        raise missing_upload()
    return upload


def lock_upload(upload_id: UUID) -> Upload:
    """An upload that may grow, its row locked until the running transaction ends. Raises `NotFound`."""
    upload = list_uploads().select_for_update().filter(pk=upload_id).first()
    if upload is None:
        raise missing_upload()
    return upload


def renewed_expiry() -> datetime:
    """When an upload that is used now expires."""
    return timezone.now() + timedelta(days=settings.UPLOAD_KEEP_DAYS)


def is_read() -> Exists:
    """Whether a job that has not ended reads the upload, of whatever tenant it is."""
    reading = Job.across_tenants.filter(kind=Job.Kind.IMPORT, state__in=UNFINISHED)
    named = reading.annotate(upload=KeyTextTransform("upload", "input"))
    return Exists(named.filter(upload=Cast(OuterRef("pk"), TextField())))


def missing_upload() -> NotFound:
    """What is said of an upload that there is not, or not any more."""
    return NotFound("No such upload, or it has expired. Send the file again.", code="upload_not_found")
