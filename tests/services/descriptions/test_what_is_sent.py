"""What leaves the machine: the prediction, the picture where the operator allows it, and nothing of the environment."""

import asyncio
import base64
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from registry.settings import settings
from services.descriptions import Description, Reason, describe
from services.descriptions.anthropic_messages import Anthropic
from services.descriptions.openai_chat import OpenAI
from services.descriptions.picture import EDGE, picture
from services.descriptions.question import LONGEST_NAME, MOST_CATEGORIES, prediction_text
from services.worker import Worker
from tests.services.descriptions.language_models import (
    KEY,
    Asked,
    Wire,
    both,
    configure,
    language_model,
    never,
)


def photograph(kind: str = "JPEG", size: tuple[int, int] = (1600, 800)) -> bytes:
    """An image that is red at its left and says who took it, on its side as far as its pixels go."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x0112] = "marker-title", "marker-artist", 6
    written = BytesIO()
    more = {"comment": "marker-comment", "xmp": b"<x>marker-xmp</x>"} if kind == "JPEG" else {}
    image.save(written, kind, exif=exif, **more)
    return written.getvalue()


def sent(patch: pytest.MonkeyPatch, wire: Wire, image: bytes | None, **others: str) -> Asked:
    """What goes to the provider with a prediction of that image."""

    async def main() -> Asked:
        async with language_model(wire.says("Fine.")) as model:
            configure(patch, wire, model.port, **others)
            told = await describe(wire.provider, category="chess", probabilities={"chess": 1.0}, image=image)
            assert told == Description("Fine.")
            return model.asked[0]

    return asyncio.run(main())


@both
def test_an_image_stays_here_unless_the_operator_allows_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire
) -> None:
    with_image = sent(monkeypatch, wire, photograph())
    assert with_image.body == sent(monkeypatch, wire, None).body
    assert wire.images_of(with_image.body) == []


@both
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_allowed_image_is_small_and_upright_and_bare(
    home: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire, kind: str
) -> None:
    assert b"marker" in photograph(kind)
    asked = sent(monkeypatch, wire, photograph(kind), DESCRIBE_IMAGES="true")
    (text,) = wire.images_of(asked.body)
    data = base64.b64decode(text, validate=True)
    assert b"marker" not in data and b"Exif" not in data
    image = Image.open(BytesIO(data))
    assert (image.format, image.size) == ("JPEG", (EDGE // 2, EDGE))
    top, bottom = image.getpixel((128, 10)), image.getpixel((128, EDGE - 10))
    assert isinstance(top, tuple) and isinstance(bottom, tuple)
    assert top[0] > 200 > 50 > top[2] and bottom[2] > 200 > 50 > bottom[0]


@both
def test_what_is_no_image_is_left_out(home: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    asked = sent(monkeypatch, wire, b"GIF89a, or so it says", DESCRIBE_IMAGES="true")
    assert wire.images_of(asked.body) == []


@given(
    kind=st.sampled_from(["PNG", "GIF", "WEBP", "TIFF"]), mode=st.sampled_from(["1", "L", "LA", "P", "RGBA", "CMYK"])
)
def test_every_kind_of_pixels_becomes_a_picture(kind: str, mode: str) -> None:
    written = BytesIO()
    try:
        Image.new(mode, (3, 2)).save(written, kind)
    except (OSError, ValueError):
        return  # that format has no such pixels
    assert picture(written.getvalue())


@given(
    category=st.one_of(st.text(), st.integers(), st.booleans()),
    probabilities=st.none() | st.dictionaries(st.text(), st.floats(0, 1), max_size=30),
)
def test_names_are_data_however_they_are_written(
    category: str | int | bool, probabilities: dict[str, float] | None
) -> None:
    text = prediction_text(category, probabilities)
    assert text.isprintable() and text.encode()  # on one line, and no half of a character
    told = json.loads(text)
    names = [told["category"], *(name for name, _ in told["probabilities"])]
    assert len(names) <= 1 + MOST_CATEGORIES and all(len(name) <= LONGEST_NAME for name in names)
    assert [probability for _, probability in told["probabilities"]] == sorted(
        (round(probability, 3) for probability in (probabilities or {}).values()), reverse=True
    )[:MOST_CATEGORIES]


@both
def test_nothing_of_the_environment_has_a_say(home: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    async def main() -> Asked:
        async with language_model(wire.says("Fine.")) as model, language_model(never) as elsewhere:
            configure(monkeypatch, wire, model.port)
            there = f"http://127.0.0.1:{elsewhere.port}"
            for name in ("OPENAI", "ANTHROPIC"):
                monkeypatch.setenv(f"{name}_API_KEY", "stray")
                monkeypatch.setenv(f"{name}_BASE_URL", there)
                headers = "authorization: stray\nX-Api-Key: stray\nHost: stray\nUser-Agent: stray\nX-Stray: 1"
                monkeypatch.setenv(f"{name}_CUSTOM_HEADERS", headers)
            for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "ANTHROPIC_AUTH_TOKEN"):
                monkeypatch.setenv(name, "stray")
            for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, there)
            monkeypatch.setenv("SSL_CERT_FILE", str(home / "stray.pem"))
            told = await describe(wire.provider, category="chess", probabilities=None)
            assert told == Description("Fine.")
            assert elsewhere.opened == 0
            return model.asked[0]

    asked = asyncio.run(main())
    assert "stray" not in f"{asked.headers} {asked.body}".lower()
    ours = {"host", "content-type", "content-length", "accept", "accept-encoding", "user-agent", "connection"}
    assert set(asked.headers) - {"anthropic-version"} <= ours | {wire.credentials[0]}


def test_without_settings_of_ours_the_providers_own_addresses_are_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"MODELPORT_{name}_API_KEY", KEY)
        monkeypatch.setenv(f"{name}_BASE_URL", "http://stray.example")
    assert str(OpenAI(settings())._client.base_url) == "https://api.openai.com/v1/"
    assert str(Anthropic(settings())._client.base_url).rstrip("/") == "https://api.anthropic.com"


@both
def test_without_the_extra_the_reason_names_it(home: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    for module in ("openai_chat", "anthropic_messages"):
        monkeypatch.delitem(sys.modules, f"services.descriptions.{module}")
    monkeypatch.setitem(sys.modules, wire.provider, None)
    configure(monkeypatch, wire, 9)
    told = asyncio.run(describe(wire.provider, category="chess", probabilities=None))
    assert told == Description(None, Reason.NEEDS_EXTRA)


def test_the_sdks_are_imported_when_they_are_needed_and_not_before() -> None:
    code = "import sys, services.worker; print({'openai', 'anthropic', 'httpx2', 'PIL'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "set()\n"


@both
def test_a_worker_hangs_up_when_it_stops(empty_home: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    async def main() -> None:
        async with language_model(wire.says("Fine.")) as model:
            configure(monkeypatch, wire, model.port)
            worker = Worker()
            await worker.start({})
            assert (await describe(wire.provider, category="chess", probabilities=None)).text == "Fine."
            assert model.connections == 1
            await worker.stop()
            await model.until(lambda: model.connections == 0)

    asyncio.run(main())
