"""A photo for the deployment tests."""

import io

import numpy as np
from PIL import Image, ImageDraw


def draw_photo() -> bytes:
    """A labelled box on a mottled ground, as PNG."""
    ground = np.random.default_rng(7).integers(180, 220, size=(320, 320, 3), dtype=np.uint8)
    picture = Image.fromarray(ground)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((90, 60, 230, 260), fill=(180, 30, 40))
    pen.rectangle((105, 120, 215, 180), fill=(250, 240, 210))
    pen.text((130, 142), "TEA", fill=(20, 20, 20))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
