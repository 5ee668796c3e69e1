"""The numbers of a study's runs once they have ended, in this process or in one of their own.

    python -m vae_core.study.measuring HOME DATA_DIR RUN METRICS PARENT

ends with the process PARENT that started it, and answers with one line of JSON: {"numbers": {name: value}, "why_not": {name: sentence}, "stamp": ...} or {"error": sentence}.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from vae_core.data import open_images
from vae_core.errors import BadRun, TooFewPoints, VaeCoreError
from vae_core.places import Places
from vae_core.processes import child_environment, end_with_parent
from vae_core.runs.run import Run
from vae_core.study.learning import learned


@dataclass(frozen=True)
class Measured:
    """numbers by name; why_not: a sentence for those that could not be had; error: why there are none at all."""

    numbers: dict[str, float] = field(default_factory=dict)
    why_not: dict[str, str] = field(default_factory=dict)
    stamp: str = ""
    error: str = ""


class Measuring(Protocol):
    """Where runs are measured."""

    def measured(self, run: Run, also: Collection[str]) -> Measured | None:
        """What a run's numbers are; None while they are worked out. `also` names metrics computed on request alone."""

    def close(self) -> None:
        """End what goes on."""


class Inside:
    """In this process, at once."""

    def measured(self, run: Run, also: Collection[str]) -> Measured | None:
        """Never None."""
        try:
            return measure_run(run, also)
        except VaeCoreError as error:
            return Measured(error=str(error))
        except MemoryError:
            return Measured(error="memory ran out while it was measured")

    def close(self) -> None:
        """Nothing goes on."""


class Apart:
    """In a process of its own for each run, so that neither a fault nor its memory is the driver's."""

    def __init__(self, most: int = 0) -> None:
        """`most`: processes at a time, 0 for one per two cores."""
        self.most = most or max(1, (os.cpu_count() or 1) // 2)
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def measured(self, run: Run, also: Collection[str]) -> Measured | None:
        """None until the process has answered, or while as many others run as may."""
        child = self.children.get(run.id)
        if child is None:
            if sum(other.poll() is None for other in self.children.values()) >= self.most:
                return None
            places = run.places
            self.children[run.id] = subprocess.Popen(
                [sys.executable, "-m", "vae_core.study.measuring", str(places.home), str(places.data_dir), run.id, ",".join(sorted(also)), str(os.getpid())],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=child_environment(), cwd=places.home,
            )  # fmt: skip
            return None
        if child.poll() is None:
            return None
        del self.children[run.id]
        with child:
            said = child.stdout.read() if child.stdout else b""
        try:
            return Measured(**json.loads(said.splitlines()[-1]))
        except (ValueError, IndexError, TypeError):
            return Measured(
                error=f"the process that measured it ended (code {child.returncode}); memory may have run out"
            )

    def close(self) -> None:
        """Kill what goes on; it is begun anew by whoever drives next."""
        for child in self.children.values():
            child.kill()
            with child:
                child.wait()
        self.children.clear()


def measure_run(run: Run, also: Collection[str] = ()) -> Measured:
    """All numbers of a run of its test images that goals may be of. Raises BadRun, BadImages, DataUnavailable.

    They are those of `vae-core evaluate`, and the accuracy of a linear probe on the codes of up to 1,000 test images.
    """
    from vae_core.evaluation.metrics import METRICS, Inputs, compute_metrics
    from vae_core.evaluation.run_metrics import measure
    from vae_core.inference import load_run

    record = run.record()
    if record.shape is None:
        raise BadRun(f"{record.name} has not been trained")
    data = open_images(record.effective.data.dataset, record.shape[1], run.places)
    found: dict[str, float | None] = {"seconds": round(learned(run).seconds, 3)}
    why_not: dict[str, str] = {}
    if record.effective.objective.entry.has_encoder:
        measured = measure(run, data, also=also)
        e = measured.evaluation
        found |= {
            "elbo": None if e.elbo is None else -e.elbo, "distortion": e.distortion, "rate": e.rate,
            "active": float(e.active_units), "mse": e.mse, **measured.values,
        }  # fmt: skip
        results = measured.results
        try:
            found["probe"] = _probe(measured.codes, measured.images, data)
        except TooFewPoints as error:
            why_not["probe"] = str(error)
    else:  # a generator alone has no codes, but draws pictures
        model = load_run(run)
        index = model.config.data.split(data).test[:5_000]
        inputs = Inputs.of_model(model, data, index)
        results = compute_metrics(
            inputs, [m for m in METRICS.values() if m.needs <= {"model", "images"} and not m.on_request]
        )
        found |= {name: value for result in results.values() for name, value in result.values.items()}
    for metric in METRICS.values():
        result = results.get(metric.name)
        if result is not None and result.why_not:
            why_not |= {value.name: result.why_not for value in metric.values}
    numbers = {name: float(v) for name, v in found.items() if v is not None and math.isfinite(v)}
    why_not |= {
        name: "it is not finite" for name, v in found.items() if v is not None and not math.isfinite(v)
    }
    return Measured(numbers, why_not, run.stamp())


def _probe(codes: Any, images: Any, data: Any) -> float | None:
    from vae_core.latent.probes import fit_probe

    if data.labels is None:
        return None
    names = data.label_names or tuple(map(str, range(int(data.labels.max()) + 1)))
    return fit_probe(codes, data.labels[images], names).accuracy


def main(argv: list[str] | None = None) -> int:
    """Measure one run and answer."""
    home, data_dir, run_id, also, parent = sys.argv[1:] if argv is None else argv
    end_with_parent(int(parent))
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    places = Places.find(home, data_dir)
    try:
        found = measure_run(Run(places.runs / run_id, places), [name for name in also.split(",") if name])
    except (VaeCoreError, MemoryError, OSError) as error:
        found = Measured(error=str(error) or "memory ran out while it was measured")
    with os.fdopen(answer, "w") as out:
        out.write(json.dumps(found.__dict__) + "\n")
    return 1 if found.error else 0


if __name__ == "__main__":
    sys.exit(main())
