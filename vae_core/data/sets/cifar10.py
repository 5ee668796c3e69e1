"""CIFAR-10 in its binary form (https://www.cs.toronto.edu/~kriz/cifar.html).

torchvision knows the pickled form only, which is never opened: a pickle can run any program.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vae_core.data.fetch import damaged, downloading, fetch_any, md5_of, reporter
from vae_core.data.imageset import Chunk, Progress, Source
from vae_core.places import Places

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
PICKLED = ("cifar-10-batches-py", "cifar-10-python.tar.gz")
RECORDS = 10_000  # in each file
RECORD = 1 + 3 * 32 * 32  # bytes: a label, then red, green and blue planes
NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def present(places: Places) -> bool:
    """Whether the binary form lies there, unpacked or as it was fetched."""
    return _is_unpacked(places) or (places.data_dir / ARCHIVE).is_file()


def _is_unpacked(places: Places) -> bool:
    return all((places.data_dir / FOLDER / file).is_file() for file in FILES)


def build(side: int, places: Places, progress: Progress) -> Source:
    """50,000 training, then 10,000 test images, (3, 32, 32). Raises DataUnavailable."""
    if not present(places):
        _download(places, progress)
    archive, unpacked = places.data_dir / ARCHIVE, _is_unpacked(places)
    if not unpacked and (md5 := md5_of(archive)) != MD5:
        raise damaged(archive, f"its md5 sum is {md5}, not {MD5}")

    def chunks() -> Iterator[Chunk]:
        for file in FILES:
            path = places.data_dir / FOLDER / file if unpacked else archive
            data = _bytes_of(path, file)
            if len(data) != RECORDS * RECORD:
                wanted = f"{RECORDS * RECORD:,} bytes"
                raise damaged(path, f"{file} holds {len(data):,} bytes, not {wanted}")
            records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
            labels = records[:, 0]
            if labels.max() >= len(NAMES):
                raise damaged(path, f"{file} holds the label {labels.max()}; labels run from 0 to 9")
            yield Chunk(records[:, 1:].reshape(-1, 3, 32, 32), labels)

    train = RECORDS * (len(FILES) - 1)
    return Source(
        count=train + RECORDS,
        channels=3,
        chunks=chunks(),
        label_names=NAMES,
        test=np.arange(train, train + RECORDS),
    )


def _bytes_of(path: Path, file: str) -> bytes:
    """One file of records, out of the folder or the archive; at most a byte more than it should hold."""
    most = RECORDS * RECORD + 1
    if path.suffix != ".gz":
        with path.open("rb") as plain:
            return plain.read(most)
    try:
        # members are read by their known names and nothing is unpacked to disk
        with tarfile.open(path, "r:gz") as archive:
            member = archive.extractfile(f"{FOLDER}/{file}")
            if member is None:
                raise damaged(path, f"{file} in it is no plain file")
            with member:
                return member.read(most)
    except (OSError, EOFError, KeyError, zlib.error, tarfile.TarError) as error:
        raise damaged(path, str(error)) from None


def _download(places: Places, progress: Progress) -> None:
    advice = (
        f"Connect to the network and try again, or put {ARCHIVE} from {URL}, "
        f"or its folder {FOLDER}, into {places.data_dir}"
    )
    pickled = [name for name in PICKLED if (places.data_dir / name).exists()]
    if pickled:
        advice += (
            f". The {pickled[0]} there is the pickled form, which is not opened because a pickle can run "
            "any program"
        )
    with downloading("CIFAR-10", "cifar10", places, advice, present) as work:
        if work is not None:
            report = reporter(progress, ARCHIVE, 0, 1)
            fetch_any([URL], work / ARCHIVE, MD5, report)
            os.replace(work / ARCHIVE, places.data_dir / ARCHIVE)
