import json

import pytest

from vae_core.places import Places, write_atomically, write_json


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "f.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["f.json"]


def test_places_prefer_arguments_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "env"))
    monkeypatch.delenv("LATENT_EXPLORER_DATA", raising=False)
    assert Places.find().home == tmp_path / "env"
    assert Places.find().data_dir == tmp_path / "env" / "downloads"
    assert Places.find(tmp_path / "arg").home == tmp_path / "arg"
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(tmp_path / "data"))
    assert Places.find().data_dir == tmp_path / "data"
    assert Places.find(None, tmp_path / "d").data_dir == tmp_path / "d"
    monkeypatch.delenv("LATENT_EXPLORER_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Places.find().home == tmp_path / ".latent-explorer"
    monkeypatch.chdir(tmp_path)
    assert Places.find("relative").home == tmp_path / "relative"
