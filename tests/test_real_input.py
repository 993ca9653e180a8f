"""The main job on names, numbers, pictures and files as the world has them, on both engines."""

import csv
import io

from PIL import Image
from sqlalchemy.orm import Session

from core.accounts import accounts
from core.members import account_access, invitations
from core.models import Organization, Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.organizations import export_process, organizations, table
from core.organizations.csv_export import Format
from core.organizations.filters import Filters
from core.profile import logos, profile
from core.staff import saved_views
from tests.support.cast import Cast


def named(session: Session, cast: Cast, name: str) -> Organization:
    """Create an organization of Otto's."""
    org = organizations.create(session, cast.otto, name)
    session.flush()
    return org


def found(session: Session, cast: Cast, words: str) -> list[str]:
    return table.table(session, cast.oda, Filters(words=words)).rows["name"].tolist()


def test_an_owner_fills_in_what_the_company_really_has(session: Session, cast: Cast) -> None:
    before = profile.form_texts(session.get_one(Organization, cast.acme.id))
    after = before | {
        "name": "E.ON",
        "phone": "0044 20 7946 0958 ext. 5",
        "website": "my_shop.example.com/a",
    }
    profile.save(session, cast.olga, cast.acme.id, before, after)
    photo = io.BytesIO()
    Image.new("CMYK", (300, 200), (0, 200, 200, 0)).save(photo, "JPEG")
    logos.set_logo(session, cast.olga, cast.acme.id, logos.clean(photo.getvalue()))
    pasted = '"Lund, Nina" <nina@example.com>; Bo <bo@example.com>\r\nmailto:pia@example.com'
    invited = invitations.invite(session, cast.olga, cast.acme.id, pasted)
    session.flush()

    org = session.get_one(Organization, cast.acme.id)
    assert profile.form_texts(org)["phone"] == "+44 20 7946 0958 ext. 5"
    assert org.website == "https://my_shop.example.com/a"
    assert org.logo is not None
    assert [each.email.partition("@")[0] for each in invited] == ["nina", "bo", "pia"]
    for words in ("eon", "E.ON", "e.on my_shop", "nina@example.com", "olga@example.com"):
        assert found(session, cast, words) == ["E.ON"], words


def test_operations_find_names_and_take_them_away_letter_by_letter(
    session: Session, cast: Cast
) -> None:
    for name in ("三菱UFJ銀行", "McDonald's", "Müller & Söhne"):
        named(session, cast, name)
    assert found(session, cast, "銀行") == ["三菱UFJ銀行"]
    assert found(session, cast, "mcdonalds") == ["McDonald's"]
    file = io.BytesIO()
    export_process.write(session, cast.oda, Filters(), Format.CSV, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))
    assert {"三菱UFJ銀行", "McDonald's", "Müller & Söhne"} <= {row["Name"] for row in rows}


def test_two_reps_of_one_name_and_one_who_leaves(session: Session, cast: Cast) -> None:
    for rep in (cast.sam, cast.sue):
        accounts.rename(session, rep, "Sam Lee")
    session.flush()
    reps = {label: rep_id for rep_id, label in onboarding.list_reps(session).items()}
    for org, email in ((cast.acme, "sue@example.com"), (cast.otto_ltd, "sam@example.com")):
        plan = Plan(reps[f"Sam Lee ({email})"], None, "")
        onboarding.flag(session, cast.sam, [org.id], plan)
    session.flush()
    assert session.get_one(Organization, cast.acme.id).rep_id == cast.sue.user_id
    assert session.get_one(Organization, cast.otto_ltd.id).rep_id == cast.sam.user_id

    query = Filters(rep_id=cast.sue.user_id, stages=(Stage.ONBOARDING,)).to_query()
    view = saved_views.save(session, cast.sam, "organizations", "Sue's", query, is_shared=True)
    account_access.disable(session, cast.ada, cast.sue.user_id)
    session.flush()
    assert cast.sue.user_id in onboarding.list_reps_to_filter(session)
    shown = table.table(session, cast.oda, Filters.from_query(view.query)).rows
    assert shown["name"].tolist() == ["Acme"]
