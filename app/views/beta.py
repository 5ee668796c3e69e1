"""β has become a part of Tune: what a link to it says is shown there."""

from __future__ import annotations

from app.state import address, session

session.forward("tune", {address.TUNE_PART: "β"})
