"""One HTTP call to the service: the key, problem+json as exceptions, and waiting when it asks to wait."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx

from demo.errors import ApiProblem, ServiceUnreachable

_BUSY: Final = frozenset({429, 503})


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
            trust_env=False,  # a proxy in the environment must not see a local service's key
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

        A 429 or 503 is tried again after its Retry-After, within `Patience.busy_s`. Raises `ApiProblem`
        for an error, `ServiceUnreachable` when nothing answers.
        """
        left = self._patience.busy_s
        while True:
            response = self._try_once(method, path, params=params, json=json, data=data, files=files)
            if response.status_code not in _BUSY:
                return _read_answer(response)
            pause = min(_read_pause(response), self._patience.longest_pause_s)
            if pause > left:
                raise make_problem(response)
            left -= pause
            self._sleep(pause)

    def _try_once(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **content)
        except httpx.TimeoutException as error:
            waited = f"{self._patience.answer_s:g} s"
            message = f"{self._http.base_url} gave no answer to {method} {path} within {waited}."
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


def _read_pause(response: httpx.Response) -> float:
    """Seconds of the Retry-After header; 1 where it is missing or a date."""
    value = response.headers.get("Retry-After", "")
    return max(float(value), 0.1) if value.isdigit() else 1.0
