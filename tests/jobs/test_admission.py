"""Which calls are taken, and what they count for. The test plays the workers; the servers are real."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
import redis
from django.db import connection
from pytest_django import Settings

from jobs.admission import PACE, UNSAVED, Ticket, check_admission, enquire, month_key, queue_admission
from jobs.calls import Call, answer_call, ask_worker, count_calls, receive_call, refuse_call
from jobs.errors import CallRefused, Unavailable
from jobs.presence import key_of
from jobs.tallies import count_recognitions, save_recognitions
from jobs.valkey import connect_valkey, forget_tenant
from tenants.domain.allowances import set_quota
from tenants.domain.quotas import QuotaExceeded
from tenants.domain.recognitions import keep_recognitions, month_after, month_of, read_recognitions
from tenants.models import Tenant
from tenants.models.identifiers import new_id
from tests.conftest import wait_until
from tests.jobs.messages import take_message
from tests.relay import Relay
from tests.tenants.rows import make_tenant

MONTH = month_of(datetime.now(UTC))


@pytest.fixture
def workers(broker: "redis.Redis", settings: Settings) -> "redis.Redis":
    """Workers with four threads between them, who need 100 ms a call: some 40 calls a second."""
    settings.RECOGNIZE_WAIT_MS, settings.RECOGNIZE_QUEUE_LIMIT = 500, 32
    for name in ("one", "two"):
        said = {"until": time.time() + 600, "facts": {"threads": 2}}
        broker.hset(key_of("recognize"), name, json.dumps(said))
    broker.set(PACE, "100")
    return broker


@pytest.fixture
def acme(rows: None) -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def globex(rows: None) -> Tenant:
    return make_tenant("globex")


def admit(tenant: Tenant, *, only_ask: bool = False) -> None:
    """As `ask_worker` does."""
    ticket = enquire(tenant.pk) if only_ask else Ticket(tenant.pk, str(new_id()), MONTH)
    taken = False
    while not taken:
        with connect_valkey().pipeline() as pipe:
            queue_admission(pipe, ticket)
            (answer,) = pipe.execute()
        taken = check_admission(ticket, answer)


def list_calls(broker: "redis.Redis") -> list[str]:
    """Those in flight, as `<tenant>/<call>`."""
    return [bytes(name).decode() for name, _ in broker.zscan_iter("vitrine:calls")]


def count_admitted(tenant: Tenant, most: int = 60) -> tuple[int, str]:
    """How many calls were taken before one was refused, and with which code that was."""
    for number in range(most):
        try:
            admit(tenant)
        except (Unavailable, QuotaExceeded) as refused:
            return number, refused.code
    return most, ""


def count_admitted_in_thread(tenant: Tenant) -> str:
    """With which code one call was refused, if it was."""
    try:
        return count_admitted(tenant, most=1)[1]
    finally:
        connection.close()


def test_calls_are_taken_as_long_as_they_would_not_wait_too_long(
    workers: "redis.Redis", acme: Tenant, globex: Tenant
) -> None:
    # 4 at work and 500 ms x 4 / 100 ms = 20 waiting; three quarters for one shop alone, half each for two.
    assert count_admitted(acme) == (18, "too_many_at_once")
    assert count_admitted(globex) == (6, "workers_saturated")
    with pytest.raises(Unavailable) as full:
        admit(make_tenant("third"))
    assert (full.value.code, full.value.retry_after) == ("workers_saturated", 1)


def test_shop_that_comes_second_gets_its_half_as_the_first_ones_calls_end(
    workers: "redis.Redis", acme: Tenant, globex: Tenant
) -> None:
    admitted, _ = count_admitted(acme)
    count_admitted(globex)
    of_acme = [name for name in list_calls(workers) if name.startswith(str(acme.pk))]
    workers.zrem("vitrine:calls", *of_acme[:8])
    assert admitted - 8 == 10
    assert count_admitted(globex) == (6, "too_many_at_once"), "its half of 24 is 12"
    assert count_admitted(acme) == (2, "workers_saturated")


@pytest.mark.parametrize(("spent_ms", "most"), [("25", 24), ("100", 12), ("4000", 6)])
def test_slower_workers_let_fewer_wait(
    workers: "redis.Redis", acme: Tenant, settings: Settings, spent_ms: str, most: int
) -> None:
    workers.hdel(key_of("recognize"), "two")
    settings.RECOGNIZE_QUEUE_LIMIT = 22
    workers.set(PACE, spent_ms)
    set_quota(tenant=acme, bounds={"recognitions_at_once": 1000})
    assert count_admitted(acme) == (most, "workers_saturated")


def test_quota_of_calls_at_once_is_kept(workers: "redis.Redis", acme: Tenant) -> None:
    set_quota(tenant=acme, bounds={"recognitions_at_once": 2})
    assert count_admitted(acme) == (2, "too_many_at_once")


def test_asking_whether_there_is_room_takes_none(workers: "redis.Redis", acme: Tenant) -> None:
    for _ in range(3):
        admit(acme, only_ask=True)
    assert count_calls() == 0
    count_admitted(acme)
    with pytest.raises(Unavailable):
        admit(acme, only_ask=True)


def test_calls_whose_callers_gave_up_take_no_room(workers: "redis.Redis", acme: Tenant) -> None:
    workers.zadd("vitrine:calls", {f"{acme.pk}/{number}": time.time() - 1 for number in range(50)})
    assert count_admitted(acme)[0] == 18


def test_worker_that_is_silent_counts_for_nothing(workers: "redis.Redis", acme: Tenant) -> None:
    for name in ("one", "two"):
        workers.hset(key_of("recognize"), name, json.dumps({"until": time.time() - 1, "facts": {}}))
    assert count_admitted(acme) == (0, "workers_away")


def test_many_at_once_are_never_more_than_the_month_has(workers: "redis.Redis", acme: Tenant) -> None:
    set_quota(tenant=acme, bounds={"recognitions_a_month": 5})
    keep_recognitions(tenant_id=acme.pk, month=MONTH, count=2)
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(count_admitted_in_thread, [acme] * 6))
    assert sorted(codes) == ["", "", "", *["quota_exceeded"] * 3]


def play_worker(broker: "redis.Redis") -> Call:
    call_id, tenant_id, arguments, _ = take_message(broker, "recognize").args
    call = receive_call(call_id=call_id, tenant_id=tenant_id, arguments=arguments)
    assert call is not None
    return call


def ask(tenant: Tenant) -> dict[str, Any]:
    try:
        return ask_worker(task="recognize.recognize", tenant_id=tenant.pk, arguments={}, photo=b"photo")
    finally:
        connection.close()


def test_answers_count_and_refusals_do_not(workers: "redis.Redis", acme: Tenant) -> None:
    set_quota(tenant=acme, bounds={"recognitions_a_month": 2})
    with ThreadPoolExecutor(1) as pool:
        refused = pool.submit(ask, acme)
        refuse_call(play_worker(workers), code="image_unreadable", message="no")
        with pytest.raises(CallRefused):
            refused.result(10)
        assert count_recognitions(acme.pk) == 0
        for number in (1, 2):
            asked = pool.submit(ask, acme)
            answer_call(play_worker(workers), {})
            asked.result(10)
            assert count_recognitions(acme.pk) == number
    with pytest.raises(
        QuotaExceeded, match=r"2 recognitions a month.*has had 2.*" + f"{month_after(MONTH):%Y-%m-%d}"
    ):
        ask(acme)
    assert workers.keys("vitrine:photo:*") == []


def test_worker_that_dies_has_counted_nothing_and_gives_back_its_place(
    workers: "redis.Redis", acme: Tenant, settings: Settings
) -> None:
    settings.RECOGNIZE_TIMEOUT_S = 1
    set_quota(tenant=acme, bounds={"recognitions_a_month": 1})
    with pytest.raises(Unavailable) as late:
        ask(acme)
    assert late.value.code == "recognition_timeout"
    assert (count_recognitions(acme.pk), count_calls()) == (0, 0)
    admit(acme)


def test_answer_nobody_waits_for_any_more_and_one_given_twice_count_once(
    workers: "redis.Redis", acme: Tenant, settings: Settings
) -> None:
    settings.RECOGNIZE_TIMEOUT_S = 1
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, acme)
        late = play_worker(workers)
        with pytest.raises(Unavailable):
            asked.result(10)
        answer_call(late, {})
        assert count_recognitions(acme.pk) == 0
        settings.RECOGNIZE_TIMEOUT_S = 10
        asked = pool.submit(ask, acme)
        call = play_worker(workers)
        answer_call(call, {})
        answer_call(call, {})
        asked.result(10)
    assert count_recognitions(acme.pk) == 1


def test_time_that_calls_take_is_followed(workers: "redis.Redis", acme: Tenant) -> None:
    workers.delete(PACE)
    admit(acme)
    (name,) = list_calls(workers)
    call = Call(name.partition("/")[2], acme.pk, {}, b"", taken_at=time.monotonic() - 0.2)
    answer_call(call, {})
    first = float(workers.get(PACE) or 0)
    assert 200 <= first < 300


def count_up(tenant_id: UUID, month: date, broker: "redis.Redis", times: int) -> None:
    """As so many answers do."""
    broker.incrby(month_key(tenant_id, month), times)
    broker.sadd(UNSAVED, f"{tenant_id}:{month:%Y-%m}")


def test_counts_are_saved_and_go_on_from_there_when_valkey_has_lost_them(
    workers: "redis.Redis", acme: Tenant
) -> None:
    count_up(acme.pk, MONTH, workers, 7)
    save_recognitions()
    assert read_recognitions(acme.pk, MONTH) == 7
    assert workers.smembers(UNSAVED) == set()

    workers.delete(month_key(acme.pk, MONTH))
    assert count_recognitions(acme.pk) == 7
    admit(acme, only_ask=True)
    assert int(workers.get(month_key(acme.pk, MONTH)) or 0) == 7
    # An older copy of Valkey's data comes back.
    workers.set(month_key(acme.pk, MONTH), 3)
    count_up(acme.pk, MONTH, workers, 1)
    save_recognitions()
    assert (read_recognitions(acme.pk, MONTH), count_recognitions(acme.pk)) == (7, 7)


def test_saving_twice_or_late_takes_nothing_away(workers: "redis.Redis", acme: Tenant) -> None:
    assert keep_recognitions(tenant_id=acme.pk, month=MONTH, count=5) == 5
    assert keep_recognitions(tenant_id=acme.pk, month=MONTH, count=4) == 5
    assert read_recognitions(acme.pk, MONTH) == 5


def test_nothing_is_saved_of_a_shop_that_is_gone(workers: "redis.Redis", rows: None) -> None:
    nobody = uuid.uuid4()
    count_up(nobody, MONTH, workers, 1)
    save_recognitions()
    assert read_recognitions(nobody, MONTH) == 0
    forget_tenant(nobody)
    save_recognitions()
    assert workers.smembers(UNSAVED) == set()


def test_with_valkey_away_the_saved_count_is_told(workers: "redis.Redis", acme: Tenant, relay: Relay) -> None:
    keep_recognitions(tenant_id=acme.pk, month=MONTH, count=5)
    relay.cut()
    assert count_recognitions(acme.pk) == 5
    save_recognitions()
    relay.restore()
    wait_until(lambda: connect_valkey().ping(), "Valkey is back", 5)


@pytest.mark.parametrize(
    ("month", "over"),
    [(date(2026, 1, 1), "2026-02-01"), (date(2026, 12, 1), "2027-01-01"), (date(2028, 2, 1), "2028-03-01")],
)
def test_month_ends_where_the_next_begins(month: date, over: str) -> None:
    assert f"{month_after(month):%Y-%m-%dT%H:%M%z}" == f"{over}T00:00+0000"
