import threading
from pathlib import Path

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]  # it ships none
import pytest

from inference.errors import SessionRefused
from inference.sessions import ModelSession, SessionOptions, choose_precision, has_bf16, open_session
from tests.inference.graphs import save_embedder

PICTURE = np.random.default_rng(3).normal(size=(1, 3, 224, 224)).astype(np.float32)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return save_embedder(tmp_path / "graph.onnx")


def test_open_session_computes_the_same_on_both_providers(graph: Path) -> None:
    results = [
        open_session(graph, SessionOptions(provider=provider, precision="f32")).run(
            {"x": PICTURE}, "embedding"
        )
        for provider in ("openvino", "cpu")
    ]
    assert results[0].shape == (1, 512)
    assert np.allclose(results[0], results[1], atol=1e-4)


def test_open_session_tells_inputs_and_outputs(graph: Path) -> None:
    session = open_session(graph, SessionOptions())
    assert session.inputs == {"x": ("n", 3, 224, 224)}
    assert session.outputs == {"embedding": ("n", 512)}
    assert session.provider == "openvino"


def test_open_session_lists_what_is_available_for_an_unknown_provider(graph: Path) -> None:
    with pytest.raises(SessionRefused) as caught:
        open_session(graph, SessionOptions(provider="tpu"))  # type: ignore[arg-type]
    for name in ort.get_available_providers():
        assert name in str(caught.value)


def test_open_session_refuses_an_option_that_the_provider_drops(graph: Path) -> None:
    with pytest.raises(SessionRefused, match=r"graph\.onnx"):
        open_session(graph, SessionOptions(threads=-5))


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_open_session_names_a_file_that_is_no_graph(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    for options in (SessionOptions(), SessionOptions(provider="cpu")):
        with pytest.raises(SessionRefused, match=r"broken\.onnx"):
            open_session(path, options)


def test_open_session_limits_threads_when_told(graph: Path) -> None:
    session = open_session(graph, SessionOptions(threads=1, precision="f32"))
    assert session.run({"x": PICTURE}, "embedding").shape == (1, 512)


def test_run_refuses_input_of_another_shape(graph: Path) -> None:
    session = open_session(graph, SessionOptions())
    with pytest.raises(SessionRefused):
        session.run({"x": PICTURE[:, :2]}, "embedding")


def test_choose_precision_takes_bf16_where_the_processor_has_it() -> None:
    assert choose_precision(SessionOptions()) == ("bf16" if has_bf16() else "f32")
    assert choose_precision(SessionOptions(precision="f32")) == "f32"
    assert choose_precision(SessionOptions(provider="cpu")) == "f32"


def test_choose_precision_refuses_bf16_on_the_cpu_provider() -> None:
    with pytest.raises(SessionRefused, match="cpu provider lacks it"):
        choose_precision(SessionOptions(provider="cpu", precision="bf16"))


def test_session_is_shared_by_threads(graph: Path) -> None:
    session = open_session(graph, SessionOptions(precision="f32"))
    pictures = [PICTURE * factor for factor in range(1, 5)]
    expected = [session.run({"x": picture}, "embedding") for picture in pictures]
    wrong: list[int] = []
    threads = [
        threading.Thread(target=run_often, args=(session, pictures[n], expected[n], wrong, n))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def run_often(
    session: ModelSession, picture: np.ndarray, expected: np.ndarray, wrong: list[int], number: int
) -> None:
    results = [session.run({"x": picture}, "embedding") for _ in range(20)]
    wrong.extend(number for result in results if not np.allclose(result, expected, atol=1e-4))
