"""PSNR and SSIM, of which there is one each for all uses: on known images, as bytes and as floats, and beside scikit-image."""

from __future__ import annotations

import numpy as np
import pytest

from vae_core.uses.likeness import psnr, ssim


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_psnr_of_a_known_error() -> None:
    black, grey = np.zeros((2, 1, 8, 8), np.uint8), np.full((2, 1, 8, 8), 51, np.uint8)
    np.testing.assert_allclose(psnr(black, grey), -20 * np.log10(0.2), rtol=1e-5)
    clean = np.full((2, 3, 8, 8), 0.5)
    np.testing.assert_allclose(psnr(clean + 0.1, clean), 20, rtol=1e-5)
    assert psnr(grey, grey)[0] == pytest.approx(60), "where nothing differs"


def test_bytes_and_floats_of_the_same_images_are_as_much_alike() -> None:
    a, b = (rng(seed).integers(256, size=(3, 3, 16, 16), dtype=np.uint8) for seed in (0, 1))
    floats = a / np.float32(255), b / np.float32(255)
    np.testing.assert_allclose(psnr(*floats), psnr(a, b), rtol=1e-6)
    np.testing.assert_allclose(psnr(a, floats[1]), psnr(a, b), rtol=1e-6)
    np.testing.assert_allclose(ssim(*floats), ssim(a, b), rtol=1e-5)


def test_ssim_is_1_of_an_image_and_itself_and_that_of_skimage_of_others() -> None:
    from skimage.metrics import structural_similarity

    clean = rng().random((2, 1, 48, 48), dtype=np.float32)
    other = np.clip(clean + 0.2 * rng(1).standard_normal(clean.shape).astype(np.float32), 0, 1)
    np.testing.assert_allclose(ssim(clean, clean), 1, atol=1e-5)
    wanted = [
        structural_similarity(
            a[0], b[0], data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, win_size=11
        )
        for a, b in zip(other, clean, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(ssim(other, clean), wanted, atol=2e-3)


def test_many_images_are_taken_in_parts_and_tiny_ones_have_no_ssim() -> None:
    many = rng().random((300, 1, 8, 8), dtype=np.float32)
    other = many[::-1]
    np.testing.assert_allclose(ssim(other, many)[-3:], ssim(other[-3:], many[-3:]), rtol=1e-5)
    assert len(ssim(many[:0], many[:0])) == 0
    assert np.isnan(ssim(many[..., :2, :2], many[..., :2, :2])).all()
