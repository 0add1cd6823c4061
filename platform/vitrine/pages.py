"""Lists, which the service answers in pages."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vitrine.transport import Transport

_PAGE: Final = 200


def list_rows(
    transport: Transport, path: str, params: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of all pages, each page asked for when it is needed. Raises as `Transport.send`."""
    page = transport.send("GET", path, params={**(params or {}), "limit": _PAGE})
    while True:
        yield from page["results"]
        if not page["next"]:
            return
        page = transport.send("GET", page["next"])
