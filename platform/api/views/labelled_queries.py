from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.parsers import FormParser
from api.serializers.exemplar import (
    ExemplarFilterSerializer,
    LabelledQueriesUploadSerializer,
    LabelledQuerySerializer,
    TakenLabelledQueriesSerializer,
)
from api.uploads import CheckedFile, refuse_when_all_failed, take_files
from api.views.galleries import job_headers
from api.views.tenant_view import TenantView
from retrieval.quality.exemplars import start_preparation
from tenants.domain.exemplars import add_labelled_query, delete_exemplar
from tenants.models import Exemplar
from tenants.queries.exemplars import get_labelled_query, list_labelled_queries


class LabelledQueriesView(TenantView):
    """Photos whose right answer in a gallery is known."""

    parser_classes = [FormParser]
    serializer_class = LabelledQuerySerializer

    @extend_schema(
        operation_id="list_labelled_queries",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=Exemplar.State.values),
        ],
        responses=LabelledQuerySerializer(many=True),
    )
    def get(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """List the labelled queries, newest first."""
        wanted = ExemplarFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        rows = list_labelled_queries(self.get_gallery()).filter(**wanted.validated_data)
        return self.paginate(rows)

    @extend_schema(
        operation_id="add_labelled_queries",
        request={"multipart/form-data": LabelledQueriesUploadSerializer},
        responses={202: TakenLabelledQueriesSerializer},
    )
    def post(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Add photos that evaluations ask with, all of one SKU; the job in `Location` looks at them.

        An empty SKU, or one that the gallery does not have (`sku_known` says so), makes them photos that
        should be answered `unknown`. The same file again answers the photo that is there, which then has this
        SKU. Photos that cannot be used are refused one by one; when all are, the answer is a problem with the
        first one's code.
        """
        found = self.get_gallery()
        given = LabelledQueriesUploadSerializer(data=request.data)
        given.is_valid(raise_exception=True)

        def store(file: CheckedFile) -> dict[str, Any]:
            added = add_labelled_query(
                gallery=found,
                sku=given.validated_data["sku"],
                filename=file.filename,
                image_format=file.image_format,
                data=file.data,
            )
            return {"created": added.created, "image": get_labelled_query(found, added.exemplar.pk)}

        results = take_files(request, "images", store)
        if refusal := refuse_when_all_failed("images", results):
            return refusal
        exemplars = [result["image"] for result in results if result["image"]]
        job = start_preparation(
            tenant_id=self.key.tenant_id, gallery=found, exemplars=exemplars, trigger="api"
        )
        taken = {"results": results, "job": job.pk}
        shown = TakenLabelledQueriesSerializer(taken, context=self.get_serializer_context())
        return Response(shown.data, status=202, headers=job_headers(job))


class LabelledQueryView(TenantView):
    """One labelled query."""

    serializer_class = LabelledQuerySerializer

    @extend_schema(operation_id="read_labelled_query", responses=LabelledQuerySerializer)
    def get(self, _request: Request, gallery: UUID, labelled_query: UUID) -> Response:  # noqa: ARG002
        """Read a labelled query's SKU and state."""
        found = get_labelled_query(self.get_gallery(), labelled_query)
        return Response(self.get_serializer(found).data)

    @extend_schema(operation_id="delete_labelled_query", responses={204: None})
    def delete(self, _request: Request, gallery: UUID, labelled_query: UUID) -> Response:  # noqa: ARG002
        """Delete a labelled query, its file and vectors."""
        delete_exemplar(exemplar=get_labelled_query(self.get_gallery(), labelled_query))
        return Response(status=204)
