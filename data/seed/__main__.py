"""The command line of the seed: `python -m data.seed`."""

import typer

from data.seed import main

typer.run(main)
