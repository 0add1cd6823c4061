from django.db import models
from django.db.models import Q

from tenants.models import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Job(TenantOwned):
    """One long piece of work, whatever its kind.

    pending > running > succeeded | failed | errored | cancelled. `failed` is expected (the world would not
    have it), `errored` is a bug of ours. Every step is a conditional UPDATE (jobs.progress).
    """

    class Kind(models.TextChoices):
        PROVISION_GALLERY = "provision_gallery"
        DELETE_GALLERY = "delete_gallery"
        REINDEX = "reindex"
        PREPARE_EXEMPLARS = "prepare_exemplars"
        CALIBRATE = "calibrate"
        EVALUATE = "evaluate"
        IMPORT = "import"
        EXPORT = "export"
        DELETE_TENANT = "delete_tenant"

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        ERRORED = "errored"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.SET_NULL, null=True, related_name="jobs")
    kind = models.CharField(max_length=30, choices=Kind.choices)
    trigger = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    input = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=50, blank=True)
    message = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Slices that have ended. A message is for one turn: one that was sent twice is taken once.
    turn = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(state__in=["pending", "running"]), name="unfinished_jobs"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
