from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import make_problem
from api.parsers import FormParser
from api.serializers.image import ImageSerializer, UploadSerializer, UploadsSerializer
from api.views.tenant_view import TenantView
from inference.errors import ImageRejected
from inference.images import decode_picture, sniff_format
from jobs.dispatch import INDEX_IMAGES, PURGE_IMAGES, dispatch_on_commit
from tenants.domain.images import add_image, delete_image
from tenants.models import Product, ReferenceImage
from tenants.queries.catalog import get_image, get_product, list_images


class ImageUploadsView(TenantView):
    """New photos of a product."""

    parser_classes = [FormParser]

    @extend_schema(
        operation_id="upload_images",
        request={"multipart/form-data": UploadSerializer},
        responses={202: UploadsSerializer},
    )
    def post(self, request: Request, gallery: UUID, product: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Add photos, one or many. Each is checked now and indexed soon: follow its `state`.

        The same file again answers the photo that is there. Photos that cannot be used are refused one by
        one; when all are, the answer is a problem with the first one's code.
        """
        found = get_product(self.get_gallery(), self.kwargs["product"])
        files = request.FILES.getlist("images")
        if not files:
            raise serializers.ValidationError({"images": ["Send at least one file in the field `images`."]})
        results = [_take_file(found, file) for file in files]
        if all(result["error"] for result in results):
            return _refuse_all(results)
        dispatch_on_commit(INDEX_IMAGES, str(self.key.tenant_id))
        return Response(UploadsSerializer({"results": results}).data, status=202)


class ImagesView(TenantView):
    """The photos of a gallery."""

    serializer_class = ImageSerializer

    @extend_schema(
        operation_id="list_images",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=ReferenceImage.State.values),
            OpenApiParameter("product", OpenApiTypes.UUID, description="Only photos of this product."),
        ],
        responses=ImageSerializer(many=True),
    )
    def get(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """List the photos, newest first."""
        wanted = _ImageFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return self.paginate(list_images(self.get_gallery()).filter(**wanted.validated_data))


class ImageView(TenantView):
    """One photo."""

    serializer_class = ImageSerializer

    @extend_schema(operation_id="read_image", responses=ImageSerializer)
    def get(self, _request: Request, gallery: UUID, image: UUID) -> Response:  # noqa: ARG002
        """Read a photo's state and regions."""
        return Response(ImageSerializer(get_image(self.get_gallery(), self.kwargs["image"])).data)

    @extend_schema(operation_id="delete_image", responses={204: None})
    def delete(self, _request: Request, gallery: UUID, image: UUID) -> Response:  # noqa: ARG002
        """Delete a photo. It is gone at once, also from search."""
        with transaction.atomic():
            delete_image(image=get_image(self.get_gallery(), self.kwargs["image"]))
            dispatch_on_commit(PURGE_IMAGES, str(self.key.tenant_id))
        return Response(status=204)


class _ImageFilter(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=ReferenceImage.State.choices, required=False)
    product = serializers.UUIDField(required=False)


def _take_file(product: Product, file: "UploadedFile[Any]") -> dict[str, Any]:
    """Check and store one file; a refusal is a result like any other."""
    name = file.name or "unnamed"
    try:
        data = _read_checked(file)
    except ImageRejected as refused:
        error = {"code": refused.code, "message": refused.message}
        return {"filename": name, "created": False, "image": None, "error": error}
    added = add_image(product=product, filename=name, image_format=sniff_format(data), data=data)
    return {"filename": name, "created": added.created, "image": added.image, "error": None}


def _read_checked(file: "UploadedFile[Any]") -> bytes:
    """The file's bytes, decoded once to be sure of them: what cannot be used is never stored."""
    limit = settings.MAX_IMAGE_BYTES
    if (file.size or 0) > limit:
        raise ImageRejected("image_too_large", f"The file is larger than {limit // 2**20} MiB.")
    data: bytes = file.read()
    decode_picture(data)
    return data


def _refuse_all(results: list[dict[str, Any]]) -> Response:
    first = results[0]
    refusals = [{"filename": result["filename"], **result["error"]} for result in results]
    problem = make_problem(first["error"]["code"], first["error"]["message"], errors={"images": refusals})
    return Response(problem, status=problem["status"], content_type="application/problem+json")
