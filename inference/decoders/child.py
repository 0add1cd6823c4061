"""The decoding process: `python -m inference.decoders.child <memory descriptor> <MiB> <bytes> <pixels>`.

Its standard input is the socket to its parent; it ends when that does. It knows Pillow and numpy, no Django,
no models, and gets neither the environment nor the open files of its parent.
"""

import signal
import socket
import sys

from PIL import Image

from inference.decoders.confinement import confine_process
from inference.decoders.exchange import (
    MESSAGE_BYTES,
    READY,
    Question,
    SharedMemory,
    describe_failure,
    describe_picture,
    describe_rejection,
)
from inference.errors import ImageRejected
from inference.images import ImageLimits, decode_picture

# Beside what the parent waits: for a decoder that hangs on after its parent has died.
_GRACE_S = 1.0


def main() -> None:
    """Answer questions until the parent closes the socket."""
    descriptor, memory_mib, max_bytes, max_pixels = (int(argument) for argument in sys.argv[1:])
    memory = SharedMemory(descriptor, ImageLimits(max_bytes=max_bytes, max_pixels=max_pixels))
    # All that Pillow would otherwise import when it is first needed.
    Image.init()
    with socket.socket(fileno=sys.stdin.fileno()) as parent:
        confine_process(memory_mib=memory_mib)
        parent.send(READY)
        while message := parent.recv(MESSAGE_BYTES):
            parent.send(_answer(Question.unpack(message), memory))


def _answer(question: Question, memory: SharedMemory) -> bytes:
    # Nobody handles the signal, so the kernel ends the process, wherever in the decoder it is.
    signal.setitimer(signal.ITIMER_REAL, question.seconds + _GRACE_S)
    try:
        picture = decode_picture(
            memory.read_file(question.size), limits=question.limits, working_side=question.working_side
        )
    except ImageRejected as rejected:
        return describe_rejection(rejected)
    except Exception as error:  # noqa: BLE001 - the parent logs it; this process cannot, as it writes no file
        return describe_failure(error)
    else:
        memory.write_pixels(picture.pixels)
        return describe_picture(picture)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
