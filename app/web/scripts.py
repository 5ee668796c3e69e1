"""Routes to the health check and to the scripts that the components load."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app import components
from app.web.requests import IMMUTABLE, NO_STORE, Json, answers


async def health(request: Request) -> Response:
    """Whether the server answers: at once, whatever its threads do."""
    return Json({"status": "ok"}, headers=NO_STORE)


@answers
def script(request: Request) -> Response:
    """A component's JavaScript module; the digest names the content of all, so it is cached for good."""
    path = components.module_path(request.path_params["digest"], request.path_params["name"])
    if path is None:
        sentence = "there is no such script; the app may have been updated: reload the page"
        return Json({"error": sentence}, 404, headers=NO_STORE)
    return FileResponse(path, media_type="text/javascript", headers=IMMUTABLE)


@answers
def plotly_script(request: Request) -> Response:
    """plotly.js as the installed plotly package carries it."""
    import plotly

    path = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return FileResponse(path, media_type="text/javascript", headers=IMMUTABLE)
