from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.member import MemberChangeSerializer, MemberSerializer
from api.views.tenant_view import TenantView
from tenants.domain.members import change_role, get_member, list_members, remove_member
from tenants.domain.roles import ROLE_OF_KEYS
from tenants.models import Membership
from tenants.models.api_key import Scope


class _MemberView(TenantView):
    serializer_class = MemberSerializer
    read_scope = Scope.ADMIN
    write_scope = Scope.ADMIN

    def get_member(self) -> Membership:
        """The member that the address names. Raises `NotFound`."""
        return get_member(self.kwargs["member"])


class MembersView(_MemberView):
    """The shop's people."""

    @extend_schema(operation_id="list_members", responses=MemberSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the members with their roles, newest first."""
        return self.paginate(list_members())


class MemberView(_MemberView):
    """One member."""

    @extend_schema(operation_id="read_member", responses=MemberSerializer)
    def get(self, _request: Request, member: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Read a member."""
        return Response(MemberSerializer(self.get_member()).data)

    @extend_schema(operation_id="update_member", request=MemberChangeSerializer, responses=MemberSerializer)
    def patch(self, request: Request, member: UUID) -> Response:  # noqa: ARG002
        """Give a member another role. Owners are made and changed by owners, who sign in for it."""
        found = self.get_member()
        given = MemberChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        changed = change_role(member=found, role=given.validated_data["role"], giver=ROLE_OF_KEYS)
        return Response(MemberSerializer(changed).data)

    @extend_schema(operation_id="remove_member", responses={204: None})
    def delete(self, _request: Request, member: UUID) -> Response:  # noqa: ARG002
        """Take a member out of the shop at once. Owners are removed by owners, who sign in for it."""
        remove_member(member=self.get_member(), giver=ROLE_OF_KEYS)
        return Response(status=204)
