"""The table of all session and URL keys: name, type, default, pages, whether the address carries it, what it is.

A page reads and writes a key through `app.state.session`, and a widget takes its `key` and `bind` from here. So one
place says which words a link may hold, and what each of them means. tests/app/test_address.py finds keys that are
written as free strings elsewhere.

A `Key` is one value. A `Family` is a set of them with a common pattern: one per run, per waypoint, per setting.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from app.state.kinds import (
    FLAG,
    IMAGE,
    IMAGES,
    NUMBER,
    OBJECT,
    PLACE,
    RUNS,
    TEXT,
    TEXTS,
    WAYPOINT_NAME,
    WHOLE,
    Kind,
)
from vae_core.config import RunConfig
from vae_core.options import leaves
from vae_core.uses.registry import USES

T = TypeVar("T")

HOME, TRAIN, MAP, SLIDERS, INTERPOLATE, BETA = "home", "train", "map", "sliders", "interpolate", "beta"
COMPARE, USES_PAGE, TUNE, LEARN, GLOSSARY = "compare", "uses", "tune", "learn", "glossary"
PAGES = (HOME, LEARN, TRAIN, COMPARE, MAP, SLIDERS, INTERPOLATE, TUNE, BETA, USES_PAGE, GLOSSARY)
BETA_PART = (TUNE, BETA)  # part of one page; links to the other lead there


@dataclass(frozen=True, eq=False)
class Key(Generic[T]):
    """One value of the session, of the address, or of both under the same name."""

    name: str
    kind: Kind[T]
    default: T
    pages: tuple[str, ...]
    words: str
    in_address: bool = False
    bound: bool = False  # a widget carries it into the address; otherwise the page writes it there

    @property
    def bind(self) -> Literal["query-params"] | None:
        """What the widget that has this key takes as its `bind`."""
        return "query-params" if self.bound else None

    def fresh(self) -> T:
        """The default; a copy, since a list or a dict may be filled by who gets it."""
        return copy.copy(self.default)

    def read(self, text: str | None) -> T:
        """What an address says; the default where it says nothing, or nothing that is of this kind."""
        value = self.kind.read(text) if text else None
        return self.fresh() if value is None else value


@dataclass(frozen=True, eq=False)
class Family(Generic[T]):
    """Keys that differ in a part of their name. `members` are the parts that are possible; empty allows any."""

    pattern: str
    kind: Kind[T]
    default: T
    pages: tuple[str, ...]
    words: str
    in_address: bool = False
    bound: bool = False
    members: Callable[[], Iterable[Any]] = tuple

    def of(self, part: Any) -> Key[T]:
        """The key of one member. Raises KeyError where the family has no such member."""
        if (known := {str(m) for m in self.members()}) and str(part) not in known:
            raise KeyError(f"{self.pattern}: there is no {part!r}; choose one of {', '.join(sorted(known))}")
        name = self.pattern.format(part)
        return Key(name, self.kind, self.fresh(), self.pages, self.words, self.in_address, self.bound)

    def fresh(self) -> T:
        return copy.copy(self.default)

    def has(self, name: str) -> bool:
        """Whether a key of that name belongs to the family."""
        if known := [str(m) for m in self.members()]:
            return name in map(self.pattern.format, known)
        before, after = self.pattern.split("{}")
        return name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)


def _kept(name: str, default: T, page: str | tuple[str, ...], words: str) -> Key[T]:
    """A value of the session alone."""
    pages = (page,) if isinstance(page, str) else page
    return Key(name, OBJECT, default, pages, words)


def _param(name: str, kind: Kind[T], default: T, page: str | tuple[str, ...], words: str) -> Key[T]:
    """A value of the address, which the page itself reads and writes."""
    return Key(name, kind, default, (page,) if isinstance(page, str) else page, words, in_address=True)


FIRST: Any = None  # the default of a choice is the first of what is offered, or what the page finds usual


def _bound(name: str, kind: Kind[T], default: T, page: str | tuple[str, ...], words: str) -> Key[T]:
    """The value of a widget that Streamlit itself keeps in the address."""
    pages = (page,) if isinstance(page, str) else page
    return Key(name, kind, default, pages, words, in_address=True, bound=True)


# ---------------------------------------------------------------- every page

RUN = _param("run", TEXT, "", PAGES, "id of the run that all pages show")
PIXELS: Key[bool] = _kept(
    "pixels", False, PAGES, "whether fine pictures show their pixels instead of being enlarged smoothly"
)
TABLES: Key[Any] = _kept("tables", None, PAGES, "where the tables of the page's charts are to stand")
CHARTS: Key[dict[str, Any]] = _kept("charts", {}, PAGES, "figures of the page by key, for its tables")
PIXELS_SWITCH: Key[bool] = _kept("pixels switch", False, PAGES, "where the switch of a page stands")
RUN_FAULT: Key[tuple[str, bool]] = _kept(
    "run fault",
    ("", False),
    PAGES,
    "why the run of the address is not shown, and whether it is yet to be said",
)
HISTORY: Key[list[str]] = _kept("runs used", [], PAGES, "ids of the runs looked at, most recent first")
WRITTEN: Family[Any] = Family(
    "{} written", OBJECT, (None, {}), PAGES, "what the address last said of a key, and when"
)
FOLLOWED: Family[dict[str, Any]] = Family(
    "{} followed",
    OBJECT,
    {},
    PAGES,
    "where a link or a hand put what a key names, whichever came last, by what it is of",
)
TOLD: Family[Any] = Family("{} told", OBJECT, None, PAGES, "what a component told last of a key")
LINKS: Family[int] = Family("{} links", OBJECT, 0, PAGES, "number of links opened; a component goes to each")
PRESSED: Family[bool] = Family(
    "pressed {}", OBJECT, False, PAGES, "whether a button was pressed and not taken up yet"
)

# ---------------------------------------------------------------- train

NEW, IMPORT = "new", "import"
OPEN = _param("open", TEXT, "", TRAIN, "form that a link opens: new or import")
FORM: Key[bool | None] = _kept("train form", None, TRAIN, "whether the form of a new run is open")
IMPORT_FORM: Key[bool] = _kept("import form", False, TRAIN, "whether the form of an import is open")
STARTED: Key[bool] = _kept("train started", False, TRAIN, "whether Start was pressed and not taken up yet")
CLOSED: Family[float] = Family(
    "{} closed", OBJECT, 0.0, (TRAIN,), "when a form was closed whose settings the address may still say"
)
FINE_TUNE = _bound(
    "fine-tune", FLAG, False, TRAIN, "whether a new run starts from the weights of the run looked at"
)
OVERLAY = _bound(
    "overlay", TEXTS, FIRST, TRAIN, "runs whose curves are drawn with those of the run looked at"
)
LIVE_BETA: Family[float] = Family(
    "live beta {}", OBJECT, 1.0, (TRAIN,), "β that a run in training is to go on with"
)
LIVE_RATE: Family[float] = Family(
    "live learning_rate {}", OBJECT, 1.0, (TRAIN,), "factor on its learning rate"
)
CHOOSE_DATASET: Key[str | None] = _kept("choose dataset", None, TRAIN, "dataset that was imported just now")
IMPORT_PLAN: Key[Any] = _kept(
    "own plan", None, TRAIN, "source that was looked through, and what was found in it"
)
IMPORTED: Key[str | None] = _kept("own imported", None, TRAIN, "what was imported last, in a sentence")
IMPORTS: Key[int] = _kept(
    "own times", 0, TRAIN, "number of imports so far; the widgets begin anew after each"
)


def _settings() -> list[str]:
    return list(dict.fromkeys(leaf.switch for leaf in leaves(RunConfig)))


def _use_settings() -> list[str]:
    return [f"{use.name}-{leaf.switch}" for use in USES.values() for leaf in leaves(use.settings)]


SETTING: Family[Any] = Family("{}", OBJECT, None, (TRAIN,), "a setting of the new run", True, True, _settings)
SWEEP_SETTING: Family[Any] = Family(
    "sweep-{}", OBJECT, None, BETA_PART, "a setting of the new sweep", True, True, _settings
)

# ---------------------------------------------------------------- latent map

SPLIT = _bound("split", TEXT, FIRST, MAP, "which part of the dataset is mapped")
SPLIT_RUN: Key[str | None] = _kept("split run", None, MAP, "run that the split was chosen for")
FORMED = _bound("formed", FLAG, False, MAP, "whether the map replays the epochs")
COORDINATES = _bound("coordinates", TEXT, FIRST, MAP, "projection: dimensions, PCA, UMAP or axis")
X = _bound("x", TEXT, FIRST, MAP, "dimension across")
Y = _bound("y", TEXT, FIRST, MAP, "dimension upwards")
COLOUR = _bound("colour", TEXT, FIRST, MAP, "what colours the points")
PRIOR = _bound("prior", FLAG, False, MAP, "whether the comparison with the prior is open")
BESIDE = _bound("beside", TEXT, "nothing", MAP, "what the second map shows")
AXIS: Family[str] = Family(
    "axis-{}", TEXT, "", (MAP,), "an end of a custom axis", True, members=lambda: ("from", "to")
)
CHOSEN_IMAGE = _param("image", IMAGE, None, MAP, "number of the image that is looked at")
SELECTION = _param("sel", IMAGES, (), MAP, "numbers of the selected images, where they are few")
UMAP = _param("umap", TEXT, "", MAP, "settings of UMAP, as app.views.map.umap_layout.umap_text writes them")
MAP_PLOT: Key[Any] = _kept("latent map", None, MAP, "what the map reports")
MAP_BESIDE: Key[Any] = _kept("map beside", None, MAP, "what the second map reports")
MAP_MODEL: Key[Any] = _kept("map model", None, MAP, "network and codes on the map, while the run learns on")
MAP_PAGE: Key[int] = _kept("map page", 1, MAP, "page of the selection's pictures")
MAP_FIRST_PAGE: Key[bool] = _kept(
    "map turned back", False, MAP, "whether the selection is to be shown from page 1"
)
MAP_SPOT: Key[Any] = _kept("map spot", None, MAP, "empty place that was clicked, and on which map")
MAP_WHERE: Key[Any] = _kept("map where", None, MAP, "run, split and projection that the map shows")
SELECTION_OF: Family[Any] = Family(
    "map selection of {}", OBJECT, None, (MAP,), "a run's selected images, by number"
)
WITHOUT_IMAGES: Key[str | None] = _kept(
    "seen without images", None, MAP, "run that was mapped without its images"
)
UMAP_STOPPED: Key[str | None] = _kept("umap stopped", None, MAP, "the layout that a person stopped")
UMAP_JOB: Key[Any] = _kept("umap job", None, MAP, "the layout that is computed for this session")
UMAP_STEP: Key[Any] = _kept("umap step", None, MAP, "step of the layout under way, and since when")

# ---------------------------------------------------------------- sliders, and a code sent to another page

CODE = _param("z", TEXT, "", (SLIDERS, INTERPOLATE), "a code, as app.state.code_format.pack writes it")
DECK: Key[Any] = _kept("deck", None, SLIDERS, "what the deck tells")
CHOOSER: Key[bool] = _kept("image chooser", False, SLIDERS, "whether the choice of another image is open")
DECK_OF: Key[str | None] = _kept("deck of", None, SLIDERS, "run whose code the deck holds")
DECK_SENT: Key[str] = _kept("deck sent", "", SLIDERS, "code to be sent to the Interpolate page")
DECK_DATA: Key[Any] = _kept(
    "deck data", None, SLIDERS, "what the deck was last given, for a run that is gone"
)
DECK_ENCODED: Key[Any] = _kept("deck encoded", None, SLIDERS, "image that the deck started from, encoded")
DECK_ENCODED_COUNT: Key[int] = _kept("deck encoded count", 0, SLIDERS, "number of images started from")
DECK_IMAGE: Key[Any] = _kept("deck image", None, SLIDERS, "pixels of that image, to be encoded anew")
DECK_KEPT: Key[dict[str, Any]] = _kept(
    "deck kept", {}, SLIDERS, "page, and number of its last change that was kept"
)

PICKED_SOURCE: Family[Any] = Family(
    "{}-source",
    OBJECT,
    "from the set",
    (SLIDERS,),
    "where an image is taken from",
    True,
    True,
    lambda: ("anchor",),
)
PICKED_LABEL: Family[Any] = Family(
    "{}-label", OBJECT, "any", (SLIDERS,), "label of the image to be taken", True, True, lambda: ("anchor",)
)
PICKED_IMAGE: Family[Any] = Family(
    "{}-image",
    OBJECT,
    0,
    (SLIDERS,),
    "its place among the images of that label",
    True,
    True,
    lambda: ("anchor",),
)
UPLOAD: Family[Any] = Family("{}-upload", OBJECT, None, (SLIDERS, INTERPOLATE, MAP), "an uploaded image")

# ---------------------------------------------------------------- interpolate

WAYPOINT: Family[str] = Family(
    "s{}", TEXT, "", (INTERPOLATE,), "a waypoint: image or code", True, members=lambda: range(1, 9)
)
END_IMAGE: Family[str] = Family(
    "{}-image",
    TEXT,
    "",
    (INTERPOLATE,),
    "an end of the path in older links: place",
    True,
    members=lambda: ("from", "to"),
)
END_LABEL: Family[str] = Family(
    "{}-label",
    TEXT,
    "",
    (INTERPOLATE,),
    "an end of the path in older links: label",
    True,
    members=lambda: ("from", "to"),
)
END_SOURCE: Family[str] = Family(
    "{}-source",
    TEXT,
    "",
    (INTERPOLATE,),
    "an end of the path in older links: source",
    True,
    members=lambda: ("from", "to"),
)
PATH = _bound("path", TEXT, "linear", INTERPOLATE, "kind of path")
STEPS = _bound("steps", WHOLE, 11, INTERPOLATE, "pictures in the strip")
PENALTY = _bound("penalty", NUMBER, 0.0, INTERPOLATE, "how strongly a geodesic is kept near the data")
POSITION = _param(
    "position", PLACE, 0.5, INTERPOLATE, "where the handle rests: 0 at the first waypoint, 1 at the last"
)
PROBE = _param("probe", TEXT, "", INTERPOLATE, "what the probabilities are of, in links of before")
CHART = _param("chart", TEXT, "", INTERPOLATE, "chart that stands under the strip")
ATTRIBUTE = _param("attribute", TEXT, "", INTERPOLATE, "what the direction's groups are told apart by")
GROUP_A = _param("group-a", TEXT, "", INTERPOLATE, "group that the direction leads to")
GROUP_B = _param("group-b", TEXT, "", INTERPOLATE, "group that the direction leads away from")
ON = _param("on", WAYPOINT_NAME, "", INTERPOLATE, "waypoint that the direction is added to")
EXPORT_AS = _bound("as", TEXT, FIRST, INTERPOLATE, "kind of file")
FRAMES = _bound("frames", WHOLE, 31, INTERPOLATE, "frames of the file")
SIZE = _bound("size", WHOLE, 256, INTERPOLATE, "size of its pictures, pixels")
FPS = _bound("fps", WHOLE, 15, INTERPOLATE, "frames a second")
BACK = _bound("back", FLAG, True, INTERPOLATE, "whether the film runs there and back")
BEYOND = _bound("beyond", FLAG, False, INTERPOLATE, "whether the film goes beyond the ends")
EXPORT: Key[Any] = _kept("export", None, INTERPOLATE, "file that was made, and what of")
PATH_PICTURE: Key[Any] = _kept("path picture", None, INTERPOLATE, "what the picture with the handle tells")
WAYPOINTS_OF: Family[list[str]] = Family(
    "waypoints of {}", OBJECT, [], (INTERPOLATE,), "the waypoints of a run"
)
STAMP_OF: Family[str | None] = Family(
    "stamp of {}", OBJECT, None, (INTERPOLATE,), "weights that encoded them"
)
WAYPOINTS_RUN: Key[str | None] = _kept(
    "waypoints run", None, INTERPOLATE, "run whose waypoints the address names"
)
WAYPOINTS_RENEWED: Key[str | None] = _kept(
    "waypoints renewed", None, INTERPOLATE, "weights they were encoded anew for"
)
WAYPOINT_OPEN: Key[int] = _kept(
    "waypoint open", 0, INTERPOLATE, "number of the waypoint in the editor, from 0"
)
WAYPOINT_LABEL: Key[str] = _kept("waypoint label", "any", INTERPOLATE, "label of the open waypoint's image")
WAYPOINT_PLACE: Key[int] = _kept("waypoint place", 0, INTERPOLATE, "its place among the images of that label")
WAYPOINT_CODE: Key[str] = _kept("waypoint code", "", INTERPOLATE, "numbers of the open waypoint's code")
WAYPOINT_PAD: Key[Any] = _kept("waypoint pad", None, INTERPOLATE, "what the drawing pad tells")
WAYPOINT_FILE: Key[str | None] = _kept("waypoint file", None, INTERPOLATE, "upload that was taken already")
WAYPOINT_FAULT: Key[str] = _kept("waypoint fault", "", INTERPOLATE, "what was wrong with a code or a drawing")
WAYPOINT_NAMES: Key[dict[str, str]] = _kept("waypoint names", {}, INTERPOLATE, "what codes are called")
WAYPOINT_UPLOADS: Key[dict[tuple[str, str], Any]] = _kept(
    "waypoint uploads", {}, INTERPOLATE, "uploads and drawings by (weights stamp, code)"
)

# ---------------------------------------------------------------- β

VIEW = _bound("look", TEXT, FIRST, BETA_PART, "part of the page: sweep, dial, or KL weights elsewhere")
SWEEP = _bound("sweep", TEXT, FIRST, BETA_PART, "sweep that is looked at")
SWEEP_RANGED = _bound("sweep-ranged", FLAG, False, BETA_PART, "whether a new sweep takes a range of β")
SCORE = _bound("score", TEXT, FIRST, BETA_PART, "score that is drawn over β")
VALUE_OF_GROUP: Family[str] = Family(
    "{}-score", TEXT, FIRST, BETA_PART, "value of another group of metrics", True, True
)
TRAJECTORY = _bound("way", TEXT, "no run", BETA_PART, "run whose trajectory is drawn in the plane")
BETA_CURSOR = _param("focus", TEXT, "", BETA_PART, "β that the cursor stands at")
CURSOR: Key[Any] = _kept("cursor", None, BETA_PART, "what the cursor tells")
SWEEP_WAITING: Key[Any] = _kept(
    "sweep waiting", None, BETA_PART, "sweep, and how many of its runs had not ended"
)
MATRIX: Key[Any] = _kept("matrix", None, BETA_PART, "what the table of pictures tells")
CURSOR_PICTURES: Key[Any] = _kept("cursor pictures", None, BETA_PART, "what the pictures at the cursor tell")
SWEEP_FORM: Key[bool] = _kept("new-sweep", False, BETA_PART, "whether the form of a new sweep is open")
SWEEP_STARTED: Key[bool] = _kept("sweep started", False, BETA_PART, "whether a sweep was started just now")
SWEEP_FAULT: Key[Any] = _kept("sweep fault", None, BETA_PART, "sweep, and why a β could not be added to it")
COLUMN_OPENED: Key[Any] = _kept("column opened", None, BETA_PART, "run whose column was opened")
DIAL_RUN = _bound("dial-run", TEXT, FIRST, BETA_PART, "run whose dial is turned")
DIAL: Key[Any] = _kept("dial", None, BETA_PART, "what the dial tells")
DIAL_BETA = _param("beta", NUMBER, 1.0, BETA_PART, "β that the dial rests at")
THEIR_ERROR = _bound("their-error", TEXT, FIRST, BETA_PART, "other project's reconstruction error")
THEIR_ERROR_OVER = _bound("their-error-over", TEXT, FIRST, BETA_PART, "what that error is averaged over")
THEIR_RATE_OVER = _bound("their-rate-over", TEXT, FIRST, BETA_PART, "what its KL is averaged over")
THEIR_SIDE = _bound("their-side", WHOLE, 28, BETA_PART, "side of its images, pixels")
THEIR_CHANNELS = _bound("their-channels", WHOLE, FIRST, BETA_PART, "channels of its images")
THEIR_DIMS = _bound("their-dims", WHOLE, 20, BETA_PART, "its latent dimensions")
THEIR_SPAN = _bound("their-span", NUMBER, 1.0, BETA_PART, "range of its pixels")
THEIR_BATCH = _bound("their-batch", NUMBER, 1.0, BETA_PART, "images summed in its KL")
THEIR_WEIGHT = _bound("their-weight", NUMBER, 1.0, BETA_PART, "its KL weight")
THEIR_SCALE = _bound("their-scale", NUMBER, 0.0, BETA_PART, "σ or b that its error is divided by; 0 is none")
THEIR_UNIT = _bound("their-unit", TEXT, FIRST, BETA_PART, "unit of that σ")
OUR_SCALE = _bound("our-scale", NUMBER, 0.1, BETA_PART, "σ or b of our likelihood")
OUR_BETA = _bound("our-beta", NUMBER, 1.0, BETA_PART, "our β")

# ---------------------------------------------------------------- tune

TUNE_PART = _bound("tuning", TEXT, FIRST, TUNE, "part of the page: Study, By preference, New study, or β")
TUNE_GO: Key[str] = _kept("tune go", "", TUNE, "part that is opened next")
STUDY = _bound("study", TEXT, FIRST, TUNE, "study that is looked at")
STUDY_LIKED = _bound("liked", TEXT, FIRST, TUNE, "study by preference that is looked at")
STUDY_PICTURE = _bound("pictures", TEXT, FIRST, TUNE, "which pictures a choice is between")
STUDY_CHART: Family[Any] = Family("study chart {}", OBJECT, None, (TUNE,), "what a study's charts are of")
STUDY_SHOWN: Key[Any] = _kept("study shown", None, TUNE, "what the trials' component tells")
STUDY_ASKED: Key[Any] = _kept("study asked", None, TUNE, "what was asked of a trial, and not taken up yet")
STUDY_GOING: Key[Any] = _kept(
    "study going", None, TUNE, "study, and whether it went on when it was looked at last"
)
STUDY_SETTING: Family[Any] = Family(
    "study-{}", OBJECT, None, (TUNE,), "a setting that all runs of the new study share", True, True, _settings
)
STUDY_FORM: Key[Any] = _kept("study form", None, TUNE, "what the form of a new study was filled with")
STUDY_FIELDS: Key[list[str]] = _kept("study fields", [], TUNE, "settings that a new study searches")
STUDY_RANGE: Family[Any] = Family(
    "study range {}", OBJECT, None, (TUNE,), "an end, scale, count or choice of a searched setting"
)
STUDY_CHANGE: Family[Any] = Family(
    "study change {}",
    OBJECT,
    None,
    (TUNE,),
    "the same of a study that is there, while its ranges are changed",
)
STUDY_WAY: Family[Any] = Family(
    "study way {}",
    OBJECT,
    None,
    (TUNE,),
    "how a new study searches: goals, sampler, pruner, trials, seeds, name",
)

# ---------------------------------------------------------------- compare

MODELS = _param("models", RUNS, [], COMPARE, "ids of the runs side by side")
COMPARED: Key[list[str]] = _kept(
    "compared", [], COMPARE, "ids of the runs side by side, as a hand chose them"
)
MODEL_CHOICE: Key[list[str]] = _kept("model choice", [], COMPARE, "the same, as its widget holds them")
COMPARED_FOR: Key[str] = _kept("compared for", "", COMPARE, "run looked at when they were chosen")
COMPARE_VIEW = _bound(
    "part", TEXT, FIRST, COMPARE, "part of the page: pictures, curves, numbers, or why blurry"
)
COMPARE_ROWS = _bound(
    "rows", TEXT, FIRST, COMPARE, "which pictures are shown: all, or one row of them enlarged"
)
COMPARE_CODES = _bound("codes", TEXT, FIRST, COMPARE, "where random codes come from: the prior, or a mixture")
COMPARE_TEMPERATURE = _bound("temperature", NUMBER, 1.0, COMPARE, "factor on how far random codes lie out")
COMPARE_NEAR = _bound("nearest", TEXT, FIRST, COMPARE, "what tells the nearest image: pixels, or features")
COMPARE_PICK = _param("pick", WHOLE, 0, COMPARE, "which images and codes: 0, and one more for each press")
COMPARE_FORM: Key[bool] = _kept("compare form", False, COMPARE, "whether the form of models is open")
BLURRY_FORM: Key[bool] = _kept("blurry form", False, COMPARE, "whether the form of likelihoods is open")
COMPARE_STARTED: Key[str] = _kept("compare started", "", COMPARE, "comparison that was started just now")
COMPARE_WAITING: Key[Any] = _kept("compare waiting", None, COMPARE, "runs of comparisons that had not ended")
MEASURING_STOPPED: Key[Any] = _kept("measuring stopped", None, COMPARE, "weights whose measuring was stopped")
MEASURING_SINCE: Key[Any] = _kept(
    "measuring since", None, COMPARE, "what is measured, since when, and from what share"
)
BLURRY_PICK = _param("blurred", WHOLE, 0, COMPARE, "which image is drawn under every likelihood")

# ---------------------------------------------------------------- uses

USE = _bound("use", TEXT, FIRST, USES_PAGE, "which use is looked at")
USE_SETTING: Family[Any] = Family(
    "set-{}",
    OBJECT,
    None,
    (USES_PAGE,),
    "a setting of a use: its name, and the setting's",
    True,
    True,
    _use_settings,
)
USE_CHOICE: Family[Any] = Family(
    "show-{}", TEXT, FIRST, (USES_PAGE,), "what a use's own view shows", True, True
)
USE_TOLD: Family[Any] = Family("told by {}", OBJECT, None, (USES_PAGE,), "what a component of a use tells")
USE_UPLOAD: Family[Any] = Family("{} upload", OBJECT, None, (USES_PAGE,), "a file handed to a use")
USE_MADE: Family[Any] = Family(
    "{} made", OBJECT, None, (USES_PAGE,), "what a use made to be taken away, and of what"
)

# ---------------------------------------------------------------- learn

LESSON = _param("lesson", WHOLE, 0, LEARN, "number of the lesson that is open; 0 for the list of them")
LESSON_STEP = _param("step", WHOLE, 1, LEARN, "screen of the lesson, from 1")
PRESENT = _param("present", WHOLE, 0, LEARN, "1 for large type and one figure a screen")
SPEAKER = _param("notes", WHOLE, 0, LEARN, "1 for the speaker's notes of the lesson")
LESSON_SHOWN: Key[Any] = _kept("lesson shown", None, LEARN, "what the lesson's component tells")

# ---------------------------------------------------------------- glossary

SOUGHT_WORD = _bound("word", TEXT, "", GLOSSARY, "what is looked for in the glossary")
WORD_GROUP = _bound("group", TEXT, FIRST, GLOSSARY, "which group of its words is shown")


def table() -> list[Key[Any] | Family[Any]]:
    """Every key and family, in the order of this file."""
    return [value for value in globals().values() if isinstance(value, (Key, Family))]
