"""Small drawn photos: a striped, lettered packet on a plain ground, told apart by its seed."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw


def draw_photo(seed: int, tilt: float = 0.0, image_format: str = "PNG") -> bytes:
    """An encoded picture of 320 x 320 pixels; tilt in degrees."""
    random = np.random.default_rng(seed)
    packet = Image.new("RGB", (150, 200), tuple(int(part) for part in random.integers(40, 220, 3)))
    draw = ImageDraw.Draw(packet)
    for _ in range(8):
        left, top, width, height = (int(part) for part in random.integers((0, 0, 10, 10), (120, 170, 80, 60)))
        colour = tuple(int(part) for part in random.integers(0, 256, 3))
        shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
        shape((left, top, left + width, top + height), fill=colour)
    draw.text((20, 90), f"No {seed}", fill="white", font_size=36)
    scene = Image.new("RGB", (320, 320), (225, 222, 215))
    turned = packet.convert("RGBA").rotate(tilt, expand=True, resample=Image.Resampling.BICUBIC)
    scene.paste(turned, (85, 60), turned)
    buffer = BytesIO()
    scene.save(buffer, image_format)
    return buffer.getvalue()
