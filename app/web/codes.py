"""Routes that decode codes, encode drawings, and list the codes of a run's images."""

from __future__ import annotations

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from app.services import models, neighbours, runs
from app.web.requests import (
    IMMUTABLE,
    NO_STORE,
    Json,
    RefusedError,
    check_size,
    compute_turn,
    computes,
    computes_from,
    current_model,
    require_stamp,
    whole_number,
)

DRAWING_BYTES = 512 * 512  # of the largest drawing
MOST_CODES = 4 * 512 * models.DECODE_BATCH  # bytes of the widest codes that a setting allows


@computes_from(MOST_CODES)
def decode(request: Request, body: bytes) -> Response:
    """Decode codes: body float32 (B, D), little-endian, B <= models.DECODE_BATCH -> uint8 (B, H, W, C)."""
    run = runs.store().find(request.path_params["run"])
    require_stamp(request, run.stamp())
    width = 4 * run.record().effective.model.latent_dim
    check_size(len(body), models.DECODE_BATCH * width)
    if not body or len(body) % width:
        raise RefusedError(400, f"expected float32 codes of {width // 4} numbers each, got {len(body)} bytes")
    codes = np.frombuffer(body, "<f4").reshape(-1, width // 4).copy()
    with compute_turn():
        pictures = current_model(request, run).decode_uint8(codes)
    return Response(
        np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)).tobytes(),
        media_type="application/octet-stream",
        headers=NO_STORE,
    )


@computes_from(DRAWING_BYTES)
def encode(request: Request, body: bytes) -> Response:
    """Encode a drawing: body uint8 (height, width) -> its posterior, and the picture that was encoded.

    Answers {"mean": [D], "std": [D], "width", "height", "channels", "picture": base64 of uint8 (H, W, C)}
    """
    import base64

    from vae_core.data.user.drawing import BOX, as_digit

    run = runs.store().find(request.path_params["run"])
    require_stamp(request, run.stamp())
    width, height = whole_number(request, "width", 8, 512), whole_number(request, "height", 8, 512)
    if len(body) != width * height:
        raise RefusedError(400, f"expected {width}×{height} bytes, got {len(body)}")
    record = run.record()
    channels, side, _ = record.shape or (1, 28, 28)
    # scikit-learn's digits fill their picture; MNIST's have a margin, and most others are made like MNIST
    box = 1.0 if record.effective.data.dataset == "digits" else BOX
    digit = as_digit(np.frombuffer(body, np.uint8).reshape(height, width), side, box=box)
    with compute_turn():
        model = current_model(request, run)
        prepared = model.prepare(digit)
        posterior = model.encode(prepared)
    return Json(
        {"mean": posterior.mean[0].tolist(), "std": posterior.std[0].tolist(), "width": side, "height": side,
         "channels": channels,
         "picture": base64.b64encode(np.ascontiguousarray(prepared[0].transpose(1, 2, 0)).tobytes()).decode()},
        headers=NO_STORE,
    )  # fmt: skip


@computes
def code_sample(request: Request) -> Response:
    """Where the run's images lie in the code space of the present weights: the header of a neighbours.CodeSample.

    Answers 202 while it is being computed.
    """
    run = runs.store().find(request.path_params["run"])
    found = neighbours.code_sample(run)
    return _not_yet() if found is None else Json(found.header(), headers=NO_STORE)


def _not_yet() -> Response:
    return Json({"wait": True}, 202, headers=NO_STORE)


@computes
def code_sample_points(request: Request) -> Response:
    """The sample's arrays, little-endian and one after the other; 202 while they are being computed.

    Posterior means float32 (N, D), image numbers int32 (N,), classes int32 (N,).
    """
    run = runs.store().find(request.path_params["run"])
    found = neighbours.code_sample(run)
    if found is None:
        return _not_yet()
    if request.path_params["version"] != found.version:
        return Json({"error": "the weights changed; fetch cloud.json again"}, 410, headers=NO_STORE)
    return Response(found.points(), media_type="application/octet-stream", headers=IMMUTABLE)


@computes
def searched_codes(request: Request) -> Response:
    """The same arrays for all training images; 202 while they are being encoded."""
    run = runs.store().find(request.path_params["run"])
    current = neighbours.code_sample(run)
    if current is None:
        return _not_yet()
    if request.path_params["version"] != current.version:
        return Json({"error": "the weights changed; fetch cloud.json again"}, 410, headers=NO_STORE)
    found = neighbours.searched_codes(run, current.version)
    if found is None:
        return _not_yet()
    if not found:
        return Json(
            {"error": "not all images could be encoded; the server's log says why"}, 409, headers=NO_STORE
        )
    return Response(found, media_type="application/octet-stream", headers=IMMUTABLE)
