"""Every error as `application/problem+json` (RFC 9457), with its HTTP status in one table."""

import logging
import math
from typing import Any

from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response

from config.log import request_id
from inference.errors import ImageRejected
from tenants.errors import DomainError

CONTENT_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)

# code -> (status, title). A code that is not here is a bug of ours, and a test looks for it.
PROBLEMS: dict[str, tuple[int, str]] = {
    "invalid_request": (400, "The request is not valid"),
    "malformed_body": (400, "The body cannot be read"),
    "idempotency_key_malformed": (400, "The Idempotency-Key cannot be read"),
    "key_missing": (401, "An API key is needed"),
    "key_rejected": (401, "The API key is not accepted"),
    "key_revoked": (401, "The API key is revoked"),
    "key_expired": (401, "The API key has expired"),
    "owner_needed": (403, "Only an owner may do this"),
    "scope_missing": (403, "The API key may not do this"),
    "quota_exceeded": (403, "The shop's quota is used up"),
    "source_not_allowed": (403, "The source may not be read"),
    "not_found": (404, "Not found"),
    "gallery_not_found": (404, "No such gallery"),
    "product_not_found": (404, "No such product"),
    "image_not_found": (404, "No such image"),
    "job_not_found": (404, "No such job"),
    "upload_not_found": (404, "No such upload"),
    "distractor_not_found": (404, "No such distractor"),
    "labelled_query_not_found": (404, "No such labelled query"),
    "calibration_not_found": (404, "No such calibration"),
    "evaluation_not_found": (404, "No such evaluation"),
    "policy_not_found": (404, "No such policy"),
    "key_not_found": (404, "No such API key"),
    "member_not_found": (404, "No such member"),
    "invitation_not_found": (404, "No such invitation"),
    "webhook_not_found": (404, "No such webhook"),
    "delivery_not_found": (404, "No such delivery"),
    "archive_not_found": (404, "No such archive"),
    "media_not_found": (404, "No such photo"),
    "method_not_allowed": (405, "Method not allowed"),
    "not_acceptable": (406, "No acceptable representation"),
    "conflict": (409, "Conflict"),
    "email_taken": (409, "The address has an account"),
    "gallery_name_taken": (409, "The name is taken"),
    "gallery_not_ready": (409, "The gallery is not ready"),
    "gallery_empty": (409, "The gallery has no photos"),
    "too_few_photos": (409, "There are too few photos"),
    "no_labelled_queries": (409, "There are no labelled queries"),
    "calibration_without_threshold": (409, "The calibration found no threshold"),
    "calibration_outdated": (409, "The calibration is outdated"),
    "sku_taken": (409, "The SKU is taken"),
    "product_deleted": (409, "The product was deleted"),
    "too_many_keys": (409, "There are too many API keys"),
    "key_rotated": (409, "The API key was rotated already"),
    "key_ended": (409, "The API key has ended"),
    "last_admin_key": (409, "This is the last key that looks after the shop"),
    "last_owner": (409, "This is the last owner"),
    "already_member": (409, "The person is a member"),
    "already_invited": (409, "The person is invited"),
    "too_many_invitations": (409, "There are too many invitations"),
    "invitation_just_sent": (409, "The mail was sent just now"),
    "invitation_ended": (409, "The invitation has ended"),
    "too_many_webhooks": (409, "There are too many webhooks"),
    "webhook_disabled": (409, "The webhook is disabled"),
    "archive_not_ready": (409, "The archive is not ready"),
    "upload_offset": (409, "The upload goes on elsewhere"),
    "upload_closed": (409, "The upload takes no chunks"),
    "upload_not_complete": (409, "The upload is not complete"),
    "idempotency_in_progress": (409, "The call is at work"),
    "idempotency_answer_lost": (409, "The answer is lost"),
    "upload_in_use": (409, "The upload is in use"),
    "upload_lost": (409, "A part of the upload is lost"),
    "job_not_cancellable": (409, "The job cannot be cancelled"),
    "job_not_retryable": (409, "The job has nothing to retry"),
    "job_finished": (409, "The job has ended"),
    "job_unfinished": (409, "The job has not ended"),
    "nothing_to_retry": (409, "There is nothing to retry"),
    "source_gone": (409, "The source is gone"),
    "gallery_deleted": (409, "The gallery was deleted"),
    "invitation_rejected": (410, "The invitation does not count"),
    "invitation_elsewhere": (410, "The invitation is for somebody else"),
    "body_too_large": (413, "The body is too large"),
    "image_too_large": (413, "The image is too large"),
    "chunk_too_large": (413, "The chunk is too large"),
    "upload_too_large": (413, "The file is too large"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "image_unsupported_format": (415, "The image format is not supported"),
    "image_empty": (422, "The image is empty"),
    "image_unreadable": (422, "The image cannot be read"),
    "image_animated": (422, "The image is animated"),
    "chunk_damaged": (422, "The chunk is damaged"),
    "chunk_too_small": (422, "The chunk is too small"),
    "chunk_beyond_end": (422, "The chunk goes beyond the file's end"),
    "upload_refused": (422, "The upload cannot be taken"),
    "upload_empty": (422, "The file is empty"),
    "upload_damaged": (422, "The file is damaged"),
    "source_not_found": (422, "The source is not there"),
    "source_unreadable": (422, "The source cannot be read"),
    "invalid_settings": (422, "The settings cannot work"),
    "idempotency_key_reused": (422, "The Idempotency-Key was used before"),
    "webhook_url_refused": (422, "The webhook's address is refused"),
    "model_missing": (422, "The model is not available"),
    "rate_limited": (429, "Too many requests"),
    "too_many_at_once": (429, "Too many recognitions at once"),
    "internal_error": (500, "An error of ours"),
    "broker_away": (503, "The broker is away"),
    "mail_away": (503, "The mail server is away"),
    "database_away": (503, "The database is away"),
    "decoders_away": (503, "No decoder is free"),
    "storage_away": (503, "The file storage is away"),
    "index_away": (503, "The vector index is away"),
    "workers_away": (503, "No worker is running"),
    "workers_saturated": (503, "All workers are busy"),
    "recognition_timeout": (503, "No answer in time"),
}

_REST_CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ValidationError: "invalid_request",
    exceptions.ParseError: "malformed_body",
    exceptions.NotAuthenticated: "key_missing",
    exceptions.AuthenticationFailed: "key_rejected",
    exceptions.PermissionDenied: "scope_missing",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "rate_limited",
}


# Errors of Django itself that are expected: (kind, code, what the caller is told).
_FOREIGN: list[tuple[type[Exception], str, str]] = [
    (Http404, "not_found", "There is nothing at this address."),
    (RequestDataTooBig, "body_too_large", "The body is larger than a request may be."),
    (TooManyFilesSent, "body_too_large", "The request holds too many files. Send fewer at once."),
    (TooManyFieldsSent, "body_too_large", "The request holds too many fields. Send fewer."),
    (SuspiciousOperation, "invalid_request", "The request is not valid."),
    (MultiPartParserError, "malformed_body", "The multipart body cannot be read."),
    (InterfaceError, "database_away", "The database is away. Try again shortly."),
    (OperationalError, "database_away", "The database is away. Try again shortly."),
]


def make_problem(code: str, detail: str, **more: Any) -> dict[str, Any]:
    """The body of a problem: type, title, status, detail, code, request_id, and what `more` adds."""
    status, title = PROBLEMS[code]
    return {
        "type": f"urn:vitrine:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id.get(),
        **more,
    }


def answer_error(error: Exception, _context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None lets an unexpected error go on to Django, which logs it."""
    described = describe_error(error)
    if described is None:
        return None
    problem, headers = described
    return Response(problem, status=problem["status"], headers=headers, content_type=CONTENT_TYPE)


def describe_error(error: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    """(problem, headers) of an expected error, None of any other."""
    if isinstance(error, DomainError):
        return make_problem(error.code, error.message, **error.extra), _headers_of(
            error.code, error.retry_after
        )
    if isinstance(error, ImageRejected):
        return make_problem(error.code, error.message), _headers_of(error.code)
    if isinstance(error, exceptions.APIException):
        return _describe_rest_error(error)
    for kind, code, detail in _FOREIGN:
        if isinstance(error, kind):
            _log.info("%s: %s", code, error)
            return make_problem(code, detail), _headers_of(code)
    return None


def _describe_rest_error(error: exceptions.APIException) -> tuple[dict[str, Any], dict[str, str]] | None:
    code = next((code for kind, code in _REST_CODES.items() if isinstance(error, kind)), None)
    if code is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        return make_problem(code, _first_message(error.detail), errors=error.detail), {}
    if isinstance(error, exceptions.Throttled):
        return make_problem(code, str(error.detail)), {
            "Retry-After": str(math.ceil(getattr(error, "wait", None) or 1))
        }
    return make_problem(code, str(error.detail)), _headers_of(code)


def _headers_of(code: str, retry_after: int | None = None) -> dict[str, str]:
    """What goes with the status: a challenge with 401, when to ask again with 503 or where that is known."""
    if retry_after is not None:
        return {"Retry-After": str(retry_after)}
    return {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}.get(PROBLEMS[code][0], {})


def _first_message(detail: Any, path: str = "") -> str:
    """The first of DRF's nested messages, with the field it is about."""
    if isinstance(detail, dict) and detail:
        name, inner = next(iter(detail.items()))
        here = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
        return _first_message(inner, here)
    if isinstance(detail, list) and detail:
        return _first_message(next((part for part in detail if part), detail[0]), path)
    return f"{path}: {detail}" if path else str(detail)


def answer_problem(code: str, detail: str) -> JsonResponse:
    """A problem as a plain Django response, for where DRF is not reached."""
    problem = make_problem(code, detail)
    return JsonResponse(problem, status=problem["status"], content_type=CONTENT_TYPE)


def answer_bad_request(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001 - Django's name
    """Django's handler400: a host that is not ours, or a request that it found suspicious."""
    return answer_problem("invalid_request", "The request is not valid. Check its address and host name.")


def answer_unknown_page(_request: HttpRequest, exception: Exception) -> JsonResponse:  # noqa: ARG001 - Django's name
    """Django's handler404."""
    return answer_problem("not_found", "There is nothing at this address. The API is described at /docs.")


def answer_crash(_request: HttpRequest) -> JsonResponse:
    """Django's handler500."""
    return answer_problem("internal_error", "An error of ours; it was logged under this request id.")
