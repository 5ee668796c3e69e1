"""A page with nothing but one component over planted data, such as a map of more points than any test could encode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from servers import free_port, wait_until_it_answers

SERVER = """
import streamlit as st
from app import web
app = st.App({page!r}, routes=web.ROUTES)
"""
PAGE = """
import numpy as np, streamlit as st
from synthetic import clusters
st.set_page_config(layout="wide")
n, way = int(st.query_params["n"]), st.query_params["way"]
xy, k = clusters(n)
names = [str(i) for i in range(10)]
if way == "map":
    from app.services import run_codes, runs
    from app.components import map
    run = runs.store().find("digits")
    kept = run_codes.codes(run)
    numbers = np.resize(kept.index, n)
    data = map.points(run.id, run.stamp(), kept.split, xy, numbers)
    map.latent_map(data | {"title": "clusters", "x": "x", "y": "y", "colour": map.classes(k, names, "label"), "chosen": -1},
                   "map", on_point=lambda: None, on_selection=lambda: None, on_spot=lambda: None)
else:
    import plotly.graph_objects as go
    found = go.Figure([go.Scattergl(x=xy[k == i, 0], y=xy[k == i, 1], mode="markers", marker={"size": 3}) for i in range(10)])
    found.update_layout(dragmode="pan", height=560, uirevision="keep")
    st.plotly_chart(found, config={"scrollZoom": True})
"""


def clusters(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) float32 in ten round clusters, and which cluster each is of."""
    rng = np.random.default_rng(0)
    k = rng.integers(0, 10, n)
    return (6 * rng.normal(size=(10, 2))[k] + rng.normal(size=(n, 2))).astype(np.float32), k


def serve(folder: Path, page: str = PAGE) -> tuple[subprocess.Popen, str]:
    """Serve a page, that of the map with ?n=POINTS&way=map or plotly: the server's process and its address."""
    (folder / "page.py").write_text(page)
    (folder / "bench_server.py").write_text(SERVER.format(page=str(folder / "page.py")))
    port = free_port()
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "LATENT_EXPLORER_HOME": str(folder / "home"), "PYTHONPATH": os.pathsep.join(paths),
    }  # fmt: skip
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "bench_server.py"), "--server.port", str(port),
               "--server.headless", "true", "--browser.gatherUsageStats", "false"]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, env=environment
    )
    url = f"http://127.0.0.1:{port}"
    wait_until_it_answers(f"{url}/_stcore/health", process)
    return process, url
