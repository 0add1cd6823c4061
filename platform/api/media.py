"""`/media/…`: stored photos for whoever has a signed address, which is given out with each photo's row."""

from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.errors import CONTENT_TYPE, answer_problem, describe_error
from retrieval.photos.files import open_file
from tenants.domain.media import Photo, StoredPhoto, find_photo, sign_photo
from tenants.errors import NotFound

# What a shop has sent is shown as the picture that it is, and as nothing else.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@extend_schema_field(OpenApiTypes.URI)
class MediaUrlField(serializers.Field[Photo, Any, str, Photo]):
    """A photo's address, absolute like every address in a body. Needs the request in the context."""

    def __init__(self, **options: Any) -> None:
        text = "Shows the photo without a key, for an hour or what the service is set to. Read it again then."
        super().__init__(**{"source": "*", "read_only": True, "help_text": text, **options})

    def to_representation(self, value: Photo) -> str:
        """The address, signed now."""
        request: HttpRequest = self.context["request"]
        return request.build_absolute_uri(reverse("media", args=[sign_photo(value)]))


def show_media(request: HttpRequest, token: str) -> HttpResponseBase:
    """The photo's file, or 404 whatever is wrong with the address."""
    if request.method not in {"GET", "HEAD"}:
        refusal = answer_problem("method_not_allowed", "A photo can be read only.")
        refusal["Allow"] = "GET, HEAD"
        return refusal
    try:
        return _answer_photo(request, find_photo(token))
    except Exception as error:
        described = describe_error(error)
        if described is None:
            raise
        problem, headers = described
        headers = {**headers, "Cache-Control": "no-store"}
        return JsonResponse(problem, status=problem["status"], headers=headers, content_type=CONTENT_TYPE)


def _answer_photo(request: HttpRequest, photo: StoredPhoto) -> HttpResponseBase:
    headers = {
        **_HEADERS,
        "Cache-Control": f"private, max-age={settings.MEDIA_URL_S}",
        "ETag": f'"{photo.sha256}"',
    }
    known = {tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))}
    if {"*", headers["ETag"]} & known:
        return HttpResponse(status=304, headers=headers)
    return _open_file(photo, headers)


def _open_file(photo: StoredPhoto, headers: dict[str, str]) -> FileResponse:
    """Raises `NotFound`, `Unavailable`, before the first byte is sent."""
    try:
        file = open_file(photo.file)
    except FileNotFoundError as error:
        raise NotFound("The photo's file is lost.", code="media_not_found") from error
    filename = f"{photo.id}.{photo.content_type.rpartition('/')[2]}"
    return FileResponse(file, filename=filename, content_type=photo.content_type, headers=headers)
