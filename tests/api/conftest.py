"""Two shops that hold the same photos, made once for all tests that only look at them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pytest_django import DjangoDbBlocker

from tests.api.catalog import add_product, make_gallery, upload, wait_indexed
from tests.api.measuring import measure_gallery, wait_done
from tests.api.photos import draw_photo
from tests.conftest import Service, Shop, open_shop
from tests.tenants.people import make_member

SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Stall:
    """A shop's gallery with a product for each of `SEEDS`, one indexed photo each, and what was measured.

    job: an export of the gallery. measured: ids of a distractor, a labelled query, a calibration, an
    evaluation, a webhook, a delivery, an upload, a key, an invitation and a member, by what
    addresses call them.
    """

    shop: Shop
    gallery: str
    products: list[str]
    images: list[str]
    job: str
    measured: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The gallery's address."""
        return f"/v1/galleries/{self.gallery}"

    @property
    def ids(self) -> set[str]:
        """Every id that nobody else may see."""
        own = {self.gallery, self.job, str(self.shop.tenant.id), *self.measured.values()}
        return {*own, *self.products, *self.images}


def make_stall(shop: Shop) -> Stall:
    gallery = make_gallery(shop)
    products = [add_product(shop, gallery, f"sku-{seed}", title=f"Packet {seed}") for seed in SEEDS]
    images = [
        image
        for seed, product in zip(SEEDS, products, strict=True)
        for image in upload(shop, gallery, product, draw_photo(seed))
    ]
    wait_indexed(shop, gallery, len(images))
    others = {
        **measure_gallery(shop, gallery),
        **add_webhook(shop),
        **invite_people(shop),
        "upload": begin_upload(shop),
    }
    job = wait_done(shop, shop.http.post(f"/v1/galleries/{gallery}/exports"))["id"]
    return Stall(shop, gallery, products, images, job, others)


def add_webhook(shop: Shop) -> dict[str, str]:
    """The ids of a webhook that is told of nothing, and of a delivery to it that goes nowhere."""
    body = {"url": "http://127.0.0.1:9/", "events": ["endpoint.disabled"]}
    webhook = shop.http.post("/v1/webhooks", json=body).json()["id"]
    delivery = shop.http.post(f"/v1/webhooks/{webhook}/test").json()["id"]
    return {"webhook": webhook, "delivery": delivery}


def invite_people(shop: Shop) -> dict[str, str]:
    """The ids of an invitation, and of a key that opens nothing much."""
    guest = {"email": f"{shop.tenant.slug}@shop.example", "role": "viewer"}
    invitation = shop.http.post("/v1/invitations", json=guest).json()["id"]
    key = shop.http.post("/v1/keys", json={"name": "till", "scopes": ["recognize"]}).json()["id"]
    return {"invitation": invitation, "key": key}


def begin_upload(shop: Shop) -> str:
    """The id of an upload of which nothing has come yet."""
    begun = shop.http.post("/v1/uploads", json={"filename": "shop.zip", "size": 1000})
    assert begun.status_code == 201, begun.text
    upload: str = begun.json()["id"]
    return upload


@pytest.fixture(scope="session")
def stalls(service: Service, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[Stall, Stall]]:
    """Acme's and Globex's: the same SKUs and photos. Tests that change something use `acme` and `globex`."""
    with django_db_blocker.unblock():
        shops = open_shop(service, "acme"), open_shop(service, "globex")
        members = [str(make_member(shop.tenant, "owner").pk) for shop in shops]
    with shops[0].http, shops[1].http:
        made = make_stall(shops[0]), make_stall(shops[1])
        for stall, member in zip(made, members, strict=True):
            stall.measured["member"] = member
        yield made


@pytest.fixture(scope="session")
def stall(stalls: tuple[Stall, Stall]) -> Stall:
    """Acme's."""
    return stalls[0]
