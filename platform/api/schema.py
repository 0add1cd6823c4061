"""What the OpenAPI document says beyond the views: how to authenticate, and what a problem looks like."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from api.errors import CONTENT_TYPE, PROBLEMS
from api.idempotency import HEADER, KEY_PATTERN, REPLAYED
from api.limits import describe_limit_headers
from api.permissions import find_needed_scope
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
_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description=(
        "A name of your own for this call, such as a UUID, bare or as a quoted string. Sent again within 24"
        " hours it answers what it answered the first time, and does nothing."
    ),
)
_REPLAYED = {
    "description": f"`true` where this is the answer to an earlier call with the same `{HEADER}`.",
    "schema": {"type": "string", "enum": ["true"]},
}


_RETRY_HEADERS = {
    "Retry-After": {
        "description": "Seconds after which the call may be sent again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    **describe_limit_headers(),
}


class Schema(AutoSchema):
    """Every POST that is not only a question takes an `Idempotency-Key`."""

    def get_override_parameters(self) -> list[Any]:
        """The parameters that no serializer tells of."""
        parameters = list(super().get_override_parameters())
        takes_key = self.method == "POST" and not getattr(self.view, "only_asks", True)
        return [*parameters, _KEY] if takes_key else parameters


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The bearer key."""

    target_class = "api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002 - its signature
        """As OpenAPI says it."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "`vtr_<prefix>_<secret>`, with the scope that the operation names, or `admin`",
        }

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        """With the scope that the call needs: OpenAPI 3.1 lets any kind of scheme name roles."""
        return {self.name: [str(find_needed_scope(auto_schema.view, auto_schema.method))]}


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
            operation["description"] += _describe_scope(operation)
            for status in _possible_statuses(path, method):
                operation["responses"].setdefault(str(status), answer)
            operation["responses"].setdefault("429", {**answer, "headers": _RETRY_HEADERS})
            if any(parameter["name"] == HEADER for parameter in operation.get("parameters", [])):
                _describe_replays(operation["responses"])
    return result


def _describe_replays(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if status.startswith("2"):
            response.setdefault("headers", {})[REPLAYED] = _REPLAYED


def _describe_scope(operation: dict[str, Any]) -> str:
    scopes = [scope for each in operation.get("security", []) for scope in each.get(ApiKeyScheme.name, [])]
    return "".join(f"\n\nNeeds a key with the scope `{scope}` or `admin`." for scope in scopes)


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
