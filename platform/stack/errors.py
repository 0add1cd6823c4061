"""What can go wrong with the local stack.

StackError
 +-- WheelMissing         `stack_wheel_missing`: the extra [local] is not installed
 +-- ServerFailed         `stack_server_failed`: a server did not come up
 +-- ReleaseFailed        `stack_release_failed`: the Procfile's release line failed
 +-- AlreadyRunning       `stack_already_running`: another supervisor owns the var directory
 +-- JoinRefused          `stack_join_refused`: the live stack lacks what this run needs
 +-- AccountMissing       `stack_account_missing`: no unprivileged account for PostgreSQL
 +-- ProcfileInvalid      `stack_procfile_invalid`
"""


class StackError(Exception):
    """An error whose message tells the reader at the terminal what to do; `code` is stable."""

    code = "stack_error"


class WheelMissing(StackError):
    """A server's wheel is not installed."""

    code = "stack_wheel_missing"


class ServerFailed(StackError):
    """A server did not become ready; the message ends with its last log lines."""

    code = "stack_server_failed"


class ReleaseFailed(StackError):
    """The release line ended with a status other than 0."""

    code = "stack_release_failed"


class AlreadyRunning(StackError):
    """Another supervisor runs on the same var directory."""

    code = "stack_already_running"


class JoinRefused(StackError):
    """A live stack was found, but it lacks something this run needs."""

    code = "stack_join_refused"


class AccountMissing(StackError):
    """PostgreSQL refuses to run as root, and no other account was found."""

    code = "stack_account_missing"


class ProcfileInvalid(StackError):
    """The Procfile is missing or has a line that is not `name: command`."""

    code = "stack_procfile_invalid"
