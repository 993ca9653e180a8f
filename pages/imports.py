"""Import, for staff who may: choose a file, match its columns, check it, import what was shown."""

import streamlit as st

from core.access.permissions import Action
from core.base import parameters
from core.database import db
from core.imports import results
from core.imports.columns import What
from core.models import RunStatus
from pages import ui
from pages.parts.imports import file, plan
from pages.parts.runs import progress
from pages.ui import elements
from pages.ui.url_choices import choose

actor, rights = ui.open_staff_page("Import", Action.IMPORT)
form = ui.fields("import")

with elements.row(key="import-head"):
    st.title("Import", anchor=False, width="content")
    what = What(
        choose(
            *("imports", st.segmented_control, "what", "What to import", file.LABELS),
            default=What.ORGANIZATIONS,
            required=True,
            label_visibility="collapsed",
        )
        or What.ORGANIZATIONS
    )
    st.space("stretch")
    file.draw_template(what)
with st.container(key="import-runs"):
    progress.draw(actor)

# The file. It is kept for a day, so that a reload of the page does not lose it.
upload_id = file.draw_file_field(form)
run_id = parameters.find_row_id(st.query_params.get("run", ""))
with db.read() as session:
    found = results.find(session, actor, run_id) if run_id is not None else None

# Its columns, each with the field that it is imported to.
is_started = found is not None and found[0].status is not RunStatus.PROPOSED
if upload_id is not None and not is_started:
    read = file.read_file(form, actor, upload_id)
    if read is not None:
        name, sheet = read
        key = "import-matched" if found is not None else "import-match"  # it closes once checked
        with st.expander("Match columns", expanded=found is None, key=key):
            file.draw_reading(form, name, sheet)
            chosen = file.draw_columns(actor, what, sheet)
            file.draw_check(form, actor, what, name, sheet, chosen)

# What the import would do, row by row; it does exactly that.
if found is not None:
    run, params = found
    with st.container(key="import-plan", gap="small"):
        st.header("Imported" if is_started else "Check", anchor=False)
        plan.draw_rows(actor, run, params)
        plan.draw_buttons(form, actor, run, params)
