"""What colours the points."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app import words as app_words
from app.boundary import plain, sentence
from app.components.map import classes, numbers
from app.services import array_store
from app.state import address, session
from app.views.map.tables import read_table
from app.widgets import image_picker
from vae_core.data.registry import factor_words
from vae_core.errors import BadCodes, BadTable
from vae_core.inference import LoadedModel, StoredCodes
from vae_core.latent.statistics import kl_from_prior

if TYPE_CHECKING:
    from vae_core.data.factor_words import FactorWords

MOST_CLASSES = 12  # distinct values up to which a column or factor is shown as classes


def by_value(
    values: np.ndarray, title: str, digits: int = 3, words: FactorWords | None = None
) -> dict[str, Any]:
    """Numbers (N,) as classes where there are few different ones, else on a scale; with their `words` where they have some."""
    distinct, which = np.unique(values, return_inverse=True)
    if len(distinct) <= MOST_CLASSES and np.isfinite(distinct).all():
        said = [words.of(v) for v in distinct] if words is not None and words.each else []
        return classes(
            which, said if all(said) and said else app_words.numbers(distinct.tolist(), digits), title
        )
    return numbers(values, title, digits, words)


def by_text(values: list[str], title: str) -> dict[str, Any]:
    """A column as colours: numbers where all of it are, else classes, forty at most. Raises BadCodes."""
    with contextlib.suppress(ValueError):
        return by_value(np.array([float(v) if v.strip() else np.nan for v in values]), title)
    names = sorted({v for v in values if v.strip()})
    if len(names) > 40:
        raise BadCodes(
            f"the column {title!r} holds {len(names)} different texts; at most 40 can be told apart by colour"
        )
    at = {name: k for k, name in enumerate(names)}
    return classes(np.array([at.get(v, -1) for v in values]), names, title)


def colours_of_rows(colour: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    """The colours of some rows of a map."""
    if colour["kind"] == "none":
        return colour
    values = array_store.at(colour["values"])
    assert values is not None  # published a moment ago
    return colour | {"values": array_store.url(values[rows], "u1" if colour["kind"] == "classes" else "<f4")}


def colour_choice(
    everything: StoredCodes, codes: StoredCodes, model: LoadedModel, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """What colours the points, as the map takes it. A CSV is of `everything`, of which `codes` are on the map.

    `names` are the files of all images of the dataset, where they are known.
    """
    names = ["label"] if codes.labels is not None else []
    no_elbo = model.config.objective.no_elbo
    of_kl = (["KL"] if no_elbo else ["KL", "anomaly score"]) if model.stochastic else []
    names += [*codes.factor_names, "reconstruction error", *of_kl, "CSV column", "nothing"]
    by = st.selectbox(
        "Colour", names, key=address.COLOUR.name, bind=address.COLOUR.bind,
        help=f"{no_elbo} The reconstruction error is that distance."
        if no_elbo
        else "The anomaly score is −ELBO, distortion plus KL, with one sample of the posterior."
        if model.stochastic
        else "A plain autoencoder has no KL; its reconstruction error is what tells unusual images.",
    )  # fmt: skip
    kl = kl_from_prior(codes.mean, codes.log_var).sum(1) if model.stochastic else None
    if by == "label" and codes.labels is not None:
        return classes(codes.labels, list(image_picker.class_names(codes)), "label")
    if by in codes.factor_names and codes.factors is not None:
        known = factor_words(model.config.data.dataset, by)
        return by_value(codes.factors[:, codes.factor_names.index(by)], by, 2, known)
    if by == "reconstruction error":
        return numbers(
            codes.error, "distance of pictures, no nats" if no_elbo else "reconstruction error, nats"
        )
    if by == "KL" and kl is not None:
        return numbers(kl, "KL, nats per image")
    if by == "anomaly score" and kl is not None:
        return numbers(codes.error + kl, "anomaly score (−ELBO), nats")
    if by == "CSV column":
        colour = _csv(everything, names)
        return colour if everything is codes else colours_of_rows(colour, np.flatnonzero(np.isin(everything.index, codes.index)))  # fmt: skip
    return {"kind": "none", "title": ""}


def _csv(codes: StoredCodes, names: Sequence[str] | None) -> dict[str, Any]:
    nothing: dict[str, Any] = {"kind": "none", "title": ""}
    with st.popover("CSV column", icon=":material/table:"):
        file = session.upload(
            "A .csv with a header",
            type=["csv", "tsv", "txt", "jsonl"],
            key="map csv",
            help="Rows are joined by file name, where a column has them and the images came from files; else by a column image, index or number; else they are in the order of this split.",
        )
        if file is None:
            return nothing
        try:
            table, how = read_table(file.getvalue(), codes.index, names, file.name)
            st.caption(plain(f"Joined {how}."))
            column = st.selectbox("Column", list(table), key="map csv column")
            return by_text(table[column], column)
        except (BadTable, BadCodes) as error:
            st.error(sentence(error), icon=":material/error:")
            return nothing
