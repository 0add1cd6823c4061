from uuid import UUID

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.renderers import ZipRenderer
from api.serializers.job import JobSerializer
from api.views.galleries import job_headers
from api.views.tenant_view import TenantView
from jobs.lookup import get_job
from transfer.exports.opening import open_export
from transfer.exports.starting import start_export

_BLOCK = 256 * 1024


class ExportsView(TenantView):
    """A gallery on its way out."""

    serializer_class = JobSerializer

    @extend_schema(operation_id="create_export", request=None, responses={202: JobSerializer})
    def post(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Write the gallery into an archive that an import reads back. An export under way is answered.

        The archive is at `.../archive` of the job once that has succeeded.
        """
        job = start_export(gallery=self.get_gallery(), trigger="api")
        return Response(JobSerializer(job).data, status=202, headers=job_headers(job))


class JobArchiveView(TenantView):
    """What an export has written."""

    renderer_classes = [ZipRenderer]

    @extend_schema(operation_id="read_job_archive", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, _request: Request, job: UUID) -> FileResponse:
        """Download the archive that an export has written."""
        filename, size, file = open_export(get_job(job))
        response = FileResponse(
            file, as_attachment=True, filename=filename, headers={"Content-Type": "application/zip"}
        )
        response["Content-Length"] = str(size)
        response.block_size = _BLOCK
        return response
