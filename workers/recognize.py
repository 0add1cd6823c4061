"""Queue `recognize`: calls that a web request is waiting for.

Like all tasks they are acknowledged late, here so that the answer does not wait for it. What a killed worker
leaves unacknowledged comes back when its caller has long gone: it has expired then, and its photo has faded.
"""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import shared_task

from config.log import request_id
from inference.errors import ImageRejected
from jobs.calls import Call, answer_call, receive_call, refuse_call
from jobs.errors import Unavailable
from retrieval.answers import describe_recognition, describe_search
from retrieval.query_log import log_query
from retrieval.recognition import RecognitionOptions, recognize, search_similar
from tenants.errors import DomainError
from tenants.scope import tenant_scope


@shared_task(name="recognize.recognize")
def answer_recognize(call_id: str, tenant_id: str, arguments: dict[str, Any], request: str) -> None:
    """Name the product in the call's photo; once its caller has the answer, write down what became of it."""
    request_id.set(request)
    started = time.perf_counter()
    call = receive_call(call_id=call_id, tenant_id=tenant_id, arguments=arguments)
    answer = _answer(call, _recognize)
    took_ms = round((time.perf_counter() - started) * 1000)
    if call and answer:
        with tenant_scope(call.tenant_id):
            gallery_id = UUID(call.arguments["gallery"])
            log_query(gallery_id=gallery_id, photo=call.photo, answer=answer["answer"], took_ms=took_ms)


@shared_task(name="recognize.search")
def answer_search(call_id: str, tenant_id: str, arguments: dict[str, Any], request: str) -> None:
    """Find the reference photos nearest to the call's photo."""
    request_id.set(request)
    call = receive_call(call_id=call_id, tenant_id=tenant_id, arguments=arguments)
    _answer(call, _search)


def _recognize(*, options: RecognitionOptions, **given: Any) -> dict[str, Any]:
    return describe_recognition(recognize(options=options, **given), explain=options.explain)


def _search(*, options: RecognitionOptions, **given: Any) -> dict[str, Any]:
    return describe_search(*search_similar(options=options, **given), explain=options.explain)


def _answer(call: Call | None, work: Callable[..., dict[str, Any]]) -> dict[str, Any] | None:
    """Do the work as the call's tenant; whatever happens, the caller hears of it at once.

    What was answered, or None.
    """
    if call is None:
        return None
    try:
        with tenant_scope(call.tenant_id):
            answer = work(
                gallery_id=UUID(call.arguments["gallery"]),
                data=call.photo,
                options=RecognitionOptions(**call.arguments["options"]),
            )
    except Unavailable as away:
        refuse_call(call, code=away.code, message=away.message, retry_after=away.retry_after)
    except (DomainError, ImageRejected) as refused:
        refuse_call(call, code=refused.code, message=refused.message)
    except Exception:
        _refuse_for_crash(call)
        raise
    else:
        answer_call(call, answer)
        return answer
    return None


def _refuse_for_crash(call: Call) -> None:
    refuse_call(
        call, code="internal_error", message="An error of ours; it was logged under this request's id."
    )
