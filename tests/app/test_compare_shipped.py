"""The Compare page of a visitor who has trained nothing: the shipped models, with all their numbers."""

from __future__ import annotations

from collections.abc import Callable

from conftest import shown
from streamlit.testing.v1 import AppTest

from app.services import measuring


def test_it_opens_on_the_shipped_models_and_measures_nothing(open_page: Callable[..., AppTest]) -> None:
    at = open_page("compare", part="Numbers")
    assert not at.exception
    assert not at.error
    assert at.query_params["models"] == "faces-ae,faces-vae,faces-gan"
    table = at.dataframe[0].value.set_index("")
    for number in (
        "Fréchet distance of samples",
        "Recall of samples",
        "Coverage of the rarest class",
    ):
        told = table.loc[number, ["Autoencoder", "VAE", "GAN"]]
        assert not told.eq("–").any(), number
    assert not {"Speed", "Training"} & set(table.index), "they were trained on another machine"
    assert "no FID" in shown(at)
    assert not any(
        task.name.startswith("measuring") and "faces-" in task.name for task in measuring.LANE.tasks()
    )
