"""An image as a language model gets it: small, upright, and without what a camera wrote into the file."""

import base64
from io import BytesIO

EDGE = 512  # pixels of its longer side: enough to recognise what is on it


def picture(image: bytes) -> str | None:
    """A JPEG of its pixels alone, in base64; None of what Pillow can't read. Takes processor time."""
    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(image)) as opened:
            opened.draft("RGB", (EDGE, EDGE))  # a large JPEG is decoded small at once
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    upright.thumbnail((EDGE, EDGE))
    bare = Image.new("RGB", upright.size)  # has no metadata that saving could carry over
    bare.paste(upright)
    written = BytesIO()
    bare.save(written, "JPEG", quality=80)
    return base64.b64encode(written.getvalue()).decode("ascii")
