"""Load components that run in the browser from their files in `assets`.

A component is a script of its own, beside a style and HTML where it needs them: `table.js`,
`table.css`, `table.html`. The script's default export draws the component; it is called with
Streamlit's `{data, parentElement, setStateValue, setTriggerValue}` after each rerun.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamlit.components import v2

from core.base import assets

_LOADER: Final = """
const loaded = import(new URL("{script}", location.href).href)
const sheet = new CSSStyleSheet()
loaded.then(({ styles }) => sheet.replaceSync(styles.{name} ?? ""), () => {})

export default async function (component) {
  const components = await loaded.catch(() => null)
  if (!components) {
    component.parentElement.textContent = "This part of the page didn't load. Reload the page."
    return
  }
  const root = component.parentElement.getRootNode()
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet)
  return components.{name}.draw(component)
}
"""
"""Streamlit sends a component's script again with every rerun, so this is all of it that it sends.

The script with all components comes from our own route, and stays in the browser's cache.
"""


def load(name: str) -> Callable[..., Any]:
    """Return the component whose files are `assets/<name>.js`, `.css` and `.html`.

    Mount it with `key`, `data` and a callback `on_<value>_change` for each value that it sends.
    """
    html, script = assets.FOLDER / f"{name}.html", assets.get(assets.COMPONENTS).path
    mount = v2.component(
        f"orgdesk_{name}",
        html=html.read_text() if html.exists() else "<div></div>",
        js=_LOADER.replace("{script}", script).replace("{name}", name),
    )

    def draw(*, data: Mapping[str, Any], **options: Any) -> Any:
        return mount(data={key: _as_sent(value) for key, value in data.items()}, **options)

    return draw


def _as_sent(value: Any) -> Any:
    """Return a list as a tuple: Streamlit examines each list for a kind of data frame."""
    return tuple(value) if isinstance(value, list) else value


def ignore() -> None:
    """Do nothing: Streamlit requires a callback for each value that a component may send."""
