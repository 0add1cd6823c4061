"""Small ONNX graphs of the shapes that users bring, built for the tests."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
INPUT_TABLE = {
    "name": "image",
    "width": 640,
    "height": 640,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "interpolation": "cubic",
}


def save_rows_detector(path: Path, rows: list[list[float]] | None = None) -> Path:
    """As PaddleDetection exports: three inputs; rows in original pixels, found by dividing by scale_factor.

    It answers with fixed `rows` given in network pixels (class, score, x1, y1, x2, y2).
    """
    table = np.array(
        rows or [[0, 0.9, 64, 128, 320, 512], [1, 0.4, -50, 600, 700, 800], [-1, 0, 0, 0, 0, 0]], np.float32
    )
    nodes = [
        # Tied to the picture and its shape by terms that are zero, so that no input can be left out.
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["im_shape"], ["sum"], axes=[1], keepdims=0),
        helper.make_node("Add", ["mean", "sum"], ["both"]),
        helper.make_node("Mul", ["both", "zero"], ["nothing"]),
        helper.make_node("Gather", ["scale_factor", "order"], ["scale"], axis=1),
        helper.make_node("Div", ["corners", "scale"], ["original"]),
        helper.make_node("Concat", ["heads", "original"], ["joined"], axis=1),
        helper.make_node("Add", ["joined", "nothing"], ["rows"]),
    ]
    weights = {
        "zero": np.float32(0),
        "order": np.array([1, 0, 1, 0], np.int64),
        "heads": table[:, :2],
        "corners": table[:, 2:],
    }
    inputs = {"image": [1, 3, 640, 640], "im_shape": [1, 2], "scale_factor": [1, 2]}
    return save(path, nodes, inputs, {"rows": [len(table), 6]}, weights)


def save_saliency_detector(path: Path, side: int = 64) -> Path:
    """One input; the map is how red the picture is."""
    nodes = [
        helper.make_node("Conv", ["picture", "red"], ["redness"], kernel_shape=[1, 1]),
        helper.make_node("Clip", ["redness", "low", "high"], ["map"]),
    ]
    weights = {
        "red": np.array([1, -1, -1], np.float32).reshape(1, 3, 1, 1),
        "low": np.float32(0),
        "high": np.float32(1),
    }
    return save(path, nodes, {"picture": ["n", 3, side, side]}, {"map": ["n", 1, side, side]}, weights)


def save_embedder(
    path: Path, dim: int = 512, side: int = 224, input_name: str = "x", *, head: str = "Identity"
) -> Path:
    """`head` is the last operator: Tanh and Sigmoid are those of hashing networks."""
    weight = np.random.default_rng(5).normal(size=(3 * 16, dim)).astype(np.float32)
    nodes = [
        helper.make_node(
            "AveragePool", [input_name], ["tiles"], kernel_shape=[side // 4] * 2, strides=[side // 4] * 2
        ),
        helper.make_node("Flatten", ["tiles"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["row"]),
        helper.make_node(head, ["row"], ["embedding"]),
    ]
    return save(
        path, nodes, {input_name: ["n", 3, side, side]}, {"embedding": ["n", dim]}, {"weight": weight}
    )


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[Any]],
    outputs: dict[str, list[Any]],
    weights: dict[str, Any],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def describe_rows_detector(**changes: object) -> dict[str, Any]:
    return {
        "kind": "detector",
        "name": "ppshitu_like",
        "file": "rows.onnx",
        "licence": "Apache-2.0",
        "source": "converted by hand",
        "output": "rows",
        "input_convention": "image_and_scale",
        "output_convention": "rows",
        "labels": ["product", "shelf"],
        "input": INPUT_TABLE,
        **changes,
    }


def describe_saliency_detector(**changes: object) -> dict[str, Any]:
    return {
        "kind": "detector",
        "name": "redness",
        "file": "saliency.onnx",
        "licence": "CC0-1.0",
        "source": "drawn up in a test",
        "output": "map",
        "input_convention": "image",
        "output_convention": "saliency",
        "input": {
            "name": "picture",
            "width": 64,
            "height": 64,
            "mean": [0, 0, 0],
            "std": [1, 1, 1],
            "batch": 2,
        },
        "saliency": {"margin": 0.0, "peak": 0.3},
        **changes,
    }


def describe_embedder(**changes: object) -> dict[str, Any]:
    return {
        "kind": "embedder",
        "name": "my_embedder",
        "file": "embedder.onnx",
        "licence": "MIT",
        "source": "trained in house",
        "output": "embedding",
        "dim": 512,
        "input": {**INPUT_TABLE, "name": "x", "width": 224, "height": 224, "interpolation": "linear"},
        **changes,
    }
