from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from tenants.domain.keys import MAX_OVERLAP, OVERLAP
from tenants.models import ApiKey
from tenants.models.api_key import Scope

_LONGEST_LIFE = timedelta(days=3650)


class KeyRequestSerializer(serializers.Serializer[Any]):
    """What a new key is called and may do."""

    name = serializers.CharField(max_length=100, help_text="What uses it, such as `till 7`.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        allow_empty=False,
        max_length=len(Scope),
        help_text="What it may do; docs/access.md lists each operation's scope. `admin` holds all others.",
    )
    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="It is refused from then on; at most ten years ahead. Without it the key does not expire.",
    )

    def validate_scopes(self, value: list[str]) -> list[str]:
        """Each once, in the order of the alphabet."""
        return sorted(set(value))

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """Refuses the past, and what is too far away."""
        if value is not None and not timedelta() < value - timezone.now() <= _LONGEST_LIFE:
            raise serializers.ValidationError("Give a time in the future, at most ten years ahead.")
        return value


class KeyChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a key: what it may do cannot."""

    name = serializers.CharField(max_length=100, help_text="What uses it.")


class KeyRotationSerializer(serializers.Serializer[Any]):
    """How a key is rotated."""

    overlap_s = serializers.IntegerField(
        default=int(OVERLAP.total_seconds()),
        min_value=0,
        max_value=int(MAX_OVERLAP.total_seconds()),
        help_text="Seconds that the old key lives on beside the new one; 0 revokes it at once.",
    )


class KeyFilterSerializer(serializers.Serializer[Any]):
    """Which keys to list."""

    live = serializers.BooleanField(
        required=False,
        default=None,
        allow_null=True,
        help_text="`true`: those that open something now; `false`: those that were revoked or have expired.",
    )


class KeySerializer(serializers.ModelSerializer[ApiKey]):
    """An API key of the shop; never its secret, of which only a hash is kept."""

    prefix = serializers.CharField(help_text="The key begins with `vtr_<prefix>_`; this part is no secret.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    state = serializers.ChoiceField(choices=ApiKey.State.choices)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="Right to a minute.")
    rotated_at = serializers.DateTimeField(
        allow_null=True, help_text="Since then another key takes its place; it lives on to `expires_at`."
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "state",
            "created_at",
            "expires_at",
            "last_used_at",
            "rotated_at",
            "revoked_at",
        ]


class KeyWithPlaintextSerializer(KeySerializer):
    """A new key with its plaintext, which is shown this once."""

    key = serializers.CharField(help_text="`vtr_<prefix>_<secret>`: send it as `Authorization: Bearer`.")

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "key"]
