"""What remains of an answered request: a count in the metrics, a row in the log."""

import logging
from collections.abc import Sequence
from time import perf_counter, time

from registry.sidecar.frames import PredictionRow, RequestRow
from services.kept_images import KeptImages
from services.metrics import RequestMetrics
from services.request import RequestContext
from services.request_log import RequestLog

log = logging.getLogger("modelport.record")


class Record:
    """Counts and logs each request once; one whose client left before it was answered is neither."""

    def __init__(self, metrics: RequestMetrics, log: RequestLog, images: KeptImages) -> None:
        self._metrics, self._log, self._images = metrics, log, images

    def begin(self, context: RequestContext) -> None:
        """A request came in."""
        self._metrics.begin()
        if context.path == "/metrics":
            self._metrics.publish()

    def end(self, context: RequestContext) -> None:
        """It is answered, or given up."""
        for bring_back in context.at_end:
            try:
                bring_back()
            except Exception:  # the others must still be brought back, and the request recorded
                log.exception("request %s could not bring back what it held", context.id)
        if context.left:
            return self._metrics.abandon()
        seconds = perf_counter() - context.started
        status = context.status or 500
        self._metrics.end(context.route, status, seconds)
        if not context.exempt:
            predictions = self._predictions(context) if context.remembered and status < 400 else ()
            self._log.put(row_of(context, status, seconds, predictions))

    def _predictions(self, context: RequestContext) -> list[PredictionRow]:
        """What is remembered of the request; a row names no image that there is no room for."""
        kept = (image is None or self._images.put(str(row[-1]), image) for row, image in context.remembered)
        return [
            row if is_kept else (*row[:-1], None) for (row, _), is_kept in zip(context.remembered, kept, strict=True)
        ]


def row_of(
    context: RequestContext, status: int, seconds: float, predictions: Sequence[PredictionRow] = ()
) -> RequestRow:
    """The log row of an answered request: `frames.COLUMNS`, and its predictions."""
    return (
        context.row_id,
        context.endpoint.id if context.endpoint is not None else None,
        context.key.id if context.key is not None else None,
        context.method,
        context.route,
        status,
        seconds,
        time(),
        context.error,
        context.identity.user.id if context.identity is not None else None,
        None if context.id is context.row_id else context.id,
        predictions,
    )
