"""Settings of the REST API and of its OpenAPI document: nothing of them depends on the environment."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.JsonParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "api.pagination.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "api.schema.Schema",
    "EXCEPTION_HANDLER": "api.errors.answer_error",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vitrine",
    "DESCRIPTION": (
        "Name the product in a photograph. Errors are `application/problem+json` with a stable `code`."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "api.schema.describe_errors"],
    "ENUM_NAME_OVERRIDES": {
        "KeyStateEnum": "tenants.models.api_key.ApiKey.State",
        "InvitationStateEnum": "tenants.models.invitation.Invitation.State",
        "ScopeEnum": "tenants.models.api_key.Scope",
        "RoleEnum": "tenants.models.membership.Membership.Role",
        "GalleryStateEnum": "tenants.models.gallery.Gallery.State",
        "ImageStateEnum": "tenants.models.reference_image.ReferenceImage.State",
        "JobStateEnum": "jobs.models.Job.State",
        "JobItemStateEnum": "jobs.models.JobItem.State",
        "WebhookDeliveryStateEnum": "tenants.models.webhook.WebhookDelivery.State",
        "WebhookEventEnum": "api.serializers.webhook.SUBSCRIBABLE",
        "WebhookDeliveryEventEnum": "tenants.models.webhook.WebhookEndpoint.Event",
        "EvaluationSourceEnum": "tenants.models.measurement.Evaluation.Source",
        "RegionSourceEnum": "tenants.models.region.Region.Source",
        # What a query's region can come from: nobody gives its box.
        "QueryRegionSourceEnum": ["detected", "whole"],
    },
}
