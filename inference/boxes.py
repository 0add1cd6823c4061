"""Boxes in the pixels of the oriented original picture: x to the right, y downwards, x2 and y2 exclusive."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """An axis-parallel rectangle, in pixels (float) of the picture as a person sees it, EXIF applied."""

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def covering(cls, width: float, height: float) -> "Box":
        """The whole of a picture of `width` x `height` pixels."""
        return cls(0.0, 0.0, float(width), float(height))

    @property
    def width(self) -> float:
        """Pixels from left to right; 0 for an inverted box."""
        return max(0.0, self.x2 - self.x1)

    @property
    def height(self) -> float:
        """Pixels from top to bottom; 0 for an inverted box."""
        return max(0.0, self.y2 - self.y1)

    @property
    def area(self) -> float:
        """Square pixels; 0 for an inverted box."""
        return self.width * self.height

    def intersect(self, other: "Box") -> "Box":
        """The common part; inverted or empty (area 0) where there is none."""
        return Box(
            max(self.x1, other.x1), max(self.y1, other.y1), min(self.x2, other.x2), min(self.y2, other.y2)
        )

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0 to 1; 0 when both are empty."""
        common = self.intersect(other).area
        union = self.area + other.area - common
        return common / union if union > 0 else 0.0

    def clamp(self, width: float, height: float) -> "Box":
        """The box moved inside a picture of `width` x `height` pixels, side by side."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def scale(self, x: float, y: float) -> "Box":
        """The same box in a picture stretched by `x` across and `y` down."""
        return Box(self.x1 * x, self.y1 * y, self.x2 * x, self.y2 * y)

    def expand(self, share: float) -> "Box":
        """The box with a margin of `share` of its own width and height on each side."""
        across, down = self.width * share, self.height * share
        return Box(self.x1 - across, self.y1 - down, self.x2 + across, self.y2 + down)

    def as_tuple(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2)."""
        return (self.x1, self.y1, self.x2, self.y2)
