from typing import Any

from rest_framework import serializers

from tenants.models import Invitation, Membership


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A person of the shop."""

    email = serializers.EmailField(source="user.email")
    last_login = serializers.DateTimeField(source="user.last_login", allow_null=True)
    created_at = serializers.DateTimeField(help_text="Since then a member.")

    class Meta:
        model = Membership
        fields = ["id", "email", "role", "created_at", "last_login"]


class MemberChangeSerializer(serializers.Serializer[Any]):
    """What can be changed of a member."""

    role = serializers.ChoiceField(
        choices=Membership.Role.choices, help_text="docs/access.md says what each may do."
    )


class InvitationRequestSerializer(serializers.Serializer[Any]):
    """Who is to join the shop, and as what."""

    email = serializers.EmailField(max_length=254, help_text="Where the link is sent, for this person alone.")
    role = serializers.ChoiceField(
        choices=Membership.Role.choices, help_text="docs/access.md says what each may do."
    )


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """A person who was asked to join. The link stands in the mail only."""

    state = serializers.ChoiceField(choices=Invitation.State.choices)
    invited_by = serializers.EmailField(
        source="invited_by.email",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Null: with an API key.",
    )
    mailed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the mail server took the mail; null while it has not."
    )
    mail_failure = serializers.CharField(
        allow_blank=True, help_text="Why the mail server does not take it; empty where nothing is amiss."
    )

    class Meta:
        model = Invitation
        fields = [
            "id",
            "email",
            "role",
            "state",
            "invited_by",
            "created_at",
            "expires_at",
            "mailed_at",
            "mail_failure",
            "accepted_at",
            "revoked_at",
        ]
