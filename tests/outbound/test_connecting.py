"""Which machine is reached, and how it proves to be the one."""

import socket
import threading
import time
from ipaddress import ip_address

import pytest

from outbound.addresses import Address
from outbound.errors import AddressNotAllowed, OutboundRefused, UrlTimeout, UrlUnreachable
from outbound.fetching import fetch
from outbound.policy import FetchPolicy
from tests.outbound.certificates import Authority, make_authority
from tests.outbound.servers import Server, allow, lead_to, say, serve


class Resolver:
    """Answers with each list of addresses in turn, as a name server that rebinds does."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _timeout_s: float) -> tuple[Address, ...]:
        self.asked.append(host)
        return tuple(ip_address(each) for each in self._answers.pop(0))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("certificates"))


def test_connection_goes_to_the_address_that_was_checked() -> None:
    """The name leads elsewhere when it is asked again; nobody asks again."""
    resolver = Resolver(["127.0.0.2"], ["127.0.0.3"])
    with (
        serve(say(200, b"checked"), host="127.0.0.2") as checked,
        serve(say(200, b"rebound"), host="127.0.0.3", port=checked.port) as rebound,
    ):
        found = fetch(f"http://acme.example:{checked.port}/", allow(checked, resolve=resolver))
    assert found.data == b"checked"
    assert (resolver.asked, rebound.met) == (["acme.example"], 0)


def test_name_that_rebinds_to_loopback_does_not_reach_it() -> None:
    """Global when it is checked, loopback from then on."""
    with serve(say(200, b"secret")) as inside:
        resolver = Resolver(["2001:4860:4860::8888"], ["127.0.0.1"], ["127.0.0.1"])
        policy = FetchPolicy(
            https_only=False, ports=frozenset({inside.port}), timeout_s=1, connect_s=0.5, resolve=resolver
        )
        with pytest.raises(OutboundRefused) as caught:
            fetch(f"http://acme.example:{inside.port}/", policy)
        assert inside.met == 0
    assert caught.value.code in {"url_unreachable", "url_timeout"}
    assert resolver.asked == ["acme.example"]


def test_redirect_to_the_same_name_is_resolved_and_checked_anew() -> None:
    with serve(lead_to("/again")) as inside:
        resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])
        with pytest.raises(AddressNotAllowed):
            fetch(f"http://acme.example:{inside.port}/", allow(inside, resolve=resolver))
    assert (inside.met, len(resolver.asked)) == (1, 2)


def test_next_address_is_tried_when_one_does_not_answer() -> None:
    with serve(say(200, b"photo")) as server:
        resolver = Resolver(["127.0.0.9", "127.0.0.1"])
        found = fetch(f"http://acme.example:{server.port}/", allow(server, resolve=resolver))
    assert found.data == b"photo"


def test_host_that_nobody_knows_is_unreachable_for_good() -> None:
    with pytest.raises(UrlUnreachable) as caught:
        fetch("https://acme.invalid/1.jpg", FetchPolicy(timeout_s=30))
    assert "acme.invalid" in caught.value.message


def test_resolver_that_hangs_costs_no_more_than_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    def hang(*_given: object, **_named: object) -> list[object]:
        hanging.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    with pytest.raises(UrlTimeout):
        fetch("https://acme.example/1.jpg", FetchPolicy(timeout_s=0.3))
    assert time.monotonic() - begun < 2
    hanging.set()


def test_closed_port_is_unreachable_for_now() -> None:
    with serve(say(200)) as gone:
        policy = allow(gone)
    with pytest.raises(UrlUnreachable, match="could not be connected to") as caught:
        fetch(gone.url, policy)
    assert caught.value.transient


def test_certificate_is_checked_for_the_name_while_the_address_is_connected_to(authority: Authority) -> None:
    with serve(say(200, b"photo"), tls=authority.make_server_tls("acme.example")) as server:
        policy = allow(server, ca_file=authority.file, resolve=Resolver(["127.0.0.1"]))
        assert fetch(f"https://acme.example:{server.port}/", policy).data == b"photo"
    assert f"Host: acme.example:{server.port}".encode() in server.asked[0]


@pytest.mark.parametrize(
    ("certified", "days", "trusted"),
    [("globex.example", 1, True), ("acme.example", -1, True), ("acme.example", 1, False)],
    ids=["another name", "expired", "unknown authority"],
)
def test_certificate_that_proves_nothing_is_refused_for_good(
    authority: Authority, certified: str, days: int, *, trusted: bool
) -> None:
    with serve(say(200, b"photo"), tls=authority.make_server_tls(certified, days=days)) as server:
        ca_file = authority.file if trusted else ""
        policy = allow(server, ca_file=ca_file, resolve=Resolver(["127.0.0.1"]))
        with pytest.raises(UrlUnreachable, match=r"certificate of acme\.example is not trusted") as caught:
            fetch(f"https://acme.example:{server.port}/", policy)
    assert not caught.value.transient
    assert server.asked == []


def test_server_without_tls_is_refused_for_https() -> None:
    def speak() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        speaking = threading.Thread(target=speak)
        speaking.start()
        server = Server("127.0.0.1", listener.getsockname()[1], "https")
        with pytest.raises(UrlUnreachable, match="TLS") as caught:
            fetch(server.url, allow(server))
        speaking.join()
    assert not caught.value.transient


def test_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(say(200, b"proxy")) as proxy, serve(say(200, b"photo")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert fetch(server.url, allow(server)).data == b"photo"
        assert proxy.met == 0
