"""FastAPI by hand for an image upload: `uvicorn upload:app`, started as `app.py` is; Pillow decodes, `tf.function` predicts.

BENCH_VARIANT: `def` runs the handler in the thread pool, `async def` on the event loop.
"""

import os
from io import BytesIO
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
from fastapi import FastAPI, File
from PIL import Image
from pydantic import BaseModel

app = FastAPI()
model = keras.saving.load_model(Path(os.environ["BENCH_MODELS"], f"{os.environ['BENCH_MODEL']}.keras"))
shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
call = tf.function(lambda batch: model(batch, training=False), input_signature=[shape])
Upload = Annotated[bytes, File()]


class Answer(BaseModel):
    """The class by its number."""

    predictions: list[int]


def answer(file: bytes) -> Answer:
    """Decode, shrink, predict."""
    pixels = np.asarray(Image.open(BytesIO(file)).convert("RGB").resize(model.input_shape[1:3]))
    return Answer(predictions=[int(call(tf.constant(pixels[None])).numpy().argmax())])


if "async" in os.environ["BENCH_VARIANT"]:

    @app.post("/predict")
    async def predict(file: Upload) -> Answer:
        return answer(file)

else:

    @app.post("/predict")
    def predict(file: Upload) -> Answer:
        return answer(file)
