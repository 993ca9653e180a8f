"""Results of quick search, which the browser asks for while the person types."""

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from core.access.permissions import Action, Rights, staff_rights
from core.base import avatars
from core.base.errors import Unavailable
from core.database import db
from core.organizations import quick_search
from core.organizations.quick_search import FoundOrganization, FoundPerson
from core.web.gatekeeper import find_signed_in

_MEMBERS_SEARCH = "members-search-active"
"""The search of Access Control in its address."""
_NO_STORE = {"cache-control": "no-store"}
_Json = dict[str, Any]


def send_results(request: Request) -> Response:
    """Send the organizations and people that match `q` as JSON, as far as the person may see them.

    With `opened`, Organization IDs joined by commas, send those organizations instead.
    """
    words, opened = (request.query_params.get(name, "") for name in ("q", "opened"))
    try:
        signed_in = find_signed_in(request)
        if signed_in is None:
            return PlainTextResponse("Log in first.", 401, _NO_STORE)
        actor = signed_in.actor
        with db.read() as session:
            found = (
                quick_search.list_opened(session, actor, opened.split(","))
                if opened
                else quick_search.find_organizations(session, actor, words)
            )
            people = quick_search.find_people(session, actor, words)
            rights = staff_rights(session, actor)
    except Unavailable as error:
        return PlainTextResponse(str(error), 503, _NO_STORE)
    results = {
        "organizations": [_describe_organization(each) for each in found],
        "people": [_describe_person(each, rights) for each in people],
    }
    return JSONResponse(results, headers=_NO_STORE)


def _describe_organization(found: FoundOrganization) -> _Json:
    initials = avatars.describe(found.name, found.public_id)
    return {
        "name": found.name,
        "note": found.public_id,
        "stage": found.stage,
        "avatar": [f"/logos/{found.logo}-thumb.png"] if found.logo else initials,
        "href": f"/overview?org={found.public_id}",
    }


def _describe_person(found: FoundPerson, rights: Rights) -> _Json:
    """Describe a person; administrators get to the account, others to the organization."""
    is_account = Action.MANAGE_PEOPLE in rights
    page = "people" if is_account else "members"
    search = {"q": found.email} if is_account else {_MEMBERS_SEARCH: found.email}
    about = {} if is_account else {"org": found.public_id or ""}
    return {
        "name": found.name,
        "note": " · ".join(filter(None, (found.email, found.organization))),
        "avatar": avatars.describe(found.name, found.id),
        "href": f"/{page}?{urlencode(about | search)}",
    }
