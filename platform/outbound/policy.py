"""What requests to addresses of tenants may do and cost."""

from dataclasses import dataclass, field
from typing import Final

from outbound.resolving import Resolve, resolve_host

_HTTP: Final = 80
_HTTPS: Final = 443
# For intranets, which put their services anywhere; on the Internet only the web's own ports are asked.
ANY_PORT: Final = frozenset(range(1, 2**16))


@dataclass(frozen=True)
class FetchPolicy:
    """The rules of one request and everything it leads to.

    https_only: refuse http. allow_private: let it reach private addresses and loopback, for intranets and
    tests; link-local stays closed. max_bytes: largest answer. timeout_s: seconds for all of it, from
    resolving the first name to the last byte, redirects included; connect_s: for one connection.
    max_hops: redirects followed. ports: those allowed; None: 443, and 80 unless https_only. ca_file: PEM
    file of authorities trusted beside the public ones. resolve: who resolves names.
    """

    https_only: bool = True
    allow_private: bool = False
    max_bytes: int = 20 * 2**20
    timeout_s: float = 20.0
    connect_s: float = 5.0
    max_hops: int = 5
    ports: frozenset[int] | None = None
    ca_file: str = ""
    resolve: Resolve = field(default=resolve_host, repr=False)

    def allows_port(self, port: int) -> bool:
        """Whether a connection to the port may be opened."""
        if self.ports is not None:
            return port in self.ports
        return port == _HTTPS or (port == _HTTP and not self.https_only)
