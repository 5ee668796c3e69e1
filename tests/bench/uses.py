"""Where a VAE wins and where it loses, from what `vae-core uses` finds: the table in README.

    python tests/bench/uses.py [--run mnist] [--kept] [--readme]

Of every use it takes the numbers kept for the run (of a shipped run those that are shipped, else measured now) and, for each
condition, sets the best that a VAE has part in against the best baseline. A side wins where the two 95 % intervals lie
apart. --kept leaves out what was not measured yet. --readme writes the table into README.md, between its two marks.
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
from vae_core.uses.found import Found, Row, best, verdict
from vae_core.uses.measuring import measure
from vae_core.uses.registry import USES, Use

ROOT = Path(__file__).parents[2]
MARKS = ("<!-- uses: begin -->", "<!-- uses: end -->")
# of each use the metric that decides, in README
DECIDES = {
    "denoise": "PSNR", "anomaly": "AUROC", "augment": "accuracy", "compress": "bytes", "represent": "accuracy",
    "synthesize": "Fréchet distance",
}  # fmt: skip


def found_of(run: Run, use: Use) -> Found:
    """What is kept of a use on its usual settings, else measured now and kept."""
    settings = use.settings()
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


def told(row: Row) -> str:
    unit = f" {row.unit}" if row.unit else ""
    apart = "" if row.low is None or row.high is None else f" ({row.low:.3g}–{row.high:.3g})"
    return f"{row.method}: {row.value:.3g}{unit}{apart}"


def table(run: Run, uses: Sequence[Use]) -> str:
    """The table as Markdown."""
    lines = ["| use | what is measured | with a VAE | best baseline | the VAE |", "|---|---|---|---|---|"]
    for use in uses:
        for where, ours, other in compared(found_of(run, use), DECIDES[use.name]):
            what = f"{DECIDES[use.name]}{f', {where}' if where else ''}"
            lines.append(f"| {use.title} | {what} | {told(ours)} | {told(other)} | {verdict(ours, other)} |")
    return "\n".join(lines)


def write_readme(text: str) -> None:
    path = ROOT / "README.md"
    readme = path.read_text(encoding="utf-8")
    begin, end = map(re.escape, MARKS)
    new, count = re.subn(f"{begin}.*?{end}", lambda _: f"{MARKS[0]}\n{text}\n{MARKS[1]}", readme, flags=re.S)
    assert count == 1, f"README.md needs {MARKS[0]} and {MARKS[1]} once"
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
    if args.readme:
        write_readme(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
