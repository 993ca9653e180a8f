"""One file per screen, each read from top to bottom like a notebook: open, read, draw, save."""
