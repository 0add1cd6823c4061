from django.db import models

from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Upload(TenantOwned):
    """A large file on its way, chunk by chunk: the source of an import.

    kind: an export's archive is written by its job alone; what a shop sends is a source. received: bytes that
    are there, without a gap from the start; the next chunk begins at it. It is complete when that is `size`.
    sha256: of the whole file, where the sender said so; checked when it is complete.
    """

    class Kind(models.TextChoices):
        SOURCE = "source"
        EXPORT = "export"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.SOURCE)
    filename = models.CharField(max_length=255)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    received = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True)
    # Removed then with its chunks; a job that reads it puts this off.
    expires_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["expires_at"], name="expiring_uploads")]

    def __str__(self) -> str:
        return f"{self.filename} {self.received}/{self.size}"


class UploadChunk(TenantOwned):
    """A part of an upload: `size` bytes from `offset`, in a stored file of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="chunks")
    offset = models.BigIntegerField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.CharField(max_length=255)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["upload", "offset"], name="offset_once_per_upload"),
        ]

    def __str__(self) -> str:
        return f"{self.size} bytes at {self.offset}"
