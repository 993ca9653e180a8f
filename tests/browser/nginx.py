"""Find nginx, or install it if possible: `python -m tests.browser.nginx`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.base.settings import PROJECT

MISSING = "nginx is missing, so several processes are not tested (apt-get install nginx)"
_EXTRA_PATH = f"/usr/sbin{os.pathsep}/usr/local/sbin"
_EXAMPLE = re.compile(r"```nginx\n(.*?)```", re.DOTALL)


def find() -> str | None:
    """Return the path of nginx, if it is installed."""
    return shutil.which("nginx") or shutil.which("nginx", path=_EXTRA_PATH)


def install() -> None:
    """Install the package of Debian without starting it; requires root and apt."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for step in ("update -q", "install -q -y --no-install-recommends nginx"):
        subprocess.run(["apt-get", *step.split()], check=True, env=environment)


@contextmanager
def before(directory: Path, port: int, behind: Sequence[int]) -> Iterator[None]:
    """Serve the processes on these ports by one nginx, configured as the operator's README says."""
    example = _EXAMPLE.search((PROJECT / "core" / "ops" / "README.md").read_text())
    assert example, "core/ops/README.md has no configuration of nginx"
    servers = "".join(f"server 127.0.0.1:{p} max_fails=1 fail_timeout=1s;\n" for p in behind)
    site = re.sub(r"( *server 127\.0\.0\.1:\d+ [^\n]*\n)+", servers, example[1])
    site = re.sub(r"listen \d+", f"listen 127.0.0.1:{port}", site)
    paths = "\n".join(
        f"{name}_temp_path {directory / name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = directory / "nginx.conf"
    as_root = "user root;" if os.geteuid() == 0 else ""  # else it may not write into `directory`
    config.write_text(
        f"daemon off; {as_root} pid {directory / 'pid'}; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{paths}\n{site}\n}}\n"
    )
    with subprocess.Popen([str(find()), "-p", str(directory), "-c", str(config)]) as process:
        try:
            yield
        finally:
            process.terminate()


if __name__ == "__main__":
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install()
    sys.stdout.write(f"nginx: {find() or MISSING}\n")
