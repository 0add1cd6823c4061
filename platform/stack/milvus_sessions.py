"""Ends the sessions of a Milvus that was killed, so that the next one need not wait for them.

Each component registers itself in etcd under a lease. After a kill the leases live on for up to their
whole time, counted anew from etcd's start, and meanwhile the new coordinators stand by behind dead ones:
79 s were seen. Every start is therefore given another lease time, and leases with a different one are
revoked as soon as the embedded etcd answers. The calls are etcd's JSON gateway (etcd API v3).
"""

import json
import urllib.request
from typing import Any

FIRST_TTL, TTL_COUNT = 30, 30  # seconds; a machine under load must not lose its sessions
TIMEOUT = 2.0


def next_ttl(previous: int | None) -> int:
    """Another lease time than the last start's, in seconds."""
    return FIRST_TTL if previous is None else FIRST_TTL + (previous - FIRST_TTL + 1) % TTL_COUNT


def call_etcd(address: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call of the JSON gateway; OSError while etcd does not answer."""
    request = urllib.request.Request(f"http://{address}/v3/{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - our own address
        answer: dict[str, Any] = json.load(response)
    return answer


def revoke_other_leases(address: str, ttl: int) -> int:
    """Revoke every lease whose granted time is not `ttl`; how many there were."""
    leases = [lease["ID"] for lease in call_etcd(address, "lease/leases", {}).get("leases", [])]
    stale = 0
    for lease in leases:
        granted = call_etcd(address, "lease/timetolive", {"ID": lease}).get("grantedTTL", "0")
        if int(granted) not in (0, ttl):  # 0: expired meanwhile
            call_etcd(address, "lease/revoke", {"ID": lease})
            stale += 1
    return stale
