"""A screen to draw a synthetic game on: relative coordinates, random colours, and the parts that many games share."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]

WORDS = ("SCORE", "LAP", "TIME", "LEVEL", "GOLD", "AMMO", "HP", "WAVE", "MOVES", "P1", "BEST", "ROUND", "x2", "NEXT")


class Screen:
    """An image of `size` pixels (width, height); places are shares of it, (0, 0) top left, (1, 1) bottom right."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        self.rng = rng
        self.width, self.height = size
        self.image = Image.new("RGB", size)
        self.draw = ImageDraw.Draw(self.image)

    def chance(self, share: float) -> bool:
        """Whether something that happens on that share of screens happens on this one."""
        return bool(self.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """A number from that range."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number from that range, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def colour(self, hue: float | None = None, vivid: float = 0.7, light: float = 0.75) -> Colour:
        """A colour near `hue` (0 to 1, any if None), about as vivid and as light as asked."""
        angle = self.between(0, 1) if hue is None else (hue + self.between(-0.06, 0.06)) % 1
        red, green, blue = colorsys.hsv_to_rgb(
            angle, min(1, max(0, vivid + self.between(-0.2, 0.2))), min(1, max(0.05, light + self.between(-0.2, 0.2)))
        )
        return round(red * 255), round(green * 255), round(blue * 255)

    def _place(self, x: float, y: float) -> Point:
        return x * self.width, y * self.height

    def box(
        self, left: float, top: float, right: float, bottom: float, fill: Colour, edge: Colour | None = None
    ) -> None:
        """A rectangle."""
        self.draw.rectangle([self._place(left, top), self._place(max(left, right), max(top, bottom))], fill, edge)

    def shape(self, points: list[Point], fill: Colour) -> None:
        """A polygon."""
        self.draw.polygon([self._place(*point) for point in points], fill)

    def line(self, points: list[Point], fill: Colour, thickness: float = 0.006) -> None:
        """A line through points, its thickness a share of the height."""
        self.draw.line([self._place(*point) for point in points], fill, max(1, round(thickness * self.height)))

    def disc(self, x: float, y: float, radius: float, fill: Colour | None, edge: Colour | None = None) -> None:
        """A circle, its radius a share of the height."""
        (middle, centre), size = self._place(x, y), max(1.0, radius * self.height)
        ends = [middle - size, centre - size, middle + size, centre + size]
        self.draw.ellipse(ends, fill, edge, width=max(1, round(size / 6)))

    def backdrop(self, top: Colour, bottom: Colour, until: float = 1.0) -> None:
        """Fill from the top edge down to `until`, one colour passing into another."""
        for step in range(16):
            share = step / 15
            mixed = tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
            self.box(0, until * step / 16, 1, until * (step + 1) / 16, (mixed[0], mixed[1], mixed[2]))

    def text(self, x: float, y: float, words: str, fill: Colour, size: float = 0.06) -> None:
        """Words whose height is a share of the screen's."""
        self.draw.text(self._place(x, y), words, fill, ImageFont.load_default(max(6, size * self.height)))

    def figure(self, x: float, y: float, tall: float, shirt: Colour) -> None:
        """Somebody standing with their feet at (x, y)."""
        wide, trousers = tall * 0.28 * self.height / self.width, self.colour(light=0.3)
        self.box(x - wide * 0.7, y - tall * 0.45, x + wide * 0.7, y, trousers)
        self.box(x - wide, y - tall * 0.8, x + wide, y - tall * 0.4, shirt)
        self.disc(x, y - tall * 0.88, tall * 0.13, self.colour(0.08, 0.4, 0.7))


def caption(screen: Screen) -> None:
    """A counter in some corner: any game has one."""
    x, y = screen.rng.choice([0.02, 0.4, 0.75]), screen.rng.choice([0.02, 0.9])
    words = f"{screen.rng.choice(WORDS)} {screen.count(0, 9999)}"
    if screen.chance(0.4):
        screen.box(x - 0.01, y - 0.01, x + 0.24, y + 0.09, screen.colour(light=0.25))
    screen.text(x, y, words, screen.colour(vivid=0.3, light=0.95), screen.between(0.05, 0.08))


def bar(screen: Screen) -> None:
    """Health, boost, stamina, progress."""
    x, y, wide = screen.between(0.02, 0.7), screen.rng.choice([0.03, 0.1, 0.92]), screen.between(0.12, 0.3)
    screen.box(x, y, x + wide, y + 0.035, (30, 30, 30))
    screen.box(x, y, x + wide * screen.between(0.1, 1), y + 0.035, screen.colour(vivid=0.9))


def small_map(screen: Screen) -> None:
    """The whole field in a corner."""
    x, y = screen.rng.choice([0.02, 0.8]), screen.rng.choice([0.04, 0.68])
    screen.box(x, y, x + 0.17, y + 0.26, screen.colour(0.3, 0.4, 0.35), screen.colour(vivid=0.1, light=0.9))
    for _ in range(screen.count(3, 9)):
        screen.disc(x + screen.between(0.01, 0.16), y + screen.between(0.02, 0.24), 0.012, screen.colour(vivid=0.9))


def menu(screen: Screen) -> None:
    """A pause menu that hides the middle of the game."""
    dark, light = screen.colour(vivid=0.3, light=0.2), screen.colour(vivid=0.2, light=0.9)
    left, top, right = screen.between(0.05, 0.25), screen.between(0.05, 0.2), screen.between(0.75, 0.95)
    screen.box(left, top, right, screen.between(0.75, 0.95), dark, light)
    for number, word in enumerate(("RESUME", "OPTIONS", "RESTART", "QUIT")):
        screen.text(left + 0.1, top + 0.1 + number * 0.14, word, light, 0.08)


def banner(screen: Screen) -> None:
    """A message over the game."""
    top, words = screen.between(0.3, 0.5), str(screen.rng.choice(["GAME OVER", "PAUSED", "YOU WIN", "LOADING", "GO!"]))
    screen.box(0, top, 1, top + 0.2, screen.colour(vivid=0.4, light=0.3))
    screen.text(screen.between(0.2, 0.5), top + 0.04, words, screen.colour(vivid=0.3, light=0.95), 0.12)
