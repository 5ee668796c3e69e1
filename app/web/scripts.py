"""Routes to the health check and to the scripts that the components load."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from app.web.requests import IMMUTABLE, NO_STORE

SCRIPTS = Path(__file__).parent.parent / "components" / "shared"


def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=NO_STORE)


def script(request: Request) -> Response:
    """Shared hand-written JavaScript; the query names its content, so it is cached for good."""
    path = SCRIPTS / request.path_params["name"]
    if path.suffix != ".js" or not path.is_file() or path.parent != SCRIPTS:
        return JSONResponse({"error": "there is no such script"}, 404)
    return FileResponse(path, media_type="text/javascript", headers=IMMUTABLE)


def plotly_script(request: Request) -> Response:
    """plotly.js as the installed plotly package carries it."""
    import plotly

    path = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return FileResponse(path, media_type="text/javascript", headers=IMMUTABLE)
