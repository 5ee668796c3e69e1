"""A study of planted trials, as vae_core.study.view.payload gives it with the app's pictures, and a page of it alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from vae_core import pictures

PAGE = """
import streamlit as st
from app import layout
from app.components.study import study
from synthetic_study import payload
st.set_page_config(layout="wide")
layout.apply()
layout.title("Planted", "A study of planted trials.")
ask = st.query_params.get("state", "finished")
data = payload(int(st.query_params.get("n", 24)), ask, int(st.query_params.get("fields", 3)))
asks = {"open": "Open", "longer": "Train longer", "around": "Continue around here"}
data |= {"asks": asks, "height": "max(31rem, calc(100dvh - 9rem))"}
study(data, "study", on_ask=lambda: None)
told = (st.session_state.get("study") or {}).get("asked")
if told:
    st.caption(f"asked {told['what']} of {told['trial']}, {told['run']}")
"""
FIELDS: list[dict[str, Any]] = [
    {"name": "latent_dim", "title": "Latent dimensions", "unit": "", "log": True, "kind": "number", "values": None, "low": 2, "high": 32},
    {"name": "beta", "title": "β", "unit": "", "log": True, "kind": "number", "values": None, "low": 0.1, "high": 10},
    {"name": "likelihood", "title": "Likelihood", "unit": "", "log": False, "kind": "choice", "values": ["bernoulli", "gaussian"], "low": None, "high": None},
]  # fmt: skip
GOALS = [
    {"name": "elbo", "title": "−ELBO", "unit": "nats per image", "direction": "min"},
    {"name": "active", "title": "Active dimensions", "unit": "dimensions", "direction": "max"},
]


@cache
def sheet(seed: int, across: int, down: int, side: int = 16) -> dict[str, Any]:
    """`across` × `down` planted pictures as an address in itself."""
    rng = np.random.default_rng(seed)
    ramps = np.linspace(0, 1, side)[None] * rng.uniform(0.3, 1, (across * down, side, 1))
    images = np.rint(255 * np.clip(ramps + rng.uniform(0, 0.4, ramps.shape), 0, 1)).astype(np.uint8)
    found = images.reshape(down, across, 1, side, side)
    return {
        "url": pictures.data_url(pictures.sheet(found)), "width": across * side, "height": down * side,
        "across": across, "down": down, "one": [across, 1] if down > 2 else [1, 1],
    }  # fmt: skip


def payload(count: int, state: str = "finished", fields: int = 3) -> dict[str, Any]:
    """`count` trials over the first of D, β and likelihood; better for larger D and smaller β.

    state: "finished" for one with a few that were pruned or failed, "started" where the first of them trains, "failed" where
    all have.
    """
    rng = np.random.default_rng(0)
    trials = []
    for i in range(count):
        d, beta = round(2 ** rng.uniform(1, 5)), float(10 ** rng.uniform(-1, 1))
        values = {"latent_dim": d, "beta": beta, "likelihood": ["bernoulli", "gaussian"][i % 2]}
        total = 90 + 30 / d + 8 * np.log10(beta) ** 2 + rng.normal()
        now = "failed" if state == "failed" or (state == "finished" and i % 11 == 10) else "finished"
        now = "pruned" if now == "finished" and i % 7 == 6 else now
        if state == "started":
            now = "waiting" if i else "training"
        epochs = list(range(1, {"finished": 13, "pruned": 5}.get(now, 1 if state == "started" else 3)))
        curve = [float(total + 60 / e) for e in epochs]
        known = now in ("finished", "pruned")
        shown = {
            "originals": sheet(99, 4, 2), "reconstruction": sheet(i, 4, 2), "sample": sheet(100 + i, 4, 2),
            "traversal": sheet(200 + i, 5, 4),
        }  # fmt: skip
        trials.append({
            "number": i, "run": f"planted-{i}", "title": f"planted-t{i:03d}", "seed": 0,
            "values": {f["name"]: values[f["name"]] for f in FIELDS[:fields]},
            "numbers": {"elbo": float(total) if known else None, "active": min(d, 9) if known else None, "seconds": 3.0 + i if known else None},
            "state": now, "why": "the loss became NaN at step 40" if now == "failed" else "", "progress": 0.4 if now == "training" else float(known),
            "curve": {"name": "elbo", "epoch": epochs, "value": curve}, "front": False,
            "pictures": shown if known else dict.fromkeys(shown),
        })  # fmt: skip
    able = [t for t in trials if t["numbers"]["elbo"] is not None]
    for trial in able:
        mine = trial["numbers"]
        trial["front"] = not any(
            o["numbers"]["elbo"] <= mine["elbo"] and o["numbers"]["active"] >= mine["active"] and o["numbers"] != mine
            and (o["numbers"]["elbo"], o["numbers"]["active"]) != (mine["elbo"], mine["active"]) for o in able
        )  # fmt: skip
    best = min(able, key=lambda t: t["numbers"]["elbo"])["number"] if able else None
    return {
        "name": f"planted {state} {count} {fields}", "fields": FIELDS[:fields], "goals": GOALS,
        "numbers": [*GOALS, {"name": "seconds", "title": "Seconds", "unit": "s", "direction": "min"}],
        "trials": trials, "best": best, "sentences": [],
    }  # fmt: skip
