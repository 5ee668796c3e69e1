"""What a page follows: a link or a step through the browser's history, and a hand, whichever came last.

A component that moves without a run of the script tells where it came to rest; the address names that place, so that a link
and Back lead there again. A value may be of something, such as a sweep, and each keeps its own.
"""

from __future__ import annotations

from typing import Any, TypeVar

from app.state import address, session
from app.state.address import Key

T = TypeVar("T")


def linked(key: Key[T]) -> T | None:
    """What a link says that was opened just now, or an entry of the history that was stepped to; None where neither was."""
    value = session.param(key)
    # of a step to where the address says nothing yet, the default
    found = "" if value == key.default else key.kind.write(value)
    return value if session.is_link(key, found) else None


def at(key: Key[T], of: str = "") -> T:
    """Where a link or a hand put it last; the default where neither did."""
    found: T = session.get(address.FOLLOWED.of(key.name)).get(of, key.fresh())
    return found


def links(key: Key[Any]) -> int:
    """How many links were opened: a component goes to its place once more whenever that changes."""
    return session.get(address.LINKS.of(key.name))


def rest(key: Key[T], value: T, of: str = "") -> None:
    """It rests there from now on, by hand or for want of one. What the address says of it then is no link."""
    session.setdefault(address.FOLLOWED.of(key.name))[of] = value
    session.wrote(key, "" if value == key.default else key.kind.write(value))


def go(key: Key[T], value: T, of: str = "") -> None:
    """A link leads there."""
    session.put(address.LINKS.of(key.name), links(key) + 1)
    rest(key, value, of)


def follow(key: Key[T], told: Any, value: T | None, of: str = "") -> T:
    """Where it is now.

    told: what the component tells, by which is known whether it told anything since the last run of the script. value:
    what that comes to; None where it is none of this, whatever a browser may send.
    """
    if (opened := linked(key)) is not None:
        go(key, opened, of)
    elif value is not None and told != session.get(address.TOLD.of(key.name)):
        rest(key, value, of)
    session.put(address.TOLD.of(key.name), told)
    return at(key, of)


def leave(key: Key[T], value: T) -> None:
    """Let the address say so; that is no link when it comes again."""
    session.set_param(key, value)
    session.wrote(key, "" if value == key.default else key.kind.write(value))


def wanted(key: Key[T]) -> T:
    """What a widget of this key is to show where the address is written by hand: a link's value, else the widget's own."""
    opened = linked(key)
    return opened if opened is not None else session.get(key) or session.param(key)
