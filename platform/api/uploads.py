"""Photos that come in a form, one or many: each is checked, and a refusal is a result like any other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import CONTENT_TYPE, make_problem
from inference.errors import ImageRejected
from inference.images import sniff_format
from retrieval.pictures import decode_photo
from tenants.domain.quotas import QuotaExceeded


@dataclass(frozen=True)
class CheckedFile:
    """A file that holds a picture we can use: `image_format` as `sniff_format` names it."""

    filename: str
    image_format: str
    data: bytes


def take_files(
    request: Request, field: str, store: Callable[[CheckedFile], dict[str, Any]]
) -> list[dict[str, Any]]:
    """What became of each file of the form's field, in the order sent.

    store: keeps one, and says what of it is to be shown. Raises `ValidationError` for no file at all.
    """
    files = request.FILES.getlist(field)
    if not files:
        raise serializers.ValidationError({field: [f"Send at least one file in the field `{field}`."]})
    return [_take_file(file, store) for file in files]


def refuse_when_all_failed(field: str, results: list[dict[str, Any]]) -> Response | None:
    """When no file could be used, a problem with the first one's code; else None."""
    if not all(result["error"] for result in results):
        return None
    first = results[0]
    refusals = [{"filename": result["filename"], **result["error"]} for result in results]
    problem = make_problem(first["error"]["code"], first["error"]["message"], errors={field: refusals})
    return Response(problem, status=problem["status"], content_type=CONTENT_TYPE)


def _take_file(file: "UploadedFile[Any]", store: Callable[[CheckedFile], dict[str, Any]]) -> dict[str, Any]:
    name = file.name or "unnamed"
    try:
        data = _read_checked(file)
        stored = store(CheckedFile(name, sniff_format(data), data))
    except (ImageRejected, QuotaExceeded) as refused:
        error = {"code": refused.code, "message": refused.message}
        return {"filename": name, "created": False, "image": None, "error": error}
    return {"filename": name, "error": None, **stored}


def _read_checked(file: "UploadedFile[Any]") -> bytes:
    """The file's bytes, decoded once to be sure of them: what cannot be used is never stored."""
    limit = settings.MAX_IMAGE_BYTES
    if (file.size or 0) > limit:
        raise ImageRejected("image_too_large", f"The file is larger than {limit // 2**20} MiB.")
    data: bytes = file.read()
    decode_photo(data)
    return data
