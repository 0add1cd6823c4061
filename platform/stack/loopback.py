"""Keeps a server on the loopback interface that has no setting for it.

Milvus 2.3 listens with `net.Listen("tcp", ":PORT")` on nine ports; its `ip` settings only change the
address that it announces. Go makes system calls without libc, so a preloaded library sees none of them.
What works for root and for anyone else is the kernel's seccomp user notification (Linux 5.5, see
seccomp_unotify(2)): the child stops in bind(2), we write 127.0.0.1 over the wildcard address in its
memory, and let the call go on. The child is our own server, not an adversary, so its other threads racing
us for that memory are no concern.
"""

import fcntl
import ipaddress
import os
import select
import socket
import struct
import sys
import threading

NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101  # ioctl numbers of linux/seccomp.h
NOTIF = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif with its seccomp_data
RESPONSE = struct.Struct("=QqiI")  # struct seccomp_notif_resp
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
EACCES = 13
LONGEST_ADDRESS = 128  # sizeof(struct sockaddr_storage)
POLL_MS = 500
# family: offset and length of the host in its struct, in bytes
HOSTS: dict[int, tuple[int, int]] = {socket.AF_INET: (4, 4), socket.AF_INET6: (8, 16)}


def to_loopback(address: bytes) -> bytes:
    """A socket address (struct sockaddr_in or sockaddr_in6) with its host turned into loopback.

    Addresses that are loopback already and other families come back unchanged. On IPv6 sockets the
    result is ::ffff:127.0.0.1, so that IPv4 clients reach a dual-stack socket.
    """
    family = int.from_bytes(address[:2], sys.byteorder)
    offset, size = HOSTS.get(family, (0, 0))
    if not size or len(address) < offset + size:
        return address
    host = ipaddress.ip_address(address[offset : offset + size])
    mapped = host.ipv4_mapped if isinstance(host, ipaddress.IPv6Address) else None
    if (mapped or host).is_loopback:
        return address
    loopback = ipaddress.ip_address("127.0.0.1" if size == 4 else "::ffff:127.0.0.1")  # noqa: PLR2004
    return address[:offset] + loopback.packed + address[offset + size :]


def rewrite_bind(pid: int, pointer: int, length: int) -> None:
    """Change the address that a stopped bind(2) call of `pid` is about to use."""
    memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
    try:
        address = os.pread(memory, min(length, LONGEST_ADDRESS), pointer)
        changed = to_loopback(address)
        if changed != address:
            os.pwrite(memory, changed, pointer)
    finally:
        os.close(memory)


def answer_one(listener: int) -> None:
    """Answer one reported bind: continue after the rewrite, or refuse it when the rewrite failed."""
    buffer = bytearray(NOTIF.size)
    try:
        fcntl.ioctl(listener, NOTIF_RECV, buffer, True)  # noqa: FBT003 - ioctl takes it by position
    except (FileNotFoundError, InterruptedError):  # the caller was killed or interrupted meanwhile
        return
    ticket, pid, _, _, _, _, _, pointer, length, *_ = NOTIF.unpack(buffer)
    try:
        rewrite_bind(pid, pointer, length)
        response = RESPONSE.pack(ticket, 0, 0, CONTINUE)
    except OSError:
        response = RESPONSE.pack(ticket, 0, -EACCES, 0)
    try:
        fcntl.ioctl(listener, NOTIF_SEND, response)
    except FileNotFoundError:  # the caller is gone; nobody waits for this answer
        return


class LoopbackGate:
    """Watches one child's bind calls until it ends.

    `pass_fd` goes to the child's launcher; after the child was started, `open` waits for its listener.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.refusal: str | None = None

    @property
    def pass_fd(self) -> int:
        """The descriptor that the child must inherit."""
        return self._theirs.fileno()

    def open(self) -> bool:
        """Start answering; False, with `refusal` set, where the kernel or a sandbox forbids it."""
        self._theirs.close()
        with self._ours:
            message, descriptors, _, _ = socket.recv_fds(self._ours, 1024, 1)
        if not descriptors:
            self.refusal = message.decode() or "the child ended before it could be watched"
            return False
        threading.Thread(target=self._serve, args=(descriptors[0],), daemon=True).start()
        return True

    @staticmethod
    def _serve(listener: int) -> None:
        poller = select.poll()
        poller.register(listener, select.POLLIN)
        try:
            while True:
                for _, event in poller.poll(POLL_MS):
                    if event & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                        return
                    answer_one(listener)
        finally:
            os.close(listener)
