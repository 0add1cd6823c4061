"""Photos in S3: Django's default storage under the compose file's environment, against a real HTTP server."""

from pathlib import Path

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.deploy.conftest import BUCKET, Deployment, quote_python

_SETUP = (
    "import django, sys; django.setup(); from django.core.files.storage import default_storage as storage; "
)
_SAVE = _SETUP + (
    "from django.core.files.base import ContentFile; "
    "print(storage.save('tenant/gallery/photo.png', ContentFile(bytes(range(256)))))"
)
_OPEN = _SETUP + "file = storage.open(sys.argv[1]); assert file.read() == bytes(range(256)); file.close()"
_DELETE = _SETUP + "storage.delete(sys.argv[1]); assert not storage.exists(sys.argv[1])"
_DELETE_FOLDER = _SETUP + "from retrieval.photos.files import delete_folder; delete_folder(sys.argv[1])"
_OPEN_LOST = _SETUP + "storage.open(sys.argv[1])"


@pytest.fixture
def saved(deployment: Deployment) -> str:
    return _run(deployment, _SAVE, "").strip()


def test_storage_saves_into_the_bucket_and_reads_back(
    deployment: Deployment, bucket: BaseClient, saved: str
) -> None:
    stored = bucket.get_object(Bucket=BUCKET, Key=saved)
    assert stored["Body"].read() == bytes(range(256))
    _run(deployment, _OPEN, saved)


def test_storage_does_not_overwrite(deployment: Deployment, bucket: BaseClient, saved: str) -> None:
    second = _run(deployment, _SAVE, "").strip()
    assert second != saved
    assert Path(second).parent == Path(saved).parent


def test_storage_deletes_from_the_bucket(deployment: Deployment, bucket: BaseClient, saved: str) -> None:
    _run(deployment, _DELETE, saved)
    with pytest.raises(ClientError, match="404"):
        bucket.head_object(Bucket=BUCKET, Key=saved)


def test_folder_is_deleted_from_the_bucket_with_all_below_it(
    deployment: Deployment, bucket: BaseClient
) -> None:
    doomed = ["doomed/a.png", "doomed/gallery/b.png", "doomed/gallery/queries/c.png"]
    for key in [*doomed, "doomed-not/d.png"]:
        bucket.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    for _ in range(2):
        _run(deployment, _DELETE_FOLDER, "doomed")
    left = bucket.list_objects_v2(Bucket=BUCKET, Prefix="doomed")["Contents"]
    assert [found["Key"] for found in left] == ["doomed-not/d.png"]


def test_storage_names_a_lost_file_as_missing(deployment: Deployment) -> None:
    """Indexing tells a lost file from an outage by this error."""
    result = deployment.run("bulk", _command(_OPEN_LOST, "tenant/gallery/lost.png"))
    assert result.returncode != 0
    assert "FileNotFoundError" in result.stderr.splitlines()[-1]


def _run(deployment: Deployment, code: str, argument: str) -> str:
    result = deployment.run("bulk", _command(code, argument))
    assert result.returncode == 0, result.stderr
    return result.stdout


def _command(code: str, argument: str) -> str:
    return f"DJANGO_SETTINGS_MODULE=config.settings {quote_python(code)} {argument}"
