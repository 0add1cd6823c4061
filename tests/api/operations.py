"""Every call of the API, as its OpenAPI document lists them, and a request for each."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
from drf_spectacular.generators import SchemaGenerator

from tests.api.conftest import Stall
from tests.api.photos import draw_photo
from tests.conftest import Shop

_BYTES = "application/octet-stream"
METHODS = {"get", "post", "put", "patch", "delete"}


@dataclass(frozen=True)
class Operation:
    """One method of one address; `names` are the ids that the address holds."""

    id: str
    method: str
    path: str

    @property
    def names(self) -> list[str]:
        """`gallery`, `product`, …"""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    def __str__(self) -> str:
        return self.id


def describe_api() -> dict[str, Any]:
    """The OpenAPI document."""
    document: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return document


OPERATIONS = [
    Operation(operation["operationId"], method, path)
    for path, methods in describe_api()["paths"].items()
    for method, operation in methods.items()
    if method in METHODS
]
READS = {operation.id for operation in OPERATIONS if operation.method == "get"}


def ids_of(stall: Stall) -> dict[str, str]:
    """What the shop's own ids put into an address."""
    return {
        "gallery": stall.gallery,
        "product": stall.products[0],
        "image": stall.images[0],
        "job": stall.job,
        **stall.measured,
    }


def random_ids() -> dict[str, str]:
    """Ids that nobody has."""
    return {name: str(uuid.uuid4()) for operation in OPERATIONS for name in operation.names}


def call(operation: Operation, shop: Shop | httpx.Client, ids: dict[str, str]) -> httpx.Response:
    """Send the call with a body that would do."""
    client = shop.http if isinstance(shop, Shop) else shop
    body: dict[str, Any] = {}
    if operation.id in {"upload_images", "add_distractors", "add_labelled_queries"}:
        body = {"files": {"images": ("new.png", draw_photo(77))}}
    elif operation.id in {"recognize", "search"}:
        body = {"files": {"image": ("query.png", draw_photo(77))}}
    elif operation.id == "create_upload":
        body = {"json": {"filename": "shop.zip", "size": 1000}}
    elif operation.id == "append_chunk":
        headers = {"X-Chunk-SHA256": hashlib.sha256(b"PK").hexdigest(), "Content-Type": _BYTES}
        body = {"params": {"offset": 0}, "content": b"PK", "headers": headers}
    elif operation.id == "create_import":
        body = {"files": {"file": ("shop.csv", b"sku,image\n")}}
    elif operation.id == "create_key":
        body = {"json": {"name": "new", "scopes": ["recognize"]}}
    elif operation.id == "create_invitation":
        body = {"json": {"email": f"{uuid.uuid4().hex}@shop.example", "role": "viewer"}}
    elif operation.id == "create_webhook":
        body = {"json": {"url": "http://127.0.0.1:9/", "events": ["endpoint.disabled"]}}
    elif operation.method in {"post", "put", "patch"}:
        body = {"json": {"name": uuid.uuid4().hex, "sku": uuid.uuid4().hex, "source": "queries"}}
    return client.request(operation.method.upper(), operation.path.format(**ids), **body)
