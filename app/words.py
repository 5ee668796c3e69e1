"""Words of the field, each explained once, and numbers as a page says them.

A page names the words that it uses first under its title (`app.layout.title`); a widget takes `explained` as its `help`;
the HTML of a component takes `button`, which opens by touch and keyboard as well as by a mouse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_core.data.factor_words import FactorWords

WORDS = {
    "1st to 99th percentile": "Where the scale of colours ends: one image in a hundred lies below its lower end and one above its "
    "upper, so that a few outliers do not take all colours.",
    "active": "A dimension is active when images differ along it: the variance of its posterior mean over the images "
    "exceeds 0.01.",
    "aggregate posterior": "The codes of all images together. Where it is like the prior, samples from the prior are "
    "codes that the decoder knows.",
    "anomaly score": "How unlikely the model finds an image, −ELBO with one sample of its posterior. The unusual ones score "
    "highest.",
    "β": "How much the rate counts against the distortion while the model learns. A larger β gives simpler codes and "
    "blurrier pictures.",
    "code": "The few numbers that an image is squeezed into: a point of the latent space, which the decoder turns into a "
    "picture.",
    "collapsed": "A dimension is collapsed when its posterior is the prior for every image: it tells nothing, and moving "
    "along it hardly changes the picture.",
    "coverage": "Whether samples show everything the images show: the share of samples in the class that has fewest, over that "
    "class's share in the data. 1 leaves nothing out.",
    "dimension": "One number of the code, z0, z1, ... What each means is not chosen but learned.",
    "distortion": "What is lost when an image is drawn again from its code: −log p(x|z), nats per image. Lower is closer.",
    "ELBO": "A lower bound on the log-likelihood of an image: −(distortion + rate), nats. Higher is better.",
    "Fréchet distance": "How far samples are from real images as a whole, by the means and covariances of features that a small "
    "network sees in them. Lower is better; it compares models of the same images alone.",
    "geodesic": "The path along which the picture changes least on its way, rather than the straight line.",
    "guided": "The run was told attributes of its images while it learned, and a dimension was tied to each by name. So what "
    "its sliders mean was learned from labels, not discovered.",
    "KL": "Kullback–Leibler divergence: how far a posterior lies from the prior, in nats. Per dimension, how much that "
    "dimension tells about an image.",
    "latent space": "The space of all codes. Codes that lie near each other give pictures that look alike.",
    "nats": "Units of information, as bits are: 1 nat is 1.44 bits. Fewer nats are a shorter description.",
    "nearest": "The image whose code lies closest to this one. At a large distance the picture is one of the decoder's "
    "own, far from what it learned from.",
    "pairs": "The run saw two images at a time that differ in few attributes, and was not told which. That is how its "
    "dimensions came to mean one thing each, without labels.",
    "percentile": "Of codes of real images, how many lie nearer to the middle than this one (Mahalanobis distance). Near "
    "100 the decoder was hardly trained there.",
    "posterior": "What the encoder says of one image: a mean and a spread in each dimension, q(z|x). A narrow one tells "
    "the code exactly.",
    "precision": "The share of samples that look like some real image: they lie as near to one as its own neighbours do.",
    "prior": "The bell curve N(0, 1) in every dimension towards which codes are drawn. A code drawn from it gives an image "
    "that never was.",
    "probe": "A small classifier on codes: what it says of the codes along a path shows where a class begins.",
    "rate": "What the codes tell about the images: KL divergence of the posterior from the prior, nats per image.",
    "recall": "The share of real images that look like some sample: how much of the data's variety a model draws.",
    "reconstruction": "An image as the decoder draws it again from its code.",
    "reconstruction error": "What is lost when an image is drawn again from its code: −log p(x|z), nats. Lower is closer.",
    "share": "Of all that this slider changes from its 5th to its 95th percentile, how much is the attribute it changes "
    "most. A small regressor reads the attributes off the pictures, in standard deviations. 100 % is a slider that means "
    "one thing.",
    "sharpness": "How much fine detail pictures have: the variance of their Laplacian, over that of real images. 1 is as sharp "
    "as they are, less is blurred, more is noise.",
    "sweep": "The same model trained at several values of β, to see what each buys and costs.",
    "traversal": "Pictures along one dimension while all others stay as they are.",
    "trustworthiness": "Of the neighbours that a map shows, how many are neighbours among the codes too: 1 when all are.",
    "uncertainty": "How much the picture varies over codes drawn from the image's posterior: standard deviation per pixel.",
}  # fmt: skip

# nested in what a component's HTML lies in, so that it holds in a shadow root and out of one
STYLE = """
  .word {
    font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; min-height: 0; min-width: 0; cursor: help;
    text-decoration: underline dotted; text-underline-offset: 0.2em; white-space: inherit;
  }
  .meaning { display: none; }
  .meaning:popover-open {
    display: block; inset: auto; margin: 0.3rem 0; padding: 0.5rem 0.8rem; max-width: min(22rem, 90vw); font-size: 0.85rem;
    line-height: 1.4; text-align: start; white-space: normal; color: var(--st-text-color);
    background: var(--st-background-color); border: 1px solid var(--st-border-color);
    border-radius: var(--st-base-radius); position-area: block-end span-inline-end;
    position-try-fallbacks: flip-block, flip-inline, flip-block flip-inline;
  }
  @supports not (position-area: block-end) { .meaning:popover-open { inset: 0; margin: auto; height: fit-content; } }
"""


def explained(*names: str) -> str:
    """What these words mean, as a widget's `help` takes it. Raises KeyError for a word that is explained nowhere."""
    return "\n\n".join(f"**{name}**: {WORDS[name]}" for name in names)


def button(name: str, place: str, *, shown: str = "", more: str = "") -> str:
    """HTML of a word that opens what it means by a press, a tap or the keyboard.

    `place` is of the component, so that no two buttons of a page share an id. `shown` (HTML) stands instead of the word,
    `more` (HTML) under what it means. Raises KeyError for an unknown word.
    """
    return "".join(apart(name, place, shown=shown, more=more))


def apart(name: str, place: str, *, shown: str = "", more: str = "") -> tuple[str, str]:
    """The two parts of `button`, for where what it means stands elsewhere: the word, and what it opens."""
    key = f"word-{place}-{name}".replace(" ", "-")
    word = f'<button type="button" class="word" popovertarget="{key}">{shown or escape(name)}</button>'
    means = f"<b>{escape(name)}</b>: {escape(WORDS[name])} {more}"
    return (
        word,
        f'<span popover id="{key}" class="meaning" role="note" data-word="{escape(name)}">{means}</span>',
    )


def meanings(place: str, *names: str) -> str:
    """HTML of what these words mean, for a component whose script writes the words (shared/words.js). Raises KeyError."""
    return "".join(apart(name, place)[1] for name in names)


def number(value: float, digits: int = 3) -> str:
    """A number with as many digits as it means: 39,200, 12.3 or 0.0123. Below 0.00001 with its exponent.

    digits: at least so many count; whole parts are never cut. "–" for what is no number.
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) < 1e-5:
        return f"{value:.{digits}g}".replace("-", "−")
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def numbers(values: Iterable[float], digits: int = 3) -> list[str]:
    """Each as `number` has it, with so many digits more that no two different ones look alike."""
    found = list(values)
    for more in range(digits, 18):
        texts = [number(value, more) for value in found]
        if len(set(texts)) == len(set(found)):
            return texts
    return [str(value) for value in found]


def factor(value: float, known: FactorWords | None = None) -> str:
    """A value of a factor with its word and two digits: "worn", "0.93, laughing" or "0.52"."""
    word = known.of(value) if known is not None else ""
    if known is not None and known.each and word:
        return word
    if known is not None and not known.each and math.isfinite(value):
        step = (
            math.floor(math.log10(known.top)) - 2
        )  # two digits of the scale, not of what is next to nothing on it
        value = round(value, -step)
    return f"{number(value, 2)}, {word}" if word else number(value, 2)
