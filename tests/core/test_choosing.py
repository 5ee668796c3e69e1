"""A study by preference: what is shown, what is tried next, and what choices favour, of planted tastes."""

from types import SimpleNamespace

import numpy as np
import pytest

from vae_core.study import choosing
from vae_core.study.choosing import liked, next_settings, region, spread_values, to_show, vector
from vae_core.study.fields import Field
from vae_core.study.preference import Judgement, add_judgement, judgements_of
from vae_core.study.trials import COMPLETE, FAILED, Ledger, Trial

BETA = Field("beta", 0.1, 10.0, log=True)
DIMS = Field("latent-dim", 2, 32, log=True, whole=True)
KIND = Field("architecture", values=("mlp", "conv"))


def trial(number: int, end: str = COMPLETE, **values: object) -> Trial:
    return Trial(
        number, {name.replace("_", "-"): value for name, value in values.items()}, 0, f"r{number}", end=end
    )


def study(tmp_path, trials, fields=(BETA, DIMS), most: int = 12):
    """As much of a study as choosing asks for."""
    settings = SimpleNamespace(trials=most, search_seed=0)
    return SimpleNamespace(
        path=tmp_path,
        fields=fields,
        settings=settings,
        total=most,
        ledger=lambda: Ledger(tuple(trials)),
        proposed=list,
    )


def likes_small_beta(tmp_path, count: int) -> list[Trial]:
    """Spread trials, and the choices of a person who prefers β near 0.2: of the first four, then of two more each time."""
    spread = spread_values((BETA, DIMS), count, 1)
    trials = [Trial(n, values, 0, f"r{n}", end=COMPLETE) for n, values in enumerate(spread)]
    said: list[Judgement] = []
    for seen in range(4, count + 1, 2):
        shown = to_show(trials[:seen], said)
        best = min(shown, key=lambda n: abs(np.log(trials[n].values["beta"] / 0.2)))
        said.append(Judgement(tuple(shown), best=best))
        add_judgement(tmp_path, said[-1])
    return trials


def test_a_number_is_a_share_and_names_are_equally_far_apart():
    three = Field("likelihood", values=("a", "b", "c"))
    at = [np.array(vector((BETA, three), {"beta": 1.0, "likelihood": name})) for name in "abc"]
    assert at[0][0] == pytest.approx(0.5)
    apart = [np.linalg.norm(at[i] - at[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert apart == pytest.approx([1.0, 1.0, 1.0])


def test_settings_are_spread_and_never_the_same():
    found = spread_values((DIMS, KIND), 64, 0)
    assert len({tuple(one.items()) for one in found}) == len(found)
    assert {one["architecture"] for one in found} == {"mlp", "conv"}
    assert min(one["latent-dim"] for one in found) <= 3
    assert max(one["latent-dim"] for one in found) >= 25


def test_new_trials_stand_beside_the_one_liked_best():
    trials = [trial(n, beta=0.1 + n, latent_dim=2) for n in range(4)]
    assert to_show(trials, []) == [0, 1, 2, 3]
    said = [Judgement((0, 1, 2, 3), best=2)]
    assert to_show(trials, said) == [], "all were judged"
    trials += [trial(4, beta=7.0, latent_dim=2), trial(5, FAILED, beta=8.0, latent_dim=2)]
    assert to_show(trials, said) == [2, 4], "a failed one has no picture"
    trials.append(trial(6, "", beta=9.0, latent_dim=2))
    assert to_show(trials, said) == [], "one is still under way"
    unsure = [Judgement((0, 1, 2, 3))]
    assert to_show([*trials[:5]], unsure) == [0, 1, 2, 4]


def test_it_begins_spread_and_waits_for_choices(tmp_path):
    rng = np.random.default_rng(0)
    first = next_settings(study(tmp_path, []), rng)
    assert len(first) == choosing.FIRST
    trials = [Trial(n, values, 0, f"r{n}", end=COMPLETE) for n, values in enumerate(first)]
    assert next_settings(study(tmp_path, trials), rng) == [], "a choice is waited for"
    add_judgement(tmp_path, Judgement((0, 1, 2, 3)))
    again = next_settings(study(tmp_path, trials), rng)
    assert len(again) == choosing.NEXT, "nothing could be told: two more that are spread"
    assert not {tuple(one.items()) for one in again} & {tuple(one.items()) for one in first}
    assert next_settings(study(tmp_path, trials, most=4), rng) == [], "no more were asked for"


def test_failed_trials_are_replaced_so_that_there_is_a_choice(tmp_path):
    trials = [
        trial(0, beta=0.2, latent_dim=3),
        *(trial(n, FAILED, beta=0.3 + n, latent_dim=3) for n in (1, 2, 3)),
    ]
    assert len(next_settings(study(tmp_path, trials), np.random.default_rng(0))) == 3


def test_what_a_person_likes_is_proposed_and_said(tmp_path):
    pytest.importorskip("botorch")
    trials = likes_small_beta(tmp_path, 20)
    new = next_settings(study(tmp_path, trials, most=40), np.random.default_rng(0))
    assert len(new) == choosing.NEXT
    assert all(0.1 <= one["beta"] < 1 for one in new), new
    found = liked(study(tmp_path, trials), judgements_of(tmp_path))
    assert sum(found.chances.values()) == pytest.approx(1)
    best = trials[max(found.chances, key=lambda n: found.chances[n])]
    assert best.values["beta"] < 0.5
    told = " ".join(found.sentences)
    assert f"trial {best.number} " in told
    assert "favour beta from 0.1" in told
    assert "little of latent-dim" in told


def test_a_region_is_said_only_where_it_is_one():
    rng = np.random.default_rng(0)
    pool = spread_values((BETA, DIMS, KIND), 256, 0)
    noise = 0.1 * rng.standard_normal((200, 256))
    shares = np.array([BETA.share(one["beta"]) for one in pool])
    likes = -np.abs(shares - 0.3) + noise
    beta, dims, kind = (
        region(field, [one[field.name] for one in pool], likes) for field in (BETA, DIMS, KIND)
    )
    low, high = (float(word) for word in beta.removeprefix("beta from ").split(" to "))
    assert 0.1 < low < 0.42 < high < 1
    assert dims == ""
    assert kind == ""
    conv = np.array([one["architecture"] == "conv" for one in pool])
    assert region(KIND, [one["architecture"] for one in pool], conv + noise) == "architecture conv"
    four = np.array([one["latent-dim"] == 4 for one in pool])
    assert region(DIMS, [one["latent-dim"] for one in pool], 9 * four + noise).startswith("latent-dim from 4")
