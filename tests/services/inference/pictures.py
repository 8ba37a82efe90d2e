"""Images of every kind that people send, good and bad, made on the spot: one scene, four colours in its four corners."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageOps

HEIGHT, WIDTH = 48, 64
RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (20, 20, 220), (255, 255, 255)
CORNERS = (RED, GREEN, BLUE, WHITE)  # upper left, upper right, lower left, lower right
GREYS = tuple((round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in CORNERS)


def scene() -> Image.Image:
    """The picture that every good file shows."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for index, colour in enumerate(CORNERS):
        row, column = divmod(index, 2)
        pixels[row * 24 : row * 24 + 24, column * 32 : column * 32 + 32] = colour
    return Image.fromarray(pixels)


def written(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A file of an image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> bytes:
    """The block that says which way is up."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def lying(orientation: int) -> Image.Image:
    """The scene as a camera stores it that was held in that way."""
    undone = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    image = scene()
    image.getexif()[0x0112] = undone
    return ImageOps.exif_transpose(image)


def chunk(name: bytes, data: bytes) -> bytes:
    """A piece of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    """A PNG put together by hand."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    parts = (head, *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep_png() -> bytes:
    """The scene with 16 bits a channel."""
    deep = (np.asarray(scene()).astype(np.uint16) * 256 + 77).astype(">u2")
    return png(WIDTH, HEIGHT, 16, 2, b"".join(b"\0" + row.tobytes() for row in deep))


def right() -> Iterator[tuple[str, bytes, bool]]:
    """Files that must be answered with the scene: what it is, its bytes, and whether it is grey."""
    picture = scene()
    clear = picture.convert("RGBA")
    clear.putalpha(Image.fromarray((np.asarray(picture).min(axis=2) != 255).astype(np.uint8) * 255))  # white is clear
    grey = picture.convert("L")
    for quality, sampling, progressive in ((95, 0, False), (95, 2, False), (90, 0, True), (60, 1, True)):
        options = {"quality": quality, "subsampling": sampling, "progressive": progressive}
        yield f"JPEG {quality} {sampling} {progressive}", written(picture, "JPEG", **options), False
    yield "JPEG in CMYK", written(picture.convert("CMYK"), "JPEG", quality=95), False
    yield "JPEG in grey", written(grey, "JPEG"), True
    yield "JPEG with something behind", written(picture, "JPEG", quality=95) + b"\0" * 100, False
    yield "JPEG of two pictures", written(picture, "MPO", quality=95, save_all=True, append_images=[picture]), False
    yield (
        "JPEG with a broken EXIF block",
        written(picture, "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff"),
        False,
    )
    yield "large JPEG", written(picture.resize((1600, 1200), Image.Resampling.NEAREST), "JPEG"), False
    for orientation in range(10):  # 0 and 9 mean nothing
        stored = lying(orientation) if 1 <= orientation <= 8 else picture
        for kind in ("JPEG", "PNG", "WEBP"):
            options = {"lossless": True} if kind == "WEBP" else {"quality": 95}
            yield f"{kind} held as {orientation}", written(stored, kind, exif=exif(orientation), **options), False
    yield "PNG", written(picture, "PNG"), False
    yield "PNG with a palette", written(picture.quantize(8), "PNG"), False
    yield "PNG with alpha", written(clear, "PNG"), False
    yield "PNG with a palette and a clear colour", written(clear.quantize(8), "PNG"), False
    yield "PNG with a clear colour", written(picture, "PNG", transparency=WHITE), False
    yield "PNG in grey", written(grey, "PNG"), True
    yield "PNG in grey with alpha", written(grey.convert("LA"), "PNG"), True
    yield "PNG in grey of 16 bits", written(Image.fromarray(np.asarray(grey).astype(np.uint16) * 256 + 77), "PNG"), True
    yield "PNG of 16 bits", deep_png(), False
    yield "PNG with something behind", written(picture, "PNG") + b"PK\x03\x04", False
    yield "large PNG", written(picture.resize((1600, 1200), Image.Resampling.NEAREST), "PNG"), False
    yield "WebP", written(picture, "WEBP", quality=95), False
    yield "lossless WebP", written(picture, "WEBP", lossless=True), False
    yield "WebP with alpha", written(clear, "WEBP", lossless=True), False


def wrong() -> Iterator[tuple[str, bytes, int]]:
    """Files that must be refused, and with which status."""
    yield from _nothing_of_the_kind()
    yield from _damaged()
    yield from _moving()
    yield from _too_large()


def _nothing_of_the_kind() -> Iterator[tuple[str, bytes, int]]:
    picture = scene()
    for kind in (
        "GIF",
        "BMP",
        "TIFF",
        "ICO",
        "PPM",
        "TGA",
        "PCX",
        "JPEG2000",
        "DDS",
        "SGI",
        "AVIF",
        "PDF",
        "EPS",
        "ICNS",
    ):
        yield f"a {kind} file", written(picture, kind), 415
    texts = {
        "a PDF named .png": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        "a page": b"<!doctype html><img src=x onerror=alert(1)>",
        "JSON": b'{"file": "x"}',
        "a URL": b"http://169.254.169.254/latest/meta-data/",
        "a file's URL": b"file:///etc/passwd",
        "base64": b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
        "a data URL": b"data:image/png;base64,iVBORw0KGgo=",
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64,
        "a film": b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\0" * 64,
        "WAVE": b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 32,
        "half of WebP's mark": b"RIFF\x24\0\0\0WEB",
        "a program": b"\x7fELF\x02\x01\x01" + b"\0" * 64,
        "a ZIP archive": b"PK\x03\x04" + b"\0" * 64,
        "a compressed PNG": gzip.compress(written(picture, "PNG")),
        "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "a PNG behind a space": b" " + written(picture, "PNG"),
        "a PNG behind a byte order mark": b"\xef\xbb\xbf" + written(picture, "PNG"),
        "a PNG changed by a text transfer": written(picture, "PNG").replace(b"\r\n", b"\n"),
        "one byte": b"\xff",
        "two bytes of a JPEG": b"\xff\xd8",
        "a line end": b"\n",
        "zeros": b"\0" * 1000,
        "a NumPy array": b"\x93NUMPY\x01\0" + b"\0" * 64,
    }
    yield from ((what, data, 415) for what, data in texts.items())
    for seed in range(5):
        yield f"noise {seed}", np.random.default_rng(seed).bytes(500), 415


def _damaged() -> Iterator[tuple[str, bytes, int]]:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    whole = {kind: written(picture, kind) for kind in ("JPEG", "PNG", "WEBP")}
    yield "no bytes", b"", 400
    for kind, data in whole.items():
        for part in (0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95):
            cut = data[: max(12, int(len(data) * part))]
            yield f"{kind} cut off at {part}", cut, 400
    head = whole["PNG"]
    for name in (b"IHDR", b"IDAT"):
        at = head.index(name)
        yield f"PNG whose {name.decode()} has another sum", head[: at + 6] + b"\x7e" + head[at + 7 :], 400
    row = b"\0" + b"\x80" * 3 * WIDTH
    for depth, colour in ((3, 2), (0, 0), (255, 255), (16, 3), (8, 5)):
        yield f"PNG of depth {depth} and kind {colour}", png(WIDTH, HEIGHT, depth, colour, row * HEIGHT), 400
    for width, height in ((0, 0), (0, 10), (10, 0)):
        yield f"PNG of {width} by {height}", png(width, height, 8, 2, b""), 400
    yield "PNG whose rows are no zlib", whole["PNG"].replace(b"IDAT\x78", b"IDAT\x00"), 400
    yield "PNG without its pixels", b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), 400
    yield "PNG with a palette that isn't there", png(WIDTH, HEIGHT, 8, 3, row * HEIGHT)[:-40], 400
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 80_000_000, 9))
    yield "PNG with a bomb in its text", png(WIDTH, HEIGHT, 8, 2, row * HEIGHT, text), 400
    yield "JPEG without its tables", whole["JPEG"][:20] + whole["JPEG"][-60:], 400
    yield "JPEG of nothing but its mark", b"\xff\xd8\xff\xe0" + b"\0" * 50, 400
    yield "JPEG that ends at once", b"\xff\xd8\xff\xd9", 400
    yield "WebP of nothing but its mark", b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 24, 400
    yield "WebP with a PNG inside", b"RIFF\xff\0\0\0WEBP" + whole["PNG"], 400


def _moving() -> Iterator[tuple[str, bytes, int]]:
    one, other = scene(), ImageOps.mirror(scene())
    for kind, frames in (("PNG", 2), ("PNG", 5), ("WEBP", 2), ("WEBP", 5)):
        more = [other, one, other, one][: frames - 1]
        yield f"animated {kind} of {frames}", written(one, kind, save_all=True, append_images=more, duration=50), 400


def _too_large() -> Iterator[tuple[str, bytes, int]]:
    """Bombs: heads that promise more pixels than are accepted, with next to nothing behind them."""
    for width, height in ((5001, 5000), (25_000_001, 1), (1, 25_000_001), (10_000, 10_000), (30_000, 30_000)):
        yield f"PNG of {width} by {height}", png(width, height, 1, 0, b"\0"), 413
    for side in (0x1389, 0x4000, 0xFFDC):
        jpeg = bytearray(written(scene(), "JPEG"))
        at = jpeg.index(b"\xff\xc0") + 5
        jpeg[at : at + 4] = struct.pack(">HH", side, side)
        yield f"JPEG of {side} by {side}", bytes(jpeg), 413
    yield "PNG of ten million bytes", written(scene(), "PNG") + b"\0" * 10_000_000, 413
