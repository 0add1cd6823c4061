from collections.abc import Callable
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.pagination import OldestFirstPages
from api.renderers import CsvRenderer
from api.serializers.job import (
    JobFilterSerializer,
    JobItemFilterSerializer,
    JobItemSerializer,
    JobSerializer,
)
from api.streaming import stream_lines
from api.views.galleries import job_headers
from api.views.tenant_view import TenantView
from jobs.cancelling import cancel_job
from jobs.lookup import get_job, list_items
from jobs.models import Job, JobItem
from retrieval.index.cancelling import cancel_reindex
from tenants.errors import Conflict
from tenants.models.api_key import Scope
from transfer.exports.cancelling import cancel_export
from transfer.imports.cancelling import cancel_import
from transfer.imports.report import write_report
from transfer.imports.retrying import retry_import

_CANCEL: dict[str, Callable[[Job], Job]] = {
    Job.Kind.IMPORT: cancel_import,
    Job.Kind.REINDEX: cancel_reindex,
    Job.Kind.EXPORT: cancel_export,
}


class JobsView(TenantView):
    """The shop's jobs."""

    serializer_class = JobSerializer
    read_scope = Scope.JOBS

    @extend_schema(
        operation_id="list_jobs",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=Job.State.values),
            OpenApiParameter("kind", OpenApiTypes.STR, enum=Job.Kind.values),
            OpenApiParameter("gallery", OpenApiTypes.UUID, description="Only jobs of this gallery."),
        ],
        responses=JobSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the jobs, newest first."""
        wanted = JobFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return self.paginate(Job.objects.filter(**wanted.validated_data))


class JobView(TenantView):
    """One job."""

    serializer_class = JobSerializer
    read_scope = Scope.JOBS

    @extend_schema(operation_id="read_job", responses=JobSerializer)
    def get(self, _request: Request, job: UUID) -> Response:
        """Read a job's state, counts and pace."""
        return Response(JobSerializer(get_job(job)).data)


class JobItemsView(TenantView):
    """The rows of an import."""

    serializer_class = JobItemSerializer
    pagination_class = OldestFirstPages
    read_scope = Scope.JOBS

    @extend_schema(
        operation_id="list_job_items",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=JobItem.State.values),
            OpenApiParameter(
                "conflicts",
                OpenApiTypes.BOOL,
                description="Only rows whose photo looks like one of another product, or only the others.",
            ),
        ],
        responses=JobItemSerializer(many=True),
    )
    def get(self, request: Request, job: UUID) -> Response:
        """List the rows of an import in their order, and how each ended. Other jobs have none."""
        wanted = JobItemFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return self.paginate(list_items(get_job(job), **wanted.validated_data))


class JobReportView(TenantView):
    """The rows of an import as a table."""

    renderer_classes = [CsvRenderer]
    read_scope = Scope.JOBS

    @extend_schema(operation_id="read_job_report", responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, _request: Request, job: UUID) -> StreamingHttpResponse:
        """Download how each row of an import ended, as CSV in UTF-8 that spreadsheets open without harm."""
        found = get_job(job)
        lines = write_report(list_items(found).order_by("pk").iterator())
        return StreamingHttpResponse(
            stream_lines(self.key.tenant_id, lines),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{found.kind}-{found.pk}.csv"'},
        )


class JobCancelView(TenantView):
    """A job that nobody wants any more."""

    serializer_class = JobSerializer

    @extend_schema(operation_id="cancel_job", request=None, responses=JobSerializer)
    def post(self, _request: Request, job: UUID) -> Response:
        """End a job as `cancelled`. What it has done so far stays.

        An import keeps what is imported. An index that was being built is given up, and the one in use is
        searched on; settings stay as they were changed, and the next reindex builds what they ask for.
        """
        found = get_job(job)
        cancel = _CANCEL.get(found.kind, cancel_job)
        return Response(JobSerializer(cancel(found)).data)


class JobRetryView(TenantView):
    """An import whose failed rows are tried again."""

    serializer_class = JobSerializer

    @extend_schema(operation_id="retry_job", request=None, responses={202: JobSerializer})
    def post(self, _request: Request, job: UUID) -> Response:
        """Import the failed rows of an import again, and no other, by a new job."""
        found = get_job(job)
        if found.kind != Job.Kind.IMPORT:
            raise Conflict("Only imports have rows to try again.", code="job_not_retryable")
        again = retry_import(job=found, trigger="api")
        return Response(JobSerializer(again).data, status=202, headers=job_headers(again))
