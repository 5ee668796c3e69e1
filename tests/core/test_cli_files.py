import json
import re
import zipfile

import numpy as np
from command_line import TINY, complains
from helpers import blobs
from PIL import Image

from vae_core.runs.record import FINISHED

# ---------------------------------------------------------------- export, import


def test_a_run_is_exported_and_brought_back(vae_core, mine, store, tmp_path, monkeypatch):
    target = tmp_path / "run.zip"
    assert vae_core("export", "mine", "--to", str(target)) == (0, f"{target}\n", "")
    code, out, _ = vae_core("import", str(target))
    assert code == 0
    assert re.fullmatch(r"mine-2 \(tiny-[0-9a-f]{6}\)\n", out)
    assert store.find("mine-2").stamp() == mine.stamp()
    assert vae_core("import", str(target), "--name", "third")[0] == 0
    complains(vae_core("import", str(target), "--name", "third"), 1, "already is a run")
    # just the ending names the file after the run, here
    monkeypatch.chdir(tmp_path)
    assert vae_core("export", "mine", "--to", "zip") == (0, "mine.zip\n", "")
    assert zipfile.is_zipfile(tmp_path / "mine.zip")
    (tmp_path / "bad.zip").write_bytes(b"x")
    complains(vae_core("import", "bad.zip"), 1, "no whole .zip")


def test_a_gif_is_exported(vae_core, mine, tmp_path):
    assert vae_core("export", "mine", "--to", str(tmp_path / "walk.gif"))[0] == 0
    with Image.open(tmp_path / "walk.gif") as image:
        assert (image.format, image.n_frames) == ("GIF", 96)


def test_export_refuses_what_it_cannot_write(vae_core, mine, tmp_path):
    complains(vae_core("export", "mine", "--to", "run.tar"), 2, ".zip, .onnx or .gif")
    complains(vae_core("export", "mine", "--to", str(tmp_path / "no" / "run.zip")), 1, "is not there")


# ---------------------------------------------------------------- data


def test_datasets_are_listed(vae_core):
    code, out, _ = vae_core("data", "list", "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["tiny"] == {
        "name": "tiny", "kind": "own", "sides": "16", "channels": 1, "here": "yes", "what": "90 images of yours.",
    }  # fmt: skip
    assert {"digits", "shapes", "faces", "mnist"} <= set(rows)
    assert rows["mnist"]["here"] == "to download"
    code, out, _ = vae_core("data", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()][:2] == ["name", "digits"]


def test_images_of_ones_own_are_added_trained_on_and_removed(vae_core, tmp_path, store):
    images, _ = blobs(30)
    np.save(tmp_path / "my blobs.npy", images[:, 0])
    code, out, err = vae_core("data", "add", str(tmp_path / "my blobs.npy"))
    assert code == 0, err
    name = out.split(":")[0]
    assert "30 images, 16×16, grey" in out
    words = [word if word != "tiny" else name for word in TINY]
    assert vae_core("train", *words, "--name", "on-mine")[0] == 0
    assert vae_core("data", "remove", name)[0] == 0
    complains(vae_core("train", *words), 1, f"there is no dataset '{name}'")
    assert store.find("on-mine").status().state == FINISHED
    code, _, err = vae_core("data", "add", str(tmp_path / "nothing"))
    assert code == 1
    assert "Traceback" not in err
