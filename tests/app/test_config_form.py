"""The form of a new run, and the address under which it says what a config does."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from app.widgets import config_form
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig
from vae_core.models.networks import ConvParams, MlpParams
from vae_core.objectives.likelihoods import GaussianParams
from vae_core.objectives.losses import BetaParams, CapacityParams, MultiRateParams
from vae_core.objectives.schedules import WarmupParams
from vae_core.options import Choice, to_json


def form() -> None:
    import streamlit as st

    from app.widgets import config_form
    from vae_core.options import to_json

    st.json(to_json(config_form.config_form()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        RunConfig(),
        RunConfig(DataConfig("digits"), ModelConfig(Choice("mlp", MlpParams((300, 200))), 7)),
        RunConfig(
            DataConfig("digits"),
            ModelConfig(Choice("conv", ConvParams(width=16)), 3),
            ObjectiveConfig(
                Choice("beta_vae", BetaParams(2.5)), Choice("gaussian", GaussianParams(0.2)),
                Choice("warmup", WarmupParams(0.4)), free_bits=0.1,
            ),
        ),
        RunConfig(objective=ObjectiveConfig(Choice("capacity", CapacityParams(gamma=20.0)))),
        RunConfig(objective=ObjectiveConfig(Choice("multi_rate", MultiRateParams(0.2, 5.0)))),
        RunConfig(objective=ObjectiveConfig("autoencoder")),
    ],
)  # fmt: skip
def test_the_address_of_a_config_opens_the_form_on_it(config: RunConfig) -> None:
    at = AppTest.from_function(form, default_timeout=60)
    for key, value in config_form.address(config, "model", "objective").items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    said, wanted = json.loads(at.json[0].value), to_json(config)
    assert said["model"] == wanted["model"]
    assert said["objective"] == wanted["objective"]


def test_an_address_names_what_differs_and_only_in_the_groups_asked_for() -> None:
    assert config_form.address(RunConfig(), "model", "objective", "training", "data") == {}
    config = RunConfig(DataConfig("digits", limit=50), ModelConfig("conv", 3))
    assert config_form.address(config, "model") == {"latent-dim": "3"}
