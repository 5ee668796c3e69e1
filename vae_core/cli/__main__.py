"""`python -m vae_core.cli` is `vae-core`."""

import sys

from vae_core.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
