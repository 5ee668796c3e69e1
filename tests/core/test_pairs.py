"""Pairs that differ in few factors: rendered, found, refused; and what Ada-GVAE makes of two posteriors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from helpers import blob_set, config_of, of

from vae_core.data.imageset import ImageSet
from vae_core.data.pairs import Found, Rendered, pairs_of
from vae_core.data.registry import DATASETS, Renderer
from vae_core.data.sets import faces, shapes
from vae_core.errors import BadConfig
from vae_core.events import EpochDone
from vae_core.models.vae import Posterior
from vae_core.objectives.attributes import AdaGvaeParams
from vae_core.options import Choice
from vae_core.training import resolve, settle, train
from vae_core.training.learners import averaged

KEPT = 3  # factors of the planted grid: 4 × 3 × 5


def grid(own: bool = True) -> ImageSet:
    """All sixty combinations, each twice; a "picture" holds its factors in its first pixels."""
    factors = np.stack(np.meshgrid(range(4), range(3), range(5), indexing="ij"), -1).reshape(-1, KEPT)
    factors = np.repeat(factors, 2, 0)
    images = np.zeros((len(factors), 1, 4, 4), np.uint8)
    images[:, 0, 0, :KEPT] = factors
    return ImageSet(
        "grid", "Grid", images, None, (), factors.astype(np.float32), ("a", "b", "c"), np.array([0]), "planted", own=own,
    )  # fmt: skip


def differing(data: ImageSet, index: np.ndarray, second: np.ndarray) -> np.ndarray:
    assert data.factors is not None
    return (second[:, 0, 0, :KEPT] != data.factors[index]).sum(1)


def test_found_partners_differ_in_exactly_one_factor_and_every_factor_takes_its_turn():
    data, rng = grid(), np.random.default_rng(0)
    train_images = np.arange(1, 120)
    pairs = pairs_of(data, train_images)
    assert isinstance(pairs, Found)
    assert pairs.share == 1.0
    index = rng.choice(train_images, 2_000)
    second = pairs.beside(index, 1, rng)
    # a copy of the same picture is a partner too: it differs in none
    apart = differing(data, index, second)
    assert set(apart) == {0, 1}
    assert (apart == 1).mean() > 0.7
    changed = (second[:, 0, 0, :KEPT] != data.factors[index]).mean(0)
    assert changed.min() > 0.15


def test_where_more_may_change_up_to_so_many_do():
    data, rng = grid(), np.random.default_rng(1)
    index = rng.choice(np.arange(120), 2_000)
    apart = differing(data, index, pairs_of(data, np.arange(120)).beside(index, 3, rng))
    assert set(apart) <= {0, 1, 2, 3}
    assert {1, 2, 3} <= set(apart)


def test_partners_are_training_images_alone():
    data = grid()
    half = np.flatnonzero(data.factors[:, 0] < 2)
    second = pairs_of(data, half).beside(half, 3, np.random.default_rng(0))
    assert second[:, 0, 0, 0].max() < 2


def test_an_image_without_a_partner_stands_beside_itself():
    data = grid()
    train_images = np.arange(0, 120, 2)
    lone = data.factors.copy()
    lone[0] = (9, 9, 9)
    data = dataclasses.replace(data, factors=lone)
    second = Found(data, train_images).beside(np.array([0, 0]), 1, np.random.default_rng(0))
    np.testing.assert_array_equal(second, data.images[[0, 0]])


def test_an_image_that_is_not_for_training_has_training_images_beside_it():
    data, rng = grid(), np.random.default_rng(0)
    held, trained = np.arange(0, 120, 6), np.setdiff1d(np.arange(120), np.arange(0, 120, 6))
    second = pairs_of(data, trained).beside(np.repeat(held, 50), 1, rng)
    apart = differing(data, np.repeat(held, 50), second)
    assert set(apart) == {0, 1}
    assert (apart == 1).mean() > 0.5


def test_a_set_without_pairs_or_factors_is_refused_in_words():
    with pytest.raises(BadConfig, match=r"only 0% of the training images of tiny.*guided"):
        pairs_of(blob_set(), np.arange(90))
    bare = dataclasses.replace(blob_set(), factors=None)
    with pytest.raises(BadConfig, match="the factors of tiny are not known"):
        pairs_of(bare, np.arange(90))
    with pytest.raises(BadConfig, match="the factors of tiny are not known"):  # where a person starts it, too
        settle(config_of(objective="ada_gvae"), bare)


@pytest.mark.parametrize("name", ["faces", "shapes"])
def test_rendered_partners_differ_in_the_factors_that_were_drawn_anew(name, monkeypatch):
    spec = DATASETS[name]
    drawn = []

    def render(factors, side):
        drawn.append(factors)
        return spec.renderer.render(factors[:2], side).repeat(len(factors), 0)[: len(factors)]

    monkeypatch.setitem(
        DATASETS, name, dataclasses.replace(spec, renderer=Renderer(spec.renderer.draw, render))
    )
    rng = np.random.default_rng(0)
    factors = faces.sample(rng, 300) if name == "faces" else shapes.sample(rng, 300)
    factors = factors.astype(np.float32)
    data = dataclasses.replace(
        blob_set(count=300, side=64, channels=spec.channels), name=name, factors=factors
    )
    pairs = pairs_of(data, np.arange(300))
    assert isinstance(pairs, Rendered)
    pairs.beside(np.arange(300), 1, rng)
    apart = np.abs(drawn[-1] - factors) > 1e-6
    assert set(apart.sum(1)) == {0, 1}  # drawn anew, a factor of few values may come out the same
    assert apart.any(0).all()
    pairs.beside(np.arange(300), 3, rng)
    assert set((np.abs(drawn[-1] - factors) > 1e-6).sum(1)) == {0, 1, 2, 3}


# ---------------------------------------------------------------- what a pair shares


def test_dimensions_that_do_not_tell_a_pair_apart_are_averaged_and_the_others_kept():
    mean = torch.tensor([[0.0, 1.0, 2.0], [4.0, 1.2, 2.0]])
    log_var = torch.log(torch.tensor([[0.1, 0.2, 0.3], [0.1, 0.4, 0.3]]))
    found = averaged(Posterior(mean, log_var))
    torch.testing.assert_close(found.mean, torch.tensor([[0.0, 1.1, 2.0], [4.0, 1.1, 2.0]]))
    torch.testing.assert_close(found.log_var.exp(), torch.tensor([[0.1, 0.3, 0.3], [0.1, 0.3, 0.3]]))


def test_the_threshold_is_half_way_between_the_largest_and_the_least_divergence():
    """Of unit variances a divergence is half the squared distance: 8, 4.5, 0.5 and 0, so τ is 4."""
    mean = torch.tensor([[0.0, 0.0, 0.0, 0.0], [4.0, 3.0, 1.0, 0.0]])
    found = averaged(Posterior(mean, torch.zeros(2, 4)))
    assert (found.mean[0] != found.mean[1]).tolist() == [True, True, False, False]


def test_two_images_alike_share_every_dimension():
    one = Posterior(torch.ones(2, 3), torch.zeros(2, 3))
    torch.testing.assert_close(averaged(one).mean, one.mean)


def test_a_run_learns_from_pairs_and_tells_how_many_dimensions_differ():
    data = blob_set(lattice=6, count=300)
    chosen = Choice("ada_gvae", AdaGvaeParams(changed=2))
    config = resolve(config_of(objective=chosen, epochs=6), data)
    epochs = of(EpochDone, list(train(config, data)))
    assert epochs[-1].validation.values["distortion"] < epochs[0].validation.values["distortion"]
    assert 0 < epochs[-1].validation.values["differing"] <= 3
    assert epochs[-1].active_units is not None
