from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.parsers import FormParser
from api.serializers.image import ImageSerializer, UploadSerializer, UploadsSerializer
from api.uploads import CheckedFile, refuse_when_all_failed, take_files
from api.views.tenant_view import TenantView
from jobs.dispatch import INDEX_IMAGES, PURGE_IMAGES, dispatch_on_commit
from tenants.domain.images import add_image, delete_image
from tenants.models import ReferenceImage
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

        def store(file: CheckedFile) -> dict[str, Any]:
            added = add_image(
                product=found, filename=file.filename, image_format=file.image_format, data=file.data
            )
            return {"created": added.created, "image": added.image}

        results = take_files(request, "images", store)
        if refusal := refuse_when_all_failed("images", results):
            return refusal
        dispatch_on_commit(INDEX_IMAGES, str(self.key.tenant_id))
        shown = UploadsSerializer({"results": results}, context=self.get_serializer_context())
        return Response(shown.data, status=202)


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
        return Response(self.get_serializer(get_image(self.get_gallery(), self.kwargs["image"])).data)

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
