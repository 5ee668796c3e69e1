"""Lesson 4: distortion and rate of one image against a planted decoder, the KL's parts, small images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vae_core.latent.statistics import kl_from_prior
from vae_core.lessons import forces
from vae_core.lessons.material import Material
from vae_core.runs.run import Run
from vae_core.uses.subject import open_subject

CURVE = 5.0  # of the planted distortion


@pytest.fixture
def material(trained: Run) -> Material:
    subject = open_subject(trained)
    images = subject.images(np.arange(40))
    labels = None if subject.data.labels is None else np.asarray(subject.data.labels)[:40]
    return Material(subject, images, subject.model.encode(images), labels)


@pytest.fixture
def planted(material: Material, monkeypatch: pytest.MonkeyPatch) -> forces.Balance:
    """Of an image whose distortion is ½ k |z − μ|²."""
    mean = torch.from_numpy(material.codes.mean[0])
    monkeypatch.setattr(
        forces, "distortion_of", lambda *_: lambda z: 0.5 * CURVE * (z - mean).square().sum(1)
    )
    return forces.balance_of(material, 0, draws=4000)


def test_a_wider_cloud_pays_what_the_closed_form_says(material: Material, planted: forces.Balance) -> None:
    variance = material.codes.std[0].astype(float) ** 2
    assert planted.distortion == pytest.approx(
        0.5 * CURVE * variance.sum() * forces.WIDTHS**2, rel=0.1, abs=1e-6
    )
    for width in (0.25, 1.0, 8.0):
        wanted = kl_from_prior(
            material.codes.mean[:1], material.codes.log_var[:1] + 2 * np.log(width)
        ).sum()  # fmt: skip
        assert planted.at(width)[1] == pytest.approx(wanted, rel=1e-3)


def test_the_least_of_the_sum_is_where_both_slopes_meet() -> None:
    # D = ½ a w², R = ½ b w² − n log w: least at w² = n β / (a + β b)
    a, b, n, beta = 6.0, 0.2, 4.0, 2.0
    sums = 0.5 * a * forces.WIDTHS**2 + beta * (0.5 * b * forces.WIDTHS**2 - n * np.log(forces.WIDTHS))
    assert forces.least(sums) == pytest.approx(np.sqrt(n * beta / (a + beta * b)), rel=0.05)
    assert forces.least(forces.WIDTHS) == pytest.approx(forces.WIDTHS[0])
    assert forces.least(-forces.WIDTHS) == pytest.approx(forces.WIDTHS[-1])


def test_place_and_width_add_up_to_the_rate() -> None:
    for mean, log_var in ((0.0, 0.0), (1.5, -3.0), (-2.0, 0.7)):
        both = sum(forces.place_and_width(mean, log_var))
        assert both == pytest.approx(kl_from_prior(np.array([[mean]]), np.array([[log_var]]))[0, 0])


def test_small_images_are_means_of_cells(material: Material) -> None:
    small = forces.small_images(material)
    assert small.shape == (40, forces.TINY_SIDE**2)
    assert small.max() == 255
    assert small.min() == 0
    cells = material.images[:, 0].reshape(40, 8, 2, 8, 2).mean((2, 4)).reshape(40, -1)
    wanted = np.rint(255 * (cells - cells.min()) / (cells.max() - cells.min()))
    assert np.abs(small - wanted).max() <= 1


def test_every_truth_is_measured_by_core_or_figure(material: Material) -> None:
    lesson = forces.build(material, (material, material))
    for step in lesson.steps:
        assert bool(step.question.truth) != (step.figure == "tiny")
