"""Load components that run in the browser from their files in `assets`.

A component is a script of its own, beside a style and HTML where it needs them: `table.js`,
`table.css`, `table.html`. The script's default export draws the component; it is called with
Streamlit's `{data, parentElement, setStateValue, setTriggerValue}` after each rerun.
"""

from collections.abc import Callable
from typing import Any, Final

from streamlit.components import v2

from core.base import assets

_LOADER: Final = """
const address = (path) => new URL(path, location.href).href
const script = import(address("{script}"))
const style = "{style}" && fetch(address("{style}"))
  .then((response) => response.text())
  .then((text) => new CSSStyleSheet().replace(text))

export default async function (component) {
  const root = component.parentElement.getRootNode()
  const [module, sheet] = await Promise.all([script, style]).catch(() => [])
  if (!module) {
    component.parentElement.textContent = "This part of the page didn't load. Reload the page."
    return
  }
  if (sheet && !root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet)
  return module.default(component)
}
"""
"""Streamlit sends a component's script again with every rerun, so this is all of it that it sends.

The files come from our own route, and stay in the browser's cache.
"""


def load(name: str) -> Callable[..., Any]:
    """Return the component whose files are `assets/<name>.js`, `.css` and `.html`.

    Mount it with `key`, `data` and a callback `on_<value>_change` for each value that it sends.
    """
    html, style = assets.FOLDER / f"{name}.html", assets.find(f"{name}.css")
    loader = _LOADER.replace("{script}", assets.get(f"{name}.js").path)
    return v2.component(
        f"orgdesk_{name}",
        html=html.read_text() if html.exists() else "<div></div>",
        js=loader.replace("{style}", style.path if style else ""),
    )


def ignore() -> None:
    """Do nothing: Streamlit requires a callback for each value that a component may send."""
