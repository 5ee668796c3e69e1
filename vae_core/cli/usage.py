"""What is wrong with the command line itself, and the type of its list of commands."""

from __future__ import annotations

import argparse
import sys
from typing import TypeAlias

# argparse has no public name for what add_subparsers returns
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class UsageError(Exception):
    """The command line itself is wrong: exit code 2."""


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on the terminal. Raises UsageError where nobody can answer."""
    if not sys.stdin.isatty():
        raise UsageError("deleting asks for confirmation; pass --yes where nobody can answer")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
