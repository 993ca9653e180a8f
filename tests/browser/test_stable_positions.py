"""Widgets keep their position between reruns: the browser loses a click on one that moves."""

from itertools import pairwise

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.database import db
from core.members import members
from core.models import Role
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.staff import notes
from pages.ui.navigation import PAGES
from tests.browser.acts import cookie_of
from tests.browser.server import Server
from tests.support.cast import Cast
from tests.support.depth import sample
from tests.support.streamlit_client import open_app

REDIRECTS = {"home", "view"}
"""Pages that only redirect."""
ADDRESSES = [page.address for page in PAGES if page.address not in REDIRECTS]


def positions(messages: list[ForwardMsg]) -> dict[str, list[int]]:
    """Return the position of each widget and keyed element."""
    found = {}
    for message in messages:
        if message.WhichOneof("type") == "delta":
            delta = message.delta
            block = delta.WhichOneof("type") == "add_block"
            element = "" if block else delta.new_element.WhichOneof("type")
            drawn = delta.add_block if block else getattr(delta.new_element, element)
            if name := getattr(drawn, "id", ""):
                found[name] = list(message.metadata.delta_path)
    return found


@pytest.mark.parametrize("who", sample(["ada", "sam", "olga"], 2))
def test_widgets_keep_their_position(server: Server, cast: Cast, who: str) -> None:
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    db.run(onboarding.flag, cast.sam, [cast.acme.id], Plan(next_step="Call Olga"))
    db.run(notes.write, cast.ada, cast.acme.id, "They call back on Monday.", is_shared=True)
    with open_app(server.url, cookie="=".join(cookie_of(getattr(cast, who)))) as client:
        for name in ADDRESSES:
            runs = [positions(client.rerun(name, f"org={cast.acme.public_id}")) for _ in range(3)]
            assert runs[0], "nothing was drawn"
            for first, later in pairwise(runs):
                both = first.keys() & later.keys()
                moved = {
                    key[-40:]: (first[key], later[key]) for key in both if first[key] != later[key]
                }
                assert moved == {}, name
