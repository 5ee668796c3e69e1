"""The form of a new run, and the address under which it says what a config does."""

from __future__ import annotations

import argparse
import dataclasses
import json
from dataclasses import dataclass, field

import pytest
from streamlit.testing.v1 import AppTest

from app.boundary import sentence
from app.state import address
from app.widgets import config_form
from vae_core.cli import switches
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.models.networks import ARCHITECTURES, ConvParams, MlpParams
from vae_core.objectives.likelihoods import GaussianParams
from vae_core.objectives.losses import BetaParams, CapacityParams, MultiRateParams
from vae_core.objectives.schedules import WarmupParams
from vae_core.options import Choice, Options, capitalised, from_json, leaves, option, to_json


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
    for key, value in config_form.as_params(config, "model", "objective").items():
        at.query_params[key.name] = value
    at.run()
    assert not at.exception
    said, wanted = json.loads(at.json[0].value), to_json(config)
    assert said["model"] == wanted["model"]
    assert said["objective"] == wanted["objective"]


def filled_form() -> None:
    import streamlit as st

    from app.widgets import config_form
    from vae_core.options import to_json

    st.button("fill", on_click=lambda: config_form.fill(st.session_state["wanted"]))
    st.button("forget", on_click=config_form.forget)
    st.json(to_json(config_form.config_form()))


def test_a_form_is_filled_with_what_a_run_was_made_with_and_forgets_it() -> None:
    wanted = RunConfig(
        DataConfig("digits", side=16, limit=50),
        ModelConfig(Choice("mlp", MlpParams((300, 200))), 7),
        ObjectiveConfig(Choice("beta_vae", BetaParams(2.5)), Choice("gaussian", GaussianParams(0.2)), free_bits=0.1),
        TrainingConfig(epochs=3, seed=5),
    )  # fmt: skip
    at = AppTest.from_function(filled_form, default_timeout=60)
    at.session_state["wanted"] = wanted
    at.run()
    usual = json.loads(at.json[0].value)
    at.button[0].click().run()
    assert not at.exception
    assert json.loads(at.json[0].value) == to_json(wanted)
    at.button[1].click().run()
    assert json.loads(at.json[0].value) == usual


def test_an_address_names_what_differs_and_only_in_the_groups_asked_for() -> None:
    assert config_form.as_params(RunConfig(), "model", "objective", "training", "data") == {}
    config = RunConfig(DataConfig("digits", limit=50), ModelConfig("conv", 3))
    assert {k.name: v for k, v in config_form.as_params(config, "model").items()} == {"latent-dim": "3"}


# ---------------------------------------------------------------- a setting that nobody names


@dataclass(frozen=True)
class FancyParams(Options):
    twist: float = option(0.5, help="how much it is twisted", minimum=0.0, maximum=1.0, title="γ twist")
    folds: int = option(3, help="folds", minimum=1, advanced=True)


@dataclass(frozen=True)
class MoreData(DataConfig):
    mirrored: bool = option(False, help="whether images are mirrored at random", order=-1)


@dataclass(frozen=True)
class MoreModel(ModelConfig):
    skips: tuple[int, ...] = option((1, 2), help="layers that are skipped", advanced=True)


@dataclass(frozen=True)
class MoreTraining(TrainingConfig):
    momentum: float = option(0.9, help="share of the last step that goes on", minimum=0.0, maximum=1.0)
    remark: str = option("none", help="words", advanced=True)
    inner: int = option(1, help="set by the program", hidden=True)


@dataclass(frozen=True)
class SpareConfig(Options):
    spare: str = option("a", help="of a group that no form has heard of", values=("a", "b"))


@dataclass(frozen=True)
class MoreConfig(RunConfig):
    data: MoreData = field(default_factory=MoreData)
    model: MoreModel = field(default_factory=MoreModel)
    training: MoreTraining = field(default_factory=MoreTraining)
    spare: SpareConfig = field(default_factory=SpareConfig)


NEW = {
    "mirrored": True,
    "skips": (4, 5),
    "momentum": 0.5,
    "remark": "hello",
    "spare": "b",
    "twist": 0.25,
    "folds": 7,
}


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program with a setting more in every group, and an architecture with parameters of its own."""
    fancy = dataclasses.replace(ARCHITECTURES["mlp"], name="fancy", title="Fancy", params=FancyParams)
    monkeypatch.setitem(ARCHITECTURES, "fancy", fancy)
    for module in (config_form, address):
        monkeypatch.setattr(module, "RunConfig", MoreConfig)


@pytest.mark.usefixtures("grown")
def test_a_new_setting_of_any_group_appears_in_the_form_and_the_address() -> None:
    at = AppTest.from_function(form, default_timeout=60).run()
    assert not at.exception
    keys = {
        w.key for kind in ("selectbox", "number_input", "text_input", "toggle") for w in getattr(at, kind)
    }
    assert keys >= {"mirrored", "skips", "momentum", "remark", "spare"}
    assert not keys & {"twist", "folds", "inner"}, "of another architecture, or hidden"
    folded = at.expander[0]
    assert {w.key for w in folded.text_input} >= {"skips", "remark"}, "advanced ones are folded away"
    assert "momentum" not in {w.key for w in folded.number_input}

    query = {"model": "fancy", "mirrored": "true", "skips": "4 5", "momentum": "0.5", "remark": "hello", "spare": "b",
             "twist": "0.25", "folds": "7"}  # fmt: skip
    at = AppTest.from_function(form, default_timeout=60)
    for name, text in query.items():
        at.query_params[name] = text
    at.run()
    assert not at.exception
    said = json.loads(at.json[0].value)
    assert at.number_input(key="twist").label == "γ twist"
    found = said["data"] | said["model"] | said["training"] | said["spare"] | said["model"]["architecture"]
    assert {n: tuple(v) if isinstance(v := found[n], list) else v for n in NEW} == NEW
    config = from_json(MoreConfig, said)
    again = config_form.as_params(config, "data", "model", "training", "spare")
    assert {k.name: v for k, v in again.items()} == query, "the address says it back"


@pytest.mark.usefixtures("grown")
def test_a_new_setting_of_any_group_is_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switches, "RunConfig", MoreConfig)
    parser = argparse.ArgumentParser()
    switches.add_config_switches(parser)
    words = (
        "--model fancy --mirrored --skips 4 5 --momentum 0.5 --remark hello --spare b --twist 0.25 --folds 7"
    )
    config = switches.config_from(parser.parse_args(words.split()), switches.RunConfig())
    found = [config.data, config.model, config.training, config.spare, config.model.architecture.params]
    assert {n: next(getattr(part, n) for part in found if hasattr(part, n)) for n in NEW} == NEW


@pytest.mark.usefixtures("grown")
def test_a_form_asks_in_the_declared_order() -> None:
    at = AppTest.from_function(form, default_timeout=60).run()
    assert at.main.children[0].children[0].key == "mirrored", "order=-1 puts it before the dataset"


def test_a_setting_left_out_is_not_asked_for() -> None:
    def without() -> None:
        from app.state import address
        from app.widgets import config_form

        config_form.config_form(address.SWEEP_SETTING, without={"objective", "epochs"})

    at = AppTest.from_function(without, default_timeout=60).run()
    assert not at.exception
    keys = {w.key for kind in ("selectbox", "number_input") for w in getattr(at, kind)}
    assert "sweep-latent-dim" in keys
    assert not keys & {"sweep-objective", "sweep-epochs"}


@pytest.mark.parametrize(
    ("objective", "unused"),
    [
        ("vae", set()),
        ("beta_tcvae", {"free-bits"}),
        ("multi_rate", {"schedule", "free-bits"}),
        ("autoencoder", {"schedule", "free-bits"}),
        ("gan", {"likelihood", "schedule", "free-bits"}),
    ],
)
def test_what_an_objective_has_no_use_for_is_not_asked_and_the_form_says_why(
    objective: str, unused: set[str]
) -> None:
    at = AppTest.from_function(form, default_timeout=60)
    at.query_params["objective"] = objective
    at.query_params["likelihood"] = "gaussian"  # of a link that was written for another objective
    at.run()
    assert not at.exception
    asked = {w.key for kind in ("selectbox", "number_input", "toggle") for w in getattr(at, kind)}
    assert {"likelihood", "schedule", "free-bits"} - asked == unused
    assert ("sigma" in asked) is ("likelihood" not in unused), "nor what belongs to it"
    words = " ".join(e.value for e in at.expander[0].caption)
    assert ("not asked for" in words) is bool(unused)
    for name, said in (
        ("likelihood", "likelihood ("),
        ("schedule", "β schedule ("),
        ("free-bits", "free bits ("),
    ):
        assert (said in words) is (name in unused), words
    assert ("likelihood" in at.expander[0].label) is ("likelihood" not in unused)
    assert json.loads(at.json[0].value)["objective"]["objective"]["name"] == objective


def test_an_address_leaves_out_what_the_objective_has_no_use_for() -> None:
    config = RunConfig(objective=ObjectiveConfig("gan", Choice("gaussian", GaussianParams(0.2))))
    said = {k.name: v for k, v in config_form.as_params(config, "objective").items()}
    assert said == {"objective": "gan"}


# ---------------------------------------------------------------- labels


def test_greek_letters_are_never_capitals_in_a_label() -> None:
    found = [(leaf.spec.title or leaf.name, leaf.label) for leaf in leaves(RunConfig)]
    greek = [(title, label) for title, label in found if "α" <= title[0] <= "ω"]
    assert {label for _, label in greek} >= {"β schedule", "β", "γ"}
    assert all(label.startswith(title) for title, label in greek)
    assert all(label[0].isupper() for title, label in found if title[0].isascii())
    assert not [label for _, label in found if any("Α" <= letter <= "Ω" for letter in label)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("β schedule", "β schedule"), ("side", "Side"), ("öl", "Öl"), ("", ""), ("3 files", "3 files")],
)
def test_a_capital_is_for_words(text: str, shown: str) -> None:
    assert capitalised(text) == shown
    assert sentence(text) == shown
