"""What a study says, of trials with planted numbers."""

import dataclasses

import numpy as np
import pytest
from helpers import config_of
from test_study_driving import BETA_VAE, study_of

from vae_core.study.field_checks import read_fields
from vae_core.study.goals import read_goals
from vae_core.study.ranking import best_trial, front
from vae_core.study.search import importance
from vae_core.study.space import grid
from vae_core.study.summary import sentences, spread_of_seeds
from vae_core.study.trials import Ledger, Trial, read_ledger, write_ledger
from vae_core.study.view import payload

SEARCH = ("beta=0.1..10:log", "latent_dim=2..32:log")


def planted(
    places, values_and_numbers, *, search=SEARCH, goals=("elbo",), seeds=1, weigh=False, name="s", **settings
):
    """A study whose trials are complete with those numbers; (values, numbers) each, or (values, numbers, seed)."""
    study = study_of(places, search=search, goals=goals, seeds=seeds, trials=40, name=name, **settings)
    trials = tuple(
        Trial(i, one[0], one[2] if len(one) > 2 else 0, end="complete", numbers=one[1])
        for i, one in enumerate(values_and_numbers)
    )
    told = importance(trials, study.fields, study.goals) if weigh else {}
    write_ledger(study.path, Ledger(trials, importance=told, importance_of=len(trials)))
    return study


def points(count=32, seed=0):
    rng = np.random.default_rng(seed)
    return [
        {"beta": float(10 ** rng.uniform(-1, 1)), "latent-dim": round(2 ** rng.uniform(1, 5))}
        for _ in range(count)
    ]


def test_what_mattered_and_what_did_not(places):
    """The number depends on D alone."""
    study = planted(places, [(v, {"elbo": 100 + (v["latent-dim"] - 12) ** 2}) for v in points()], weigh=True)
    said = " ".join(sentences(study))
    assert "What mattered: latent dimensions D (" in said
    assert "what did not: β." in said
    assert "at an end of its range" not in said  # of β it may be, which did not matter


def test_what_matters_by_half(places):
    def number(v):
        return 30 * np.log10(v["beta"]) ** 2 + 10 * (np.log2(v["latent-dim"]) - 3) ** 2

    study = planted(places, [(v, {"elbo": float(number(v))}) for v in points(48)], weigh=True)
    shares = study.ledger().importance["elbo"]
    assert min(shares.values()) > 0.2
    assert "What mattered: " in " ".join(sentences(study))
    assert "what did not" not in " ".join(sentences(study))


def test_too_few_are_said_to_be_too_few(places):
    study = planted(places, [(v, {"elbo": 1.0 * i}) for i, v in enumerate(points(7))])
    assert importance(study.ledger().trials, study.fields, study.goals) == {}
    assert "Too few settings to say what mattered: 7 of the 12 it takes." in sentences(study)


def test_no_number_of_equal_runs_is_important(places):
    study = planted(places, [(v, {"elbo": 5.0}) for v in points(12)], weigh=True)
    assert study.ledger().importance == {}


@pytest.mark.parametrize(
    ("beta", "says"),
    [
        (0.1, "β 0.1 of 0.1 to 10, so widen it below"),
        (9.9, "β 9.9 of 0.1 to 10, so widen it above"),
        (1.0, ""),
    ],
)
def test_the_best_at_an_end_of_its_range_says_to_widen_it(places, beta, says):
    study = planted(
        places, [({"beta": b, "latent-dim": 8}, {"elbo": 100.0 + (b != beta)}) for b in (0.1, 0.5, 1.0, 9.9)]
    )
    said = " ".join(sentences(study))
    assert f"Best −ELBO: 100.0 nats, at β {beta:g}, latent dimensions D 8" in said
    assert (says in said) if says else ("at an end" not in said)


def test_an_end_that_cannot_be_moved_is_not_to_be_widened(places):
    study = planted(
        places, [({"latent-dim": d}, {"elbo": float(d)}) for d in (1, 2, 4)], search=("latent_dim=1..8",)
    )
    assert "at an end" not in " ".join(sentences(study))


def test_with_seeds_the_mean_counts_and_differences_within_the_spread_are_said_to_be_so(places):
    two, one = {"beta": 2.0, "latent-dim": 8}, {"beta": 1.0, "latent-dim": 8}
    far = {"beta": 9.0, "latent-dim": 8}
    numbers = [
        (one, 100.0, 0),
        (one, 104.0, 1),
        (two, 99.0, 0),
        (two, 106.0, 1),
        (far, 150.0, 0),
        (far, 153.0, 1),
    ]
    study = planted(places, [(v, {"elbo": n}, s) for v, n, s in numbers], seeds=2)
    trials = study.ledger().trials
    best = best_trial(trials, study.goals)
    assert best is not None
    assert best.number == 0  # the best of the best mean, not the best of all
    noise, several = spread_of_seeds([trials[0:2], trials[2:4], trials[4:6]], study.goals[0])
    assert several == 3
    assert noise == pytest.approx(np.sqrt((8 + 24.5 + 4.5) / 3))
    said = " ".join(sentences(study))
    assert "Best −ELBO: 102.0 nats, the mean of 2 seeds, at β 1" in said
    assert "1 other setting differs from it by no more than seeds do" in said
    assert "seed to seed): β 2, latent dimensions D 8." in said
    clear = [(v, {"elbo": n + (40 if v is two else 0)}, s) for v, n, s in numbers]
    study = planted(places, clear, seeds=2, name="clear")
    assert "No other setting comes within the spread of seeds" in " ".join(sentences(study))


def test_the_front_of_two_goals(places):
    numbers = [(1, 9), (2, 5), (3, 6), (5, 1), (5, 1), (6, 1)]
    study = planted(
        places, [({"beta": 1.0 + i, "latent-dim": 8}, {"rate": float(r), "distortion": float(d)}) for i, (r, d) in enumerate(numbers)],
        goals=("rate", "distortion"),
    )  # fmt: skip
    assert front(study.ledger().trials, study.goals) == {0, 1, 3, 4}
    assert (
        "4 of 6 runs are on the front, from Rate 1.0 nats with Distortion 9.0 nats to" in sentences(study)[0]
    )
    shown = payload(study)
    assert [t["front"] for t in shown["trials"]] == [True, True, False, True, True, False]
    assert shown["best"] is None


def test_the_front_is_of_means_over_seeds(places):
    """A lucky seed of the second setting is best in both goals, and its mean in neither."""
    numbers = [(1.0, 5.0, 5.0, 0), (1.0, 5.0, 5.0, 1), (2.0, 4.0, 4.0, 0), (2.0, 9.0, 9.0, 1)]
    study = planted(
        places, [({"beta": b, "latent-dim": 8}, {"rate": r, "distortion": d}, seed) for b, r, d, seed in numbers],
        goals=("rate", "distortion"), seeds=2,
    )  # fmt: skip
    assert front(study.ledger().trials, study.goals) == {0, 1}
    assert sentences(study)[0] == (
        "Trial 0 is best in both goals: Rate 5.0 nats and Distortion 5.0 nats, means over up to 2 seeds."
    )


def test_ends_of_the_front_are_means_over_seeds(places):
    numbers = [(1.0, 4.0, 6.0, 0), (1.0, 6.0, 8.0, 1), (2.0, 7.0, 1.0, 0), (2.0, 9.0, 2.0, 1)]
    study = planted(
        places, [({"beta": b, "latent-dim": 8}, {"rate": r, "distortion": d}, seed) for b, r, d, seed in numbers],
        goals=("rate", "distortion"), seeds=2,
    )  # fmt: skip
    assert sentences(study)[0] == (
        "2 of 2 settings are on the front, from Rate 5.0 nats with Distortion 7.0 nats to Rate 8.0 nats with Distortion 1.5 nats, "
        "means over up to 2 seeds."
    )


def test_a_goal_that_is_better_when_it_is_large(places):
    study = planted(
        places,
        [({"beta": float(i + 1), "latent-dim": 8}, {"active": float(i)}) for i in range(4)],
        goals=("active",),
    )
    assert payload(study)["best"] == 3
    study = planted(places, [({"beta": float(i + 1), "latent-dim": 8}, {"active": float(i)}) for i in range(4)], goals=("active:min",), name="least")  # fmt: skip
    assert payload(study)["best"] == 0


def test_trials_are_read_as_they_were_written(tmp_path):
    trials = (
        Trial(
            0,
            {"beta": 0.5, "model": "conv", "on": True},
            3,
            "tiny-1",
            0,
            "complete",
            "",
            {"elbo": 1.5},
            "ab",
            1,
        ),
        Trial(
            1, {"beta": 2, "model": "mlp", "on": False}, 4, "", -1, "", "", {}, "", 0, "stopped by the search"
        ),
    )
    ledger = Ledger(trials, "waits", {"elbo": {"beta": 0.5}}, 1, 2)
    write_ledger(tmp_path, ledger)
    assert read_ledger(tmp_path) == ledger
    assert read_ledger(tmp_path / "none") == Ledger()


def test_a_grid_is_every_combination():
    fields = read_fields(["beta=1,2", "latent_dim=2..4"], config_of(objective=BETA_VAE))
    assert len(grid(fields)) == 6
    assert grid(fields)[:2] == [{"beta": 1.0, "latent-dim": 2}, {"beta": 1.0, "latent-dim": 3}]


def test_goals_can_be_turned_round():
    (goal,) = read_goals(["rate:max"])
    assert (goal.cost(3.0), str(goal)) == (-3.0, "rate:max")
    assert dataclasses.replace(goal, direction="min").cost(3.0) == 3.0


def test_nats_of_several_likelihoods_stand_beside_each_other_nowhere(places):
    def shown(search, kinds):
        found = [
            (
                {"latent-dim": 2 + i} | kind,
                {"mse": 0.1 * i, "elbo": 100.0 + i, "distortion": 90.0, "rate": 10.0 + i},
            )
            for i, kind in enumerate(kinds)
        ]
        study = planted(places, found, search=search, goals=("mse",), name=f"n{len(search)}")
        return {number["name"] for number in payload(study)["numbers"]}

    of_two = [{"likelihood": "bernoulli"}, {"likelihood": "gaussian"}]
    both = shown(("latent_dim=2..8", "likelihood=bernoulli,gaussian"), of_two)
    one = shown(("latent_dim=2..8",), [{}, {}])
    assert {"elbo", "distortion", "rate"} <= one
    assert both == {"mse"}
