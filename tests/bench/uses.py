"""Where a VAE wins and where it loses, from what `vae-core uses` finds: the tables in README.

    python tests/bench/uses.py [--run mnist] [--kept] [--readme]

Of every use it takes the numbers kept for the run (of a shipped run those that are shipped, else measured now) and, for each
condition, sets the best that a VAE has part in against the best baseline. A side wins where the two 95 % intervals lie
apart. A second table has each label left out in turn. --kept leaves out what was not measured yet. --readme writes the tables
into README.md, each between its two marks.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from vae_core.places import Places
from vae_core.runs.run import Run
from vae_core.runs.store import Store
from vae_core.uses import kept
from vae_core.uses.anomaly import MEAN
from vae_core.uses.anomaly_case import BASELINES, DEFAULT, ELBO, EQUAL, PCA, PIXELS
from vae_core.uses.anomaly_odd import EACH
from vae_core.uses.found import Found, Row, best, verdict
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES, Use, UseSettings

ROOT = Path(__file__).parents[2]
# of each use the metric that decides, in README
DECIDES = {
    "denoise": "PSNR", "anomaly": "AUROC", "augment": "accuracy", "compress": "bytes", "represent": "accuracy",
    "synthesize": "Fréchet distance",
}  # fmt: skip


ANOMALY = USES["anomaly"]
# the scores of the second table, in order
SCORES = (DEFAULT, PIXELS, EQUAL, ELBO, PCA)


def found_of(run: Run, use: Use, settings: UseSettings | None = None) -> Found:
    """What is kept of a use on its usual settings unless others are given, else measured now and kept."""
    settings = settings or use.settings()
    found = kept.find(run, use, settings)
    if found is None:
        stamp, found = measure(
            run, use, settings, lambda share, words: print(f"{share:4.0%} {words}", file=sys.stderr)
        )
        kept.keep(run, stamp, use, settings, found)
    return found


def compared(found: Found, metric: str) -> list[tuple[str, Row, Row]]:
    """(condition in words, the best with a VAE, the best baseline) for every condition under which there are both."""
    conditions = dict.fromkeys(tuple(row.at.items()) for row in found.rows if row.metric == metric)
    pairs = []
    for at in conditions:
        ours, others = (
            best([r for r in found.of(metric, dict(at), ours=side) if dict(r.at) == dict(at)])
            for side in (True, False)
        )
        # no temperature: what is drawn again, which is no way to draw
        if ours is not None and others is not None and "–" not in dict(at).values():
            pairs.append((", ".join(map(said, at)), ours, others))
    return pairs


def said(condition: tuple[str, float | str]) -> str:
    """σ 0.25, 10 labels: a condition in words."""
    name, value = condition
    text = f"{value:g}" if isinstance(value, (int, float)) else value
    return text if name == "setting" else f"{name} {text}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value if abs(value) >= 0.001 else 0:.3g}"


def told(row: Row, *, name: bool = True) -> str:
    """A row's value with its unit and interval, after the name of its method."""
    unit = f" {row.unit}" if row.unit else ""
    apart = "" if row.low is None or row.high is None else f" ({_number(row.low)}–{_number(row.high)})"
    return f"{f'{row.method}: ' if name else ''}{_number(row.value)}{unit}{apart}"


def table(run: Run, uses: Sequence[Use]) -> str:
    """The table as Markdown."""
    lines = ["| use | what is measured | with a VAE | best baseline | the VAE |", "|---|---|---|---|---|"]
    for use in uses:
        for where, ours, other in compared(found_of(run, use), DECIDES[use.name]):
            what = f"{DECIDES[use.name]}{f', {where}' if where else ''}"
            lines.append(f"| {use.title} | {what} | {told(ours)} | {told(other)} | {verdict(ours, other)} |")
    return "\n".join(lines)


def each_left_out(found: Found) -> str:
    """AUROC of the default score and of others for every label left out in turn, the mean of all first, as Markdown, and what is said
    of the mean: there differences are paired, image by image."""
    cases = list(dict.fromkeys(str(row.at["odd"]) for row in found.of("AUROC")))
    lines = [
        f"| odd | {' | '.join(SCORES)} | {DEFAULT} against the best baseline |",
        "|---" * (len(SCORES) + 2) + "|",
    ]
    for case in sorted(cases, key=lambda name: name != MEAN):
        rows = {row.method: row for row in found.of("AUROC", {"odd": case})}
        baseline = best([rows[name] for name in BASELINES])
        assert baseline is not None
        outcome = f"{verdict(rows[DEFAULT], baseline)} ({baseline.method})"
        lines.append(
            f"| {case} | {' | '.join(told(rows[name], name=False) for name in SCORES)} | {outcome} |"
        )
    return "\n".join([*lines, "", found.sentences[0]])


def write_readme(name: str, text: str) -> None:
    """Put a table between its two marks."""
    path = ROOT / "README.md"
    readme = path.read_text(encoding="utf-8")
    marks = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    begin, end = map(re.escape, marks)
    new, count = re.subn(f"{begin}.*?{end}", lambda _: f"{marks[0]}\n{text}\n{marks[1]}", readme, flags=re.S)
    assert count == 1, f"README.md needs {marks[0]} and {marks[1]} once"
    path.write_text(new, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="mnist")
    parser.add_argument("--kept", action="store_true")
    parser.add_argument("--readme", action="store_true")
    args = parser.parse_args(argv)
    run = Store(Places.find()).find(args.run)
    uses = [use for use in USES.values() if not args.kept or kept.find(run, use, use.settings()) is not None]
    text = table(run, uses)
    print(text)
    for use in uses:
        if seconds := found_of(run, use).seconds:  # shipped results tell none
            print(f"{use.name}: {seconds:.0f} s", file=sys.stderr)
    each = ANOMALY.settings(left_out=EACH)
    digits = ""
    if not args.kept or kept.find(run, ANOMALY, each) is not None:
        digits = each_left_out(found_of(run, ANOMALY, each))
        print(f"\n{digits}")
    if args.readme:
        write_readme("uses", text)
        if digits:
            write_readme("left out", digits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
