"""Whatever is sent, what comes back is in the document: no crash, no status or body that it does not know."""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker
from schemathesis import Case, Response

from api.idempotency import HEADER, KEY_PATTERN
from jobs.presence import announce_worker, list_workers
from tenants.domain.allowances import set_quota
from tenants.domain.keys import issue_key
from tenants.domain.tenants import create_tenant
from tenants.models import Tenant
from tenants.models.api_key import Scope
from tests.api.fuzzing import CHECKS, WALK, Target, add_target, load_schema
from tests.api.operations import OPERATIONS
from tests.conftest import wait_until
from tests.retrieval.erasing import erased_at_the_end

SCHEMA = load_schema()
# They ask a worker, and the one that says it is there takes nothing.
NEEDS_A_WORKER = {"recognize", "search"}
UNANSWERED = {"recognition_timeout", "workers_saturated"}
TargetOf = Callable[[str], Target]


@pytest.fixture(scope="module")
def target_of(service_environment: dict[str, str], django_db_blocker: DjangoDbBlocker) -> Iterator[TargetOf]:
    """A target of its own for each operation, as some of them delete it; of a few shops without bounds."""
    with ExitStack() as shops, django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "RECOGNIZE_TIMEOUT_S", 1)
        shops.enter_context(present_worker())

        @cache
        def open_shop(_kind: str) -> tuple[Tenant, str]:
            tenant = create_tenant(slug=f"acme-{uuid.uuid4().hex[:8]}", name="acme")
            shops.enter_context(erased_at_the_end(tenant))
            set_quota(tenant=tenant, bounds={"calls_a_minute": None})
            return tenant, issue_key(tenant=tenant, name="fuzz", scopes=list(Scope)).plaintext

        yield cache(lambda label: add_target(*open_shop(kind_of(label))))
        shops.close()


def kind_of(label: str) -> str:
    """Which operations share a shop: all but those that make what a shop has no more than a hundred of."""
    return label if "/keys" in label or "/invitations" in label else "shared"


@contextmanager
def present_worker() -> Iterator[None]:
    """A recognition worker says that it is there, so that calls are read rather than refused at once."""
    stop = threading.Event()
    said = {"queue": "recognize", "hostname": "played", "facts": {}, "stop": stop}
    thread = threading.Thread(target=announce_worker, kwargs=said)
    thread.start()
    wait_until(lambda: bool(list_workers("recognize")), "the worker is announced", 10)
    yield
    stop.set()
    thread.join()


@SCHEMA.parametrize()  # type: ignore[untyped-decorator]  # the schema is made at run time
def test_operation_answers_as_the_document_says_whatever_is_sent(
    case: Case[Any], target_of: TargetOf
) -> None:
    target = target_of(case.operation.label)
    placed = {name: target.place(name, value) for name, value in (case.path_parameters or {}).items()}
    case.path_parameters = placed
    if re.fullmatch(KEY_PATTERN, str(case.headers.get(HEADER))):
        # Or nearly all would be refused for the one that came first.
        case.headers[HEADER] = str(uuid.uuid4())
    response = case.call(headers=target.headers)
    check_ours(response, case)
    case.validate_response(response, checks=CHECKS)


def test_calls_that_lead_to_one_another_answer_as_the_document_says(target_of: TargetOf) -> None:
    machine: Any = SCHEMA.as_state_machine()
    target = target_of("a walk")
    answered: set[int] = set()

    class Walk(machine):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:  # noqa: ARG002 - its signature
            return {"headers": target.headers}

        def validate_response(self, response: Response, case: Case[Any], **_given: Any) -> None:
            check_ours(response, case)
            case.validate_response(response, checks=CHECKS)
            answered.add(response.status_code)

    Walk.run(settings=WALK)
    assert {200, 404} <= answered
    assert answered & {201, 202}


def test_each_address_has_an_object_to_be_tried_on(target_of: TargetOf) -> None:
    named = {name for operation in OPERATIONS for name in operation.names}
    assert target_of("each").ids.keys() >= named


def check_ours(response: Response, case: Case[Any]) -> None:
    """No error of ours; where a worker is needed, the honest answer that none has answered."""
    if response.status_code >= 500:
        assert case.operation.definition.raw["operationId"] in NEEDS_A_WORKER, response.content
        assert response.json()["code"] in UNANSWERED
