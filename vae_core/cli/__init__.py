"""`vae-core`: train, look at, evaluate and move runs from the command line. One file per command."""

from vae_core.cli.parser import main, make_parser

__all__ = ["main", "make_parser"]
