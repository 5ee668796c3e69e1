"""The form of a lesson: screens that ask, show and answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PREDICT, READ = "predict", "read"


@dataclass(frozen=True)
class Answer:
    """One of the answers offered; `key` names it."""

    key: str
    text: str


@dataclass(frozen=True)
class Question:
    """A question with two to four answers.

    truth: the key of the answer that the model makes right; empty where the figure finds out, from what the person does.
    said: what happened, in a sentence with its numbers; empty where the figure says it.
    Raises ValueError for another number of answers, two of one key, or a truth that is not among them.
    """

    text: str
    answers: tuple[Answer, ...]
    truth: str = ""
    said: str = ""

    def __post_init__(self) -> None:
        keys = [answer.key for answer in self.answers]
        if not 2 <= len(keys) <= 4 or len(set(keys)) < len(keys):
            raise ValueError(f"{self.text} two to four different answers are needed, not {keys}")
        if self.truth and self.truth not in keys:
            raise ValueError(f"{self.text} {self.truth!r} is not among the answers {keys}")
        if bool(self.truth) != bool(self.said):
            raise ValueError(f"{self.text} a truth and what is said of it come together")


@dataclass(frozen=True)
class Step:
    """One screen.

    kind: PREDICT asks first and lets the person try afterwards; READ asks what stands on the screen.
    text: paragraphs; **bold** is the only mark. figure: a module of app/components/lesson/figures; data: what it is handed, JSON
    and numpy arrays (float32, int32 or uint8). do: what to do once an answer is given.
    """

    title: str
    text: tuple[str, ...]
    figure: str
    data: Mapping[str, Any]
    question: Question
    do: str = ""
    kind: str = PREDICT


@dataclass(frozen=True)
class Source:
    """Where more is to be read."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Lesson:
    """A lesson as it is built of one run.

    steps: screens; the last three are READ. exercise: something to try alone. opens: page of the app, its parameters and the
    label of the link that leads there. notes: for the speaker, a paragraph a screen. remark: what to know of the run it is
    built of, such as that another stands in for it.
    """

    steps: tuple[Step, ...]
    sources: tuple[Source, ...]
    exercise: str
    opens: tuple[str, Mapping[str, str], str]
    notes: tuple[str, ...]
    remark: str = ""
    runs: Mapping[str, Any] = field(default_factory=dict)  # role -> Run whose decoder the figures use

    def __post_init__(self) -> None:
        if [step.kind for step in self.steps[-3:]] != [READ] * 3 or any(
            s.kind == READ for s in self.steps[:-3]
        ):
            raise ValueError(
                "a lesson ends with three questions that are read off the screen, and has no other"
            )
        if len(self.notes) != len(self.steps):
            raise ValueError(f"{len(self.steps)} screens take as many notes, not {len(self.notes)}")


def choose(value: float, cuts: Sequence[float], answers: Sequence[Answer]) -> str:
    """The key of the answer in whose range a measured value lies; `cuts`, rising, part one range from the next."""
    if len(cuts) != len(answers) - 1:
        raise ValueError(f"{len(answers)} answers take {len(answers) - 1} cuts, not {len(cuts)}")
    return answers[sum(value >= cut for cut in cuts)].key
