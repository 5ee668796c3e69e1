"""The parser of all commands, and main, which runs one of them.

Exit codes: 0, 2 for a usage error, 1 with one plain sentence for everything else.
"""

from __future__ import annotations

import argparse
import os
import sys

from vae_core.cli import data, evaluate, export, import_run, runs, sweep, train, tune, uses
from vae_core.cli.usage import UsageError
from vae_core.errors import VaeCoreError
from vae_core.places import Places

COMMANDS = (
    train,
    sweep,
    tune,
    runs,
    evaluate,
    uses,
    export,
    import_run,
    data,
)  # in the order `--help` lists them


def make_parser() -> argparse.ArgumentParser:
    """The parser of `vae-core` with every command."""
    # suppressed, or the default of an action would undo what was given before it: runs --home DIR show RUN
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "--home", metavar="DIR", help="where runs and datasets lie; default ~/.latent-explorer"
    )
    common.add_argument("--data-dir", metavar="DIR", help="torchvision's root; default HOME/downloads")
    parser = argparse.ArgumentParser(
        prog="vae-core", description="Train and use variational autoencoders.",
        epilog="RUN is a run's name or id. Losses are in nats per image.",
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_command(commands, common)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (sys.argv when None); returns the exit code."""
    parser = make_parser()
    args = parser.parse_args(argv)
    try:
        places = Places.find(getattr(args, "home", None), getattr(args, "data_dir", None))
        code: int = args.do(args, places)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UsageError as error:
        sys.stderr.write(f"vae-core: {error}\n")
        return 2
    except VaeCoreError as error:
        sys.stderr.write(f"vae-core: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(
            f"vae-core: {error.strerror or error}{f': {error.filename}' if error.filename else ''}\n"
        )
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nvae-core: stopped\n")
        return 1
