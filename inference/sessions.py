"""ONNX Runtime sessions that run the way they were told to, or not at all.

ONNX Runtime prefers to run somehow: a provider that is missing, or an option it does not know, makes it log a
line and carry on with its plain CPU provider, slower by a multiple. Here that is an error.
"""

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort  # type: ignore[import-untyped]  # it ships none

from inference.errors import SessionRefused

Tensor = npt.NDArray[np.float32]
Precision = Literal["f32", "bf16"]
Hint = Literal["latency", "throughput"]

_PROVIDERS = {"openvino": "OpenVINOExecutionProvider", "cpu": "CPUExecutionProvider"}
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}
_ORT_ERRORS_ONLY = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SessionOptions:
    """How models run.

    `provider`: `openvino`, or `cpu` (ONNX Runtime's own kernels; only ever on request). `precision`: `auto`
    is bf16 where the processor computes in it and the provider is OpenVINO, else f32. `hint`: `latency` gives
    one run all cores; `throughput` as many runs at once as there are cores, each on one of them: more in all,
    each slower. `threads`: cores to use; None leaves it to the provider, which takes all of them.
    """

    provider: Literal["openvino", "cpu"] = "openvino"
    precision: Literal["auto", "f32", "bf16"] = "auto"
    hint: Hint = "latency"
    threads: int | None = None

    @property
    def streams(self) -> int:
        """Runs at once that the hint is for."""
        return 1 if self.hint == "latency" else self.threads or len(os.sched_getaffinity(0))


class ModelSession:
    """A loaded graph. Safe to share: any number of threads may call `run` at once, and it frees the GIL."""

    def __init__(self, session: ort.InferenceSession, *, provider: str, precision: Precision) -> None:
        self._session = session
        self.provider = provider
        self.precision = precision
        self.inputs = {node.name: tuple(node.shape) for node in session.get_inputs()}
        self.outputs = {node.name: tuple(node.shape) for node in session.get_outputs()}

    def run(self, feeds: Mapping[str, Tensor], output: str) -> Tensor:
        """One pass: the tensor called `output`, float32, in the shape the graph gives it.

        `feeds` holds a float32 array for every input. Raises SessionRefused when the runtime does not take
        them.
        """
        try:
            (result,) = self._session.run([output], dict(feeds))
        except Exception as error:  # the runtime's exceptions share no base but Exception
            raise SessionRefused(f"The model could not be run on this input: {error}") from error
        return np.asarray(result, np.float32)


def open_session(path: Path, options: SessionOptions) -> ModelSession:
    """Load the ONNX file at `path`.

    Raises SessionRefused, naming what is available, when the provider is not there, when it cannot take the
    whole graph or an option, or when bf16 is asked of a processor or provider that has none.
    """
    wanted = _PROVIDERS.get(options.provider, "")
    available = ort.get_available_providers()
    if wanted not in available:
        raise SessionRefused(
            f"The provider {options.provider!r} is not available. This onnxruntime has:"
            f" {', '.join(available)}; settings accepted: {', '.join(_PROVIDERS)}."
        )
    precision = choose_precision(options)
    started = time.perf_counter()
    session = _create_session(path, wanted, precision, options)
    if session.get_providers()[0] != wanted:
        raise SessionRefused(
            f"{path.name} was to run on {wanted}, but onnxruntime fell back to {session.get_providers()}."
            f" Available: {', '.join(available)}. To run on its CPU provider, ask for provider 'cpu'."
        )
    elapsed = (time.perf_counter() - started) * 1000
    logger.info("loaded %s on %s in %s, %.0f ms", path.name, wanted, precision, elapsed)
    return ModelSession(session, provider=options.provider, precision=precision)


def choose_precision(options: SessionOptions) -> Precision:
    """What `options.precision` means on this machine. Raises SessionRefused for bf16 where there is none."""
    capable = options.provider == "openvino" and has_bf16()
    if options.precision == "auto":
        return "bf16" if capable else "f32"
    if options.precision == "bf16" and not capable:
        why = "this processor lacks it" if options.provider == "openvino" else "the cpu provider lacks it"
        raise SessionRefused(f"Precision bf16 is not available: {why}. Use 'f32' or 'auto'.")
    return options.precision


@cache
def has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16. False where it cannot be found out."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return bool(_BF16_FLAGS.intersection(flags))


def _create_session(
    path: Path, provider: str, precision: Precision, options: SessionOptions
) -> ort.InferenceSession:
    settings = ort.SessionOptions()
    # Its warnings go straight to standard error and speak of its own internals; what matters is raised here.
    settings.log_severity_level = _ORT_ERRORS_ONLY
    if provider == _PROVIDERS["openvino"]:
        settings.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    else:
        settings.intra_op_num_threads = (options.threads or 0) if options.hint == "latency" else 1
    try:
        return ort.InferenceSession(
            os.fspath(path),
            settings,
            providers=[(provider, _provider_options(provider, precision, options))],
            enable_fallback=0,
        )
    except Exception as error:  # the runtime's exceptions share no base but Exception
        raise SessionRefused(
            f"{path.name} cannot be loaded on {provider}: {error}"
            f" Available: {', '.join(ort.get_available_providers())}. onnxruntime's own kernels run only when"
            " asked for, with provider 'cpu'."
        ) from error


def _provider_options(provider: str, precision: Precision, options: SessionOptions) -> dict[str, str]:
    if provider != _PROVIDERS["openvino"]:
        return {}
    device = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": options.hint.upper()}
    if options.hint == "throughput":
        # The provider asks for one run at a time, whatever the hint says, unless it is told so.
        device["NUM_STREAMS"] = str(options.streams)
    if options.threads is not None:
        device["INFERENCE_NUM_THREADS"] = str(options.threads)
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": device})}
