"""EfficientNet-Lite as an image descriptor, built from its checkpoint's tensors with onnx alone.

Source: Tan and Le, "EfficientNet", ICML 2019; the Lite variants (no squeeze-and-excite, ReLU6, fixed stem
and head) as released with TensorFlow in 2020. Descriptor: generalised mean pooling (Radenovic et al.,
"Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2019) with p = 3 of the 1280-channel head
and of the last block, each of unit length, side by side, and that of unit length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from inference.checkpoint import Tensor
from inference.errors import ModelCorrupt

INPUT = "image"
OUTPUT = "descriptor"
BATCH_NORM_EPSILON = 1e-3
GEM_FLOOR = 1e-6

_OPSET = 17
# The first block of each of the seven stages strides by this much (EfficientNet, table 1).
_STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)


@dataclass(frozen=True)
class LiteShape:
    """What the checkpoint does not say: blocks a stage, and the picture side it was trained at."""

    depths: tuple[int, ...]
    trained_side: int

    def block_strides(self) -> list[int]:
        """The stride of each block in order."""
        return [
            stride if first == 0 else 1
            for stride, depth in zip(_STAGE_STRIDES, self.depths, strict=True)
            for first in range(depth)
        ]


def pad_same(side: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """TensorFlow's SAME padding: (pixels before, pixels after, output side)."""
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2, out


def convert_efficientnet(
    tensors: Mapping[str, Tensor], shape: LiteShape, *, size: int, batch: int | str
) -> onnx.ModelProto:
    """The descriptor graph for `size` x `size` pictures, `batch` at a time (a word makes the axis dynamic).

    Padding stays what SAME padding was at the training size, since other padding shifts the features away
    from those the weights know. Input `image`: (batch, 3, size, size) float32, output `descriptor`:
    (batch, 1280 + channels of the last block) float32, unit length.
    Raises ModelCorrupt when a tensor is missing or does not fit.
    """
    try:
        builder = _Builder(tensors, side=shape.trained_side)
        dim = builder.add_descriptor(shape)
    except KeyError as error:
        raise ModelCorrupt(f"The checkpoint lacks the tensor {error}.") from error
    graph = helper.make_graph(
        builder.nodes,
        "efficientnet_lite",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, dim])],
        builder.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Builder:
    """Collects nodes and weights; `side` follows the picture side at training time through the strides."""

    def __init__(self, tensors: Mapping[str, Tensor], *, side: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._tensors = tensors
        self._side = side
        self._names = 0

    def add_descriptor(self, shape: LiteShape) -> int:
        """All of it, ending in OUTPUT; returns the number of dimensions."""
        x = self._add_conv(INPUT, "_conv_stem", "_bn0", stride=2, active=True)
        for index, stride in enumerate(shape.block_strides()):
            x = self._add_block(x, f"_blocks.{index}.", stride)
        head = self._add_conv(x, "_conv_head", "_bn1", stride=1, active=True)
        parts = [self._add_gem(head), self._add_gem(x)]
        joined = self._add("Concat", parts, axis=1)
        self._add_unit_length(joined, OUTPUT)
        head_channels, block_channels = self._tensors["_conv_head.weight"].shape[:2]
        return int(head_channels + block_channels)

    def _add(self, kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        self._names += 1
        name = output or f"{kind.lower()}_{self._names}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"n_{name}", **attributes))
        return name

    def _add_weight(self, name: str, values: npt.NDArray[np.floating]) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def _add_scalar(self, name: str, value: float) -> str:
        if all(weight.name != name for weight in self.weights):
            self.weights.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def _add_block(self, x: str, prefix: str, stride: int) -> str:
        """An inverted residual block (MobileNetV2); the first stage has no expansion."""
        inside = x
        if f"{prefix}_expand_conv.weight" in self._tensors:
            inside = self._add_conv(x, f"{prefix}_expand_conv", f"{prefix}_bn0", stride=1, active=True)
        inside = self._add_conv(
            inside, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride, active=True
        )
        out = self._add_conv(inside, f"{prefix}_project_conv", f"{prefix}_bn2", stride=1, active=False)
        channels_in = self._tensors[self._first_conv(prefix)].shape[1]
        channels_out = self._tensors[f"{prefix}_project_conv.weight"].shape[0]
        if stride == 1 and channels_in == channels_out:
            return self._add("Add", [out, x])
        return out

    def _first_conv(self, prefix: str) -> str:
        expand = f"{prefix}_expand_conv.weight"
        return expand if expand in self._tensors else f"{prefix}_project_conv.weight"

    def _add_conv(self, x: str, conv: str, norm: str, *, stride: int, active: bool) -> str:
        weight, bias = self._fold(conv, norm)
        before, after, self._side = pad_same(self._side, weight.shape[2], stride)
        # One input channel a filter and more than one filter is how a depthwise kernel is stored.
        group = weight.shape[0] if weight.shape[1] == 1 else 1
        out = self._add(
            "Conv",
            [x, self._add_weight(f"{conv}.w", weight), self._add_weight(f"{conv}.b", bias)],
            kernel_shape=list(weight.shape[2:]),
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=group,
        )
        if not active:
            return out
        return self._add("Clip", [out, self._add_scalar("zero", 0.0), self._add_scalar("six", 6.0)])

    def _fold(self, conv: str, norm: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Batch norm into the convolution before it, in double precision: (weight, bias)."""
        weight = self._tensors[f"{conv}.weight"].astype(np.float64)
        gamma, beta, mean, variance = (
            self._tensors[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        if factor.shape != weight.shape[:1]:
            raise ModelCorrupt(f"{norm} has {factor.size} channels, {conv} has {weight.shape[0]}.")
        return weight * factor[:, None, None, None], beta - mean * factor

    def _add_gem(self, x: str) -> str:
        """(batch, channels, h, w) to (batch, channels) of unit length."""
        floored = self._add("Max", [x, self._add_scalar("gem_floor", GEM_FLOOR)])
        cubed = self._add("Mul", [self._add("Mul", [floored, floored]), floored])
        pooled = self._add("Flatten", [self._add("GlobalAveragePool", [cubed])])
        rooted = self._add("Pow", [pooled, self._add_scalar("third", 1 / 3)])
        return self._add_unit_length(rooted)

    def _add_unit_length(self, x: str, output: str | None = None) -> str:
        length = self._add("ReduceL2", [x], axes=[1], keepdims=1)
        return self._add("Div", [x, length], output)
