from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.models import AuditEvent


class AuditFilterSerializer(serializers.Serializer[Any]):
    """Which changes are asked for."""

    action = serializers.CharField(
        required=False, max_length=60, help_text="Such as `product.updated`; docs/audit.md lists them."
    )
    actor = serializers.CharField(
        required=False,
        max_length=40,
        help_text="The id of a key or a user; or `key`, `user`, `operator`, `system` for all of that kind.",
    )
    object = serializers.CharField(
        required=False, max_length=40, source="object_id", help_text="The id of what was changed."
    )
    since = serializers.DateTimeField(required=False, help_text="From then on.")
    until = serializers.DateTimeField(required=False, help_text="Before then.")


class AuditActorSerializer(serializers.Serializer[AuditEvent]):
    """Who made a change: as they were called then, whether or not they are still there."""

    kind = serializers.ChoiceField(
        source="actor",
        choices=AuditEvent.Actor.choices,
        help_text="`operator`: somebody at the service's command line. `system`: the service by itself.",
    )
    id = serializers.CharField(source="actor_id", help_text="Of the key or the user; else empty.")
    name = serializers.CharField(source="actor_name")


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """A change. Of what was changed, `before` and `after` hold the fields that differ."""

    actor = AuditActorSerializer(source="*")
    object = serializers.CharField(source="object_id", help_text="The id of what was changed.")
    address = serializers.IPAddressField(allow_null=True, help_text="Where the call came from.")
    request_id = serializers.CharField(help_text="`X-Request-ID` of the call; empty outside of one.")
    before = serializers.SerializerMethodField(help_text="Null for what is new.")
    after = serializers.SerializerMethodField(help_text="Null for what is gone.")

    class Meta:
        model = AuditEvent
        fields = ["id", "at", "actor", "address", "request_id", "action", "object", "before", "after"]

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    def get_before(self, event: AuditEvent) -> dict[str, Any] | None:
        """As it was."""
        before: dict[str, Any] | None = event.before
        return before

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
    def get_after(self, event: AuditEvent) -> dict[str, Any] | None:
        """As it is since."""
        after: dict[str, Any] | None = event.after
        return after
