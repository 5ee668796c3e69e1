"""A file of codes: images as whole numbers on a grid, entropy-coded, opened again with the run that wrote them.

    LXZ, version     4 bytes
    flags            1 byte: whether a β follows
    run              its length, 1 byte, and its id
    digest           8 bytes, of the stamp of the weights
    β                8 bytes, of a β dial alone
    count            of images, 1 to 1,000
    dimensions
    payload          its length, and one stream of the range coder: first the table, then the codes a dimension at a time
    checksum         4 bytes, CRC-32 of all before

Counts are written in as many bytes as they need (7 bits each). The table holds, for each dimension, the step of its grid and how
often each number occurs among codes of training images: the aggregate posterior (Hoffman and Johnson 2016) on that grid.
It travels with the file, so that whoever opens it needs the weights and nothing else: codes computed on another machine
differ in their last digits, and a table made of them would read other numbers. All that decides what is read back is whole
numbers, so the codes are the same on every machine to the bit; the images that the network draws from them are as alike as
its floats are.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from vae_core.errors import BadConfig, MissingPackage, VaeCoreError
from vae_core.inference import LoadedModel

MAGIC, VERSION, ENDING = b"LXZ", 1, ".lxz"
MOST_IMAGES = 1_000
MOST_BYTES = 64 * 2**20  # of a file that is looked at: far more than 1,000 images take
MOST_DIMS = 4_096
MOST_SYMBOLS = 1_024  # of a dimension
MOST_SHIFT = 4_095
LEVELS = 32  # of probabilities in a table: each is 1/√2 of the one before
_FLAG_BETA = 1
# 2^(k/8) and 2^(-k/2), written out: what a grid and a table are must not hang on a library's power function
_EIGHTHS = (1.0, 1.0905077326652577, 1.189207115002721, 1.2968395546510096, 1.4142135623730951, 1.5422108254079407,
            1.681792830507429, 1.8340080864093424)  # fmt: skip
_HALVES = (1 << 20, 741_455)


class BadFile(VaeCoreError):  # noqa: N818 - named for what happened
    """A file of codes cannot be opened: it is damaged, or of another run, other weights or another version."""


@dataclass(frozen=True, eq=False)
class Table:
    """What a dimension's numbers are and how probable. exponents (D,): of the grid's step, see `step_of`; lows (D,): the
    least number; levels: for each dimension (K,), a probability ∝ 2^(−level / 2)."""

    exponents: np.ndarray
    lows: np.ndarray
    levels: tuple[np.ndarray, ...]

    @property
    def steps(self) -> np.ndarray:
        """(D,) float64."""
        return np.array([step_of(int(e)) for e in self.exponents])

    def rounded(self, codes: np.ndarray) -> np.ndarray:
        """Codes (N, D) -> the nearest numbers that the table has, int64 (N, D)."""
        highs = self.lows + np.array([len(one) for one in self.levels]) - 1
        found: np.ndarray = np.clip(np.rint(codes / self.steps), self.lows, highs).astype(np.int64)
        return found

    def codes(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers (N, D) -> codes, float32 (N, D)."""
        found: np.ndarray = (numbers * self.steps).astype(np.float32)
        return found

    def bits(self, numbers: np.ndarray) -> np.ndarray:
        """−log₂ of the probability of each image's numbers (N, D): (N,) bits, what an ideal coder writes."""
        found = np.zeros(len(numbers))
        for d, levels in enumerate(self.levels):
            p = weights_of(levels)
            found -= np.log2(p / p.sum())[numbers[:, d] - self.lows[d]]
        return found


@dataclass(frozen=True)
class Head:
    """Whose codes a file holds: the run's id, a digest of the stamp of its weights, the β of a dial or None."""

    run: str
    digest: bytes
    beta: float | None = None

    @classmethod
    def of(cls, model: LoadedModel) -> Head:
        """That of a run's network."""
        return cls(model.record.id, hashlib.sha256(model.stamp.encode()).digest()[:8], model.beta)


def step_of(exponent: int) -> float:
    """2^((exponent − 128) / 8), for an exponent of one byte: from 2⁻¹⁶ to nearly 2¹⁶, 9 % apart."""
    found: float = np.ldexp(_EIGHTHS[exponent % 8], exponent // 8 - 16)
    return found


def exponent_of(step: float) -> int:
    """Of the step nearest to one that is asked for."""
    return int(np.clip(np.rint(8 * np.log2(max(step, 1e-9))) + 128, 0, 255))


def weights_of(levels: np.ndarray) -> np.ndarray:
    """Whole numbers in proportion to 2^(−level / 2), as float64, which holds them and their sum exactly."""
    found: np.ndarray = np.array([_HALVES[int(n) % 2] >> (int(n) // 2) for n in levels], np.float64)
    return found


def make_table(codes: np.ndarray, steps: np.ndarray | float) -> Table:
    """The table of training codes (N, D) on a grid of `steps`, one or (D,).

    How often a number occurs, mixed with a little of its neighbours' so that none within the range is impossible; the
    range goes one number beyond the codes seen, and codes beyond it are rounded to its end. A step so fine that a
    dimension would need more than MOST_SYMBOLS numbers is taken coarser.
    """
    dims = codes.shape[1]
    exponents, lows, levels = [], [], []
    for d, step in enumerate(np.broadcast_to(np.asarray(steps, np.float64), (dims,))):
        exponent = exponent_of(float(step))
        while True:
            numbers = np.rint(codes[:, d] / step_of(exponent)).astype(np.int64)
            low, high = int(numbers.min()), int(numbers.max())
            if low < high:
                low, high = low - 1, high + 1
            if exponent == 255 or (
                high - low < MOST_SYMBOLS and abs(low + (high - low + 1) // 2) <= MOST_SHIFT
            ):
                break
            exponent += 1
        counts = np.bincount(numbers - low, minlength=high - low + 1).astype(np.float64)
        smooth = np.convolve(counts, (0.5, 0.0, 0.5), "same")
        counts = counts + 0.1 * smooth + 0.1
        level = np.rint(-2 * np.log2(counts / counts.max())).astype(np.int64)
        exponents.append(exponent)
        lows.append(low)
        levels.append(np.clip(level, 0, LEVELS - 1))
    return Table(np.array(exponents), np.array(lows), tuple(levels))


# ---------------------------------------------------------------- files of numbers


def write(head: Head, table: Table, numbers: np.ndarray) -> bytes:
    """The file of numbers (N, D) of a table. Raises BadConfig for no image or more than 1,000, MissingPackage without the
    coder."""
    count, dims = numbers.shape
    if not 1 <= count <= MOST_IMAGES:
        raise BadConfig(
            f"one file holds 1 to {MOST_IMAGES:,} images, not {count:,}; choose fewer, or write several"
        )
    run = head.run.encode()[:255]
    payload = _payload(table, numbers)
    said = b"".join((
        MAGIC, bytes((VERSION, _FLAG_BETA if head.beta is not None else 0, len(run))), run, head.digest,
        b"" if head.beta is None else struct.pack("<d", head.beta), _varint(count), _varint(dims), _varint(len(payload)), payload,
    ))  # fmt: skip
    return said + struct.pack("<I", zlib.crc32(said))


def read(data: bytes, head: Head | None = None) -> tuple[Head, Table, np.ndarray]:
    """Of a file: whose it is, its table and its numbers (N, D). With `head`, a file of anything else is refused.

    Raises BadFile with the remedy, MissingPackage without the coder.
    """
    whose, count, dims, payload = _opened(data)
    if head is not None:
        _same(whose, head)
    table, numbers = _of_payload(payload, count, dims)
    return whose, table, numbers


def whose(data: bytes) -> Head:
    """Whose codes a file holds, without reading them. Raises BadFile."""
    return _opened(data)[0]


def pack(model: LoadedModel, table: Table, images: Any) -> bytes:
    """A file of images (N, C, H, W), 1 to 1,000: posterior means on the table's grid. Raises as `write`, and BadCodes for what
    are no images."""
    return write(Head.of(model), table, table.rounded(model.encode(images).mean))


def unpack(model: LoadedModel, data: bytes) -> np.ndarray:
    """The images of a file, uint8 (N, C, H, W), drawn by the very weights that wrote it. Raises as `read`."""
    _, table, numbers = read(data, Head.of(model))
    if numbers.shape[1] != model.latent_dim:
        raise BadFile("the file's codes do not fit the run it names: it is damaged; ask for it again")
    return model.decode_uint8(table.codes(numbers))


def _opened(data: bytes) -> tuple[Head, int, int, bytes]:
    if len(data) > MOST_BYTES:
        raise BadFile("the file is far larger than one of codes; choose a file that ends in .lxz")
    if data[: len(MAGIC)] != MAGIC:
        raise BadFile("this is no file of codes; choose one that was packed here, whose name ends in .lxz")
    if len(data) > len(MAGIC) and data[len(MAGIC)] != VERSION:
        raise BadFile(
            f"the file is of version {data[len(MAGIC)]}, and this program reads version {VERSION}; open it with the version "
            "that wrote it, or pack the images again"
        )
    body = data[:-4]
    if len(data) < 24 or zlib.crc32(body) != struct.unpack("<I", data[-4:])[0]:
        raise BadFile(
            "the file is damaged or cut off: its checksum does not fit; fetch it again from where it came"
        )
    at = len(MAGIC) + 1
    try:
        flags, length = body[at], body[at + 1]
        at += 2
        run = body[at : at + length].decode()
        at += length
        digest = body[at : at + 8]
        at += 8
        beta = None
        if flags & _FLAG_BETA:
            beta = float(struct.unpack_from("<d", body, at)[0])
            at += 8
        count, at = _of_varint(body, at)
        dims, at = _of_varint(body, at)
        size, at = _of_varint(body, at)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise _broken() from None
    if (
        flags & ~_FLAG_BETA
        or not 1 <= count <= MOST_IMAGES
        or not 1 <= dims <= MOST_DIMS
        or size != len(body) - at
    ):
        raise _broken()
    return Head(run, digest, beta), count, dims, body[at:]


def _broken() -> BadFile:
    return BadFile(
        "the file is damaged: what it says of itself does not fit together; fetch it again from where it came"
    )


def _same(found: Head, wanted: Head) -> None:
    if found.run != wanted.run:
        raise BadFile(
            f"the file was packed with the run {found.run!r}, not with {wanted.run!r}; choose that run and open it there"
        )
    if found.beta != wanted.beta and found.beta is not None:
        raise BadFile(
            f"the file was packed at β = {found.beta:g} of this dial; set β to {found.beta:g} in Settings and open it again"
        )
    if found.digest != wanted.digest:
        raise BadFile(
            f"the file was packed with other weights of {wanted.run!r}, from before it was trained on; open it with a copy of the run "
            "as it was then, or pack the images again"
        )


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


def _of_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for k in range(5):
        byte = data[at + k]
        value |= (byte & 127) << 7 * k
        if byte < 128:
            return value, at + k + 1
    raise IndexError


# ---------------------------------------------------------------- the coder


def coder() -> Any:
    """The package's `stream`. Raises MissingPackage with the remedy where it is not installed."""
    try:
        import constriction
    except ImportError:
        raise MissingPackage(
            "the coder is not installed, without which no file of codes is written or opened; install it with "
            "`pip install constriction`"
        ) from None
    return constriction.stream


@cache
def _whole(most: int) -> Any:
    """A fixed model of whole numbers from −most to most, of which small ones are likely: ∝ 1 / (1 + n²)."""
    n = np.arange(-most, most + 1)
    return coder().model.Categorical(np.floor(2.0**30 / (1.0 + n * n)), perfect=False)


def _model(levels: np.ndarray) -> Any:
    return coder().model.Categorical(weights_of(levels), perfect=False)


def _payload(table: Table, numbers: np.ndarray) -> bytes:
    encoder = coder().queue.RangeEncoder()

    def whole(values: np.ndarray, most: int) -> None:
        encoder.encode((values + most).astype(np.int32), _whole(most))

    sizes = np.array([len(one) for one in table.levels])
    whole(np.diff(table.exponents, prepend=128), 255)
    whole(np.diff(sizes, prepend=1), MOST_SYMBOLS)
    whole(table.lows + sizes // 2, MOST_SHIFT)
    for d, levels in enumerate(table.levels):
        if len(levels) > 1:
            whole(np.diff(levels, prepend=0), LEVELS)
            encoder.encode((numbers[:, d] - table.lows[d]).astype(np.int32), _model(levels))
    data: bytes = encoder.get_compressed().astype("<u4").tobytes()
    return data.rstrip(b"\0")


def _of_payload(payload: bytes, count: int, dims: int) -> tuple[Table, np.ndarray]:
    stream = coder()
    words = np.frombuffer(payload + b"\0" * (-len(payload) % 4), "<u4").astype(np.uint32)
    try:
        decoder = stream.queue.RangeDecoder(words)

        def whole(some: int, most: int) -> np.ndarray:
            found: np.ndarray = decoder.decode(_whole(most), some).astype(np.int64) - most
            return found

        exponents = 128 + np.cumsum(whole(dims, 255))
        sizes = 1 + np.cumsum(whole(dims, MOST_SYMBOLS))
        lows = whole(dims, MOST_SHIFT) - sizes // 2
        if exponents.min() < 0 or exponents.max() > 255 or sizes.min() < 1 or sizes.max() > MOST_SYMBOLS:
            raise _broken()
        levels, numbers = [], np.repeat(lows[None], count, 0)
        for d, size in enumerate(sizes):
            level = np.zeros(size, np.int64)
            if size > 1:
                level = np.cumsum(whole(int(size), LEVELS))
                if level.min() < 0 or level.max() >= LEVELS:
                    raise _broken()
                numbers[:, d] += decoder.decode(_model(level), count)
            levels.append(level)
    except (
        AssertionError,
        ValueError,
        OverflowError,
    ):  # the coder's words for a stream that nothing encodes to
        raise _broken() from None
    return Table(exponents, lows, tuple(levels)), numbers


def table_bytes(table: Table) -> bytes:
    """A table by itself, as it is kept beside a measurement."""
    return write(Head("", b"\0" * 8), table, table.lows[None])


def table_of(data: bytes) -> Table:
    """What `table_bytes` gave. Raises BadFile."""
    return read(data)[1]
