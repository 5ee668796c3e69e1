"""Routes that the components fetch from, split by subject; this table names them all.

No route changes stored state. Routes are plain functions that run in threads of two pools, for what reads and for what
computes (app/web/requests.py); a body is read before a thread is taken. The health check needs none.
"""

from starlette.routing import BaseRoute, Route

from app.web import codes, decoders, maps, runs, scripts

ROUTES: list[BaseRoute] = [
    Route("/healthz", scripts.health),
    Route("/api/scripts/{digest}/{name:path}", scripts.script),
    Route("/api/plotly.min.js", scripts.plotly_script),
    Route("/api/runs/{run}/events", runs.events),
    Route("/api/runs/{run}/file/{path:path}", runs.picture_file),
    Route("/api/runs/{run}/image/{number}.png", runs.image),
    Route("/api/runs/{run}/decoder.json", decoders.decoder_header),
    Route("/api/runs/{run}/decoder-{stamp}.bin", decoders.decoder_weights),
    Route("/api/runs/{run}/dial.json", decoders.dial_header),
    Route("/api/runs/{run}/dial-{stamp}.bin", decoders.dial_weights),
    Route("/api/runs/{run}/decode", codes.decode, methods=["POST"]),
    Route("/api/runs/{run}/encode", codes.encode, methods=["POST"]),
    Route("/api/runs/{run}/cloud.json", codes.code_sample),
    Route("/api/runs/{run}/cloud-{version}.bin", codes.code_sample_points),
    Route("/api/runs/{run}/crowd-{version}.bin", codes.searched_codes),
    Route("/api/arrays/{digest}.bin", maps.array),
    Route("/api/arrays/{digest}.png", maps.array),
    Route("/api/runs/{run}/atlas/{stamp}/{split}/{digest}-{tile}.png", maps.atlas),
    Route("/api/runs/{run}/pair/{stamp}/{split}/{number}.png", maps.pair),
]
