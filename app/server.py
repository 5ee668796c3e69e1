"""One ASGI app: the pages, the /api routes, start-up and shut-down.

Either of these starts it:

    latent-explorer [--host 127.0.0.1] [--port 8501] [--home DIR] [--data-dir DIR] [--origin URL] [--embed-in URL]
                    [--launcher ray --ray-address URL] [--retry N]
    streamlit run app/server.py
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:  # `streamlit run app/server.py` puts app/ on the path, not its parent
    sys.path.insert(0, str(HERE.parent))

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from app.components.server_watch import COMMAND_VARIABLE, USUAL  # noqa: E402
from app.services import runs, warm_up  # noqa: E402
from app.web import ROUTES, guards  # noqa: E402
from app.web.first_script import FirstScript  # noqa: E402
from app.web.guards import is_loopback  # noqa: E402
from vae_core.errors import VaeCoreError  # noqa: E402
from vae_core.memory import few_arenas  # noqa: E402
from vae_core.places import DATA_VARIABLE, HOME_VARIABLE, LOOK_VARIABLE, Places, look_only  # noqa: E402
from vae_core.runs.launchers import chosen  # noqa: E402
from vae_core.runs.launchers.switches import add_launcher_switches, launching  # noqa: E402


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    tell_streamlit()
    threading.Thread(target=warm_up.warm_up, name="warm-up", daemon=True).start()
    yield
    warm_up.shut_down()


MIDDLEWARE = [
    Middleware(guards.Frames),
    Middleware(guards.OwnNames),
    Middleware(guards.OnlyLooking),
    Middleware(FirstScript),
]


def tell_streamlit() -> None:
    """Let Streamlit know of the addresses and sites that `app.web.guards` reads from the environment.

    Raises ValueError for one that is no origin.
    """
    from streamlit import config

    config.set_option("server.corsAllowedOrigins", guards.listed(guards.ORIGINS_VARIABLE))
    # a frame on another site gets no cookie, by which Streamlit knows its own pages; the guard knows them by their origin
    config.set_option("server.enableXsrfProtection", not guards.listed(guards.FRAMES_VARIABLE))


app = st.App(HERE / "main.py", routes=ROUTES, lifespan=lifespan, middleware=MIDDLEWARE)


def origin(text: str) -> str:
    """A switch's value as an origin. Raises argparse.ArgumentTypeError."""
    try:
        return guards.origin_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(argv: list[str] | None = None) -> int:
    """The command `latent-explorer`."""
    parser = argparse.ArgumentParser(
        prog="latent-explorer", description="Open Latent Explorer in the browser."
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; default 127.0.0.1, this machine only"
    )
    parser.add_argument("--port", type=int, default=8501, help="port to listen on; default 8501")
    parser.add_argument(
        "--home", metavar="DIR", help="where runs and datasets lie; default ~/.latent-explorer"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="torchvision's root; default HOME/downloads")
    parser.add_argument(
        "--jobs", type=int, metavar="N",
        help="runs that train at a time; default 1, on a cluster as many as it has room for",
    )  # fmt: skip
    add_launcher_switches(parser, chosen())
    parser.add_argument(
        "--origin", action="append", default=[], type=origin, metavar="URL",
        help="address under which browsers reach this server, such as https://lab.example behind a proxy; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--embed-in", action="append", default=[], type=origin, metavar="URL",
        help="a site whose pages may show this app in a frame, such as https://course.example; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--look-only", action="store_true",
        help="visitors may look at everything; whatever would train, import, change or delete something is refused",
    )  # fmt: skip
    given = sys.argv[1:] if argv is None else argv
    args = parser.parse_args(given)
    if args.jobs is not None and args.jobs < 1:
        parser.error(f"--jobs {args.jobs}: expected 1 or more")
    if not 0 < args.port < 65536:
        parser.error(f"--port {args.port}: expected 1 to 65535")
    try:
        launch = launching(args)
    except VaeCoreError as error:
        parser.error(str(error))
    places = Places.find(args.home, args.data_dir)
    os.environ[HOME_VARIABLE], os.environ[DATA_VARIABLE] = str(places.home), str(places.data_dir)
    os.environ[guards.HOST_VARIABLE] = args.host
    for variable, sites in ((guards.ORIGINS_VARIABLE, args.origin), (guards.FRAMES_VARIABLE, args.embed_in)):
        if sites:
            os.environ[variable] = " ".join(sites)
    if args.look_only:
        os.environ[LOOK_VARIABLE] = "1"
    launch.to_environment()
    os.environ[runs.RETRY_VARIABLE] = str(launch.retry)
    if args.jobs is not None:
        os.environ[runs.JOBS_VARIABLE] = str(args.jobs)
    os.environ[COMMAND_VARIABLE] = shlex.join([USUAL, *given])
    try:
        places.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(
            f"latent-explorer: cannot write to {places.home}: {error.strerror}; choose another --home",
            file=sys.stderr,
        )
        return 1
    if not is_loopback(args.host) and not look_only():
        print(
            f"Warning: listening on {args.host}. Whoever reaches this address can train runs, import images "
            "and delete what is here; there are no passwords.",
            file=sys.stderr,
        )
    return serve(args.host, args.port)


def serve(host: str, port: int) -> int:
    """Serve until stopped; prints the address once it answers."""
    import socket

    import uvicorn
    from streamlit import config

    few_arenas()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                shown = "localhost" if is_loopback(host) or host in ("0.0.0.0", "::") else host
                shown = f"[{shown}]" if ":" in shown else shown
                print(
                    f"Latent Explorer is ready at http://{shown}:{port}  (Ctrl-C ends it; runs go on)",
                    flush=True,
                )

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
    except OSError as error:
        print(
            f"latent-explorer: cannot listen on {host}:{port}: {error.strerror or error}. Another program may use "
            "that port: choose another with --port",
            file=sys.stderr,
        )
        return 1
    config.set_option("server.port", port)
    config.set_option("server.address", host)
    Server(uvicorn.Config(app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2)).run(
        sockets=[listener]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
