from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class AuditEvent(TenantOwned):
    """A change that somebody made: who, what, from where, before and after. Written once, never changed."""

    class Actor(models.TextChoices):
        KEY = "key"
        USER = "user"
        OPERATOR = "operator"
        SYSTEM = "system"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=10, choices=Actor.choices)
    # Of the key or the user; both may be gone by the time somebody reads this, so the name is kept, too.
    actor_id = models.CharField(max_length=40, blank=True)
    actor_name = models.CharField(max_length=254, blank=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    # <noun>.<verb in the past>, such as `product.updated`.
    action = models.CharField(max_length=60)
    object_id = models.CharField(max_length=40, blank=True)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["tenant", "-id"], name="audit_of_tenant"),
            models.Index(fields=["tenant", "object_id", "-id"], name="audit_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name or self.actor}"
