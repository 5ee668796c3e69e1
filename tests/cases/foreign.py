"""Files of formats that are not read, as they begin."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np


def idx_files(folder: Path, count: int = 20) -> np.ndarray:
    """MNIST as it is downloaded; gives the images (N, 28, 28)."""
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)
    (folder / "train-images-idx3-ubyte").write_bytes(
        struct.pack(">IIII", 2051, count, 28, 28) + images.tobytes()
    )
    (folder / "train-labels-idx1-ubyte").write_bytes(
        struct.pack(">II", 2049, count) + bytes(i % 10 for i in range(count))
    )
    packed = gzip.compress((folder / "train-images-idx3-ubyte").read_bytes())
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(packed)
    return images


def cifar_binary(path: Path, count: int = 5) -> np.ndarray:
    """A batch of CIFAR-10's binary version; gives the images (N, 3, 32, 32)."""
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32), np.uint8)
    rows = [bytes([i]) + image.tobytes() for i, image in enumerate(images)]
    path.write_bytes(b"".join(rows))
    return images


BEGINNINGS = {  # file name, its bytes, the name of the format
    "3dshapes.h5": (b"\x89HDF\r\n\x1a\n" + bytes(500), "HDF5"),
    "digits.mat": (b"MATLAB 5.0 MAT-file" + b" " * 500, "MATLAB's .mat"),
    "v73.mat": (b"MATLAB 7.3 MAT-file" + b" " * 500, "MATLAB's .mat"),
    "train-00000.parquet": (b"PAR1" + bytes(500), "Parquet"),
    "x.tfrecord": (b"\x10" + bytes(500), "TFRecord"),
    "scan.dcm": (bytes(128) + b"DICM", "DICOM"),
    "brain.nii.gz": (gzip.compress(bytes(500)), "NIfTI"),
    "sky.fits": (b"SIMPLE  =", "FITS"),
    "data.arrow": (b"ARROW1", "Arrow"),
    "weights.pt": (b"PK\x03\x05", "PyTorch's format"),
    "data_batch_1": (pickle.dumps({b"data": 1}, 2), "CIFAR's python version, a pickle, never opened"),
    "cifar-10-python.tar.gz": (gzip.compress(b"x"), "CIFAR's python version, a pickle, never opened"),
    "faces.pkl": (pickle.dumps([1]), "a pickle, never opened"),
    "unnamed": (pickle.dumps([1]), "a pickle, never opened"),
    "mnist_train.csv": (b"label,pixel0,pixel1\n1,2,3\n", "a table of pixels"),
    "labels.csv": (b"file,label\na.png,3\n", "a table and holds no images"),
    "set.7z": (b"7z\xbc\xaf\x27\x1c", "archive is not read"),
}
