"""EfficientNet-Lite written out in plain numpy: the yardstick for the converted graphs.

Batch norm is applied as it stands in the checkpoint, the table of strides and paddings is spelled out, and
convolutions are sums over kernel positions. It shares nothing with the converter but the tensors.
"""

import functools
import operator
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# For each variant: blocks a stage, and the (before, after) padding of the stem and of the strided blocks, as
# SAME padding gives it on the way down from the training size: 260, 130, 65, 33, 17, 9, and 224, 112, 56, 28,
# 14, 7.
LITE2 = ((1, 3, 3, 4, 4, 5, 1), {"stem": (0, 1), 1: (0, 1), 2: (2, 2), 3: (1, 1), 5: (2, 2)})
LITE0 = ((1, 2, 2, 3, 3, 4, 1), {"stem": (0, 1), 1: (0, 1), 2: (1, 2), 3: (0, 1), 5: (1, 2)})


def describe(
    tensors: Mapping[str, Array], image: Array, variant: tuple[tuple[int, ...], dict[object, tuple[int, int]]]
) -> Array:
    """(3, H, W) to the descriptor, unit length."""
    depths, padding = variant
    x = relu6(norm(conv(image, tensors["_conv_stem.weight"], 2, padding["stem"]), tensors, "_bn0"))
    index = 0
    for stage, depth in enumerate(depths):
        for position in range(depth):
            stride_padding = padding.get(stage) if position == 0 else None
            x = block(x, tensors, f"_blocks.{index}.", stride_padding)
            index += 1
    head = relu6(norm(conv(x, tensors["_conv_head.weight"], 1, (0, 0)), tensors, "_bn1"))
    return unit(np.concatenate([unit(gem(head)), unit(gem(x))]))


def block(x: Array, tensors: Mapping[str, Array], name: str, padding: tuple[int, int] | None) -> Array:
    y = x
    if f"{name}_expand_conv.weight" in tensors:
        y = relu6(norm(conv(y, tensors[f"{name}_expand_conv.weight"], 1, (0, 0)), tensors, f"{name}_bn0"))
    kernel = tensors[f"{name}_depthwise_conv.weight"]
    half = kernel.shape[2] // 2
    y = depthwise(y, kernel, 1 if padding is None else 2, padding or (half, half))
    y = relu6(norm(y, tensors, f"{name}_bn1"))
    y = norm(conv(y, tensors[f"{name}_project_conv.weight"], 1, (0, 0)), tensors, f"{name}_bn2")
    return x + y if y.shape == x.shape else y


def conv(x: Array, kernel: Array, stride: int, padding: tuple[int, int]) -> Array:
    views = windows(x, kernel.shape[2], stride, padding)
    return add(np.einsum("oc,chw->ohw", kernel[:, :, i, j], view, optimize=True) for i, j, view in views)


def depthwise(x: Array, kernel: Array, stride: int, padding: tuple[int, int]) -> Array:
    views = windows(x, kernel.shape[2], stride, padding)
    return add(kernel[:, 0, i, j, None, None] * view for i, j, view in views)


def add(parts: Iterable[Array]) -> Array:
    return functools.reduce(operator.add, parts)


def windows(x: Array, size: int, stride: int, padding: tuple[int, int]) -> list[tuple[int, int, Array]]:
    padded = np.pad(x, ((0, 0), padding, padding))
    height, width = ((n - size) // stride + 1 for n in padded.shape[1:])
    return [
        (
            i,
            j,
            padded[:, i : i + stride * height : stride, j : j + stride * width : stride][:, :height, :width],
        )
        for i in range(size)
        for j in range(size)
    ]


def norm(x: Array, tensors: Mapping[str, Array], name: str) -> Array:
    mean, variance, gain, shift = (
        tensors[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(variance + 0.001) * gain + shift


def relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def gem(x: Array) -> Array:
    return np.asarray(np.cbrt((np.maximum(x, 1e-6) ** 3).mean(axis=(1, 2))))


def unit(x: Array) -> Array:
    return np.asarray(x / np.sqrt((x**2).sum()))
