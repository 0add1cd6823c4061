"""Photos are shown by signed addresses, for a while, and to nobody who guesses."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import default_storage
from django.core.signals import request_finished
from django.core.signing import TimestampSigner
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from tenants.domain.exemplars import add_distractor, add_labelled_query, delete_exemplar
from tenants.domain.images import delete_image
from tenants.domain.keys import issue_key
from tenants.domain.media import Photo, sign_photo
from tenants.models import Exemplar, Gallery, ReferenceImage, Tenant
from tenants.models.api_key import Scope
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.api.problems import check_problem
from tests.retrieval.shelf import Shelf, add_photos, open_shelf

pytestmark = pytest.mark.django_db
PNG = {"filename": "a.png", "image_format": "png"}
ALPHABET = "-_.~:ABCabc019"


@pytest.fixture
def shelf(tmp_path: Path, settings: Settings) -> Iterator[Shelf]:
    settings.MEDIA_ROOT = tmp_path
    opened = open_shelf("acme")
    with tenant_scope(opened.tenant.id):
        yield opened


@pytest.fixture
def photo(shelf: Shelf) -> ReferenceImage:
    return add_photos(shelf, 1)[0]


def get(address: str, method: str = "get", **headers: str) -> Any:
    """Ask without a key, and read the answer to its end into `body`."""
    response: Any = getattr(Client(), method)(address, headers=headers)
    response.body = b"".join(response)
    # As Django's client itself does: the end of a request is not to close the test's connection.
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)
    return response


def address_of(photo: Photo) -> str:
    return f"/media/{sign_photo(photo)}"


def check_gone(address: str) -> dict[str, Any]:
    """That it is answered like any address that there is not; the problem without the request's id."""
    response = get(address)
    check_problem(response, "media_not_found")
    assert response.status_code == 404
    assert response["Cache-Control"] == "no-store"
    problem: dict[str, Any] = response.json()
    return {name: said for name, said in problem.items() if name != "request_id"}


def test_photo_is_shown_without_a_key_and_as_nothing_but_a_picture(photo: ReferenceImage) -> None:
    response = get(address_of(photo))
    assert response.status_code == 200
    assert response.body == draw_photo(1)
    assert response["Content-Type"] == "image/png"
    assert response["Content-Length"] == str(photo.size)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == f'inline; filename="{photo.pk}.png"'
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cache-Control"] == "private, max-age=3600"


def test_every_serialisation_of_a_photo_has_an_absolute_address_that_works(shelf: Shelf) -> None:
    images = add_photos(shelf, 1)
    distractor = add_distractor(tenant_id=shelf.tenant.id, data=draw_photo(2), **PNG).exemplar
    query = add_labelled_query(gallery=shelf.gallery, sku="one", data=draw_photo(3), **PNG).exemplar
    gallery = f"/v1/galleries/{shelf.gallery.pk}"
    rows = {
        f"{gallery}/images": (images[0].pk, 1),
        "/v1/distractors": (distractor.pk, 2),
        f"{gallery}/labelled-queries": (query.pk, 3),
    }
    key = issue_key(tenant=shelf.tenant, name="till", scopes=[Scope.CATALOG_READ]).plaintext
    client = Client(headers={"Authorization": f"Bearer {key}", "Host": "127.0.0.1:8000"})
    for path, (photo_id, seed) in rows.items():
        (listed,) = client.get(path).json()["results"]
        read = client.get(f"{path}/{photo_id}").json()
        assert read["url"] == listed["url"]
        assert read["url"].startswith("http://127.0.0.1:8000/media/")
        assert get(urlsplit(read["url"]).path).body == draw_photo(seed)


def test_answer_to_an_upload_carries_addresses(shelf: Shelf) -> None:
    key = issue_key(tenant=shelf.tenant, name="till", scopes=list(Scope)).plaintext
    client = Client(headers={"Authorization": f"Bearer {key}"})
    gallery = f"/v1/galleries/{shelf.gallery.pk}"
    paths = (
        f"{gallery}/products/{shelf.product.pk}/images",
        "/v1/distractors",
        f"{gallery}/labelled-queries",
    )
    for number, path in enumerate(paths):
        data = draw_photo(number)
        with default_storage.open("upload.png", "wb") as file:
            file.write(data)
        with default_storage.open("upload.png") as file:
            taken = client.post(path, {"images": file})
        assert taken.status_code == 202, taken.content
        (result,) = taken.json()["results"]
        assert get(urlsplit(result["image"]["url"]).path).body == data


def test_photo_that_the_browser_has_is_not_sent_again(photo: ReferenceImage) -> None:
    tag = get(address_of(photo))["ETag"]
    for said in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = get(address_of(photo), **{"If-None-Match": said})
        assert (again.status_code, again.body, again["ETag"]) == (304, b"", tag)
    assert get(address_of(photo), **{"If-None-Match": '"other"'}).status_code == 200


def test_photo_keeps_its_address_for_a_while_so_that_browsers_find_it_again(
    photo: ReferenceImage, settings: Settings
) -> None:
    settings.MEDIA_URL_S = 3600
    moment = timezone.now().replace(minute=0, second=0, microsecond=0)
    addresses = []
    for minutes in (0, 7, 8, 16):
        with patch("django.utils.timezone.now", return_value=moment + timedelta(minutes=minutes)):
            addresses.append(address_of(photo))
    assert addresses[0] == addresses[1]
    assert len(set(addresses)) == 3


@pytest.mark.parametrize(("lifetime", "lives", "ends"), [(3600, 3600, 4051), (1, 1, 3)])
def test_address_fades_after_its_time(
    photo: ReferenceImage, settings: Settings, lifetime: int, lives: int, ends: int
) -> None:
    settings.MEDIA_URL_S = lifetime
    address = address_of(photo)
    signed = timezone.now().timestamp()
    with patch("django.core.signing.time.time", return_value=signed + lives - 0.9):
        assert get(address).status_code == 200
    with patch("django.core.signing.time.time", return_value=signed + ends):
        faded = check_gone(address)
    assert faded == check_gone("/media/nothing")


def test_whatever_is_changed_in_an_address_it_leads_nowhere(photo: ReferenceImage) -> None:
    address = address_of(photo)
    nothing = check_gone("/media/nothing")

    @hypothesis_settings(max_examples=60, deadline=None)
    @given(place=st.integers(7, len(address) - 1), letter=st.sampled_from(ALPHABET), cut=st.booleans())
    def change(place: int, letter: str, *, cut: bool) -> None:
        changed = address[:place] + letter + ("" if cut else address[place + 1 :])
        if changed != address:
            assert check_gone(changed) == nothing

    change()


def test_made_up_addresses_lead_nowhere(photo: ReferenceImage) -> None:
    named, _, signature = sign_photo(photo).rpartition(".")
    nothing = check_gone("/media/nothing")
    for token in (named, f".{signature}", f"{named}.", "%00", "%FF%FE", "caf%C3%A9", "a" * 3000):
        assert check_gone(f"/media/{token}") == nothing
    assert get(f"/media/{photo.file}/more").status_code == 404
    # The same key signs cookies and links of other kinds: none of those is an address of a photo.
    elsewhere = TimestampSigner(sep=".").sign(named.partition(".")[0])
    assert check_gone(f"/media/{elsewhere}") == nothing


def test_address_with_another_shops_name_on_ones_own_photo_leads_nowhere(photo: ReferenceImage) -> None:
    """Signed by us, so that nothing but the wall between the shops is left to refuse it."""
    globex = open_shelf("globex")
    nothing = check_gone("/media/nothing")
    for tenant_id in (globex.tenant.id, globex.gallery.pk):
        photo.tenant_id = tenant_id
        assert check_gone(address_of(photo)) == nothing


def test_deleted_photos_are_shown_no_more(shelf: Shelf) -> None:
    image = add_photos(shelf, 1)[0]
    exemplar = add_distractor(tenant_id=shelf.tenant.id, data=draw_photo(2), **PNG).exemplar
    addresses = [address_of(image), address_of(exemplar)]
    assert [get(address).status_code for address in addresses] == [200, 200]
    delete_image(image=image)
    delete_exemplar(exemplar=exemplar)
    assert [check_gone(address) for address in addresses] == [check_gone("/media/nothing")] * 2


@pytest.mark.parametrize("owner", ["gallery", "tenant"])
def test_photos_of_what_is_being_deleted_are_shown_no_more(shelf: Shelf, owner: str) -> None:
    query = add_labelled_query(gallery=shelf.gallery, sku="one", data=draw_photo(3), **PNG).exemplar
    photos: list[Photo] = [add_photos(shelf, 1)[0], query]
    if owner == "gallery":
        Gallery.objects.filter(pk=shelf.gallery.pk).update(deleted_at=timezone.now())
    else:
        Tenant.objects.filter(pk=shelf.tenant.pk).update(deleted_at=timezone.now())
        photos.append(add_distractor(tenant_id=shelf.tenant.id, data=draw_photo(2), **PNG).exemplar)
    for photo in photos:
        check_gone(address_of(photo))


def test_photo_whose_file_is_lost_is_not_found(photo: ReferenceImage) -> None:
    default_storage.delete(photo.file)
    check_gone(address_of(photo))


def test_storage_that_is_away_says_when_to_ask_again(photo: ReferenceImage, tmp_path: Path) -> None:
    stored = tmp_path / photo.file
    stored.unlink()
    stored.mkdir()
    response = get(address_of(photo))
    check_problem(response, "storage_away")
    assert response["Retry-After"] == "5"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_photos_can_only_be_read(photo: ReferenceImage, method: str) -> None:
    response: Any = getattr(Client(), method)(address_of(photo))
    check_problem(response, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD"
    head = get(address_of(photo), "head")
    assert (head.status_code, head["Content-Length"]) == (200, str(photo.size))


def test_address_says_nothing_of_the_storage(photo: ReferenceImage) -> None:
    named = base64.urlsafe_b64decode(sign_photo(photo).partition(".")[0])
    assert named == b"r" + photo.tenant_id.bytes + photo.pk.bytes
    assert Exemplar.objects.count() == 0
