"""FastAPI by hand: `uvicorn app:app`, with uvicorn[standard]'s uvloop and httptools, no access log, one worker.

The declared return type lets FastAPI serialise in pydantic-core, which its documentation calls the fastest way.
BENCH_VARIANT: `def` runs the handler in the thread pool, `async def` on the event loop.
"""

import os

from fastapi import FastAPI
from predictors import load
from shapes import Answer, Body, plain

app = FastAPI()
predict_rows = load()

if os.environ["BENCH_VARIANT"].startswith("async"):

    @app.post("/predict")
    async def predict(body: Body) -> Answer:
        return Answer(predictions=predict_rows(plain(body)))

else:

    @app.post("/predict")
    def predict(body: Body) -> Answer:
        return Answer(predictions=predict_rows(plain(body)))
