from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.product import ProductSerializer
from api.views.tenant_view import TenantView
from jobs.dispatch import PURGE_IMAGES, dispatch_on_commit
from tenants.domain.products import create_product, delete_product, update_product
from tenants.models import Gallery, Product
from tenants.queries.catalog import get_product, list_products


class _ProductView(TenantView):
    serializer_class = ProductSerializer

    def read_body(
        self, gallery: Gallery, request: Request, *, product: Product | None = None
    ) -> dict[str, Any]:
        """The checked fields of the body; of a `product` that is there, those that are to change."""
        given = ProductSerializer(
            data=request.data, partial=product is not None, context={"gallery": gallery, "product": product}
        )
        given.is_valid(raise_exception=True)
        fields: dict[str, Any] = given.validated_data
        return fields


class ProductsView(_ProductView):
    """The products of a gallery."""

    @extend_schema(
        operation_id="list_products",
        parameters=[OpenApiParameter("sku", OpenApiTypes.STR, description="Only the product with this SKU.")],
        responses=ProductSerializer(many=True),
    )
    def get(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """List the products, newest first."""
        rows = list_products(self.get_gallery())
        sku = request.query_params.get("sku")
        if sku is not None:
            # PostgreSQL holds no NUL, so no SKU does.
            rows = rows.none() if "\x00" in sku else rows.filter(sku=sku)
        return self.paginate(rows)

    @extend_schema(
        operation_id="create_product", request=ProductSerializer, responses={201: ProductSerializer}
    )
    def post(self, request: Request, gallery: UUID) -> Response:  # noqa: ARG002
        """Create a product."""
        found = self.get_gallery()
        product = create_product(gallery=found, **self.read_body(found, request))
        location = f"{request.path}/{product.pk}"
        shown = ProductSerializer(get_product(found, product.pk)).data
        return Response(shown, status=201, headers={"Location": location})


class ProductView(_ProductView):
    """One product."""

    @extend_schema(operation_id="read_product", responses=ProductSerializer)
    def get(self, _request: Request, gallery: UUID, product: UUID) -> Response:  # noqa: ARG002
        """Read a product."""
        return Response(ProductSerializer(self.get_product()).data)

    @extend_schema(operation_id="update_product", request=ProductSerializer, responses=ProductSerializer)
    def patch(self, request: Request, gallery: UUID, product: UUID) -> Response:  # noqa: ARG002
        """Change a product."""
        found = self.get_product()
        fields = self.read_body(found.gallery, request, product=found)
        return Response(ProductSerializer(update_product(product=found, **fields)).data)

    @extend_schema(operation_id="delete_product", responses={204: None})
    def delete(self, _request: Request, gallery: UUID, product: UUID) -> Response:  # noqa: ARG002
        """Delete a product with its photos. It is gone at once, also from search."""
        with transaction.atomic():
            delete_product(product=self.get_product())
            dispatch_on_commit(PURGE_IMAGES, str(self.key.tenant_id))
        return Response(status=204)

    def get_product(self) -> Product:
        """The product that the address names. Raises `NotFound`."""
        return get_product(self.get_gallery(), self.kwargs["product"])
