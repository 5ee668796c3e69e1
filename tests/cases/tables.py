"""Tables beside images, as people, Hugging Face, Kaggle and CelebA write them."""

from __future__ import annotations

import json
from pathlib import Path

from cases.folders import numbered

COUNT = 24
KINDS = ("cat", "dog")


def kind_of(number: int) -> str:
    """The label planted for the image of that number."""
    return KINDS[number % 2]


def beside(folder: Path, layout: str) -> Path:
    """0.png to 23.png, each as bright as four times its number, and a table in one of LAYOUTS; rows in reverse order."""
    numbered(folder, COUNT)
    rows = list(reversed(range(COUNT)))
    name, text = LAYOUTS[layout](rows)
    data = text.encode("utf-16" if "utf16" in layout else "latin-1" if "latin" in layout else "utf-8")
    (folder / name).write_bytes(data)
    return folder


LAYOUTS = {
    "hugging face csv": lambda rows: (
        "metadata.csv",
        "file_name,label,age\n" + "".join(f"images/{i}.png,{kind_of(i)},{i / 2}\n" for i in rows),
    ),
    "hugging face jsonl": lambda rows: (
        "metadata.jsonl",
        "".join(
            json.dumps({"file_name": f"images/{i}.png", "label": kind_of(i), "age": i / 2}) + "\n" for i in rows
        ),
    ),
    "kaggle": lambda rows: ("labels.csv", "id,breed\n" + "".join(f"{i},{kind_of(i)}\n" for i in rows)),
    "semicolons": lambda rows: ("t.csv", "image;label;age\n" + "".join(f"{i}.png;{kind_of(i)};{i / 2}\n" for i in rows)),
    "tabs utf16": lambda rows: ("t.tsv", "path\tlabel\tage\n" + "".join(f"{i}.png\t{kind_of(i)}\t{i / 2}\n" for i in rows)),
    "latin": lambda rows: ("t.csv", "file,größe,label\n" + "".join(f"{i}.PNG,{i / 2},{kind_of(i)}\n" for i in rows)),
    "windows paths": lambda rows: (
        "t.csv", "x,label\n" + "".join(f"C:\\set\\images\\{i}.png,{kind_of(i)}\n" for i in rows),
    ),
    "celeba": lambda rows: (
        "list_attr_celeba.txt",
        f"{COUNT}\nOdd Half\n" + "".join(f"{i}.png  {1 if i % 2 else -1}  {1 if i > 11 else -1}\n" for i in rows),
    ),
}  # fmt: skip
