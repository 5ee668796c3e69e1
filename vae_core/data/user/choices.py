"""What a person may choose about an import. The command line and the form read their words from here."""

from __future__ import annotations

from dataclasses import dataclass

from vae_core.data.user.crop import FITS
from vae_core.data.user.ground import GROUNDS
from vae_core.options import Options, option

SIDES = (16, 32, 64, 128)
COLOURS = ("auto", "grey", "colour")
SPLITS = {
    "auto": "folders named train, val and test are splits",
    "labels": "these folders are classes",
    "none": "these folders mean nothing",
}


@dataclass(frozen=True)
class ImportChoices(Options):
    """How images are brought into the one form. A side of 0 takes the one that suits them."""

    side: int = option(0, help="side of the squares; 0 takes what suits", unit="pixels", values=(0, *SIDES))
    colour: str = option("auto", help="auto takes colour where an image has some", values=COLOURS)
    fit: str = option("crop", help="of images that are not square", values=tuple(FITS))
    splits: str = option(
        "auto",
        help="train, val and test folders: auto takes them as splits, labels as classes, none as neither",
        values=tuple(SPLITS),
    )
    scale: str = option(
        "auto",
        help=(
            "which values become black and white in images of more than 8 bits: auto by what the set uses, full by what "
            "the type can hold, used by the lowest and highest value, or LOW:HIGH such as 0:4095"
        ),
    )
    ground: str = option(
        "auto",
        help="what transparent images are laid on; auto takes white unless drawings would vanish on it",
        values=tuple(GROUNDS),
    )
    leave_out: tuple[str, ...] = option((), help="folders to leave out, such as masks")
    skip_broken: bool = option(False, help="leave out image files that cannot be read, and import the others")
    labels: str = option(
        "auto",
        help=(
            "auto takes class folders, else the label column of a table beside the images (metadata.csv, labels.csv …); or folders, "
            "none, a column's name, or a table of your own as FILE or FILE:COLUMN"
        ),
    )
    limit: int = option(0, help="keep that many images; 0 keeps all", unit="images", minimum=0)
