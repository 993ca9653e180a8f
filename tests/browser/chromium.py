"""Find a Chromium, or install one: `python -m tests.browser.chromium`."""

import os
import shutil
import subprocess
import sys

LIGHT = "chromium-headless-shell"
"""Chromium without the browser around the page, which takes a fifth less of the processor."""
NAMES = (
    LIGHT,
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
USUAL_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ARGUMENTS = (
    *USUAL_ARGUMENTS,
    # Requests to other machines fail, and tests hear of what fails: of all requests is too many.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # Pages live for seconds: optimizing their code costs more than it gains.
    "--js-flags=--no-opt --no-maglev",
)
"""Those of tests; the others are for figures, of a browser as people have it."""


def find() -> str | None:
    """Return the path of the browser in CHROMIUM, or else of the first one on the path."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)


def install() -> None:
    """Install the light one of Debian, or else all of Chromium; requires root and apt."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = "install -q -y --no-install-recommends"
    for step in ("update -q", f"{install} {LIGHT}{_version()}", f"{install} chromium"):
        subprocess.run(["apt-get", *step.split()], check=False, env=environment)
        if step.startswith("install") and find() is not None:
            return


def _version() -> str:
    """Return the version of a Chromium that is installed, which shall stay as it is."""
    command = ["dpkg-query", "--show", "--showformat", "=${Version}", "chromium-common"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    is_named = "CHROMIUM" in os.environ
    if not (is_named or shutil.which(LIGHT)) and os.geteuid() == 0 and shutil.which("apt-get"):
        install()
    missing = "The browser tests need Chromium or Chrome. Install one, or set CHROMIUM=/path."
    sys.stdout.write(f"Browser: {find() or sys.exit(missing)}\n")
