"""What is known of one term: how it is called and written, what it means in plain words, and who defined it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_SIGNS = {
    r"\beta": "β", r"\gamma": "γ", r"\lambda": "λ", r"\mu": "μ", r"\sigma": "σ", r"\varepsilon": "ε", r"\varphi": "φ",
    r"\tau": "τ", r"\nabla": "∇", r"\sum": "Σ", r"\prod": "Π", r"\sim": "~", r"\ge": "≥", r"\le": "≤", r"\cdot": "·", r"\pm": "±",
    r"\eta": "η", r"\propto": "∝", r"\in": "∈", r"\int": "∫", r"\infty": "∞", r"\times": "×", r"\log": "log", r"\max": "max", r"\min": "min", r"\ln": "ln",
    r"\cos": "cos", r"\sin": "sin", r"\arccos": "arccos", r"\omega": "ω", r"\dots": "…", r"\|": "‖", r"\mid": "|", r"\ne": "≠",
    r"\,": " ", r"\;": " ", r"\ ": " ", r"\odot": "⊙", r"\#": "#", r"\exp": "exp", r"\%": "%", r"\to": "→", r"\theta": "θ", r"\Delta": "Δ",
}  # fmt: skip
_INSIDE = r"((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)"  # of braces that may hold two more pairs
_NAMED = re.compile(r"\\(?:mathrm|operatorname|mathcal|mathbb|text)\{([^{}]*)\}")
_HATS = re.compile(r"\\(bar|hat|tilde)\{([^{}]*)\}")
_MARKS = {"bar": "\u0304", "hat": "\u0302", "tilde": "\u0303"}
_FRACTION = re.compile(rf"\\t?frac\{{{_INSIDE}\}}\{{{_INSIDE}\}}")
_ROOT = re.compile(rf"\\sqrt\{{{_INSIDE}\}}")
_SCRIPT = re.compile(rf"([_^])\{{{_INSIDE}\}}")
_SIGN = re.compile(r"\\(?:[A-Za-z]+|.)")
_RAISED = str.maketrans("0123456789-−T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻ᵀ")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Entry:
    """One line of the glossary.

    Attributes:
        name: what pages call it.
        plain: what it says, in plain words.
        group: where the glossary's page lists it.
        symbol: how formulas write it, LaTeX without its dollars; "" where it has none.
        formula: what it is, LaTeX without its dollars; "" for what no formula defines.
        unit: of the number; "" for what is no number.
        source: paper and equation or section; "" for what is everyday knowledge.
        also: other labels under which pages show the same.
    """

    name: str
    plain: str
    group: str
    symbol: str = ""
    formula: str = ""
    unit: str = ""
    source: str = ""
    also: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """What an address calls it: ASCII letters, digits and hyphens, such as "frechet-distance" or "beta"."""
        spelled = "".join(
            unicodedata.name(c).split()[-1].lower() if "GREEK" in unicodedata.name(c, "") else c for c in self.name
        )  # fmt: skip
        spelled = spelled.replace("lamda", "lambda")  # as Unicode spells it
        bare = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
        return re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-")

    @property
    def written(self) -> str:
        """The formula in one line of plain text, for where no LaTeX is drawn."""
        return in_text(self.formula)


def in_text(latex: str) -> str:
    """LaTeX of the kind that stands here, as a line of Unicode: \\frac{a + b}{c} is (a + b) / c, x^2 is x²."""
    text = re.sub(r"\\(left|right)(?![a-z])", "", latex)
    text = text.replace(r"\{", "\x00").replace(r"\}", "\x01")  # braces that are shown, not those that group
    text = _HATS.sub(lambda m: f"{_SIGNS.get(m[2], m[2])}{_MARKS[m[1]]}", text)
    before = ""
    while text != before:
        before = text
        text = _NAMED.sub(r"\1", text)
        text = _SCRIPT.sub(lambda m: m[1] + (m[2] if re.fullmatch(r"[\w−*-]+", m[2]) else f"({m[2]})"), text)
        text = _ROOT.sub(r"√(\1)", text)
        text = _FRACTION.sub(_over, text)
    text = _SIGN.sub(lambda m: _SIGNS.get(m[0], m[0]), text)
    text = re.sub(r"\^([-−]?\d+|T)", lambda m: m[1].translate(_RAISED), text)
    text = re.sub(r"_(\d+)", lambda m: m[1].translate(_LOWERED), text)
    text = text.replace("{", "").replace("}", "").replace("\x00", "{").replace("\x01", "}").replace("-", "−")
    return re.sub(r"\s+", " ", text).strip()


def _over(found: re.Match[str]) -> str:
    above, below = found[1], found[2]
    if all(re.fullmatch(r"\\?\w+", part) for part in (above, below)):
        return f"{above}/{below}"
    return " / ".join(
        part if re.fullmatch(r"\\?[\w^]+|‖[^‖]*‖|\|[^|]*\|", part) else f"({part})" for part in (above, below)
    )
