"""Formats that are not read, by name, each with the line that turns it into one that is."""

from __future__ import annotations

import os
from dataclasses import dataclass

NPZ = "numpy.savez('images.npz', images={0}, labels={1})"


@dataclass(frozen=True)
class Foreign:
    """A format: its name, how files of it begin or end, and a line of Python or a sentence that converts it."""

    name: str
    line: str
    heads: tuple[bytes, ...] = ()
    endings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # parts of file names


def _python(imports: str, *lines: str) -> str:
    return f'convert it by `python -c "import {imports}; {"; ".join(lines)}"`'


IDX = Foreign(
    "MNIST's IDX format",
    _python(
        "gzip, numpy",
        "r = lambda f, at: numpy.frombuffer((gzip.open if f.endswith('gz') else open)(f, 'rb').read(), 'uint8', offset=at)",
        NPZ.format("r('train-images-idx3-ubyte', 16).reshape(-1, 28, 28)", "r('train-labels-idx1-ubyte', 8)"),
    )
    + "; MNIST, Fashion-MNIST, KMNIST and EMNIST themselves are built in",
    (b"\0\0\x08\x01", b"\0\0\x08\x03", b"\0\0\x08\x04"),
    ("-ubyte", "-ubyte.gz", ".idx"),
    ("idx1-ubyte", "idx3-ubyte"),
)
HDF5 = Foreign(
    "HDF5",
    _python("h5py, numpy", "f = h5py.File('FILE')", NPZ.format("f['images'][:]", "f['labels'][:]")),
    (b"\x89HDF\r\n\x1a\n", b"MATLAB 7.3"),
    (".h5", ".hdf5", ".hdf"),
)
MAT = Foreign(
    "MATLAB's .mat",
    _python(
        "numpy, scipy.io",
        "m = scipy.io.loadmat('FILE')",
        NPZ.format("m['X'].transpose(3, 0, 1, 2)", "m['y']"),
    ),
    (b"MATLAB",),
    (".mat",),
)
PARQUET = Foreign(
    "Parquet",
    _python(
        "pandas, pathlib",
        "t = pandas.read_parquet('FILE')",
        "pathlib.Path('images').mkdir()",
        "[pathlib.Path(f'images/{i}.png').write_bytes(x['bytes']) for i, x in enumerate(t['image'])]",
        "t.drop(columns='image').assign(file_name=[f'{i}.png' for i in range(len(t))]).to_csv('images/metadata.csv')",
    ),
    (b"PAR1",),
    (".parquet",),
)
CIFAR_BINARY = Foreign(
    "CIFAR's binary version",
    _python(
        "numpy",
        "a = numpy.fromfile('FILE', 'uint8').reshape(-1, 3073)",
        NPZ.format("a[:, 1:].reshape(-1, 3, 32, 32)", "a[:, 0]"),
    )
    + "; CIFAR-10 itself is built in",
    (),
    (),
    ("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"),
)  # fmt: skip
CIFAR_PICKLES = Foreign(
    "CIFAR's python version, a pickle, never opened because it can run any program",
    _python("numpy, torchvision", "d = torchvision.datasets.CIFAR10('.')", NPZ.format("d.data", "d.targets"))
    + " if you trust the file; CIFAR-10 itself is built in",
    (),
    (),
    ("data_batch_", "batches.meta", "cifar-10-python", "cifar-100-python"),
)
PICKLE = Foreign(
    "a pickle, never opened because it can run any program",
    "if you trust it, open it with the program that made it and save its images by numpy.savez('images.npz', images=…)",
    (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
    (".pkl", ".pickle", ".joblib"),
)
TORCH = Foreign(
    "PyTorch's format, which holds a pickle",
    _python("numpy, torch", "numpy.save('images.npy', torch.load('FILE', weights_only=True).numpy())"),
    (),
    (".pt", ".pth"),
)
TFRECORD = Foreign(
    "TFRecord",
    "let tensorflow_datasets write its images: `for i, x in enumerate(ds): PIL.Image.fromarray(x['image'].numpy()).save(f'{i}.png')`",
    (),
    (".tfrecord", ".tfrecords"),
)
ARROW = Foreign(
    "Arrow",
    "`for i, x in enumerate(datasets.load_from_disk('FOLDER')): x['image'].save(f'{i}.png')`",
    (b"ARROW1",),
    (".arrow", ".feather"),
)
DICOM = Foreign(
    "DICOM",
    "`PIL.Image.fromarray(pydicom.dcmread('FILE').pixel_array).save('FILE.png')`",
    (),
    (".dcm", ".dicom"),
)
NIFTI = Foreign(
    "NIfTI",
    "`numpy.save('slices.npy', numpy.moveaxis(nibabel.load('FILE').get_fdata(dtype='f4'), -1, 0))`",
    (),
    (".nii", ".nii.gz"),
)
FITS = Foreign(
    "FITS",
    "`numpy.save('images.npy', astropy.io.fits.getdata('FILE').astype('f4'))`",
    (b"SIMPLE  =",),
    (".fits", ".fit"),
)
ARCHIVE = Foreign(
    "this kind of archive is not read",
    "unpack it and give the folder, or pack it as .zip",
    (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!"),
    (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"),
)
FORMATS = (
    CIFAR_BINARY, IDX, HDF5, MAT, PARQUET, CIFAR_PICKLES, PICKLE, TORCH, TFRECORD, ARROW, NIFTI, DICOM, FITS,
    ARCHIVE,
)  # fmt: skip

# what image files turn out to be, by their first bytes
_CONTENTS = (
    (b"<!doctype html", "is a web page"), (b"<html", "is a web page"), (b"<?xml", "is XML"), (b"<svg", "is an SVG drawing"),
    (b"%pdf", "is a PDF"), (b"pk\x03\x04", "is a .zip"), (b"\x1f\x8b", "is packed by gzip"), (b"{", "is JSON or text"),
)  # fmt: skip
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def named(name: str, head: bytes = b"") -> Foreign | None:
    """The foreign format of a file, by its name and first bytes; None for what is not known here."""
    lower = os.path.basename(name).lower()
    pickled = head.startswith(PICKLE.heads)
    for known in FORMATS:
        if known is CIFAR_PICKLES and head and not pickled and not lower.endswith("gz"):
            continue
        if any(part in lower for part in known.names) or lower.endswith(known.endings):
            return known
    return next((known for known in FORMATS if head.startswith(known.heads)), None)


def contents(head: bytes) -> str:
    """What a file that is no image is, as the rest of a sentence; empty when unknown."""
    if not head:
        return "is empty"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return "is a HEIC photograph; `pip install 'latent-explorer[heic]'` lets them be read"
    if head[:2] == b"\xff\x0a" or head[4:12] == b"JXL \r\n\x87\n":
        return "is a JPEG XL image, which is not read; convert it to PNG"
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return next((words for start, words in _CONTENTS if text.startswith(start)), "")


def is_table(name: str) -> bool:
    """Whether a file is a table of text by its name."""
    return name.lower().endswith((".csv", ".tsv"))


def pixel_table(head: bytes) -> str:
    """Why a table alone is no source, with the line that makes images of pixels in its rows."""
    line = _python(
        "numpy, pandas",
        "t = pandas.read_csv('FILE')",
        "p = t.drop(columns='label', errors='ignore').to_numpy('uint8')",
        NPZ.format("p.reshape(-1, 28, 28)", "t['label']"),
    )
    if b"pixel" in head.lower():
        return f"this is a table of pixels; {line}"
    return (
        "this is a table and holds no images; give the folder of the images with the table in it, or choose it for the "
        f"labels. If its rows are pixels, {line}"
    )
