"""A sentence over the page when the server has ended, with the command that starts it again.

Streamlit's own asks for a network, or names a command that starts nothing here.
"""

from __future__ import annotations

import os

from app.components import component

COMMAND_VARIABLE = "LATENT_EXPLORER_COMMAND"  # set by the command line: what starts this very server again
USUAL = "latent-explorer"

_mount = component("server_watch", '<div class="server_watch" hidden></div>')


def server_watch(key: str = "server watch") -> None:
    """Look from the page whether the server still answers."""
    _mount(key=key, data={"command": os.environ.get(COMMAND_VARIABLE, USUAL)})
