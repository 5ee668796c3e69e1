import json
from dataclasses import asdict

import numpy as np
import pytest
from command_line import TINY, complains

from vae_core.evaluation.likelihood import evaluate
from vae_core.inference import load_run


def test_evaluate_gives_the_numbers_of_the_evaluation(vae_core, mine, places):
    from vae_core.data import open_images

    code, out, err = vae_core("evaluate", "mine", "--json", "--seed", "3")
    assert (code, err) == (0, "")
    found = json.loads(out)
    expected = evaluate(load_run(mine), open_images("tiny", 16, places), seed=3)
    assert found == json.loads(json.dumps(expected.to_json())) | {
        "run": "mine", "id": mine.id, "weights": "last", "seed": 3,
    }  # fmt: skip
    assert {"elbo", "distortion", "rate", "kl_per_dim", "active_units", "mse"} <= set(found)
    code, out, _ = vae_core("evaluate", "mine", "--seed", "3")
    assert code == 0
    assert f"−ELBO        {-expected.elbo:10.3f}" in out
    assert "9 test images, nats per image" in out
    code, out, _ = vae_core("evaluate", "mine", "--json", "--split", "train", "--weights", "best")
    assert json.loads(out)["images"] == 77
    assert json.loads(out)["weights"] == "best"


def test_evaluate_gives_a_bound_and_scores_when_asked(vae_core, mine, places):
    from vae_core.data import open_images
    from vae_core.evaluation.likelihood import importance_bound

    code, out, _ = vae_core("evaluate", "mine", "--json", "--bound", "40", "--images", "5")
    assert code == 0
    expected = importance_bound(load_run(mine), open_images("tiny", 16, places), samples=40, most=5)
    assert json.loads(out)["bound"] == json.loads(json.dumps(expected.to_json()))
    code, out, _ = vae_core("evaluate", "mine", "--bound", "40", "--images", "5")
    assert f"{expected.bound:.3f} ± {expected.standard_error:.3f} with 40 draws, 5 images" in out
    code, out, err = vae_core("evaluate", "mine", "--scores", "--json")
    assert code == 0
    assert list(json.loads(out)["scores"]) == ["sharpness"], (
        "what asks for no factors is computed all the same"
    )
    assert err.count("\n") == 2, "one line for the scores, one for the sliders"
    assert (
        "note: no mig, aam, dci, sap, factor_vae, beta_vae, modularity, mig_lib, modularity_lib: scores need 100 images"
        in err
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--scores", "--images", "-5"], "--images -5: expected 0 or more"),
        (["--scores", "--seed", "-1"], "--seed -1: expected 0 to 2,147,483,647"),
        (["--bound", "10", "--images", "-5"], "--images -5"),
        (["--bound", "10", "--seed", "-1"], "--seed -1"),
        (["--seed", str(2**70)], "--seed 1180591620717411303424"),
        (["--bound", "0"], "--bound 0: expected 1 to 5,000"),
        (["--bound", "5001"], "--bound 5001"),
    ],
)
def test_numbers_out_of_bounds_are_said_before_anything_is_computed(vae_core, mine, monkeypatch, words, says):
    def never(*args, **kwargs):
        raise AssertionError("computed")

    monkeypatch.setattr("vae_core.inference.load_run", never)
    complains(vae_core("evaluate", "mine", *words), 2, says)


def test_a_bound_on_grey_images_is_not_called_one_on_log_p(vae_core, mine, places):
    """Bernoulli on grey values is a cross-entropy; on binary ones, and for a Gaussian, it is a likelihood."""
    code, out, _ = vae_core("evaluate", "mine", "--bound", "5")
    assert code == 0
    assert "log p(x) ≥" not in out
    assert "cross-entropy for log p(x|z)" in out
    vae_core("train", *TINY, "--likelihood", "gaussian", "--name", "density")
    assert "log p(x) ≥" in vae_core("evaluate", "density", "--bound", "5")[1]
    path = places.datasets / "tiny" / "16" / "images.npy"
    np.save(path, np.where(np.load(path) > 127, 255, 0).astype(np.uint8))
    code, out, _ = vae_core("evaluate", "mine", "--bound", "5")
    assert code == 0
    assert "log p(x) ≥" in out
    assert "cross-entropy" not in out


def test_evaluate_scores_a_run_on_known_factors(vae_core):
    from vae_core.evaluation.metrics import all_values

    arguments = [
        "--dataset",
        "shapes",
        "--limit",
        "600",
        "--model",
        "mlp",
        "--hidden",
        "12",
        "--latent-dim",
        "4",
        "--epochs",
        "1",
        "--name",
        "scored",
    ]
    assert vae_core("train", *arguments)[0] == 0
    code, out, _ = vae_core("evaluate", "scored", "--scores", "--json")
    assert code == 0
    found = json.loads(out)["scores"]
    assert set(found) <= set(all_values())
    assert {"mig", "sap", "aam", "sharpness"} <= set(found)
    assert all(0 <= value <= (all_values()[name].high or np.inf) for name, value in found.items())
    assert "mig" in vae_core("evaluate", "scored", "--scores")[1]


def test_an_autoencoder_is_evaluated_without_an_elbo(vae_core):
    vae_core("train", *TINY, "--objective", "autoencoder", "--name", "plain")
    code, out, _ = vae_core("evaluate", "plain", "--json")
    assert code == 0
    assert json.loads(out)["elbo"] is None
    code, out, _ = vae_core("evaluate", "plain")
    assert code == 0
    assert "ELBO" not in out


def test_evaluating_what_never_trained_says_so(vae_core, store, mine):
    store.create(mine.record().config, "empty")
    complains(vae_core("evaluate", "empty"), 1, "no weights yet")


def test_a_dataset_that_has_changed_is_noted(vae_core, mine, places):
    meta = places.datasets / "tiny" / "16" / "meta.json"
    meta.write_text(meta.read_text().replace(json.loads(meta.read_text())["fingerprint"], "0" * 16))
    code, out, err = vae_core("evaluate", "mine", "--json")
    assert code == 0
    assert "differs from the one the run was trained on" in err
    json.loads(out)


def test_samples_are_measured_beside_the_terms_when_asked(vae_core, mine, places):
    from vae_core.data import open_images
    from vae_core.evaluation.samples import sample_numbers

    code, out, err = vae_core("evaluate", "mine", "--samples", "--images", "60", "--seed", "2", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    wanted = sample_numbers(mine, load_run(mine), open_images("tiny", 16, places), drawn=60, seed=2)
    assert found["elbo"] is not None
    assert found["samples"] == json.loads(json.dumps({"drawn": 60} | asdict(wanted)))
    out = vae_core("evaluate", "mine", "--samples", "--images", "60")[1]
    assert "−ELBO" in out
    header = next(line for line in out.splitlines() if "9 test images" in line and "prior" in line)
    assert header.split()[:2] == ["prior", "prior"]
    assert (
        sum(
            line.strip().startswith(("Fréchet", "precision", "recall", "rarest", "sharpness"))
            for line in out.splitlines()
        )
        == 5
    )
    complains(vae_core("evaluate", "mine", "--samples", "--images", "10"), 1, "10 samples tell nothing")


def test_a_run_without_an_encoder_is_told_what_there_is_and_what_there_is_not(
    vae_core, mine, monkeypatch, tmp_path
):
    assert vae_core("train", *TINY, "--objective", "gan", "--name", "faker")[0] == 0
    code, out, err = vae_core("evaluate", "faker", "--images", "60")
    assert (code, err) == (0, "")
    assert out.startswith(
        "faker: a GAN has no ELBO, no distortion and no rate: it reads no code off an image"
    )
    assert "−ELBO" not in out
    assert "mixture" not in out, "there are no codes to fit one to"
    for name in ("Fréchet distance", "precision", "recall", "rarest class", "sharpness"):
        assert f"\n  {name}" in out
    code, out, err = vae_core("evaluate", "faker", "--images", "60", "--json", "--scores")
    assert code == 0
    found = json.loads(out)
    assert "elbo" not in found
    assert "no ELBO" in found["no_elbo"]
    assert set(found["samples"]["numbers"]) == {"prior", "prior at temperature 0.7"}
    assert "sharpness" in found["scores"]
    assert "without an encoder images have no codes" in err
    monkeypatch.setattr("vae_core.export.onnx.export_onnx", lambda model, target: [target])
    for name, note in (
        ("faker", "note: faker has no encoder, so the decoder's file is all there is\n"),
        ("mine", ""),
    ):
        assert vae_core("export", name, "--to", str(tmp_path / "a.onnx"))[2] == note
    complains(vae_core("evaluate", "faker", "--bound", "5"), 1, "a GAN has no ELBO")
    complains(
        vae_core("evaluate", "faker", "--beta", "2"),
        1,
        "has no β dial: it was trained without a weighed rate",
    )
