"""Routes to the networks that the browser runs itself: a decoder, or both networks of a run with a β dial."""

from __future__ import annotations

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from app.services import models, runs
from app.web.requests import IMMUTABLE, NO_STORE, Json, computes


@computes
def decoder_header(request: Request) -> Response:
    """The decoder's layers, and the stamp under which its weights are to be fetched."""
    run = runs.store().find(request.path_params["run"])
    return Json(models.decoder_header(run), headers=NO_STORE)


@computes
def decoder_weights(request: Request) -> Response:
    """The decoder's float32 weights, little-endian; cached for good under their stamp."""
    run = runs.store().find(request.path_params["run"])
    stamp, decoder = models.browser_decoder(run)
    return _weights(request, stamp, decoder.weights)


@computes
def dial_header(request: Request) -> Response:
    """Both networks' layers of a run with a β dial, as decoder_header; 409 for a run without one."""
    run = runs.store().find(request.path_params["run"])
    return Json(models.dial_header(run), headers=NO_STORE)


@computes
def dial_weights(request: Request) -> Response:
    """The float32 weights of both networks and their gates, as decoder_weights."""
    run = runs.store().find(request.path_params["run"])
    stamp, dial = models.browser_dial(run)
    return _weights(request, stamp, dial.weights)


def _weights(request: Request, stamp: str, weights: np.ndarray) -> Response:
    if request.path_params["stamp"] != stamp:
        return Json({"error": "the weights changed; fetch the header again"}, 410, headers=NO_STORE)
    body = weights.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=IMMUTABLE)
