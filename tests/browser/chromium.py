"""Find a Chromium, or install one: `python -m tests.browser.chromium`."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
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


def find() -> str | None:
    """Return the path of the browser in CHROMIUM, or else of the first one on the path."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)


def install() -> None:
    """Install the package of Debian; requires root and apt."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("The browser tests need Chromium or Chrome. Install one, or set CHROMIUM=/path.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in ("update -q", "install -q -y --no-install-recommends chromium"):
        subprocess.run(["apt-get", *step.split()], check=True, env=environment)


if __name__ == "__main__":
    if find() is None:
        install()
    sys.stdout.write(
        f"Browser: {find() or sys.exit('Chromium was installed but is not on the path.')}\n"
    )
