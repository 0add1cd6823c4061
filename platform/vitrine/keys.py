"""API keys of the shop; all of it needs a key with the scope `admin`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vitrine.pages import list_rows
from vitrine.transport import Transport


@dataclass(frozen=True)
class KeyRow:
    """An API key: live, expired or revoked.

    plaintext: in the answer that makes it, and never again. Times are ISO 8601; last_used_at is right to a
    minute.
    """

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    state: str
    expires_at: str | None = None
    last_used_at: str | None = None
    plaintext: str | None = field(default=None, repr=False)


class Keys:
    """The shop's API keys. All methods raise `ApiProblem` and `ServiceUnreachable`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list_keys(self, *, live: bool | None = None) -> Iterator[KeyRow]:
        """Keys, newest first: those that open something now, those that have ended, or all."""
        wanted = {} if live is None else {"live": "true" if live else "false"}
        return map(_read_key, list_rows(self._transport, "/v1/keys", wanted))

    def create(self, name: str, scopes: Sequence[str], *, expires_at: str | None = None) -> KeyRow:
        """A new key with its plaintext. expires_at: ISO 8601."""
        body = {"name": name, "scopes": list(scopes), "expires_at": expires_at}
        return _read_key(self._transport.send("POST", "/v1/keys", json=body))

    def rotate(self, key: str, *, overlap_s: int | None = None) -> KeyRow:
        """A key with the same name and scopes, with its plaintext; the old one lives on for `overlap_s`."""
        body = {} if overlap_s is None else {"overlap_s": overlap_s}
        return _read_key(self._transport.send("POST", f"/v1/keys/{key}/rotate", json=body))

    def revoke(self, key: str) -> None:
        """End a key by id: the next call with it is refused."""
        self._transport.send("DELETE", f"/v1/keys/{key}")


def _read_key(row: Mapping[str, Any]) -> KeyRow:
    return KeyRow(
        id=str(row["id"]),
        name=str(row["name"]),
        prefix=str(row["prefix"]),
        scopes=tuple(map(str, row["scopes"])),
        state=str(row["state"]),
        expires_at=row.get("expires_at"),
        last_used_at=row.get("last_used_at"),
        plaintext=row.get("key"),
    )
