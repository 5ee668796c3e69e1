"""The few lines of Python that reproduce what a page shows. Plain values in, text out; what they compute is `shown`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """Where a run lies: its id, and the home where that is not the usual one, "" elsewhere."""

    run: str
    home: str = ""

    @property
    def load(self) -> str:
        """The call that loads its network."""
        return f"vc.load({self.run!r}{f', home={self.home!r}' if self.home else ''})"

    @property
    def store(self) -> str:
        """Lines that find the run's folder."""
        return f"places = {places(self.home)}\nrun = vc.Store(places).find({self.run!r})"


def places(home: str) -> str:
    """The call that finds where runs and images lie."""
    return f"vc.Places.find({home!r})" if home else "vc.Places.find()"


HEAD = "import vae_core as vc\n"


def numbers(code: Any) -> str:
    """A code (D,) or codes (K, D) as Python writes them, in three decimals or as many as they have."""
    nested = code.tolist() if hasattr(code, "tolist") else list(code)
    return json.dumps(nested, default=float)


def learning(of: Source) -> str:
    """The curves of a run: its events, and the last epoch's validation terms."""
    return f"""{HEAD}from vae_core.events import EpochDone

{of.store}
epochs = [event for event in run.history() if isinstance(event, EpochDone)]
curve = [(event.epoch, event.validation.objective) for event in epochs]  # the loss on validation images
shown = curve[-1] if curve else None
print(run.name, "epoch and loss:", shown)
"""


def picture(of: Source, code: Any) -> str:
    """The picture of one code."""
    return f"""{HEAD}from vae_core import pictures

model = {of.load}
code = {numbers(code)}
shown = model.decode_uint8([code])  # (1, C, H, W)
image = pictures.to_pillow(pictures.enlarge_to(shown, 256)[0])  # a notebook shows it
print(model.record.name, shown.shape)
"""


def codes_map(of: Source, split: str, kind: str, options: Any) -> str:
    """The codes of a split on the plane: "dimensions" (first, second), "PCA", or "UMAP" with its settings by name. Others
    give the codes alone."""
    more, flat = "", "shown = codes.mean  # this axis is drawn by hand: the codes themselves"
    if kind == "dimensions":
        flat = f"shown = codes.mean[:, {list(options)!r}]  # (N, 2)"
    elif kind == "PCA":
        more, flat = "from vae_core.latent.pca import pca\n", "shown = pca(codes.mean).points  # (N, 2)"
    elif kind == "UMAP":
        more = "from vae_core.latent.umap import UmapParams, umap\n"
        asked = ", ".join(f"{name}={value!r}" for name, value in options.items())
        flat = f"shown = umap(codes.mean, UmapParams({asked})).points  # (N, 2); this may take minutes"
    return f"""{HEAD}from vae_core.inference import compute_codes, load_run, stored_codes
{more}
{of.store}
codes = stored_codes(run, {split!r})
if codes is None or codes.split != {split!r}:  # none are kept: encode the images
    config = run.record().effective.data
    images = vc.open_images(config.dataset, config.side, places)
    codes = compute_codes(run, load_run(run), images, {split!r}, most=60_000)
{flat}
print(len(codes), "images,", shown.shape)
"""


def path(of: Source, waypoints: Any, kind: str, frames: int, penalty: float = 0.0) -> str:
    """The pictures along a path through waypoints (K, D): "linear", "spherical" or "geodesic"."""
    if kind == "geodesic":
        more, real = "from vae_core.latent.geodesic import geodesic\n", ""
        if penalty:
            more += "from vae_core.inference import stored_codes\n"
            real = f", penalty={penalty!r}, codes=stored_codes(run).mean"
        line = f"{of.store}\n" if penalty else ""
        line += f"codes = geodesic(model, waypoints{real}).codes"
    else:
        more = "from vae_core.latent.paths import through\n"
        line = f"codes = through(waypoints, np.linspace(0, 1, {frames}), {kind!r})"
    return f"""import numpy as np
{HEAD}from vae_core import pictures
{more}
model = {of.load}
waypoints = np.array({numbers(waypoints)}, np.float32)
{line}
shown = model.decode_uint8(codes)  # (S, C, H, W)
strip = pictures.strip(shown, 64)  # a PNG; `open("path.png", "wb").write(strip)` keeps it
print(model.record.name, shown.shape)
"""


def side_by_side(runs: Sequence[Source], count: int, pick: int) -> str:
    """The same test images drawn again by several models, and how far each is off."""
    first = runs[0]
    loads = ",\n    ".join(one.load for one in runs)
    return f"""import numpy as np
{HEAD}from vae_core.comparison import shown_images

models = [
    {loads},
]
config = models[0].config.data
data = vc.open_images(config.dataset, config.side, {places(first.home)})
images = np.asarray(data.images[shown_images(data, {count}, {pick})])
shown = {{}}
for model in models:
    if not model.has_encoder:
        continue  # codes of a GAN have to be searched for: vae_core.inference.project
    squares = np.square(model.reconstruct(images) - images / np.float32(255)).reshape(len(images), -1)
    shown[model.record.id] = float(np.sqrt(squares.mean(1)).mean())
    print(model.record.name, "is off by", round(shown[model.record.id], 4), "of a pixel's range")
"""


def study(name: str, home: str = "") -> str:
    """What came of a study: its trials, and which is best."""
    return f"""{HEAD}from vae_core.study.ranking import best_trial, front
from vae_core.study.record import open_study

study = open_study({places(home)}, {name!r})
trials = study.ledger().trials
for trial in trials:
    print(trial.number, dict(trial.values), dict(trial.numbers))
best = best_trial(trials, study.goals)
shown = sorted(front(trials, study.goals)) if best is None else [best.number]
print("best:", shown)
"""


def sweep(runs: Sequence[str], home: str = "") -> str:
    """Rate and distortion of the runs of a sweep."""
    return f"""{HEAD}from vae_core.evaluation.likelihood import evaluate
from vae_core.inference import load_run

places = {places(home)}
shown = {{}}
for name in {list(runs)!r}:
    run = vc.Store(places).find(name)
    config = run.record().effective.data
    told = evaluate(load_run(run), vc.open_images(config.dataset, config.side, places))  # of the test images
    shown[run.name] = (told.rate, told.distortion)
    print(run.name, "rate and distortion, nats per image:", shown[run.name])
"""


def sharpness(runs: Sequence[Source], most: int) -> str:
    """How sharp several models draw test images again, at most `most` of them, over the images' own sharpness."""
    first = runs[0]
    loads = ",\n    ".join(one.load for one in runs)
    return f"""import numpy as np
{HEAD}from vae_core.evaluation.metrics.sharpness import sharpness
from vae_core.evaluation.small_network import evenly

models = [
    {loads},
]
config = models[0].config.data
data = vc.open_images(config.dataset, config.side, {places(first.home)})
test = np.asarray(data.test)
images = np.asarray(data.images[test[evenly(len(test), {most})]])
shown = {{}}
for model in models:
    drawn = model.decode(model.encode(images).mean)
    shown[model.record.id] = sharpness(drawn, images / np.float32(255))  # 1: as sharp as the images are
    print(model.record.name, "draws with", shown[model.record.id], "of their sharpness")
"""


def dial(of: Source, beta: float) -> str:
    """Rate and distortion of a β dial at a β."""
    return f"""{HEAD}from vae_core.evaluation.dial_curve import measure_dial, stored

{of.store}
curve = stored(run)
if curve is None:  # not read yet: evaluate it at nine βs
    config = run.record().effective.data
    curve = measure_dial(run, vc.open_images(config.dataset, config.side, places))
distortion, rate = curve.at({beta:g})
shown = (rate, distortion)
print(run.name, "at β {beta:g}: rate", round(rate, 2), "and distortion", round(distortion, 2), "nats per image")
"""


def lesson(run: str, home: str, number: int, step: int) -> str:
    """What the model answers to the question on a screen of a lesson; "" for the shipped run."""
    found = f"vc.Store(places).find({run!r})" if run else "None"
    return f"""{HEAD}from vae_core.lessons.material import gather, pair
from vae_core.lessons.registry import LESSONS

places = {places(home)}
run = {found}
lesson = LESSONS[{number}].build(gather(run, places), pair(places))
screen = lesson.steps[{step} - 1]  # its figure shows screen.data
shown = screen.question.said  # what the model says; "" where it depends on what you do
print(screen.question.text, shown)
"""


def tuning(search: Sequence[str], given: Mapping[str, Any], home: str = "") -> str:
    """The call that makes a study over `search` and trains it: `given` by the names of `vc.tune`."""
    words = ",\n    ".join(f"{name}={value!r}" for name, value in given.items())
    where = f",\n    places={places(home)}" if home else ""
    return f"""{HEAD}
study = vc.tune(
    {list(search)!r},
    {words}{where},
)  # trains every trial here
best = study.best()  # a run; None with two goals, or where choices decide
shown = None if best is None else best.name
print("best:", shown)
"""


def favoured(name: str, home: str = "") -> str:
    """What the choices in a study by preference favour."""
    return f"""{HEAD}from vae_core.study.choosing import liked, stored_liking
from vae_core.study.preference import judgements_of
from vae_core.study.record import open_study

study = open_study({places(home)}, {name!r})
choices = judgements_of(study.path)
found = stored_liking(study.path, choices) or liked(study, choices)
shown = {{str(trial): chance for trial, chance in found.chances.items()}}  # to be liked best
print(*found.sentences, sep="\\n")
"""


def conversion(convention: Any, weight: float) -> str:
    """Another project's KL weight as β; `convention` is a vae_core.evaluation.conversion.Convention."""
    return f"""from vae_core.evaluation.conversion import Convention, beta_of_weight, weight_of_beta

theirs = {convention!r}
shown = beta_of_weight({weight!r}, theirs)
print("their", {weight!r}, "is β", shown, "here, and β 1 is their", weight_of_beta(1.0, theirs))
"""


def words(sought: str) -> str:
    """What the glossary says of what is sought; of everything for ""."""
    return f"""from vae_core import glossary

found = glossary.search({sought!r})
shown = [entry.name for entry in found]
for entry in found:
    print(entry.name, "·", entry.plain, entry.unit)
"""


def use(of: Source, name: str, settings: Mapping[str, Any]) -> str:
    """The numbers of a use with these settings, as they are kept; measured where they are not."""
    return f"""{HEAD}from vae_core.options import from_json
from vae_core.uses import kept
from vae_core.uses.registry import USES

{of.store}
use = USES[{name!r}]
settings = from_json(use.settings, {dict(settings)!r})
found = kept.find(run, use, settings)
if found is None:
    raise SystemExit("not measured yet: vae-core uses {name} {of.run}")
shown = [(row.method, row.metric, row.value) for row in found.rows]
for row in found.rows:
    print(row.method, row.metric, dict(row.at), row.value, row.low, row.high)
"""


def notebook(lines: str, title: str) -> str:
    """The lines as a notebook: JSON of nbformat 4.5, written by hand, since nbformat would be one more thing to install."""
    cells = [
        {"cell_type": "markdown", "id": "about", "metadata": {}, "source": [title]},
        {
            "cell_type": "code", "id": "lines", "metadata": {}, "execution_count": None, "outputs": [],
            "source": lines.splitlines(keepends=True),
        },
    ]  # fmt: skip
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, indent=1)
