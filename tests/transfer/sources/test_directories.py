"""Directories and a bucket that an operator allows, with Acme's and Globex's folders side by side."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.client import BaseClient
from pytest_django import Settings

from jobs.errors import Unavailable
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.deploy.processes import Running, find_free_port
from tests.tenants.rows import make_tenant
from transfer.errors import RowRefused, SourceRefused
from transfer.sources.directories import open_directory
from transfer.sources.source import Source, SourceRow

pytestmark = pytest.mark.django_db

_BUCKET = "imports"
_PHOTO = b"\xff\xd8\xff\xe0photo"
Put = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Place:
    """A place that imports may read. put: lays a file there, by its name from the place's top."""

    put: Put
    root: Path | None


class UrlAnswers:
    """Reads any URL."""

    def read_photo(self, place: str) -> bytes:
        return f"from {place}".encode()


@pytest.fixture(scope="module")
def bucket_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = find_free_port()
    folder = tmp_path_factory.mktemp("s3")
    argv = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    server = Running(argv, env=dict(os.environ), cwd=folder, log=folder / "log", name="S3 server")
    server.wait_answer(f"http://127.0.0.1:{port}/moto-api/data.json", status=200)
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(bucket_url: str, settings: Settings) -> Iterator[BaseClient]:
    """An empty bucket that imports may read, as settings describe it."""
    access = {"endpoint_url": bucket_url, "region_name": "us-east-1"}
    client = boto3.client("s3", aws_access_key_id="k", aws_secret_access_key="s", **access)
    client.create_bucket(Bucket=_BUCKET)
    options = {"bucket_name": _BUCKET, "access_key": "k", "secret_key": "s", **access}
    storage = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "imports": storage}
    settings.IMPORT_BUCKET, settings.IMPORT_BUCKET_PREFIX = _BUCKET, "shops"
    yield client
    for each in client.list_objects_v2(Bucket=_BUCKET).get("Contents", []):
        client.delete_object(Bucket=_BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=_BUCKET)
    client.close()


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    """A directory that imports may read."""
    folder = tmp_path / "imports"
    folder.mkdir()
    settings.IMPORT_ROOTS = (folder,)
    return folder


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each kind of place; what holds for one holds for the other."""
    if request.param == "directory":
        folder: Path = request.getfixturevalue("root")
        return Place(lambda name, data: _write(folder / name, data), folder)
    client: BaseClient = request.getfixturevalue("bucket")
    return Place(lambda name, data: client.put_object(Bucket=_BUCKET, Key=f"shops/{name}", Body=data), None)


@pytest.fixture
def acme() -> Iterator[Tenant]:
    """Acme, in whose name the tests read."""
    tenant = make_tenant("acme")
    with tenant_scope(tenant.id):
        yield tenant


def _write(path: Path, data: bytes = _PHOTO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _open(path: str = "") -> Source:
    return open_directory(path, columns={}, remote=None)


def _list(path: str = "") -> list[SourceRow]:
    with _open(path) as source:
        return list(source.list_rows())


def _refuse(path: str = "") -> SourceRefused:
    with pytest.raises(SourceRefused) as caught:
        _list(path)
    return caught.value


# --- what is read ---


def test_folder_for_each_product_is_read(place: Place, acme: Tenant) -> None:
    for name in ("A-1/front.jpg", "A-1/back.png", "Té/1.jpg", "Té/deeper/2.jpg", "notes.txt"):
        place.put(f"{acme.slug}/spring/{name}", _PHOTO + name.encode() if name != "notes.txt" else b"words")
    with _open("spring") as source:
        rows = list(source.list_rows())
        read = [source.read_photo(row.place) for row in rows]
    found = [(row.line, row.sku, row.name) for row in rows]
    assert found == [
        (1, "A-1", "back.png"),
        (2, "A-1", "front.jpg"),
        (3, "Té", "1.jpg"),
        (4, "Té", "deeper/2.jpg"),
    ]
    assert read[0] == _PHOTO + b"A-1/back.png"
    assert not [row for row in rows if row.problem]


def test_manifest_decides_and_its_urls_go_to_the_reader_of_urls(place: Place, acme: Tenant) -> None:
    place.put(f"{acme.slug}/photos/1.jpg", _PHOTO)
    place.put(
        f"{acme.slug}/shop.csv",
        b"Artikel,image\nA-1,photos/1.jpg\nA-2,https://cdn.example/2.jpg\nA-3,photos/lost.jpg\nA-4,../1.jpg\n",
    )
    with open_directory("", columns={"sku": "Artikel"}, remote=UrlAnswers()) as source:
        rows = {row.sku: row for row in source.list_rows()}
        assert source.read_photo(rows["A-1"].place) == _PHOTO
        assert source.read_photo(rows["A-2"].place) == b"from https://cdn.example/2.jpg"
    problems = {sku: row.problem.code for sku, row in rows.items() if row.problem}
    assert problems == {"A-3": "photo_missing", "A-4": "photo_missing"}


def test_hidden_files_and_folders_are_not_read(place: Place, acme: Tenant) -> None:
    for name in ("A-1/1.jpg", "A-1/._1.jpg", ".git/1.jpg", "A-1/.cache/1.jpg"):
        place.put(f"{acme.slug}/{name}", _PHOTO)
    assert [row.name for row in _list()] == ["1.jpg"]


def test_listing_is_the_same_every_time_and_reading_needs_no_listing(place: Place, acme: Tenant) -> None:
    for number in range(30):
        place.put(f"{acme.slug}/A-{number % 3}/{number * 7 % 30}.jpg", _PHOTO)
    rows = _list()
    assert (len(rows), _list()) == (30, rows)
    with _open() as source:
        assert source.read_photo(rows[29].place) == _PHOTO


def test_first_place_that_has_the_folder_counts(
    root: Path, bucket: BaseClient, acme: Tenant, tmp_path: Path, settings: Settings
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    settings.IMPORT_ROOTS = (root, second)
    bucket.put_object(Bucket=_BUCKET, Key=f"shops/{acme.slug}/spring/in-bucket/1.jpg", Body=_PHOTO)
    assert [row.sku for row in _list("spring")] == ["in-bucket"]
    _write(second / acme.slug / "spring" / "in-second" / "1.jpg")
    assert [row.sku for row in _list("spring")] == ["in-second"]
    _write(root / acme.slug / "spring" / "in-first" / "1.jpg")
    assert [row.sku for row in _list("spring")] == ["in-first"]


# --- whose it is ---


def test_another_tenants_folder_cannot_be_read(place: Place, acme: Tenant) -> None:
    """Nor one whose name only begins alike, which matters in a bucket."""
    globex = make_tenant("globex")
    for slug in (globex.slug, f"{acme.slug}-2"):
        place.put(f"{slug}/secret/1.jpg", _PHOTO)
    place.put(f"{acme.slug}/A-1/1.jpg", _PHOTO)
    for path in (f"../{globex.slug}", f"A-1/../../{globex.slug}", f"/{globex.slug}", f"..\\{globex.slug}"):
        assert _refuse(path).code == "source_not_allowed"
    for path in (globex.slug, f"{globex.slug}/secret", "secret", "-2"):
        assert _refuse(path).code == "source_not_found"
    assert [row.sku for row in _list()] == ["A-1"]
    with tenant_scope(globex.id):
        assert [row.sku for row in _list()] == ["secret"]


@pytest.mark.parametrize(
    "stolen", ["../globex/secret/1.jpg", "/etc/passwd", "A-1/../../globex/secret/1.jpg", "", "."]
)
def test_place_that_leads_elsewhere_is_refused(place: Place, acme: Tenant, stolen: str) -> None:
    place.put("globex/secret/1.jpg", _PHOTO)
    place.put(f"{acme.slug}/A-1/1.jpg", _PHOTO)
    with _open() as source, pytest.raises(RowRefused) as caught:
        source.read_photo(stolen)
    assert caught.value.code in {"archive_unsafe", "photo_missing"}


@pytest.mark.parametrize(
    "path", ["..", ".hidden", "a/../b", "/srv", "a\\b", "a\0b", "a\nb", "C:\\x", "a" * 1001]
)
def test_path_that_leads_elsewhere_is_refused(place: Place, acme: Tenant, path: str) -> None:
    place.put(f"{acme.slug}/A-1/1.jpg", _PHOTO)
    assert _refuse(path).code == "source_not_allowed"


def test_nothing_is_read_where_the_operator_allows_nothing(acme: Tenant, settings: Settings) -> None:
    assert settings.IMPORT_ROOTS == ()
    assert _refuse("spring").code == "source_not_allowed"


def test_folder_that_is_not_there_is_named(place: Place, acme: Tenant) -> None:
    place.put(f"{acme.slug}/A-1/1.jpg", _PHOTO)
    refused = _refuse("sprung")
    assert refused.code == "source_not_found"
    assert "'sprung'" in refused.message


# --- what lies in the way ---


def test_link_to_another_tenants_file_or_folder_is_refused(root: Path, acme: Tenant) -> None:
    _write(root / "globex" / "secret" / "1.jpg")
    _write(root / acme.slug / "A-1" / "1.jpg")
    for target in (root / "globex" / "secret" / "1.jpg", root / "globex", Path("1.jpg"), Path("/nowhere")):
        link = root / acme.slug / "A-1" / "2.jpg"
        link.symlink_to(target)
        refused = _refuse()
        assert (refused.code, "'A-1/2.jpg' is a link" in refused.message) == ("archive_unsafe", True)
        link.unlink()


def test_link_is_not_followed_on_the_way_to_the_folder(root: Path, acme: Tenant) -> None:
    _write(root / "globex" / "secret" / "1.jpg")
    (root / acme.slug).mkdir()
    (root / acme.slug / "theirs").symlink_to(root / "globex")
    assert _refuse("theirs").code == "source_not_found"
    assert _refuse("theirs/secret").code == "source_not_found"
    shutil.rmtree(root / acme.slug)
    (root / acme.slug).symlink_to(root / "globex")
    assert _refuse().code == "source_not_found"


def test_file_replaced_by_a_link_after_the_listing_is_not_read(root: Path, acme: Tenant) -> None:
    _write(root / "globex" / "secret" / "1.jpg", b"secret")
    folder = root / acme.slug / "A-1"
    _write(folder / "1.jpg")
    (row,) = _list()
    (folder / "1.jpg").unlink()
    (folder / "1.jpg").symlink_to(root / "globex" / "secret" / "1.jpg")
    with _open() as source:
        with pytest.raises(RowRefused, match="is not there, or is a link"):
            source.read_photo(row.place)
        shutil.rmtree(folder)
        folder.symlink_to(root / "globex" / "secret")
        with pytest.raises(RowRefused, match="is not there, or is a link"):
            source.read_photo(row.place)


def test_root_that_the_operator_made_a_link_is_read(
    root: Path, acme: Tenant, settings: Settings, tmp_path: Path
) -> None:
    _write(root / acme.slug / "A-1" / "1.jpg")
    (tmp_path / "link").symlink_to(root)
    settings.IMPORT_ROOTS = (tmp_path / "link",)
    assert [row.sku for row in _list()] == ["A-1"]


def test_pipe_and_socket_are_refused_and_not_waited_for(root: Path, acme: Tenant) -> None:
    folder = root / acme.slug / "A-1"
    _write(folder / "1.jpg")
    (row,) = _list()
    (folder / "1.jpg").unlink()
    os.mkfifo(folder / "1.jpg")
    assert _refuse().code == "archive_unsafe"
    with _open() as source, pytest.raises(RowRefused, match="is no file"):
        source.read_photo(row.place)
    (folder / "1.jpg").unlink()
    with socket.socket(socket.AF_UNIX) as listener, _working_in(folder):
        listener.bind("1.jpg")
        assert _refuse().code == "archive_unsafe"


def test_photo_gone_since_the_listing_fails_its_row(
    place: Place, acme: Tenant, request: pytest.FixtureRequest
) -> None:
    place.put(f"{acme.slug}/A-1/1.jpg", _PHOTO)
    (row,) = _list()
    if place.root:
        (place.root / acme.slug / "A-1" / "1.jpg").unlink()
    else:
        client = request.getfixturevalue("bucket")
        client.delete_object(Bucket=_BUCKET, Key=f"shops/{acme.slug}/A-1/1.jpg")
        place.put(f"{acme.slug}/A-1/2.jpg", _PHOTO)
    with _open() as source, pytest.raises(RowRefused) as caught:
        source.read_photo(row.place)
    assert caught.value.code == "photo_missing"


def test_caps_hold(place: Place, acme: Tenant, settings: Settings) -> None:
    for number in range(5):
        place.put(f"{acme.slug}/A-1/{number}.jpg", bytes(1000))
    for name, most in (("IMPORT_MAX_ENTRIES", 4), ("IMPORT_MAX_BYTES", 4999)):
        before = getattr(settings, name)
        setattr(settings, name, most)
        assert _refuse().code == "archive_too_large"
        setattr(settings, name, before)
    settings.MAX_IMAGE_BYTES = 999
    assert {row.problem.code for row in _list() if row.problem} == {"image_too_large"}
    with _open() as source, pytest.raises(RowRefused) as caught:
        source.read_photo("A-1/0.jpg")
    assert caught.value.code == "archive_too_large"


def test_folders_within_folders_without_end_are_refused(root: Path, acme: Tenant) -> None:
    _write(root.joinpath(acme.slug, *["a"] * 40, "1.jpg"))
    assert _refuse().code == "archive_too_large"


def test_name_that_is_no_text_is_refused(root: Path, acme: Tenant) -> None:
    folder = root / acme.slug / "A-1"
    folder.mkdir(parents=True)
    (folder / os.fsdecode(b"\xff.jpg")).write_bytes(_PHOTO)
    assert _refuse().code == "archive_unsafe"


def test_key_that_is_no_plain_name_is_refused(bucket: BaseClient, acme: Tenant) -> None:
    for key in ("A-1/../../x/1.jpg", "A-1//1.jpg", "https://cdn.example/1.jpg"):
        bucket.put_object(Bucket=_BUCKET, Key=f"shops/{acme.slug}/{key}", Body=_PHOTO)
        assert _refuse().code == "archive_unsafe"
        bucket.delete_object(Bucket=_BUCKET, Key=f"shops/{acme.slug}/{key}")


# --- what is away ---


def test_root_that_is_away_is_asked_again(acme: Tenant, settings: Settings, tmp_path: Path) -> None:
    settings.IMPORT_ROOTS = (tmp_path / "not mounted",)
    with pytest.raises(Unavailable) as caught:
        _list()
    assert caught.value.code == "storage_away"


def test_bucket_that_is_away_is_asked_again(acme: Tenant, settings: Settings, bucket: BaseClient) -> None:
    options = settings.STORAGES["imports"]["OPTIONS"] | {
        "endpoint_url": f"http://127.0.0.1:{find_free_port()}"
    }
    settings.STORAGES = {**settings.STORAGES, "imports": {**settings.STORAGES["imports"], "OPTIONS": options}}
    with pytest.raises(Unavailable) as caught:
        _list()
    assert caught.value.code == "storage_away"


def test_bucket_that_does_not_exist_is_told_to_the_operator(
    acme: Tenant, settings: Settings, bucket: BaseClient
) -> None:
    options = settings.STORAGES["imports"]["OPTIONS"] | {"bucket_name": "another"}
    settings.STORAGES = {**settings.STORAGES, "imports": {**settings.STORAGES["imports"], "OPTIONS": options}}
    refused = _refuse()
    assert refused.code == "source_unreadable"
    assert "NoSuchBucket" in refused.message


def test_folder_and_file_that_may_not_be_read_are_named(acme: Tenant, settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as name, _as_nobody(Path(name)) as root:
        settings.IMPORT_ROOTS = (root,)
        folder = root / acme.slug / "A-1"
        _write(folder / "1.jpg")
        (folder / "1.jpg").chmod(0)
        (row,) = _list()
        with _open() as source, pytest.raises(RowRefused, match=r"'1.jpg' may not be read") as caught:
            source.read_photo(row.place)
        assert caught.value.code == "source_unreadable"
        folder.chmod(0)
        refused = _refuse()
        folder.chmod(0o700)
    assert refused.code == "source_unreadable"
    assert "'A-1'" in refused.message


@contextmanager
def _as_nobody(folder: Path) -> Iterator[Path]:
    """Without root's right to read everything."""
    if os.geteuid() != 0:
        yield folder
        return
    os.chown(folder, 65534, 65534)
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """A socket's path may not be long."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
