"""What the numbers of Compress say, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from vae_core.uses.compress_baselines import COMPONENTS, at_quality
from vae_core.uses.found import Row
from vae_core.words import counted, listed

NOISY = "step √12 widths"
NAMES = {"PCA": f"PCA, of up to {COMPONENTS[-1]} components,"}


def sentences(rows: Sequence[Row], images: int, stochastic: bool) -> list[str]:
    """Computed from the rows alone; where the VAE loses they say so."""
    ours = "VAE" if stochastic else "autoencoder"
    return [
        line for line in (
            _file(rows, images, ours, stochastic), _against_pca(rows, ours), _against_pictures(rows, ours), _best(rows, ours),
            _decoder(rows, ours), _bits_back(rows),
        ) if line
    ]  # fmt: skip


def _one(rows: Sequence[Row], method: str, metric: str, setting: str | None = None) -> Row | None:
    for row in rows:
        if row.method == method and row.metric == metric and setting in (None, row.at.get("setting")):
            return row
    return None


def _value(row: Row | None) -> float:
    return float("nan") if row is None or row.value is None else float(row.value)


def size(value: float) -> str:
    """Bytes as a sentence names them: 3.2, 48."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _file(rows: Sequence[Row], images: int, ours: str, stochastic: bool) -> str:
    setting = NOISY if stochastic else "step 2 widths"
    taken, quality = _value(_one(rows, "VAE", "bytes", setting)), _value(_one(rows, "VAE", "PSNR", setting))
    file = f"a file of {counted(images)} takes {size(taken)} bytes an image at {quality:.1f} dB, headers and table counted"
    back = "every code came back from it bit for bit."
    if not stochastic:
        return f"An autoencoder promises no rate, as its codes have no width; on a grid of a quarter of their spread {file}, and {back}"
    rate = _value(_one(rows, "VAE, rate", "bits"))
    return (
        f"The {ours}'s rate promises {rate:.1f} bits an image. With a grid that rounds as much as the posterior spreads, {file}: "
        f"{8 * taken:.1f} bits. And {back}"
    )


def _against_pca(rows: Sequence[Row], ours: str) -> str:
    shares = [row for row in rows if row.metric == "share of PCA's bytes" and row.value is not None]
    if not shares:
        return f"At no quality do the {ours} and PCA meet: their curves have no dB in common."
    row = shares[max(0, len(shares) - 2)]  # below the best that it reaches, where a file is of use
    setting = str(row.at["setting"])
    mine, theirs = (_value(_one(rows, m, "bytes", setting)) for m in ("VAE", "PCA"))
    said = f"At{setting.removeprefix('at')} the {ours} takes {size(mine)} bytes an image and PCA with the same coder {size(theirs)}"
    if row.low is None or row.high is None:
        return f"{said}."
    if row.low > 1:
        return f"{said}: the {ours} loses."
    if row.high >= 1:
        return f"{said}: no clear difference."
    return f"{said}: {row.value:.2f} of them ({row.low:.2f} to {row.high:.2f})."


def _against_pictures(rows: Sequence[Row], ours: str) -> str:
    best = max((_value(r) for r in rows if r.method == "VAE" and r.metric == "PSNR"), default=float("nan"))
    told = []
    for kind in ("JPEG", "WebP", "JPEG, one sheet", "WebP, one sheet"):
        some = [row for row in rows if row.method == kind and row.metric == "bytes"]
        if not some:
            continue
        least = min(some, key=_value)
        quality = _value(_one(rows, kind, "PSNR", str(least.at["setting"])))
        same = _equal(rows, quality)
        beside = (
            f"the {ours} {size(same)} at that quality"
            if same
            else f"which the {ours} never reaches"
            if quality > best
            else f"worse than any {ours} file"
        )
        name = kind.replace(", one sheet", " as one sheet")
        told.append(f"{name} {size(_value(least))} bytes an image at {quality:.1f} dB ({beside})")
    return f"The smallest picture files: {listed(told)}." if told else ""


def _equal(rows: Sequence[Row], quality: float) -> float | None:
    curve = []
    for row in rows:
        setting = str(row.at.get("setting", ""))
        if row.method == "VAE" and row.metric == "PSNR":
            curve.append((_value(_one(rows, "VAE", "bytes", setting)), _value(row)))
    return at_quality(curve, quality)


def _best(rows: Sequence[Row], ours: str) -> str:
    top = {
        name: max((_value(r) for r in rows if r.method == name and r.metric == "PSNR"), default=float("nan"))
        for name in ("VAE", "PCA", "WebP", "JPEG")
    }
    png = _value(_one(rows, "PNG, one sheet", "bytes"))
    better = [
        f"{NAMES.get(name, name)} goes on to {value:.1f} dB"
        for name, value in top.items()
        if name != "VAE" and value > top["VAE"]
    ]
    said = f"However fine its grid, the {ours} gets no better than {top['VAE']:.1f} dB: it loses wherever an image must be truer"
    return (
        f"{said}. {listed([*better, f'PNG keeps every pixel, in {size(png)} bytes an image on one sheet'])}."
    )


def _decoder(rows: Sequence[Row], ours: str) -> str:
    mine, theirs = (_value(_one(rows, name, "decoder")) for name in ("VAE", "PCA"))
    return (
        f"Who opens a file must have what draws the images: the {ours}'s decoder is {mine / 1000:,.0f} kB, PCA's mean and components "
        f"{theirs / 1000:,.0f} kB, those of picture formats are on every machine."
    )


def _bits_back(rows: Sequence[Row]) -> str:
    row, rate = _one(rows, "VAE, bits back", "bits"), _one(rows, "VAE, rate", "bits")
    if row is None or rate is None:
        return ""
    return (
        f"Bits-back coding pays {_value(row):.1f} bits for a code with all its digits, as the rate of {_value(rate):.1f} says: the "
        "choice among codes that the posterior allows carries bits of another message. It takes the exact image to get those back, so "
        "it is a lesson here and no format."
    )
