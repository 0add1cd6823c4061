"""One HTTP call to the service: the key, problem+json as exceptions, and waiting when it asks to wait.

Each POST carries an `Idempotency-Key` of its own, so that sending it again does nothing twice.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx

from vitrine.errors import ApiProblem, ServiceUnreachable

_IDLE_S: Final = 1.0
_BUSY: Final = frozenset({429, 503})
# 409 with a Retry-After: the same call, sent before, is still at work.
_CONFLICT: Final = 409
_CUT_SHORT_PAUSE_S: Final = 1.0


@dataclass(frozen=True)
class Patience:
    """How long to go on: seconds an answer may take, and seconds to try again while the service is busy."""

    answer_s: float = 60.0
    busy_s: float = 90.0
    longest_pause_s: float = 10.0


class Transport:
    """Sends requests to one service with one key. Safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience = patience or Patience()
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=self._patience.answer_s,
            transport=transport,
            # Servers close idle connections after some seconds; one that is closed as it is used again fails.
            limits=httpx.Limits(keepalive_expiry=_IDLE_S),
            # A proxy in the environment sees no key that is encrypted; any other it must not see.
            trust_env=base_url.startswith("https:"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: Sequence[tuple[str, tuple[str, bytes, str]]] | None = None,
    ) -> Any:
        """The JSON that the service answers, None for an empty answer.

        A 429 or 503 is tried again after its Retry-After, within `Patience.busy_s`; so is a POST whose
        connection broke before its answer came. Raises `ApiProblem` for an error, `ServiceUnreachable` when
        nothing answers.
        """
        # Made once: all tries are one call.
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        content = {"params": params, "json": json, "data": data, "files": files, "headers": headers}
        return _read_answer(self._ask(method, path, again=bool(headers), **content))

    def put_bytes(
        self,
        path: str,
        content: bytes,
        *,
        params: Mapping[str, str | int],
        headers: Mapping[str, str],
        answer_s: float,
    ) -> Any:
        """Send bytes as they are; otherwise as `send`. answer_s: seconds that the answer may take."""
        response = self._ask(
            "PUT",
            path,
            content=content,
            params=params,
            headers={**headers, "Content-Type": "application/octet-stream"},
            timeout=httpx.Timeout(self._patience.answer_s, read=answer_s),
        )
        return _read_answer(response)

    def download(self, path: str, write: Callable[[bytes], object]) -> None:
        """Hand on what lies at the path, block by block. Raises as `send`."""
        response = self._ask("GET", path, stream=True, headers={"Accept": "*/*"})
        try:
            with self._named_errors("GET", path):
                if response.is_error:
                    response.read()
                    raise make_problem(response)
                for block in response.iter_bytes():
                    write(block)
        finally:
            response.close()

    def _ask(
        self, method: str, path: str, *, stream: bool = False, again: bool = False, **content: Any
    ) -> httpx.Response:
        """The answer, asked for again while the service is busy. again: also when the connection breaks."""
        left = self._patience.busy_s
        while True:
            with self._named_errors(method, path):
                request = self._http.build_request(method, path, **content)
                response = self._try(request, stream=stream, may_break=again and left >= _CUT_SHORT_PAUSE_S)
            pause = min(_read_pause(response), self._patience.longest_pause_s)
            if response is not None and (not _is_busy(response) or pause > left):
                return response
            if response is not None:
                response.close()
            left -= pause
            self._sleep(pause)

    def _try(self, request: httpx.Request, *, stream: bool, may_break: bool) -> httpx.Response | None:
        """The answer; None where the connection broke after it was made, if it `may_break`."""
        try:
            return self._http.send(request, stream=stream)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            if not may_break:
                raise
            return None

    @contextmanager
    def _named_errors(self, method: str, path: str) -> Iterator[None]:
        """Errors of httpx as ours."""
        try:
            yield
        except httpx.TimeoutException as error:
            message = f"{self._http.base_url} gave no answer to {method} {path} in time. Try again."
            raise ServiceUnreachable("no_answer", message) from error
        except httpx.HTTPError as error:
            message = f"Nothing can be reached at {self._http.base_url}: {error}. Is the service running?"
            raise ServiceUnreachable("unreachable", message) from error


def make_problem(response: httpx.Response) -> ApiProblem:
    """The exception for an error answer, with or without a problem+json body."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    asked = f"{response.request.method} {response.request.url.path}"
    fallback = f"The service answered {response.status_code} to {asked}."
    return ApiProblem(
        response.status_code,
        str(body.get("code") or f"http_{response.status_code}"),
        str(body.get("detail") or body.get("title") or fallback),
        body.get("request_id") or response.headers.get("X-Request-Id"),
    )


def _read_answer(response: httpx.Response) -> Any:
    if response.is_error:
        raise make_problem(response)
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise ApiProblem(
            response.status_code, "not_json", "The service answered something other than JSON."
        ) from error


def _is_busy(response: httpx.Response) -> bool:
    at_work = response.status_code == _CONFLICT and "Retry-After" in response.headers
    return response.status_code in _BUSY or at_work


def _read_pause(response: httpx.Response | None) -> float:
    """Seconds of the Retry-After header; 1 where it is missing or a date, or where nothing was answered."""
    if response is None:
        return _CUT_SHORT_PAUSE_S
    value = response.headers.get("Retry-After", "")
    return max(float(value), 0.1) if value.isdigit() else 1.0
