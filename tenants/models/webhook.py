from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class WebhookEndpoint(TenantOwned):
    """Where a shop wants to hear of events. secret: `whsec_...`; the previous one still signs for a while."""

    class Event(models.TextChoices):
        JOB_FINISHED = "job.finished"
        IMAGE_FAILED = "image.failed"
        GALLERY_REINDEXED = "gallery.reindexed"
        RECOGNITION_UNKNOWN = "recognition.unknown"
        ENDPOINT_DISABLED = "endpoint.disabled"
        # Sent when somebody asks for it, to one endpoint; nobody subscribes to it.
        PING = "ping"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    url = models.URLField(max_length=2000)
    events = ArrayField(models.CharField(max_length=30, choices=Event.choices))
    secret = models.CharField(max_length=100)
    previous_secret = models.CharField(max_length=100, blank=True)
    previous_secret_until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=500, blank=True)
    # Since when no delivery has succeeded although some were tried.
    failing_since = models.DateTimeField(null=True)
    # An endpoint that fails is left alone until then, whatever is due to it.
    rests_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(TenantOwned):
    """One event on its way to one endpoint: `body` is sent as it is, until the endpoint takes it.

    event_id: the same for all endpoints and every attempt, so that a receiver can tell repeats. attempts: a
    record of each: when, how it ended.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField()
    event = models.CharField(max_length=30, choices=WebhookEndpoint.Event.choices)
    body = models.JSONField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    attempts = models.JSONField(default=list)
    next_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="pending_deliveries"),
            models.Index(fields=["ended_at"], condition=~Q(state="pending"), name="ended_deliveries"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.state}"
