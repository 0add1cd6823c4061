"""The last step before a child's own program: run as a script, `python -I -S launch.py OPTIONS ARGV...`.

A fresh interpreter does here what is unsafe between fork and exec in a process with threads: drop to an
unprivileged account, tie the child's life to its parent's, and hand the parent a seccomp listener. It
imports the standard library only, so that it starts in about 15 ms.

OPTIONS is a JSON object: `parent` (pid), `account` ([uid, gid] or null), `gate` (fd of a socket on which
the seccomp listener is sent, or null).
"""

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_NEW_LISTENER = 8
SECCOMP_RET_USER_NOTIF = 0x7FC00000
SECCOMP_RET_ALLOW = 0x7FFF0000
# machine: audit architecture, number of seccomp(2), number of bind(2)
MACHINES = {"x86_64": (0xC000003E, 317, 49), "aarch64": (0xC00000B7, 277, 200)}
BPF_LOAD_WORD, BPF_JUMP_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
NOT_EXECUTABLE, NOT_FOUND = 126, 127


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def drop_privileges(uid: int, gid: int) -> None:
    """Become another account for good: groups first, while that is still allowed."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies. After setuid, which clears the request."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request was made
        os._exit(1)


def bind_filter() -> bytes:
    """A BPF program (linux/filter.h) that reports each bind(2) and lets every other call through."""
    architecture, _, bind = MACHINES[platform.machine()]
    instructions = [
        (BPF_LOAD_WORD, 0, 0, 4),
        (BPF_JUMP_EQUAL, 0, 3, architecture),
        (BPF_LOAD_WORD, 0, 0, 0),
        (BPF_JUMP_EQUAL, 0, 1, bind),
        (BPF_RETURN, 0, 0, SECCOMP_RET_USER_NOTIF),
        (BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def open_listener() -> int:
    """Install the filter and return the descriptor on which bind(2) calls are reported (seccomp(2))."""
    if not sys.platform.startswith("linux") or platform.machine() not in MACHINES:
        raise OSError(errno.ENOSYS, "seccomp is not used on this kind of machine")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    code = bind_filter()
    program = Program(len(code) // 8, code)
    number = MACHINES[platform.machine()][1]
    listener: int = libc.syscall(
        number, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, ctypes.byref(program)
    )
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return listener


def hand_over_binds(gate: int) -> None:
    """Send the listener to the parent, or the reason why there is none."""
    with socket.socket(fileno=gate) as channel:
        try:
            listener = open_listener()
        except OSError as error:
            channel.sendall(str(error).encode())
            return
        socket.send_fds(channel, [b"listener"], [listener])
        os.close(listener)


def main() -> None:
    """Prepare this process as told and become the program."""
    options, argv = json.loads(sys.argv[1]), sys.argv[2:]
    if options["account"]:
        drop_privileges(*options["account"])
    if options["gate"] is not None:
        hand_over_binds(options["gate"])
    die_with_parent(options["parent"])
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming the program is the point
    except OSError as error:
        sys.stderr.write(f"cannot run {argv[0]}: {error.strerror}\n")
        os._exit(NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE)


if __name__ == "__main__":
    main()
