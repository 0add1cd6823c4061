from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.calibration import (
    CalibrationDetailSerializer,
    CalibrationRequestSerializer,
    CalibrationSerializer,
)
from api.serializers.gallery import GallerySerializer
from api.serializers.job import JobSerializer
from api.views.galleries import job_headers
from api.views.tenant_view import TenantView
from retrieval.quality.calibrating import apply_calibration, start_calibration
from tenants.queries.measurements import get_calibration, list_calibrations


class CalibrationsView(TenantView):
    """Thresholds found for a gallery."""

    serializer_class = CalibrationSerializer

    @extend_schema(operation_id="list_calibrations", responses=CalibrationSerializer(many=True))
    def get(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """List the calibrations, newest first."""
        return self.paginate(list_calibrations(self.get_gallery()))

    @extend_schema(
        operation_id="create_calibration",
        request=CalibrationRequestSerializer,
        responses={202: JobSerializer},
    )
    def post(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Find the threshold for a wanted share of false accepts. The job's result names the calibration.

        Answers use the threshold from then on where the gallery's settings have none.
        """
        given = CalibrationRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = start_calibration(
            gallery=self.get_gallery(),
            false_accept_rate=given.validated_data.get("false_accept_rate"),
            trigger="api",
        )
        return Response(JobSerializer(job).data, status=202, headers=job_headers(job))


class CalibrationView(TenantView):
    """One calibration."""

    serializer_class = CalibrationDetailSerializer

    @extend_schema(operation_id="read_calibration", responses=CalibrationDetailSerializer)
    def get(self, _request: Request, gallery: UUID, calibration: UUID) -> Response:  # noqa: ARG002
        """Read a calibration with its curve."""
        return Response(CalibrationDetailSerializer(get_calibration(self.get_gallery(), calibration)).data)


class CalibrationApplyView(TenantView):
    """A calibration taken over."""

    serializer_class = GallerySerializer

    @extend_schema(operation_id="apply_calibration", request=None, responses=GallerySerializer)
    def post(self, _request: Request, gallery: UUID, calibration: UUID) -> Response:  # noqa: ARG002
        """Set the gallery's `score_threshold` to the calibration's."""
        found = get_calibration(self.get_gallery(), calibration)
        return Response(GallerySerializer(apply_calibration(calibration=found)).data)
