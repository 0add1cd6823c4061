"""`Idempotency-Key`: a creating call that is sent again answers what it answered the first time.

After draft-ietf-httpapi-idempotency-key-header, with what it leaves open as docs/api.md says.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from datetime import timedelta
from functools import wraps
from typing import Any, Final, Protocol

from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ParseError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import is_success

from tenants.domain.idempotency import (
    CallInProgress,
    KeptAnswer,
    RunningCall,
    begin_call,
    give_up_call,
    keep_answer,
)
from tenants.errors import DomainError

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
# What was asked was understood and decided on. Anything else is worth asking again, and is not kept.
_REFUSALS: Final = frozenset({404, 409, 410, 422})
_KEPT_HEADERS: Final = ("Location",)
_PATIENCE_S: Final = 2.0
_LEASE: Final = timedelta(minutes=1)
_LEASE_OF_FILES: Final = timedelta(minutes=10)
# What `read_key` takes, or a little more.
KEY_PATTERN: Final = r'^([A-Za-z0-9._~:/@+=-]{1,255}|"[ -~]{1,510}")$'
_BARE = re.compile(r"[A-Za-z0-9._~:/@+=-]{1,255}")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"')


class KeyMalformed(DomainError):
    """The header holds no key."""

    code = "idempotency_key_malformed"


class OnceView(Protocol):
    """What a view is asked for here."""

    def handle_exception(self, exc: Exception) -> Response:
        """The problem; raises what is no expected error."""

    def stores_files(self, request: Request) -> bool:
        """Whether the call writes what a transaction does not take back."""


def answer_once(post: Callable[..., Any]) -> Callable[..., HttpResponseBase]:
    """The handler of a POST, which then takes an `Idempotency-Key`."""

    @wraps(post)
    def run(view: OnceView, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = read_key(request)
        if key is None:
            answer: HttpResponseBase = post(view, request, *args, **kwargs)
            return answer
        stores_files = view.stores_files(request)
        begun = begin_call(
            key=key,
            fingerprint=make_fingerprint(request),
            lease=_LEASE_OF_FILES if stores_files else _LEASE,
            patience_s=_PATIENCE_S,
        )
        if isinstance(begun, KeptAnswer):
            return _replay(begun)
        return _run(view, begun, lambda: post(view, request, *args, **kwargs), in_one=not stores_files)

    return run


def read_key(request: Request) -> str | None:
    """The key, bare or as a quoted string; None where there is none. Raises `KeyMalformed`."""
    value = request.headers.get(HEADER)
    if value is None:
        return None
    if _BARE.fullmatch(value):
        return value
    if quoted := _QUOTED.fullmatch(value):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    raise KeyMalformed(
        f'Send {HEADER} as 1 to 255 letters, digits or any of `._~:/@+=-`, or as a "quoted string".'
    )


def make_fingerprint(request: Request) -> str:
    """Of method, address and content: the same for a form with another boundary. Raises `ParseError`."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    try:
        for piece in _read_pieces(request.data):
            digest.update(piece)
    except RecursionError as error:
        raise ParseError("JSON parse error - it is nested too deeply.") from error
    return digest.hexdigest()


def _read_pieces(data: Any) -> Iterator[bytes]:
    """The body as parsed: each value with its name, each file with its name, type and size before it."""
    if not isinstance(data, MultiValueDict):
        yield json.dumps(data, sort_keys=True).encode()
        return
    for name in sorted(data):
        for value in data.getlist(name):
            if isinstance(value, UploadedFile):
                yield json.dumps([name, value.name, value.content_type, value.size]).encode()
                yield from value.chunks()
                value.seek(0)
            else:
                yield json.dumps([name, value]).encode()


def _run(view: OnceView, call: RunningCall, work: Callable[[], Response], *, in_one: bool) -> Response:
    """The answer, kept if it is one to keep; in the transaction of the work, where that is `in_one`."""
    try:
        with transaction.atomic() if in_one else nullcontext():
            response = _answer(view, work)
            decided = _is_decided(response)
            if decided:
                _keep(call, response, in_one=in_one)
            elif in_one:
                transaction.set_rollback(True)
    except BaseException:
        # A database that is away lets the lease run out instead.
        with suppress(DatabaseError):
            give_up_call(call)
        raise
    if not decided:
        give_up_call(call)
    return response


def _keep(call: RunningCall, response: Response, *, in_one: bool) -> None:
    """Raises `CallInProgress` when the call has lost its lease and can still be taken back."""
    if not keep_answer(call, _describe(response)) and in_one:
        raise CallInProgress("Another call with this Idempotency-Key has taken over. Ask again shortly.")


def _answer(view: OnceView, work: Callable[[], Response]) -> Response:
    """Expected errors as the answers that they are, so that they can be kept."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - raised again by handle_exception unless it is expected
        return view.handle_exception(error)


def _is_decided(response: Response) -> bool:
    """Whether asking again is to give the same: a success, or a refusal for good."""
    if response.has_header("Retry-After"):
        return False
    return response.status_code in _REFUSALS or is_success(response.status_code)


def _describe(response: Response) -> KeptAnswer:
    body = b"" if response.data is None else JSONRenderer().render(response.data)
    headers = {name: response[name] for name in _KEPT_HEADERS if response.has_header(name)}
    if body:
        headers["Content-Type"] = response.content_type or JSONRenderer.media_type
    return KeptAnswer(response.status_code, headers, body)


def _replay(answer: KeptAnswer) -> HttpResponse:
    headers = {**answer.headers, REPLAYED: "true"}
    return HttpResponse(answer.body, status=answer.status, headers=headers)
