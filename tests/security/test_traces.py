"""What a shop's calls leave behind: in Valkey, in messages, in the log, in `/metrics`."""

import base64
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis
from django.test import Client

from api.views import galleries
from jobs.calls import answer_call, receive_call
from tenants.models.api_key import Scope
from tests.api.operations import OPERATIONS, call
from tests.api.photos import draw_photo
from tests.jobs.messages import take_message
from tests.security.estates import Estate, invent_ids
from workers.recognize import answer_recognize

PHOTO = draw_photo(77)
ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Keys that all shops share: queues, and counts of what is under way.
SHARED = re.compile(
    r"recognize|bulk|webhooks|unacked\w*|_kombu\.binding\w*\.\w+|vitrine:(calls|pace|recognitions|present:\w+)"
)
# What may stand in a message besides ids: numbers of turns, names of states and settings.
PLAIN = re.compile(rf"(?:{ID}|[\w.:-]{{0,40}})")
# What Valkey says of a key that does not fade.
FOR_EVER = -1
QUEUES = ("recognize", "bulk", "webhooks")


def list_content(estate: Estate) -> list[bytes]:
    """What is the shop's own: its words, its secrets, its photo in either form."""
    words = [estate.shop.tenant.slug, *estate.secrets, base64.b64encode(PHOTO)[:60].decode()]
    return [word.encode() for word in words] + [PHOTO]


def read_value(broker: Any, key: bytes) -> bytes:
    """All that lies under the key, whatever its kind."""
    kind = broker.type(key).decode()
    if kind == "string":
        return bytes(broker.get(key) or b"")
    readers: dict[str, Callable[[], Iterable[bytes]]] = {
        "list": lambda: broker.lrange(key, 0, -1),
        "set": lambda: broker.smembers(key),
        "zset": lambda: broker.zrange(key, 0, -1),
        "hash": lambda: [part for pair in broker.hgetall(key).items() for part in pair],
        # Gone since it was listed.
        "none": list,
    }
    return b"\n".join(readers[kind]())


def check_keys(broker: Any, estate: Estate) -> int:
    """That each key names the shop, or cannot be guessed, or holds nothing of it. How many hold something."""
    holding = 0
    for key in broker.keys("*"):
        held = read_value(broker, key)
        holds = any(content in held for content in list_content(estate))
        holding += holds
        if SHARED.fullmatch(key.decode()):
            assert not holds, key
        else:
            assert re.search(ID, key.decode()) or re.fullmatch(
                r"vitrine:cache:[0-9a-f]{32,}", key.decode()
            ), key
            assert broker.ttl(key) != FOR_EVER, key
    return holding


def list_bodies(broker: "redis.Redis", queue: str) -> list[Any]:
    """What the messages of the queue say, decoded."""
    raw = [json.loads(message) for message in broker.lrange(queue, 0, -1)]
    return [[message["headers"], json.loads(base64.b64decode(message["body"]))] for message in raw]


def list_words(said: Any) -> Iterator[str]:
    """Every text in it, however deep."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        for name, value in said.items():
            yield from (name, *list_words(value))
    elif isinstance(said, list):
        for value in said:
            yield from list_words(value)


def ask(estate: Estate) -> httpx.Response:
    path = f"/v1/galleries/{estate.ids['gallery']}/recognize"
    return estate.shop.http.post(path, files={"image": PHOTO}, headers={"X-Request-ID": "plain"})


def work(args: list[Any]) -> None:
    """Take the call up as a worker does that meets a bug of ours, with the photo in its hands."""
    call_id, tenant_id, arguments, request_id = args
    broken = {**arguments, "options": {"nonsense": 1}}
    answer_recognize.apply(args=(call_id, tenant_id, broken, request_id))


def call_everything(estate: Estate) -> list[int]:
    """Every operation but those that a worker answers, first with ids that nobody has; the statuses."""
    asked = [operation for operation in OPERATIONS if operation.id not in {"recognize", "search"}]
    asked.sort(key=lambda operation: operation.method == "delete")
    return [
        call(operation, estate.shop, ids).status_code
        for ids in (invent_ids(), estate.ids)
        for operation in asked
    ]


def test_keys_in_valkey_name_their_shop_or_cannot_be_guessed(
    estates: tuple[Estate, Estate], broker: "redis.Redis", present_worker: None
) -> None:
    acme, _ = estates
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, acme)
        call_id, tenant_id, arguments, request_id = take_message(broker, "recognize").args
        assert check_keys(broker, acme) == 1, "the photo is under way"
        assert (tenant_id, arguments["gallery"]) == (str(acme.shop.tenant.id), acme.ids["gallery"])
        assert (request_id, arguments["options"]["explain"]) == ("plain", False)
        taken = receive_call(call_id=call_id, tenant_id=tenant_id, arguments=arguments)
        assert taken is not None
        assert check_keys(broker, acme) == 0
        answer_call(taken, {"timings_ms": {}})
        assert asked.result(10).status_code == 200
    assert check_keys(broker, acme) == 0


def test_messages_to_workers_hold_ids_and_nothing_of_a_shops_own(
    estates: tuple[Estate, Estate], broker: "redis.Redis", present_worker: None
) -> None:
    acme, _ = estates
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, acme)
        assert broker.blmove("recognize", "kept", 10) is not None
        work(list_bodies(broker, "kept")[0][1][0])
        assert asked.result(20).status_code == 500
    call_everything(acme)
    bodies = {queue: list_bodies(broker, queue) for queue in ("kept", *QUEUES)}
    assert len(bodies["kept"]) == 1
    assert len(bodies["bulk"]) > 3
    for queue, said in bodies.items():
        text = json.dumps(said).encode()
        assert not [content for content in list_content(acme) if content in text], queue
        for headers, (args, kwargs, _embedded) in said:
            assert not kwargs
            assert not [word for word in list_words(args) if not PLAIN.fullmatch(word)], headers["task"]


def test_log_lines_hold_no_key_no_secret_and_no_photo(
    estates: tuple[Estate, Estate],
    broker: "redis.Redis",
    present_worker: None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, globex = estates
    photo = globex.shop.http.get(f"/v1/galleries/{globex.ids['gallery']}/images").json()["results"][0]
    with caplog.at_level(logging.INFO):
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(ask, globex)
            work(take_message(broker, "recognize").args)
            asked.result(20)
        statuses = call_everything(globex)
        globex.shop.http.get("/v1/galleries", headers={"Authorization": f"Bearer {globex.shop.key}x"})
        globex.shop.http.get("/v1/galleries", params={"cursor": globex.shop.key})
        monkeypatch.setattr(galleries, "list_galleries", lambda: 1 / 0)
        crashed = globex.shop.http.get("/v1/galleries")
    assert {200, 404} <= set(statuses)
    assert crashed.status_code == 500
    assert "ZeroDivisionError" in caplog.text
    assert "nonsense" in caplog.text
    hidden = [*globex.secrets, base64.b64encode(PHOTO)[:60].decode(), repr(PHOTO[:40])[2:-1]]
    assert not [secret for secret in hidden if secret in caplog.text]
    assert photo["url"].rpartition("/")[2] not in caplog.text
    assert globex.shop.tenant.slug not in caplog.text


def test_metrics_name_nobody_and_nothing_of_a_shop(estates: tuple[Estate, Estate]) -> None:
    text = Client().get("/metrics").content.decode()
    assert "vitrine_images{" in text
    for estate in estates:
        assert not [mark for mark in estate.marks | estate.secrets if mark in text]
    labels = set(re.findall(r'(\w+)="', text))
    assert labels <= {"kind", "queue", "state"}
    assert Scope.ADMIN not in labels
