from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.parsers import FormParser
from api.serializers.exemplar import (
    DistractorSerializer,
    ExemplarFilterSerializer,
    TakenDistractorsSerializer,
)
from api.serializers.image import UploadSerializer
from api.uploads import CheckedFile, refuse_when_all_failed, take_files
from api.views.galleries import job_headers
from api.views.tenant_view import TenantView
from retrieval.quality.exemplars import start_preparation
from tenants.domain.exemplars import add_distractor, delete_exemplar
from tenants.models import Exemplar
from tenants.queries.exemplars import get_distractor, list_distractors


class DistractorsView(TenantView):
    """Photos of what the shop does not sell, for all its galleries."""

    parser_classes = [FormParser]
    serializer_class = DistractorSerializer

    @extend_schema(
        operation_id="list_distractors",
        parameters=[OpenApiParameter("state", OpenApiTypes.STR, enum=Exemplar.State.values)],
        responses=DistractorSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the distractors, newest first."""
        wanted = ExemplarFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return self.paginate(list_distractors().filter(**wanted.validated_data))

    @extend_schema(
        operation_id="add_distractors",
        request={"multipart/form-data": UploadSerializer},
        responses={202: TakenDistractorsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add photos of what the shop does not sell; the job in `Location` looks at them.

        The same file again answers the photo that is there. Photos that cannot be used are refused one by
        one; when all are, the answer is a problem with the first one's code.
        """

        def store(file: CheckedFile) -> dict[str, Any]:
            added = add_distractor(
                tenant_id=self.key.tenant_id,
                filename=file.filename,
                image_format=file.image_format,
                data=file.data,
            )
            return {"created": added.created, "image": added.exemplar}

        results = take_files(request, "images", store)
        if refusal := refuse_when_all_failed("images", results):
            return refusal
        exemplars = [result["image"] for result in results if result["image"]]
        job = start_preparation(tenant_id=self.key.tenant_id, exemplars=exemplars, trigger="api")
        taken = {"results": results, "job": job.pk}
        shown = TakenDistractorsSerializer(taken, context=self.get_serializer_context())
        return Response(shown.data, status=202, headers=job_headers(job))


class DistractorView(TenantView):
    """One distractor."""

    serializer_class = DistractorSerializer

    @extend_schema(operation_id="read_distractor", responses=DistractorSerializer)
    def get(self, _request: Request, distractor: UUID) -> Response:
        """Read a distractor's state."""
        return Response(self.get_serializer(get_distractor(distractor)).data)

    @extend_schema(operation_id="delete_distractor", responses={204: None})
    def delete(self, _request: Request, distractor: UUID) -> Response:
        """Delete a distractor, its file and vectors."""
        delete_exemplar(exemplar=get_distractor(distractor))
        return Response(status=204)
