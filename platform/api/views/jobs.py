from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.job import JobSerializer
from api.views.tenant_view import TenantView
from jobs.models import Job
from tenants.errors import NotFound
from tenants.models.api_key import Scope


class JobsView(TenantView):
    """The shop's jobs."""

    serializer_class = JobSerializer
    read_scope = Scope.JOBS

    @extend_schema(
        operation_id="list_jobs",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=Job.State.values),
            OpenApiParameter("kind", OpenApiTypes.STR, enum=Job.Kind.values),
        ],
        responses=JobSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the jobs, newest first."""
        wanted = _JobFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return self.paginate(Job.objects.filter(**wanted.validated_data))


class JobView(TenantView):
    """One job."""

    serializer_class = JobSerializer
    read_scope = Scope.JOBS

    @extend_schema(operation_id="read_job", responses=JobSerializer)
    def get(self, _request: Request, job: UUID) -> Response:
        """Read a job's state and progress."""
        found = Job.objects.filter(pk=job).first()
        if found is None:
            raise NotFound("No such job.", code="job_not_found")
        return Response(JobSerializer(found).data)


class _JobFilter(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Job.State.choices, required=False)
    kind = serializers.ChoiceField(choices=Job.Kind.choices, required=False)
