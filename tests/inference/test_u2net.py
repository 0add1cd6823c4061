from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]  # it ships none
import pytest

from inference.cards import ImageInput
from inference.errors import ModelCorrupt
from inference.preprocess import prepare_image
from inference.u2net import convert_u2net
from tests.inference.pictures import draw_bodies

PICTURES = [draw_bodies((90, 60, 300, 240)), draw_bodies((20, 40, 120, 250), (220, 60, 380, 200))]


@pytest.mark.parametrize("size", [320, 256, 192])
def test_convert_u2net_equals_the_published_graph(size: int, fetch_weights: Callable[[str], bytes]) -> None:
    source = fetch_weights("u2netp_320")
    spec = ImageInput(
        "image", size, size, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), divisor=None
    )
    images = np.stack([prepare_image(picture, spec) for picture in PICTURES])
    published = run_published(source, images)
    converted = run(convert_u2net(source, size=size, batch=2), {"image": images})[0]
    assert converted.shape == (2, 1, size, size)
    assert published.max() > 0.9
    assert np.abs(converted - published).max() < 1e-4


def run_published(source: bytes, images: np.ndarray) -> np.ndarray:
    """One picture at a time, which is all that graph takes; its size is only written on its input."""
    model = onnx.load_model_from_string(source)
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = images.shape[axis]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return np.concatenate([run(model, {model.graph.input[0].name: image[None]})[0] for image in images])


def run(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(result) for result in session.run(None, feeds)]


def test_convert_u2net_has_one_output_and_no_arithmetic_on_shapes(
    fetch_weights: Callable[[str], bytes],
) -> None:
    graph = convert_u2net(fetch_weights("u2netp_320"), size=256, batch=1).graph
    assert [output.name for output in graph.output] == ["saliency"]
    assert {node.op_type for node in graph.node} == {
        "Conv",
        "Relu",
        "MaxPool",
        "Concat",
        "Resize",
        "Add",
        "Sigmoid",
    }


def test_convert_u2net_refuses_sizes_it_cannot_halve(fetch_weights: Callable[[str], bytes]) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        convert_u2net(fetch_weights("u2netp_320"), size=250, batch=1)


@pytest.mark.parametrize("source", [b"\xff\xff\xff", b""])
def test_convert_u2net_refuses_another_file(source: bytes) -> None:
    with pytest.raises(ModelCorrupt):
        convert_u2net(source, size=256, batch=1)
