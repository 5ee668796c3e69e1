"""Codes as a file: back bit for bit, refused where it is not ours, near the entropy, and held against what is known."""

from __future__ import annotations

import builtins
import json
import struct
import zlib

import numpy as np
import pytest
from helpers import blobs, config_of, write_blobs

from vae_core.errors import BadConfig, MissingPackage
from vae_core.inference import Codes
from vae_core.runs.record import FINISHED
from vae_core.runs.store import Store
from vae_core.runs.worker import train_run
from vae_core.uses import compress, kept
from vae_core.uses import compress_baselines as baselines
from vae_core.uses.compress_bitsback import bits_back
from vae_core.uses.compress_file import (
    MOST_IMAGES,
    BadFile,
    Head,
    _of_payload,
    make_table,
    pack,
    read,
    step_of,
    table_bytes,
    table_of,
    unpack,
    write,
)
from vae_core.uses.compress_words import sentences
from vae_core.uses.likeness import psnr
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES

HEAD = Head("a run", b"12345678")


def drawn(count=1000, dims=3, seed=0):
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((count, dims)) * np.array([1.0, 0.3, 1e-4])[:dims]
        + np.array([0.0, 2.0, 0.0])[:dims]
    )


def signed(body: bytes) -> bytes:
    """With the checksum that fits."""
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize("count", [1, 2, 17, 1000])
@pytest.mark.parametrize("step", [0.001, 0.1, 0.7, 50.0])
def test_codes_come_back_bit_for_bit(count, step):
    table = make_table(drawn(3000, seed=1), step)
    numbers = table.rounded(drawn(count))
    head, again, back = read(write(HEAD, table, numbers), HEAD)
    assert head == HEAD
    np.testing.assert_array_equal(back, numbers)
    np.testing.assert_array_equal(again.codes(back), table.codes(numbers))


def test_a_file_is_as_small_as_the_entropy_says():
    rng = np.random.default_rng(0)
    choice = np.array([0.5, 0.25, 0.125, 0.125])
    codes = rng.choice(4, (20_000, 2), p=choice).astype(float)
    table = make_table(codes, 1.0)
    numbers = table.rounded(codes[:1000])
    entropy = -2 * (choice * np.log2(choice)).sum()
    assert table.bits(numbers).mean() == pytest.approx(entropy, rel=0.03)
    assert len(write(HEAD, table, numbers)) == pytest.approx(1000 * entropy / 8, abs=60)


def test_codes_beyond_all_that_was_seen_are_rounded_to_the_end_of_the_grid():
    table = make_table(np.array([[-1.0], [0.0], [2.0]]), 1.0)
    np.testing.assert_array_equal(table.rounded(np.array([[-90.0], [1.2], [90.0]])), [[-2], [1], [3]])


def test_a_step_is_the_same_number_everywhere():
    assert step_of(128) == 1.0
    assert step_of(136) == 2.0
    assert step_of(0) == 2.0**-16
    assert step_of(129) == float.fromhex("0x1.172b83c7d517bp+0")


def test_what_is_kept_beside_a_measurement_is_the_table():
    table = make_table(drawn(), 0.2)
    again = table_of(table_bytes(table))
    np.testing.assert_array_equal(again.exponents, table.exponents)
    np.testing.assert_array_equal(again.lows, table.lows)
    for mine, theirs in zip(again.levels, table.levels, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("count", [0, MOST_IMAGES + 1])
def test_a_file_holds_one_to_a_thousand_images(count):
    with pytest.raises(BadConfig, match="1 to 1,000 images"):
        write(HEAD, make_table(drawn(), 0.2), np.zeros((count, 3), int))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Head("another", HEAD.digest), "packed with the run 'a run', not with 'another'"),
        (Head("a run", b"87654321"), "other weights of 'a run'"),
    ],
)
def test_a_file_of_another_run_or_of_other_weights_is_refused(other, words):
    table = make_table(drawn(), 0.2)
    data = write(HEAD, table, table.rounded(drawn(5)))
    with pytest.raises(BadFile, match=words):
        read(data, other)


def test_a_file_of_another_beta_says_which():
    table = make_table(drawn(), 0.2)
    data = write(Head("a run", b"12345678", 3.0), table, table.rounded(drawn(5)))
    with pytest.raises(BadFile, match="set β to 3 in Settings"):
        read(data, Head("a run", b"00000000", 1.0))


def test_a_file_that_is_none_or_cut_off_or_changed_or_newer_is_refused():
    table = make_table(drawn(), 0.2)
    data = write(HEAD, table, table.rounded(drawn(50)))
    with pytest.raises(BadFile, match="no file of codes"):
        read(b"\x89PNG" + data)
    with pytest.raises(BadFile, match="no file of codes"):
        read(b"")
    for cut in range(4, len(data)):
        with pytest.raises(BadFile, match="damaged or cut off"):
            read(data[:cut])
    for at in range(4, len(data)):
        with pytest.raises(BadFile, match="damaged or cut off"):
            read(data[:at] + bytes((data[at] ^ 64,)) + data[at + 1 :])
    with pytest.raises(BadFile, match="version 9"):
        read(signed(b"LXZ\x09" + data[4:-4]))
    with pytest.raises(BadFile, match="far larger"):
        read(bytes(65 * 2**20))


def test_what_was_made_to_do_harm_is_read_in_its_bounds_or_refused():
    table = make_table(drawn(), 0.2)
    whole = write(HEAD, table, table.rounded(drawn(20)))[:-4]
    rng = np.random.default_rng(0)
    for _ in range(300):
        body = bytearray(whole)
        for at in rng.integers(4, len(body), 3):
            body[at] = rng.integers(256)
        try:
            _, _, numbers = read(signed(bytes(body)))
        except BadFile:
            continue
        assert numbers.shape[0] <= MOST_IMAGES
    for size in range(40):
        try:
            _, numbers = _of_payload(rng.bytes(size), 1000, 3)
        except BadFile:
            continue
        assert numbers.shape == (1000, 3)


def test_without_the_coder_a_sentence_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "constriction":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackage, match="pip install constriction"):
        write(HEAD, make_table(drawn(), 0.2), np.zeros((1, 3), int))
    with pytest.raises(MissingPackage, match="pip install constriction"):
        bits_back(np.zeros((1, 2)), np.ones((1, 2)), np.random.default_rng(0))


def test_bits_back_pays_the_rate():
    rng = np.random.default_rng(0)
    mean, std = rng.standard_normal((2000, 6)), rng.uniform(0.1, 1.0, (2000, 6))
    rate = (0.5 * (mean**2 + std**2 - 1) - np.log(std)).sum(1) / np.log(2)
    assert bits_back(mean, std, rng).mean() == pytest.approx(rate.mean(), rel=0.05)


def test_a_width_is_the_posteriors_and_of_an_autoencoder_a_share_of_the_spread():
    mean = drawn(500)
    log_var = np.full_like(mean, 2 * np.log(0.25))
    np.testing.assert_allclose(compress.widths(Codes(mean, log_var)), 0.25)
    np.testing.assert_allclose(compress.widths(Codes(mean, np.full_like(mean, -np.inf))), mean.std(0) / 8)
    assert compress.widths(Codes(np.zeros((4, 2)), np.full((4, 2), -np.inf))).tolist() == [1, 1]


@pytest.mark.parametrize("channels", [1, 3])
def test_on_a_sheet_each_image_comes_back_at_its_place(channels):
    images, _ = blobs(7, 12, channels)
    size, back = baselines.sheet_file(images, baselines.PNG, 100)
    np.testing.assert_array_equal(back, images)
    sizes, each = baselines.picture_files(images, baselines.PNG, 100)
    np.testing.assert_array_equal(each, images)
    assert size < sizes.sum(), "headers are shared"


def test_pca_of_images_in_a_plane_needs_two_components():
    rng = np.random.default_rng(0)
    plane = np.linalg.qr(rng.standard_normal((64, 2)))[0]
    weights = rng.uniform(-1, 1, (300, 2))
    images = np.rint(255 * (0.5 + weights @ plane.T)).clip(0, 255).astype(np.uint8).reshape(-1, 1, 8, 8)
    pca = baselines.fit_pca(images[:200], 8, 0)
    curve = baselines.pca_curve(pca, images[200:], HEAD)
    assert max(point.components for point in curve) >= 2
    sizes = [point.size for point in curve]
    quality = [psnr(images[200:], point.opened).mean() for point in curve]
    assert quality[-1] > 40
    assert sizes == sorted(sizes)
    assert quality == sorted(quality)


def test_bytes_at_a_quality_lie_between_the_files():
    curve = [(1.0, 10.0), (4.0, 20.0), (5.0, 19.0)]
    assert baselines.at_quality(curve, 15.0) == pytest.approx(2.0)
    assert baselines.at_quality(curve, 9.0) is None
    assert baselines.at_quality(curve, 21.0) is None


# ---------------------------------------------------------------- of a run


@pytest.fixture(scope="module")
def few():
    """Fewer files, so that a measurement takes a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            baselines, "QUALITIES", {baselines.JPEG: (1, 50), baselines.WEBP: (0,), baselines.PNG: (100,)}
        )
        patch.setattr(baselines, "STEPS", baselines.STEPS[::3])
        patch.setattr(baselines, "COMPONENTS", (2, 8, 32))
        patch.setattr(compress, "MEAN_DRAWS", 100)
        patch.setattr(compress, "DRAWS", 60)
        yield


@pytest.fixture(scope="module")
def found(trained, few):
    return measure(trained, USES["compress"], compress.SETTINGS(images=60))[1]


def test_a_measurement_has_every_method_with_intervals_and_equal_files_from_the_same_seed(trained, found):
    methods = {row.method for row in found.rows}
    assert {"VAE", "PCA", "JPEG", "WebP", "PNG", "JPEG, one sheet", "VAE, rate", "VAE, bits back"} <= methods
    for row in found.rows:
        if row.metric in ("PSNR", "SSIM", "bits"):
            assert row.low <= row.value <= row.high, row
    assert (
        found.to_json()["rows"]
        == measure(trained, USES["compress"], compress.SETTINGS(images=60))[1].to_json()["rows"]
    )
    bytes_of = [row.value for row in found.of("bytes", ours=True) if row.at["setting"].startswith("step")]
    assert bytes_of == sorted(bytes_of, reverse=True), "a wider step takes fewer bytes"
    assert compress.name_in(found) == "VAE"
    decoders = {row.method: row.value for row in found.of("decoder")}
    assert decoders["VAE"] > 0
    assert decoders["PCA"] > 0


def test_the_number_of_a_file_is_its_size(trained, found, model):
    from vae_core.uses.subject import open_subject

    subject = open_subject(trained)
    images = subject.images(compress._chosen(subject, compress.SETTINGS(images=60))[1])
    data = pack(model, compress.kept_table(found, 3), images)
    row = next(
        row
        for row in found.of("bytes", ours=True)
        if row.at["setting"] == compress.setting_of(compress.NOISE)
    )
    assert row.value == pytest.approx(len(data) / len(images))
    opened = unpack(model, data)
    assert opened.shape == images.shape
    numbers = compress.kept_table(found, 3).rounded(model.encode(images).mean)
    np.testing.assert_array_equal(opened, model.decode_uint8(compress.kept_table(found, 3).codes(numbers)))


def test_a_measurement_is_kept_and_found_again(copied, found):
    use, settings = USES["compress"], compress.SETTINGS(images=60)
    kept.keep(copied, copied.stamp(), use, settings, found)
    again = kept.find(copied, use, settings)
    assert again is not None
    assert again.to_json() == found.to_json()


def test_where_the_vae_loses_the_sentences_say_so(found):
    said = " ".join(found.sentences)
    assert "bit for bit" in said
    assert "no better than" in said
    assert "kB" in said
    without = " ".join(sentences([row for row in found.rows if row.metric != "bits"], 60, False))
    assert "promises no rate" in without
    assert "VAE" not in without


def test_an_autoencoder_is_named_for_what_it_is_by_a_measurement(few, places):
    write_blobs(places.datasets)
    run = Store(places).create(config_of(objective="autoencoder", epochs=1), "plain")
    assert train_run(run, places).state == FINISHED
    found = measure(run, USES["compress"], compress.SETTINGS(images=20))[1]
    assert compress.name_in(found) == "autoencoder"
    ours = {row.method for row in found.rows if row.ours}
    assert ours == {"autoencoder"}
    for key in ("curves", "seen", "decoders"):
        assert {"autoencoder", "PCA"} <= set(found.more[key])
        assert "VAE" not in found.more[key]
    assert found.pictures["autoencoder"].shape == found.pictures["PCA"].shape
    assert "VAE" not in json.dumps(found.to_json())
