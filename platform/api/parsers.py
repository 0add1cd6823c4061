"""Bodies, read so that nothing in them can become an error of ours."""

from typing import Any

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JsonParser(parsers.JSONParser):
    """JSON; nesting deeper than Python reads is refused."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """The parsed body. Raises `ParseError`."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise ParseError("JSON parse error - it is nested too deeply.") from error


class FormParser(parsers.MultiPartParser):
    """Multipart forms; a part's header that names an unknown charset is refused."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Fields and files. Raises `ParseError`."""
        try:
            return super().parse(*args, **kwargs)
        except LookupError as error:
            raise ParseError(f"Multipart form parse error - {error}.") from error


class ChunkParser(parsers.BaseParser):
    """Bytes as they are. No more is read of them than tells that they are too many."""

    media_type = "application/octet-stream"

    def parse(self, stream: Any, *_args: Any, **_kwargs: Any) -> Any:
        """The body."""
        return stream.read(settings.UPLOAD_CHUNK_BYTES + 1)
