"""What the OpenAPI document says beyond the views: how to authenticate, and what a problem looks like."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from api.errors import CONTENT_TYPE, PROBLEMS
from api.serializers.settings import describe_components

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable and for programs; `detail` is for people.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "request_id": {"type": "string"},
        "errors": {"description": "Field by field, where the request was not valid."},
        "job": {
            "type": "string",
            "format": "uuid",
            "description": "With `gallery_not_ready`: the job that makes it ready.",
        },
        "offset": {
            "type": "string",
            "description": "With `upload_offset`: where the next chunk begins, in digits.",
        },
    },
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The bearer key."""

    target_class = "api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002 - its signature
        """As OpenAPI says it."""
        return {"type": "http", "scheme": "bearer", "description": "`vtr_<prefix>_<secret>`"}


def describe_errors(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Give every operation its first sentence as summary, and the problems that it may answer."""
    result["components"]["schemas"] |= {"Problem": _PROBLEM, **describe_components()}
    answer = {
        "description": "A problem",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            operation.setdefault("summary", operation["description"].split(". ")[0].rstrip("."))
            for status in _possible_statuses(path, method):
                operation["responses"].setdefault(str(status), answer)
    return result


def _possible_statuses(path: str, method: str) -> list[int]:
    """Statuses of problems by what the operation takes."""
    statuses = [400, 401, 403, 503]
    if "{" in path:
        statuses.append(404)
    if method in {"post", "put", "patch"}:
        statuses += [409, 413, 415, 422]
    if method == "delete":
        statuses.append(409)
    return sorted(statuses)
