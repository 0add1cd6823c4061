from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.evaluation import (
    EvaluationApplySerializer,
    EvaluationCompareSerializer,
    EvaluationDetailSerializer,
    EvaluationRequestSerializer,
    EvaluationSerializer,
)
from api.serializers.gallery import GallerySerializer
from api.serializers.job import JobSerializer
from api.views.galleries import job_headers
from api.views.tenant_view import TenantView
from retrieval.quality.evaluating import apply_evaluation, compare_evaluations, start_evaluation
from tenants.models import Evaluation, Gallery
from tenants.queries.measurements import get_evaluation, list_evaluations


class EvaluationsView(TenantView):
    """Ways of ranking, measured side by side."""

    serializer_class = EvaluationSerializer

    @extend_schema(operation_id="list_evaluations", responses=EvaluationSerializer(many=True))
    def get(self, _request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """List the evaluations, newest first."""
        return self.paginate(list_evaluations(self.get_gallery()))

    @extend_schema(
        operation_id="create_evaluation",
        request=EvaluationRequestSerializer,
        responses={202: JobSerializer},
    )
    def post(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Measure ways of ranking on photos whose product is known. The job's result names the evaluation."""
        found = self.get_gallery()
        given = EvaluationRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = start_evaluation(
            gallery=found,
            source=given.validated_data["source"],
            policies=given.validated_data.get("policies"),
            sample=given.validated_data["sample"],
            trigger="api",
        )
        return Response(JobSerializer(job).data, status=202, headers=job_headers(job))


class EvaluationView(TenantView):
    """One evaluation."""

    serializer_class = EvaluationDetailSerializer

    @extend_schema(
        operation_id="read_evaluation",
        parameters=[
            OpenApiParameter(
                "compare", OpenApiTypes.UUID, description="Another evaluation of the gallery to compare with."
            )
        ],
        responses=EvaluationDetailSerializer,
    )
    def get(self, request: Request, gallery: UUID, evaluation: UUID) -> Response:  # noqa: ARG002
        """Read an evaluation with all figures, and what they exceed another one's by."""
        found = self.get_gallery()
        shown = get_evaluation(found, evaluation)
        context = {"comparison": self._compare(found, shown, request)}
        return Response(EvaluationDetailSerializer(shown, context=context).data)

    def _compare(
        self, gallery: Gallery, evaluation: Evaluation, request: Request
    ) -> dict[str, object] | None:
        wanted = EvaluationCompareSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        other = wanted.validated_data.get("compare")
        return compare_evaluations(evaluation, get_evaluation(gallery, other)) if other else None


class EvaluationApplyView(TenantView):
    """An evaluation's way of ranking taken over."""

    serializer_class = GallerySerializer

    @extend_schema(
        operation_id="apply_evaluation", request=EvaluationApplySerializer, responses=GallerySerializer
    )
    def post(self, request: Request, gallery: UUID, evaluation: UUID) -> Response:  # noqa: ARG002
        """Set the gallery's `rerank` and `grouping` to the recommended policy, or to the one named."""
        found = get_evaluation(self.get_gallery(), evaluation)
        given = EvaluationApplySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        gallery_now = apply_evaluation(evaluation=found, policy=given.validated_data.get("policy"))
        return Response(GallerySerializer(gallery_now).data)
