"""Lists come in pages, newest first unless said otherwise, each with the address of the next."""

from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

_NOT_OURS = "This is no cursor of ours. Follow `next` as it was answered."


class CursorPages(CursorPagination):
    """`{"results": [...], "next": address or null}`. Ids are UUIDv7, so their order is that of creation."""

    ordering = "-pk"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    page_size_query_description = "Rows a page, at most 200."

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The place in the list. Raises `ValidationError` for one that we did not give out."""
        try:
            cursor: Cursor | None = super().decode_cursor(request)
            if cursor and cursor.position is not None:
                UUID(str(cursor.position))
        except (NotFound, ValueError) as error:
            raise ValidationError({self.cursor_query_param: [_NOT_OURS]}) from error
        return cursor

    def get_paginated_response(self, data: Any) -> Response:
        """The page and the way on."""
        return Response({"results": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same for the OpenAPI document."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": ["string", "null"], "format": "uri", "description": "The next page."},
            },
        }


class OldestFirstPages(CursorPages):
    """The same from the first to the last."""

    ordering = "pk"
