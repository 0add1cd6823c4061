"""U2-Net-p for a chosen picture size: static shapes, a batch axis, one output.

Source: Qin et al., "U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection", Pattern
Recognition 2020. The published graph is fixed at 320 x 320 and one picture; it works its resize targets out
from shapes at run time, which no runtime folds across a batch axis. All sizes in it are halvings of the
picture's, so for sizes divisible by 32 every resize is by a constant power of two.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

from inference.errors import ModelCorrupt

INPUT = "image"
OUTPUT = "saliency"

_STEP = 32  # five halvings
_OPSET = 13


def convert_u2net(source: bytes, *, size: int, batch: int | str) -> onnx.ModelProto:
    """The graph of `source` (U2-Net-p as published in ONNX) for `size` x `size` pictures, `batch` at a time.

    Input `image`: (batch, 3, size, size) float32. Output `saliency`: (batch, 1, size, size) float32, 0 to 1,
    the fused map (the first of the published seven). A `batch` in words makes that axis dynamic.
    Raises ModelCorrupt when `source` is another graph, ValueError when `size` is no multiple of 32.
    """
    if size % _STEP:
        raise ValueError(f"size must be a multiple of {_STEP}, not {size}")
    try:
        graph = onnx.load_model_from_string(source).graph
        return _rebuild(graph, size=size, batch=batch)
    except (DecodeError, LookupError, ValueError) as error:
        raise ModelCorrupt(f"This is not the U2-Net-p graph that was expected: {error}") from error


def _rebuild(graph: onnx.GraphProto, *, size: int, batch: int | str) -> onnx.ModelProto:
    producers = {output: node for node in graph.node for output in node.output}
    image, fused = graph.input[0].name, graph.output[0].name
    nodes, scales = _freeze_resizes(graph.node, producers, image)
    nodes = _keep_needed(nodes, fused)
    for node in nodes:
        _rename(node, {image: INPUT, fused: OUTPUT})
    used = {name for node in nodes for name in node.input}
    weights = [tensor for tensor in [*graph.initializer, *scales] if tensor.name in used]
    rebuilt = helper.make_graph(
        nodes,
        "u2netp",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, 1, size, size])],
        weights,
    )
    model = helper.make_model(rebuilt, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def _freeze_resizes(
    nodes: Iterable[onnx.NodeProto], producers: dict[str, onnx.NodeProto], image: str
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The nodes with constant scales in place of computed sizes, and the scales."""
    halvings = {image: 0}
    frozen: list[onnx.NodeProto] = []
    scales: dict[str, onnx.TensorProto] = {}
    for node in nodes:
        depth = halvings.get(node.input[0], 0) if node.input else 0
        if node.op_type == "MaxPool":
            depth += 1
        if node.op_type == "Resize":
            target = halvings[_find_reference(node, producers)]
            name = f"scale_{2 ** (depth - target)}"
            scales[name] = _make_scales(name, 2 ** (depth - target))
            frozen.append(_scale_by(node, name))
            depth = target
        else:
            frozen.append(node)
        halvings.update(dict.fromkeys(node.output, depth))
    return frozen, list(scales.values())


def _find_reference(resize: onnx.NodeProto, producers: dict[str, onnx.NodeProto]) -> str:
    """The tensor whose height and width the resize is told to reach, behind the arithmetic on shapes."""
    found: set[str] = set()
    waiting = [resize.input[3]]
    while waiting:
        node = producers.get(waiting.pop())
        if node is None:
            continue
        if node.op_type == "Shape":
            found.add(node.input[0])
        else:
            waiting.extend(node.input)
    (reference,) = found - {resize.input[0]}
    return reference


def _make_scales(name: str, factor: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array([1, 1, factor, factor], np.float32), name)


def _scale_by(resize: onnx.NodeProto, scales: str) -> onnx.NodeProto:
    return helper.make_node(
        "Resize",
        [resize.input[0], "", scales],
        list(resize.output),
        name=resize.name,
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )


def _keep_needed(nodes: list[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    needed = {output}
    kept: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def _rename(node: onnx.NodeProto, names: dict[str, str]) -> None:
    for at, name in enumerate(node.input):
        node.input[at] = names.get(name, name)
    for at, name in enumerate(node.output):
        node.output[at] = names.get(name, name)
