"""What theory says of autoencoders, VAEs and GANs, held against the numbers of trained models: it holds, or it does not.

Each claim names two kinds of model and a number. It holds where the number of the first is the better one for every seed;
where seeds of the two overlap, or there is one of each, the numbers do not decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vae_core.words import counted


@dataclass(frozen=True)
class Measured:
    """What seeds of one model tell: its title, distances (Fréchet), sharpness, recall, the least class's share, and the score
    of its latent space (None where factors are not known), a number a seed each."""

    title: str
    frechet: Sequence[float] = ()
    sharpness: Sequence[float] = ()
    recall: Sequence[float] = ()
    least_share: Sequence[float] = ()
    score: Sequence[float] = ()


@dataclass(frozen=True)
class Claim:
    """`holds` is None where the numbers do not decide; `sentence` says what they are."""

    name: str
    holds: bool | None
    sentence: str


CLEARLY = 1.5  # times: what two spreads of a few seeds must differ by
NOISY = 1.3  # of the images' sharpness: more is noise
HOLDS, FAILS, OPEN = "It holds here.", "It does not hold here.", "Its seeds do not decide."


def claims(found: Mapping[str, Measured]) -> list[Claim]:
    """The four claims, of what was measured by kind: "autoencoder", "vae", "beta-vae", "gan" (`comparison.KINDS`)."""
    return [_stability(found), _sharpness(found), _interpretability(found), _coverage(found)]


def _stability(found: Mapping[str, Measured]) -> Claim:
    name, text = "Stability", "A VAE trains more steadily than a GAN."
    pair = _pair(found, "vae", "gan")
    if isinstance(pair, str):
        return Claim(name, None, f"{text} {pair}")
    few = min(len(one.frechet) for one in pair)
    if few < 2:
        return Claim(name, None, f"{text} Two seeds of each or more are needed to tell.")
    first, second = (float(np.std(one.frechet)) / max(1e-9, float(np.mean(one.frechet))) for one in pair)
    apart = max(first, second) > CLEARLY * min(first, second)
    said = f"Over {counted(few, 'seed')} or more the distance varies by {first:.0%} for {pair[0].title} and {second:.0%} for {pair[1].title}."
    if not apart:
        return Claim(name, None, f"{text} {said} {OPEN}")
    return Claim(name, first < second, f"{text} {said} {HOLDS if first < second else FAILS}")


def _sharpness(found: Mapping[str, Measured]) -> Claim:
    name = "Sharpness"
    plain = found.get("vae")
    if plain is None or not plain.sharpness:
        return Claim(
            name, None, "A VAE draws blurrier pictures than a GAN. No measured VAE is among these models."
        )
    gan = found.get("gan")
    if gan is None or not gan.sharpness:
        value = float(np.mean(plain.sharpness))
        holds = max(plain.sharpness) < 1
        said = f"{plain.title}'s samples have {value:.2g} of the images' sharpness."
        return Claim(
            name,
            holds,
            f"A VAE draws blurrier pictures than the images are. {said} {HOLDS if holds else FAILS}",
        )
    noisy = next((one for one in (gan, plain) if np.mean(one.sharpness) > NOISY), None)
    if noisy is not None:
        value = float(np.mean(noisy.sharpness))
        said = f"{noisy.title}'s samples have {value:.2g} of the images' sharpness, which is noise rather than detail: it has not learned enough to tell."
        return Claim(name, None, f"A GAN draws sharper pictures than a VAE. {said}")
    return _better(
        name,
        "A GAN draws sharper pictures than a VAE.",
        "sharpness",
        gan,
        gan.sharpness,
        plain,
        plain.sharpness,
    )


def _interpretability(found: Mapping[str, Measured]) -> Claim:
    name, text = "Interpretability", "A β-VAE's dimensions mean more than an autoencoder's."
    weighed, plain = found.get("beta-vae"), found.get("autoencoder")
    if weighed is None or plain is None:
        missing = "β-VAE" if weighed is None else "autoencoder"
        return Claim(name, None, f"{text} No {missing} is among these models.")
    if not weighed.score or not plain.score:
        return Claim(
            name, None, f"{text} It takes images whose factors are known, as those of shapes and faces are."
        )
    return _better(name, text, "MIG", weighed, weighed.score, plain, plain.score)


def _coverage(found: Mapping[str, Measured]) -> Claim:
    name, text = "Coverage", "A VAE leaves out less of the data than a GAN."
    pair = _pair(found, "vae", "gan")
    if isinstance(pair, str):
        return Claim(name, None, f"{text} {pair}")
    first, second = pair
    shares = f" The rarest class has {np.mean(first.least_share):.0%} and {np.mean(second.least_share):.0%} of its share in the data."
    claim = _better(name, text, "recall", first, first.recall, second, second.recall)
    return Claim(
        name,
        claim.holds,
        claim.sentence + (shares if len(first.least_share) and len(second.least_share) else ""),
    )


def _pair(found: Mapping[str, Measured], first: str, second: str) -> tuple[Measured, Measured] | str:
    """Two measured models, or a sentence on what is missing."""
    titles = {"vae": "VAE", "gan": "GAN"}
    for kind in (first, second):
        if kind not in found:
            return f"No {titles[kind]} is among these models."
        if not found[kind].frechet:
            return f"Samples of the {titles[kind]} are not measured yet."
    return found[first], found[second]


def _better(
    name: str, text: str, what: str, first: Measured, of_first: Sequence[float], second: Measured, of_second: Sequence[float]
) -> Claim:  # fmt: skip
    """Whether every seed of the first has more than every seed of the second."""
    if min(len(of_first), len(of_second)) < 2:
        told = f"{what[0].upper()}{what[1:]}: {np.mean(of_first):.2g} for {first.title}, {np.mean(of_second):.2g} for {second.title}."
        return Claim(name, None, f"{text} {told} Two seeds of each or more are needed to tell.")
    said = f"{what[0].upper()}{what[1:]}: {np.mean(of_first):.2g} for {first.title}, {np.mean(of_second):.2g} for {second.title}."
    holds = True if min(of_first) > max(of_second) else False if max(of_first) <= min(of_second) else None
    return Claim(name, holds, f"{text} {said} {HOLDS if holds else OPEN if holds is None else FAILS}")
