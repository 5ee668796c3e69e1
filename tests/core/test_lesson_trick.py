"""Lesson 3: both gradients against closed forms, and what autograd meets; every truth is measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vae_core.inference import LoadedModel
from vae_core.lessons import trick
from vae_core.lessons.material import Material
from vae_core.runs.run import Run
from vae_core.uses.subject import Subject, open_subject

K, MEAN, STD = 3.0, 0.8, 0.5
DRAWS = 40_000


def quadratic(z: torch.Tensor) -> torch.Tensor:
    return 0.5 * K * z.square().sum(1)


@pytest.fixture(scope="module")
def planted() -> trick.Gradients:
    return trick.gradients(quadratic, np.array([MEAN]), np.array([STD]), DRAWS)


@pytest.mark.parametrize("name", ["pathwise", "score", "baseline"])
def test_each_estimate_is_right_on_average(planted: trick.Gradients, name: str) -> None:
    draws = getattr(planted, name)[:, 0]
    error = draws.std() / np.sqrt(DRAWS)
    assert abs(draws.mean() - K * MEAN) < 4 * error  # d/dμ E[½kz²] = kμ
    assert error < 0.05


def test_spreads_are_those_of_the_closed_form(planted: trick.Gradients) -> None:
    assert planted.pathwise.var() == pytest.approx(K**2 * STD**2, rel=0.03)
    # E[f² ε²]/σ², by the moments 1, 3 and 15 of a bell
    square = 0.25 * K**2 * (MEAN**4 + 18 * MEAN**2 * STD**2 + 15 * STD**4) / STD**2
    assert planted.score.var() == pytest.approx(square - (K * MEAN) ** 2, rel=0.08)
    assert planted.baseline.var() < planted.score.var()


def test_a_constant_widens_the_score_function_alone() -> None:
    def raised(z: torch.Tensor) -> torch.Tensor:
        return quadratic(z) + 100

    found = trick.gradients(raised, np.array([MEAN]), np.array([STD]), 2000)
    plain = trick.gradients(quadratic, np.array([MEAN]), np.array([STD]), 2000)
    assert np.allclose(found.pathwise, plain.pathwise)
    assert np.allclose(found.baseline, plain.baseline, atol=1e-2)
    assert found.score.std() > 10 * plain.score.std()


def test_draws_can_be_repeated() -> None:
    one, again = (trick.gradients(quadratic, np.array([MEAN]), np.array([STD]), 5, seed=7) for _ in range(2))
    assert np.array_equal(one.score, again.score)


# ---------------------------------------------------------------- on a run


@pytest.fixture
def material(trained: Run) -> Material:
    subject: Subject = open_subject(trained)
    images = subject.images(np.arange(40))
    labels = None if subject.data.labels is None else np.asarray(subject.data.labels)[:40]
    return Material(subject, images, subject.model.encode(images), labels)


def test_the_pathwise_gradient_is_the_slope_of_the_distortion(material: Material) -> None:
    f = trick.distortion_of(material, 0)
    mean, std = material.codes.mean[0], material.codes.std[0]
    found = trick.gradients(f, mean, std, 3)
    step = np.zeros_like(mean)
    step[0] = 1e-2
    z = mean + std * found.eps
    up, down = (f(torch.from_numpy((z + s * step).astype(np.float32))).numpy() for s in (1, -1))
    assert np.allclose((up - down) / 2e-2, found.pathwise[:, 0], rtol=0.05, atol=0.3)


def test_a_sampled_node_keeps_gradients_from_the_encoder(material: Material) -> None:
    stopped, passed = (trick.reached(material, 0, sampled=sampled) for sampled in (True, False))
    assert stopped["encoder"][0] == 0 < passed["encoder"][0]
    assert stopped["decoder"][0] == passed["decoder"][0] == stopped["decoder"][1]


def test_the_lesson_is_whole(material: Material) -> None:
    lesson = trick.build(material, (material, material))
    assert all(step.question.truth for step in lesson.steps)
    assert lesson.steps[1].question.truth == "decoder"


def test_the_model_given_is_left_as_it_was(material: Material, model: LoadedModel) -> None:
    trick.reached(material, 0, sampled=False)
    assert not any(w.requires_grad for w in material.model.model.parameters())
    codes = np.zeros((1, model.latent_dim), np.float32)
    assert np.array_equal(material.model.decode(codes), model.decode(codes))
