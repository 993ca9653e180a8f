"""The command line of the sample data: `python -m data.seed`."""

import typer

from data.seed import main

typer.run(main)
