from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.parsers import ChunkParser
from api.serializers.upload import ChunkPlaceSerializer, UploadBeginSerializer, UploadStateSerializer
from api.views.tenant_view import TenantView
from transfer.uploads.expiry import discard_upload
from transfer.uploads.lookup import get_upload, list_uploads
from transfer.uploads.receiving import append_chunk, create_upload


class UploadsView(TenantView):
    """Large files on their way."""

    serializer_class = UploadStateSerializer

    @extend_schema(operation_id="list_uploads", responses=UploadStateSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the uploads that have not expired, newest first."""
        return self.paginate(list_uploads())

    @extend_schema(
        operation_id="create_upload",
        request=UploadBeginSerializer,
        responses={201: UploadStateSerializer},
    )
    def post(self, request: Request) -> Response:
        """Begin to send a large file. Its bytes follow as chunks, in order, to `.../chunks`."""
        given = UploadBeginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        upload = create_upload(**given.validated_data)
        location = f"{request.path}/{upload.pk}"
        return Response(UploadStateSerializer(upload).data, status=201, headers={"Location": location})


class UploadView(TenantView):
    """One upload."""

    serializer_class = UploadStateSerializer

    @extend_schema(operation_id="read_upload", responses=UploadStateSerializer)
    def get(self, _request: Request, upload: UUID) -> Response:
        """Read how far an upload is: an interrupted one goes on at `received`."""
        return Response(UploadStateSerializer(get_upload(upload)).data)

    @extend_schema(operation_id="delete_upload", responses={204: None})
    def delete(self, _request: Request, upload: UUID) -> Response:
        """Give an upload up. Uploads go by themselves some days after they were last used."""
        discard_upload(upload=get_upload(upload))
        return Response(status=204)


class ChunksView(TenantView):
    """The chunks of an upload."""

    parser_classes = [ChunkParser]
    serializer_class = UploadStateSerializer

    @extend_schema(
        operation_id="append_chunk",
        parameters=[
            OpenApiParameter(
                "offset", OpenApiTypes.INT64, required=True, description="Bytes of the file before the chunk."
            ),
            OpenApiParameter(
                "X-Chunk-SHA256",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                required=True,
                description="Of the chunk, in hex.",
            ),
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=UploadStateSerializer,
    )
    def put(self, request: Request, upload: UUID) -> Response:
        """Send the next chunk. The same chunk again is answered as it was.

        At another offset than `received` it is refused with the right one (`upload_offset`). The last chunk
        completes the upload.
        """
        # Read whatever is answered: the server closes a connection that a body is left on, and the sender's
        # next request would find it closed. A body without a byte never comes to the parser.
        data: Any = request.data or b""
        found = get_upload(upload)
        place = ChunkPlaceSerializer(
            data={
                "offset": request.query_params.get("offset"),
                "sha256": request.headers.get("X-Chunk-SHA256"),
            }
        )
        place.is_valid(raise_exception=True)
        return Response(
            UploadStateSerializer(append_chunk(upload=found, **place.validated_data, data=data)).data
        )
