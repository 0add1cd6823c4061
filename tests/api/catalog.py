"""A gallery with products and photos, made through the API."""

import uuid

import httpx

from tests.conftest import Shop, wait_until


def make_gallery(shop: Shop, **body: object) -> str:
    """The id of a new gallery that is ready."""
    created = shop.http.post("/v1/galleries", json={"name": uuid.uuid4().hex, **body})
    assert created.status_code == 202, created.text
    gallery: str = created.json()["id"]
    wait_until(
        lambda: shop.http.get(f"/v1/galleries/{gallery}").json()["state"] == "ready", "the gallery is ready"
    )
    return gallery


def add_product(shop: Shop, gallery: str, sku: str, **body: object) -> str:
    """The id of a new product."""
    created = shop.http.post(f"/v1/galleries/{gallery}/products", json={"sku": sku, **body})
    assert created.status_code == 201, created.text
    product: str = created.json()["id"]
    return product


def upload(shop: Shop, gallery: str, product: str, *photos: bytes) -> list[str]:
    """The ids of the uploaded photos, in order."""
    files = [("images", (f"{number}.png", photo)) for number, photo in enumerate(photos)]
    taken = shop.http.post(f"/v1/galleries/{gallery}/products/{product}/images", files=files)
    assert taken.status_code == 202, taken.text
    return [result["image"]["id"] for result in taken.json()["results"]]


def count_images(shop: Shop, gallery: str, state: str) -> int:
    """How many photos of the gallery are in the state (up to a page of 200)."""
    page = shop.http.get(f"/v1/galleries/{gallery}/images", params={"state": state, "limit": 200})
    return len(page.json()["results"])


def wait_indexed(shop: Shop, gallery: str, count: int) -> None:
    """Wait until so many photos are indexed."""
    wait_until(lambda: count_images(shop, gallery, "indexed") == count, f"{count} photos are indexed")


def post_raw(shop: Shop, path: str, body: bytes, content_type: str) -> httpx.Response:
    """Send the bytes as they are."""
    return shop.http.post(path, content=body, headers={"Content-Type": content_type})
