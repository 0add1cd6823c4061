from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.webhook import (
    WebhookChangeSerializer,
    WebhookDeliveryFilterSerializer,
    WebhookDeliverySerializer,
    WebhookRequestSerializer,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)
from api.views.tenant_view import TenantView
from tenants.models import WebhookDelivery, WebhookEndpoint
from tenants.models.api_key import Scope
from webhooks.deliveries import get_delivery, list_deliveries
from webhooks.endpoints import (
    create_endpoint,
    delete_endpoint,
    get_endpoint,
    list_endpoints,
    rotate_secret,
    update_endpoint,
)
from webhooks.resending import redeliver, send_ping


class _WebhookView(TenantView):
    # Whoever makes an endpoint sends the shop's events out of the house.
    read_scope = Scope.JOBS
    write_scope = Scope.ADMIN

    def get_endpoint(self) -> WebhookEndpoint:
        """The endpoint that the address names. Raises `NotFound`."""
        return get_endpoint(self.kwargs["webhook"])


class WebhooksView(_WebhookView):
    """The shop's webhooks."""

    serializer_class = WebhookSerializer

    @extend_schema(operation_id="list_webhooks", responses=WebhookSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the webhooks, newest first."""
        return self.paginate(list_endpoints())

    @extend_schema(
        operation_id="create_webhook",
        request=WebhookRequestSerializer,
        responses={201: WebhookWithSecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a webhook. The answer holds its secret, which is not shown again."""
        given = WebhookRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        endpoint = create_endpoint(tenant_id=self.key.tenant_id, **given.validated_data)
        shown = WebhookWithSecretSerializer(endpoint).data
        location = reverse("webhook", kwargs={"webhook": endpoint.pk})
        return Response(shown, status=201, headers={"Location": location})


class WebhookView(_WebhookView):
    """One webhook."""

    serializer_class = WebhookSerializer

    @extend_schema(operation_id="read_webhook", responses=WebhookSerializer)
    def get(self, _request: Request, webhook: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Read a webhook."""
        return Response(WebhookSerializer(self.get_endpoint()).data)

    @extend_schema(
        operation_id="update_webhook", request=WebhookChangeSerializer, responses=WebhookSerializer
    )
    def patch(self, request: Request, webhook: UUID) -> Response:  # noqa: ARG002
        """Change a webhook's address or events, disable or enable it."""
        endpoint = self.get_endpoint()
        given = WebhookChangeSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return Response(WebhookSerializer(update_endpoint(endpoint=endpoint, **given.validated_data)).data)

    @extend_schema(operation_id="delete_webhook", responses={204: None})
    def delete(self, _request: Request, webhook: UUID) -> Response:  # noqa: ARG002
        """Delete a webhook with its deliveries."""
        delete_endpoint(endpoint=self.get_endpoint())
        return Response(status=204)


class WebhookRotationView(_WebhookView):
    """A webhook's secret, drawn anew."""

    serializer_class = WebhookWithSecretSerializer

    @extend_schema(operation_id="rotate_webhook_secret", request=None, responses=WebhookWithSecretSerializer)
    def post(self, _request: Request, webhook: UUID) -> Response:  # noqa: ARG002
        """Draw a new secret, shown in this answer only. The one before it signs beside it for 24 hours."""
        return Response(WebhookWithSecretSerializer(rotate_secret(endpoint=self.get_endpoint())).data)


class WebhookTestView(_WebhookView):
    """A webhook, tried out."""

    serializer_class = WebhookDeliverySerializer

    @extend_schema(operation_id="test_webhook", request=None, responses={202: WebhookDeliverySerializer})
    def post(self, _request: Request, webhook: UUID) -> Response:  # noqa: ARG002
        """Send the webhook a `ping`, whatever events it asks for."""
        return _answer_accepted(send_ping(endpoint=self.get_endpoint()))


class WebhookDeliveriesView(_WebhookView):
    """What was and will be sent to a webhook."""

    serializer_class = WebhookDeliverySerializer

    @extend_schema(
        operation_id="list_webhook_deliveries",
        parameters=[OpenApiParameter("state", OpenApiTypes.STR, enum=WebhookDelivery.State.values)],
        responses=WebhookDeliverySerializer(many=True),
    )
    def get(self, request: Request, webhook: UUID) -> Response:  # noqa: ARG002
        """List the deliveries, newest first; those that ended are kept for a month."""
        wanted = WebhookDeliveryFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return self.paginate(list_deliveries(self.get_endpoint()).filter(**wanted.validated_data))


class WebhookDeliveryView(_WebhookView):
    """One delivery."""

    serializer_class = WebhookDeliverySerializer

    @extend_schema(operation_id="read_webhook_delivery", responses=WebhookDeliverySerializer)
    def get(self, _request: Request, webhook: UUID, delivery: UUID) -> Response:  # noqa: ARG002
        """Read a delivery with its attempts."""
        return Response(WebhookDeliverySerializer(get_delivery(self.get_endpoint(), delivery)).data)


class WebhookRedeliveryView(_WebhookView):
    """A delivery, made again."""

    serializer_class = WebhookDeliverySerializer

    @extend_schema(operation_id="redeliver_webhook", request=None, responses={202: WebhookDeliverySerializer})
    def post(self, _request: Request, webhook: UUID, delivery: UUID) -> Response:  # noqa: ARG002
        """Send the event again under the same `webhook-id`.

        A delivery that is pending is tried at once; one that has ended stays in the log as it is, and a new
        one is made.
        """
        return _answer_accepted(redeliver(delivery=get_delivery(self.get_endpoint(), delivery)))


def _answer_accepted(delivery: WebhookDelivery) -> Response:
    """The delivery, and where the caller can follow it."""
    names = {"webhook": delivery.endpoint_id, "delivery": delivery.pk}
    location = reverse("webhook_delivery", kwargs=names)
    return Response(WebhookDeliverySerializer(delivery).data, status=202, headers={"Location": location})
