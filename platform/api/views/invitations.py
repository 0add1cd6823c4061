from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.member import InvitationRequestSerializer, InvitationSerializer
from api.views.tenant_view import TenantView
from jobs.dispatch import MAIL_INVITATIONS, dispatch_on_commit
from tenants.domain.invitations import (
    get_invitation,
    invite_person,
    list_invitations,
    resend_invitation,
    revoke_invitation,
)
from tenants.domain.roles import ROLE_OF_KEYS
from tenants.models import Invitation
from tenants.models.api_key import Scope


class _InvitationView(TenantView):
    serializer_class = InvitationSerializer
    read_scope = Scope.ADMIN
    write_scope = Scope.ADMIN

    def get_invitation(self) -> Invitation:
        """The invitation that the address names. Raises `NotFound`."""
        return get_invitation(self.kwargs["invitation"])

    def answer_mailing(self, invitation: Invitation, status: int) -> Response:
        """The invitation, once a worker was asked to mail it."""
        dispatch_on_commit(MAIL_INVITATIONS, str(invitation.tenant_id))
        location = reverse("api_invitation", kwargs={"invitation": invitation.pk})
        shown = InvitationSerializer(invitation).data
        return Response(shown, status=status, headers={"Location": location})


class InvitationsView(_InvitationView):
    """People who were asked to join the shop."""

    @extend_schema(operation_id="list_invitations", responses=InvitationSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the invitations, newest first, with those that were accepted or have ended."""
        return self.paginate(list_invitations().select_related("invited_by"))

    @extend_schema(
        operation_id="create_invitation",
        request=InvitationRequestSerializer,
        responses={201: InvitationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Invite a person by mail. The link in it is good for 7 days, once, and for that address alone."""
        given = InvitationRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = invite_person(tenant=self.key.tenant, giver=ROLE_OF_KEYS, **given.validated_data)
        return self.answer_mailing(made, 201)


class InvitationView(_InvitationView):
    """One invitation."""

    @extend_schema(operation_id="read_invitation", responses=InvitationSerializer)
    def get(self, _request: Request, invitation: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Read an invitation: whether it was mailed and accepted."""
        return Response(InvitationSerializer(self.get_invitation()).data)

    @extend_schema(operation_id="revoke_invitation", responses={204: None})
    def delete(self, _request: Request, invitation: UUID) -> Response:  # noqa: ARG002
        """Take an invitation back: its link ends at once. It stays in the list."""
        revoke_invitation(invitation=self.get_invitation(), giver=ROLE_OF_KEYS)
        return Response(status=204)


class InvitationResendView(_InvitationView):
    """An invitation, mailed anew."""

    @extend_schema(operation_id="resend_invitation", request=None, responses={202: InvitationSerializer})
    def post(self, _request: Request, invitation: UUID) -> Response:  # noqa: ARG002
        """Mail the invitation anew, with a new link and 7 days from then on; the old link ends."""
        return self.answer_mailing(resend_invitation(invitation=self.get_invitation()), 202)
