"""Importing image files: every refusal, with nothing left behind."""

from __future__ import annotations

import io
import os
import pickle
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from image_sources import noise, npy, packed, put, refused, some, taken, upload, zipped

from vae_core.data import list_specs
from vae_core.data.user import Budgets, accept, inspect, to_square
from vae_core.errors import BadImages
from vae_core.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home", tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


# -- files that are refused


def test_no_image_and_one_image(folder: Path, places: Places) -> None:
    refused(folder, places, "pictures: no image was found", "needs at least 2")
    put(folder, {"notes.txt": b"hello"})
    refused(folder, places, "no image was found", "Left out (no image): notes.txt.")
    put(folder, some(1))
    refused(folder, places, "one image was found (0.png)", "needs at least 2")
    refused(upload(zipped({})), places, "upload.zip: no image was found")
    refused(upload(zipped(some(1))), places, "one image was found (0.png)")


def test_what_is_no_image_is_named(folder: Path, places: Places) -> None:
    put(folder, {**some(), "cat.png": b"I am text"})
    refused(folder, places, "1 image file cannot be read: cat.png is not an image", "Remove or replace")


def test_all_faulty_files_are_counted_and_named(folder: Path, places: Places) -> None:
    put(folder, {**some(), **{f"bad{i}.jpg": b"x" for i in range(25)}})
    text = refused(folder, places, "25 image files cannot be read", "bad0.jpg", "bad19.jpg", "and 5 more")
    assert "bad20.jpg" not in text
    assert [fault.name for fault in inspect(folder).broken] == [f"bad{i}.jpg" for i in range(25)]


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "tif", "ppm"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_images_are_named(ending: str, share: float, folder: Path, places: Places) -> None:
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper())
    whole = packed(noise(64, 64, 3), kind)
    put(
        folder,
        {**{f"{i}.{ending}": whole for i in range(30)}, f"7.{ending}": whole[: int(share * len(whole))]},
    )
    refused(folder, places, f"1 image file cannot be read: 7.{ending}")
    refused(upload(zipped({p.name: p.read_bytes() for p in folder.iterdir()})), places, f"7.{ending}")


def test_several_truncated_images_are_named_together(folder: Path, places: Places) -> None:
    whole = packed(noise(32, 32))
    put(folder, {f"{i:02}.png": whole[:-40] if i in (3, 12, 38) else whole for i in range(40)})
    assert inspect(folder).count == 37  # the samples are others
    refused(folder, places, "3 image files cannot be read: 03.png, 12.png, 38.png each is cut short")


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "EPS", "PDF", "JPEG2000"])
def test_other_formats_are_not_opened_under_a_borrowed_name(kind: str, folder: Path, places: Places) -> None:
    put(folder, {**some(), "odd.png": packed(noise(32, 32, 3), kind)})
    refused(folder, places, "odd.png is a PDF" if kind == "PDF" else "odd.png is not an image in PNG, JPEG")


def test_other_formats_and_archives_and_pickles_are_left_out_and_said(folder: Path, places: Places) -> None:
    put(folder, {
        **some(), "a.heic": b"", "b.zip": zipped(some()), "c.pkl": b"", "d.csv": b"", "e.txt": b"", "f": b"",
    })  # fmt: skip
    plan, images = taken(folder, places)
    assert len(images) == 3
    text = " ".join(plan.notes)
    assert "a.heic" in text
    assert "Left out (an archive inside, which is not opened (unpack it first)): b.zip." in plan.notes
    assert "a pickle, never opened because it can run any program): c.pkl." in text
    assert "Left out (no image): d.csv, e.txt, f." in plan.notes


def test_hidden_files_are_skipped(folder: Path, places: Places) -> None:
    junk = (
        ".DS_Store",
        "._0.png",
        "__MACOSX/._0.png",
        "Thumbs.db",
        ".git/a.png",
        "sub/.hidden.png",
        "desktop.ini",
    )
    put(folder, {**some(), **dict.fromkeys(junk, b"junk")})
    for source in (folder, upload(zipped({**some(), **dict.fromkeys(junk, b"junk")}))):
        plan = inspect(source)
        assert plan.count == 3
        assert plan.notes == ()
    taken(folder, places)


def huge(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    data = bytearray(packed(np.zeros((16, 16), np.uint8)))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


@pytest.mark.parametrize("side", [30_000, 8_000])
def test_a_huge_image_is_refused_from_its_header(side: int, folder: Path, places: Places) -> None:
    put(folder, {**some(), "huge.png": huge(side, side)})
    refused(
        folder,
        places,
        "huge.png is too large to decode",
        "the most is 50,000,000 pixels",
    )
    refused(
        upload(zipped({**some(), "huge.png": huge(side, side)})), places, "huge.png is too large to decode"
    )


def test_one_image_or_a_pickle_or_nothing_is_no_source(tmp_path: Path, places: Places) -> None:
    put(tmp_path, {
        "cat.png": packed(noise(16, 16)), "set.pkl": pickle.dumps([1]), "set.tar.gz": b"\x1f\x8b\x08",
        "empty.zip": b"", "set.zip": b"PK\x03\x04 and then nothing", "half.zip": zipped(some())[:-30],
    })  # fmt: skip
    refused(tmp_path / "cat.png", places, "cat.png: this is one image")
    refused(tmp_path / "set.pkl", places, "set.pkl: this is a pickle, never opened")
    refused(tmp_path / "set.tar.gz", places, "this kind of archive is not read", "a folder or .zip")
    refused(tmp_path / "empty.zip", places, "empty.zip: this is none of what can be imported")
    refused(tmp_path / "set.zip", places, "set.zip: it is no whole .zip")
    refused(tmp_path / "half.zip", places, "half.zip: it is no whole .zip")
    refused(tmp_path / "absent", places, "there is nothing at")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_not_waited_for(folder: Path, places: Places) -> None:
    os.mkfifo(folder / "pipe.png")
    put(folder, some())
    refused(folder / "pipe.png", places, "this is no plain file")
    plan, _ = taken(folder, places)
    assert "Left out (no plain file): pipe.png." in plan.notes


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_not_followed_and_said(folder: Path, tmp_path: Path, places: Places) -> None:
    put(tmp_path / "elsewhere", {"secret.png": packed(noise(16, 16)), "more.png": packed(noise(16, 16))})
    put(folder, some())
    (folder / "link.png").symlink_to(tmp_path / "elsewhere" / "secret.png")
    (folder / "links").symlink_to(tmp_path / "elsewhere")
    (folder / "broken.png").symlink_to(tmp_path / "nowhere")
    (folder / "loop").symlink_to(folder)
    plan, images = taken(folder, places)
    assert len(images) == 3
    assert any(
        note.startswith("Left out (a link, which is not followed)")
        and all(name in note for name in ("link.png", "links", "broken.png", "loop"))
        for note in plan.notes
    )
    (tmp_path / "here").symlink_to(folder)
    assert inspect(tmp_path / "here").count == 3  # the folder given may itself be a link


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_not_utf8(folder: Path, places: Places) -> None:
    for kind in (b"caf\xe9", b"the\xff"):
        os.mkdir(os.path.join(os.fsencode(folder), kind))
        for i in range(2):
            with open(os.path.join(os.fsencode(folder), kind, b"%d\xe9.png" % i), "wb") as file:
                file.write(packed(noise(16, 16)))
    plan, images = taken(folder, places)
    assert plan.label_names == ("caf\ufffd", "the\ufffd")
    for text in (*plan.label_names, *(s.name for s in plan.samples), *images.label_names):
        text.encode("utf-8")
    np.testing.assert_array_equal(images.labels, [0, 0, 1, 1])


# -- archives that are refused


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../evil.png", "the path ../evil.png, which leads outside"),
        ("a/../../evil.png", "which leads outside"),
        ("..\\evil.png", "which leads outside"),
        ("/etc/evil.png", "the absolute path /etc/evil.png"),
        ("\\\\host\\evil.png", "the absolute path"),
        ("C:\\evil.png", "the absolute path C:/evil.png"),
        ("c:evil.png", "the absolute path c:evil.png"),
    ],
)
def test_paths_that_lead_outside(name: str, fault: str, places: Places, tmp_path: Path) -> None:
    refused(upload(zipped({**some(), name: packed(noise(16, 16))})), places, fault)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    ("kind", "fault"), [(stat.S_IFLNK, "a link, l.png"), (stat.S_IFIFO, "no plain file")]
)
def test_links_and_devices_in_a_zip(kind: int, fault: str, places: Places) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in some().items():
            archive.writestr(name, content)
        info = zipfile.ZipInfo("l.png")
        info.external_attr = (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(upload(data.getvalue()), places, fault)


def test_a_nested_zip_is_left_out_and_said(places: Places) -> None:
    inner = zipped(some())
    refused(upload(zipped({"inner.zip": inner})), places, "no image was found", "archive inside", "inner.zip")
    plan, images = taken(upload(zipped({**some(), "inner.zip": inner})), places)
    assert len(images) == 3
    assert any("inner.zip" in note for note in plan.notes)


def patched(data: bytes, name: bytes, local: int, central: int, value: bytes) -> bytes:
    """Overwrite a field of one member's local and central headers, at these offsets."""
    changed = bytearray(data)
    for signature, offset, name_at in ((b"PK\x03\x04", local, 30), (b"PK\x01\x02", central, 46)):
        at = changed.find(signature)
        while changed[at + name_at : at + name_at + len(name)] != name:
            at = changed.find(signature, at + 1)
        changed[at + offset : at + offset + len(value)] = value
    return bytes(changed)


def test_an_encrypted_zip(places: Places) -> None:
    data = patched(zipped(some()), b"1.png", 6, 8, b"\x01\x00")
    refused(upload(data), places, "the .zip is encrypted (1.png)", "without a password")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_cannot_be_counted(method: int, places: Places) -> None:
    refused(upload(zipped(some(), method)), places, "0.png is packed by", "only stored and deflated")


def test_a_bomb_is_counted_while_it_unpacks(places: Places) -> None:
    bomb = zipped({**some(), "bomb.png": bytes(8_000_000)})
    assert len(bomb) < 20_000
    refused(upload(bomb), places, "bomb.png is larger than 1.0 MB", budgets=Budgets(file_bytes=1_000_000))
    many = zipped({f"{i}.png": packed(np.zeros((200, 200), np.uint8)) + bytes(100_000) for i in range(20)})
    refused(
        upload(many), places, "it holds more than 1.0 MB unpacked", budgets=Budgets(total_bytes=1_000_000)
    )


def test_a_header_that_understates_is_not_believed(places: Places) -> None:
    data = zipped({**some(), "bomb.png": bytes(8_000_000)})
    small = patched(data, b"bomb.png", 22, 24, struct.pack("<I", 1_000))
    refused(upload(small), places, "bomb.png", budgets=Budgets(file_bytes=1_000_000))


def test_too_many_files(folder: Path, places: Places) -> None:
    put(folder, some(6))
    few = Budgets(files=5)
    refused(folder, places, "it holds more than 5 files", budgets=few)
    refused(upload(zipped(some(6))), places, "it holds more than 5 files", budgets=few)
    refused(upload(zipped({f"{i}.txt": b"" for i in range(6)})), places, "more than 5 files", budgets=few)


def test_a_folder_is_counted_too(folder: Path, places: Places) -> None:
    put(folder, {**some(), "big.png": packed(noise(16, 16)) + bytes(50_000)})
    refused(folder, places, "big.png is larger than 40.0 kB", budgets=Budgets(file_bytes=40_000))
    refused(folder, places, "it holds more than 20.0 kB unpacked", budgets=Budgets(total_bytes=20_000))


def test_a_damaged_member_is_named(places: Places) -> None:
    data = zipped({f"{i}.png": packed(noise(16, 16)) for i in range(3)}, zipfile.ZIP_STORED)
    at = data.find(b"IDAT", data.find(b"1.png")) + 20
    refused(
        upload(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]),
        places,
        "1.png cannot be unpacked",
        "CRC",
    )


def test_names_in_a_zip_that_are_not_ascii(places: Places) -> None:
    """UTF-8 without the flag that says so; an old code page; the flag over what is no UTF-8."""
    data = zipped({f"{kind}/{i}.png": packed(noise(16, 16)) for kind in ("cafXX", "theXX") for i in range(2)})
    plan, _ = taken(upload(data.replace(b"cafXX", "café".encode())), places, name="utf8")
    assert plan.label_names == ("café", "theXX")
    plan, _ = taken(upload(data.replace(b"cafXX", b"caf\x82X")), places, name="cp437")
    assert plan.label_names == ("caféX", "theXX")
    flagged = zipped({**some(), "éé.png": packed(noise(16, 16))})
    broken = flagged.replace("éé".encode(), b"\xff\xfe\xff\xfe")
    with pytest.raises(BadImages, match="claims to be UTF-8 and is not"):
        inspect(upload(broken))


# -- damage of every kind ends as BadImages


def sources() -> dict[str, bytes]:
    rng = np.random.default_rng(3)
    shades = rng.integers(0, 256, (4, 16, 16), np.uint8)
    arrays = io.BytesIO()
    np.savez_compressed(arrays, images=shades, labels=np.arange(4))
    files = {
        f"{i}.{kind.lower()}": packed(shades[0], kind)
        for i, kind in enumerate(("PNG", "JPEG", "GIF", "TIFF"))
    }
    return {
        "zip": zipped(files),
        "stored": zipped(files, zipfile.ZIP_STORED),
        "npz": arrays.getvalue(),
        "npy": npy(shades),
    }


SOURCES = sources()


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_any_damage_is_refused_or_harmless(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    outcomes = set()
    for i in range(150):
        data = np.frombuffer(SOURCES[kind], np.uint8).copy()
        spots = rng.integers(0, len(data), rng.integers(1, 5))
        data[spots] = rng.integers(0, 256, len(spots))
        if i % 3 == 0:
            data = data[: rng.integers(10, len(data))]
        places = Places(tmp_path / str(i), tmp_path)
        try:
            accept(inspect(upload(data.tobytes())), "mine", places, side=16)
            outcomes.add("harmless")
        except BadImages:
            outcomes.add("refused")
            assert not places.datasets.exists() or list(places.datasets.iterdir()) == []
    assert "refused" in outcomes


def test_two_imports_at_once_do_not_disturb_each_other(folder: Path, places: Places) -> None:
    put(folder, some(20))
    plan = inspect(upload(zipped({p.name: p.read_bytes() for p in folder.iterdir()})))
    other = inspect(folder)
    failures: list[Exception] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=(lambda: accept(plan, "one", places, side=16),)),
        threading.Thread(target=run, args=(lambda: accept(other, "two", places, side=32),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {spec.name for spec in list_specs(places)} >= {"one", "two"}


def test_to_square_handles_extreme_shapes() -> None:
    for shape in ((1, 500), (500, 1), (3, 2), (1, 1)):
        for fit in ("crop", "pad", "stretch"):
            assert to_square(np.full(shape, 77, np.uint8), 16, 1, fit).shape == (1, 16, 16)
