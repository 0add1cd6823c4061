"""What the operations guide says of parts that are away: `web` with one address where nobody listens."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.deploy.conftest import Deployment
from tests.deploy.photo import draw_photo
from tests.deploy.processes import Running, find_free_port

pytestmark = pytest.mark.timeout(300)
StartWithout = Callable[..., str]
WaitReady = Callable[[str], None]


@pytest.fixture
def start_without(migrated: Deployment) -> Iterator[StartWithout]:
    """Starts a web server with the given addresses instead of the right ones; its URL."""
    started: list[Running] = []

    def start(**addresses: str) -> str:
        moved = migrated.move(**addresses)
        web = moved.start("web")
        started.append(web)
        web.wait_answer(f"{moved.url}/livez", status=200)
        return moved.url

    yield start
    for web in started:
        web.stop()


@pytest.fixture(scope="module")
def headers(migrated: Deployment) -> dict[str, str]:
    created = migrated.run("web", "python manage.py createtenant globex")
    assert created.returncode == 0, created.stderr
    return {"Authorization": f"Bearer {created.stdout.strip()}"}


@pytest.mark.parametrize(
    ("variable", "scheme", "part"),
    [
        ("DATABASE_URL", "postgresql", "database"),
        ("REDIS_URL", "redis", "broker"),
        ("MILVUS_URI", "http", "milvus"),
    ],
)
def test_web_stays_alive_and_names_the_part_that_is_away(
    start_without: StartWithout, variable: str, scheme: str, part: str
) -> None:
    url = start_without(**{variable: f"{scheme}://127.0.0.1:{find_free_port()}/0"})
    ready = httpx.get(f"{url}/readyz", timeout=30)
    assert ready.status_code == 503
    assert ready.json()["parts"][part].startswith("away")
    assert httpx.get(f"{url}/livez").status_code == 200


def test_call_without_a_database_is_answered_503(
    start_without: StartWithout, headers: dict[str, str]
) -> None:
    url = start_without(DATABASE_URL=f"postgresql://127.0.0.1:{find_free_port()}/vitrine")
    _assert_away(httpx.get(f"{url}/v1/galleries", headers=headers, timeout=30), "database_away")


@pytest.fixture
def wait_ready(migrated: Deployment, running: dict[str, Running], headers: dict[str, str]) -> WaitReady:
    """Wait until the deployment's own workers have made a gallery ready."""

    def wait(gallery: str) -> None:
        def is_ready() -> bool:
            found = httpx.get(f"{migrated.url}/v1/galleries/{gallery}", headers=headers, timeout=30).json()
            return bool(found["state"] == "ready")

        running["web"].wait_answer(f"{migrated.url}/livez", status=200)
        running["beat"].wait_until(is_ready, what="followed by a ready gallery")

    return wait


def test_gallery_made_without_a_broker_is_prepared_once_beat_has_asked(
    wait_ready: WaitReady, start_without: StartWithout, headers: dict[str, str]
) -> None:
    url = start_without(REDIS_URL=f"redis://127.0.0.1:{find_free_port()}/0")
    made = _make_gallery(url, headers, "Made without a broker")
    wait_ready(made)


@pytest.mark.parametrize("code", ["broker_away", "workers_away"])
def test_recognition_without_a_broker_or_a_worker_is_answered_503(
    wait_ready: WaitReady, start_without: StartWithout, headers: dict[str, str], redis_url: str, code: str
) -> None:
    # No worker has ever announced itself in database 10.
    nobody = redis_url.rpartition("/")[0] + "/10"
    nowhere = f"redis://127.0.0.1:{find_free_port()}/0"
    gallery = _make_gallery(start_without(), headers, code)
    wait_ready(gallery)
    url = start_without(REDIS_URL=nowhere if code == "broker_away" else nobody)
    files = {"image": ("photo.png", draw_photo())}
    path = f"{url}/v1/galleries/{gallery}/recognize"
    _assert_away(httpx.post(path, headers=headers, files=files, timeout=30), code)


def _make_gallery(url: str, headers: dict[str, str], name: str) -> str:
    made = httpx.post(f"{url}/v1/galleries", headers=headers, json={"name": name}, timeout=30)
    assert made.status_code == 202, made.text
    return str(made.json()["id"])


def _assert_away(response: httpx.Response, code: str) -> None:
    assert response.status_code == 503, response.text
    assert response.json()["code"] == code
    assert int(response.headers["Retry-After"]) > 0
