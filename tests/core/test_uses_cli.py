"""`vae-core uses`: a run measured, kept and printed again, its pictures, and what is refused in one sentence."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from command_line import TINY, complains
from helpers import blob_set

from vae_core.cli.uses import lines
from vae_core.data.imageset import Chunk, Source, write_images
from vae_core.uses import kept
from vae_core.uses.found import Found, Row
from vae_core.uses.registry import USES

FEW = ("--images", "20", "--test", "20", "--repeats", "2")
USE = USES["represent"]
SETTINGS = USE.settings(images=20, test=20, repeats=2)


def test_a_measurement_is_printed_as_one_object_and_kept(vae_core, mine, tmp_path):
    code, out, err = vae_core("uses", "represent", "mine", *FEW, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["use", "run", "id", "rows", "sentences", "more", "seconds"]
    assert (found["use"], found["run"], found["id"]) == ("represent", "mine", mine.id)
    assert found["sentences"]
    rows = [Row(**row) for row in found["rows"]]
    assert {row.method for row in rows if row.ours} == {"probe on codes", "neighbours on codes"}
    assert {"probe on PCA", "neighbours on pixels"} <= {row.method for row in rows if not row.ours}
    assert all(row.low <= row.value <= row.high and row.count for row in rows)
    assert kept.find(mine, USE, SETTINGS).to_json() == {
        k: found[k] for k in ("rows", "sentences", "more", "seconds")
    }
    # a second call prints what was kept: were it measured again, it would take other seconds
    pictures = tmp_path / "pictures.npz"
    kept.keep(
        mine, mine.stamp(), USE, SETTINGS, dataclasses.replace(kept.find(mine, USE, SETTINGS), seconds=4321.0)
    )
    code, again, err = vae_core("uses", "represent", "mine", *FEW, "--json", "--pictures", str(pictures))
    assert (code, err) == (0, "")
    assert json.loads(again) == found | {"seconds": 4321.0}
    with np.load(pictures, allow_pickle=False) as npz:
        assert set(npz.files) == {"test", "near"}
        assert all(npz[name].dtype == np.uint8 and npz[name].shape[1:] == (1, 16, 16) for name in npz.files)


@pytest.fixture
def measured(monkeypatch):
    """What was asked and of which β the network is, for each measurement that a planted use made."""
    asked = []

    class Planted:
        SETTINGS, VERSION = USE.settings, USE.version

        @staticmethod
        def measure(subject, settings, progress):
            asked.append((settings, subject.model.beta))
            progress(0.5, "half of it")
            return Found([], [f"Measured {len(asked)}."])

    monkeypatch.setitem(USE.__dict__, "_module", Planted)
    return asked


def test_other_settings_are_measured_anew_and_the_same_are_not(vae_core, mine, measured):
    for words, says in (
        ((), "1"),
        (("--seed", "1"), "2"),
        ((), "1"),
        (("--seed", "1"), "2"),
        (("--no-transfer",), "1"),
    ):
        code, out, _ = vae_core("uses", "represent", "mine", *words)
        assert (code, out.splitlines()[1:]) == (0, [f"Measured {says}."])
    assert [settings.seed for settings, _ in measured] == [0, 1]


PLANTED = Found(
    [
        Row("codes", True, "accuracy", "", 0.91237, 0.9, 0.92, 5, {"labels": 100.0, "of": "each"}),
        Row("PCA", False, "bytes", "B", 1234.0, None, None, 5, {"labels": 3.0, "of": "all"}),
        Row("none", False, "accuracy", "", None, None, None, 0),
    ],
    ["Codes win.", "PCA is small."],
    seconds=7.2,
)


def test_as_text_it_is_a_table_with_vaes_marked_and_the_sentences(vae_core, mine):
    kept.keep(mine, mine.stamp(), USE, USE.settings(), PLANTED)
    code, out, err = vae_core("uses", "represent", "mine")
    assert code == 0
    assert out.splitlines() == [
        f"mine: {USE.question}",
        "  labels 100, of each VAE  codes accuracy 0.9124 [0.9, 0.92]",
        "  labels 3, of all         PCA   bytes      1234 B",
        "                           none  accuracy      –",
        "Codes win.",
        "PCA is small.",
    ]
    assert err == "7 s\n"
    assert lines(Found([], [])) == []


def test_the_uses_are_listed_each_with_its_settings(vae_core):
    code, out, _ = vae_core("uses", "--help")
    assert code == 0
    assert all(use.name in out and use.question.split()[0] in out for use in USES.values())
    code, out, _ = vae_core("uses", "represent", "--help")
    assert code == 0
    assert all(
        switch in out for switch in ("--json", "--pictures", "--beta", "--seed", "--repeats", "--transfer")
    )


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("use", USES)
def test_a_gan_is_refused_by_every_use(vae_core, use, gan):
    complains(vae_core("uses", use, "faker", "--json"), 1, "faker is a GAN", "choose a VAE or an autoencoder")


@pytest.fixture
def gan(vae_core):
    code, _, err = vae_core("train", *TINY, "--name", "faker", "--objective", "gan", "--epochs", "1")
    assert code == 0, err


def test_a_dial_takes_a_beta_and_nothing_else_does(vae_core, mine, measured):
    code, _, err = vae_core("train", *TINY, "--name", "dial", "--objective", "multi_rate")
    assert code == 0, err
    complains(vae_core("uses", "represent", "dial"), 1, "whole dial", "--beta, 0.")
    complains(vae_core("uses", "represent", "mine", "--beta", "2"), 1, "no β dial")
    assert not measured
    code, out, err = vae_core("uses", "represent", "dial", "--json", "--beta", "2")
    assert (code, err) == (0, "")
    assert json.loads(out)["sentences"] == ["Measured 1."]
    assert measured == [(USE.settings(beta=2.0), 2.0)]


@pytest.fixture
def unlabelled(places, vae_core):
    data = blob_set()
    chunk = Chunk(data.images, None, None)
    write_images(
        places.datasets / "bare" / "16", "bare", "Bare", Source(len(data), data.shape[0], [chunk], (), (), data.test), own=True
    )  # fmt: skip
    code, _, err = vae_core("train", "--dataset", "bare", *TINY[2:], "--name", "bare")
    assert code == 0, err


@pytest.mark.parametrize("use", ["represent", "augment"])
def test_what_takes_labels_says_so(vae_core, unlabelled, use):
    complains(vae_core("uses", use, "bare"), 1, "images of bare have no labels", "import these with labels")


def test_absent_images_and_a_run_that_never_learned_are_said(vae_core, mine, store, places):
    shutil.rmtree(places.datasets / "tiny")
    complains(vae_core("uses", "compress", "mine"), 1, "the images of mine (tiny) are not here")
    complains(vae_core("uses", "compress", "nobody"), 1, "no run 'nobody'")


def test_a_run_without_weights_is_said(vae_core, store, mine):
    store.create(mine.record().config, "queued")
    complains(vae_core("uses", "compress", "queued"), 1, "queued never started", "train it first")


def test_what_was_kept_is_printed_though_the_images_are_gone(vae_core, mine, places):
    kept.keep(mine, mine.stamp(), USE, USE.settings(), PLANTED)
    shutil.rmtree(places.datasets / "tiny")
    code, out, _ = vae_core("uses", "represent", "mine", "--json")
    assert code == 0
    assert json.loads(out)["seconds"] == 7.2


def test_pictures_that_cannot_be_written_are_said(vae_core, mine, tmp_path):
    kept.keep(mine, mine.stamp(), USE, USE.settings(), PLANTED)
    complains(
        vae_core("uses", "represent", "mine", "--pictures", str(tmp_path / "none" / "x.npz")),
        1,
        "No such file",
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["uses"], "argument USE"),
        (["uses", "cook", "mine"], "invalid choice: 'cook'"),
        (["uses", "represent"], "required: RUN"),
        (["uses", "represent", "mine", "--repeats", "many"], "--repeats"),
        (["uses", "represent", "mine", "--repeats", "1"], "repeats"),
        (["uses", "represent", "mine", "--beta", "-1"], "beta"),
        (["uses", "denoise", "mine", "--noise", "loud"], "invalid choice: 'loud'"),
        (["uses", "represent", "mine", "--samples", "3"], "unrecognized arguments"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(vae_core, words, says):
    code, out, err = vae_core(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
