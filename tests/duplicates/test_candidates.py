"""Pairs that may be duplicates: what finds them, and what takes them out of the list."""

from itertools import combinations
from random import Random

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Actor
from core.audit import activity
from core.base.errors import NotFound, NotPermitted
from core.changes import changes
from core.database import db
from core.duplicates import candidates, matching
from core.duplicates.candidates import Position
from core.models import (
    DuplicateGroup,
    DuplicateKey,
    DuplicatePair,
    Entry,
    NotDuplicate,
    Organization,
    UnmatchedOrganization,
)
from core.organizations import look_alikes, organization_rows
from core.organizations.look_alikes import Reason, Traits
from tests.support.cast import Cast
from tests.support.history import last_entry, verified
from tests.support.plans import explain

MAYO = {"website": "https://www.mayo.example/about", "phone": "+12125550100"}


@pytest.fixture
def session(engine: Engine) -> Session:
    """A session that is rolled back at the end and records no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False, info={"writing": True}) as session:
        yield session


def add(session: Session, name: str, **fields: str) -> Organization:
    """Add an organization."""
    org = organization_rows.make(session, ORGDESK, name, is_unclaimed=True)
    for field, value in fields.items():
        setattr(org, field, value)
    session.flush()
    return org


def match(session: Session) -> None:
    """Match all that have changed."""
    session.flush()
    while matching.match_some(session, limit=4):
        session.expire_all()


def pairs(session: Session, actor: Actor) -> dict[frozenset[str], tuple[Reason, ...]]:
    """Return the reasons of all pairs by the names of both."""
    match(session)
    rows = candidates.table(session, actor).rows
    names = zip(rows["one_name"], rows["other_name"], strict=True)
    return {frozenset(both): tuple(why) for both, why in zip(names, rows["reasons"], strict=True)}


class TestLikeness:
    @pytest.mark.parametrize(
        "other",
        "MAYO CLINIC,mayo-clinic,Mayo Clinic Inc.,The Mayo Clinic,Clinic Mayo,MayoClinic"
        ",Mаyo Clinic,Máyo Clinic".split(","),
    )
    def test_names_that_read_alike_share_a_key(self, other: str) -> None:
        one, other_ = Traits.of("Mayo Clinic", None), Traits.of(other, None)
        assert one.keys & other_.keys
        assert look_alikes.compare(one, other_).reasons == (Reason.NAME,)

    @pytest.mark.parametrize("other", ["Mayo Clinic 2", "Bayou Group", "Clinic", "Mayonnaise"])
    def test_other_names_share_none(self, other: str) -> None:
        assert not Traits.of("Mayo Clinic", None).keys & Traits.of(other, None).keys

    @pytest.mark.parametrize(
        "address",
        [
            "https://www.münchen.example",
            "http://xn--mnchen-3ya.example/x?y#z",
            "MÜNCHEN.example:80",
        ],
    )
    def test_addresses_of_one_website_have_one_host(self, address: str) -> None:
        assert "website:xn--mnchen-3ya.example" in Traits.of("Any", address).keys

    def test_an_address_where_anybody_can_have_one_says_nothing(self) -> None:
        keys = Traits.of("Any", None, None, "any@gmail.com", "any@Acme.example", None).keys
        assert {key for key in keys if key.startswith("email:")} == {"email:acme.example"}

    def test_more_reasons_make_it_more_likely(self) -> None:
        one = Traits.of("Mayo", "mayo.example", "+12125550100", "a@mayo.example")
        others = (
            Traits.of("Other", None, None, "b@mayo.example"),
            Traits.of("Other", None, "+12125550100"),
            Traits.of("Other", "mayo.example"),
            Traits.of("Mayo", "mayo.example"),
            one,
        )
        scores = [look_alikes.compare(one, other).score for other in others]
        assert scores == sorted(set(scores))
        assert scores[-1] < 100
        assert look_alikes.compare(one, Traits.of("Other", None)) == (0, ())

    @pytest.mark.parametrize("website", ["", "https://[", "https://", "::::"])
    def test_odd_addresses_have_no_host_and_raise_nothing(self, website: str) -> None:
        assert Traits.of("Any", website).keys == {"name:any"}


class TestMatching:
    def test_each_reason_finds_a_pair(self, session: Session, cast: Cast) -> None:
        add(session, "Mayo", website=MAYO["website"], sales_email="sales@mayo.example")
        add(session, "Blue Door", website="http://mayo.example")
        add(session, "Red Door", alert_email="it@mayo.example")
        add(session, "The Blue Door Ltd", phone=MAYO["phone"])
        add(session, "Green Tree", phone=MAYO["phone"])
        assert pairs(session, cast.oda) == {
            frozenset({"Mayo", "Blue Door"}): (Reason.WEBSITE,),
            frozenset({"Mayo", "Red Door"}): (Reason.EMAIL,),
            frozenset({"Blue Door", "The Blue Door Ltd"}): (Reason.NAME,),
            frozenset({"The Blue Door Ltd", "Green Tree"}): (Reason.PHONE,),
        }

    def test_pairs_follow_what_changes(self, session: Session, cast: Cast) -> None:
        mayo, other = add(session, "Mayo", **MAYO), add(session, "Other", **MAYO)
        both = frozenset({"Mayo", "Other"})
        assert pairs(session, cast.oda) == {both: (Reason.WEBSITE, Reason.PHONE)}
        other.website = None
        assert pairs(session, cast.oda) == {both: (Reason.PHONE,)}
        mayo.deleted_at = mayo.created_at
        session.flush()
        assert candidates.table(session, cast.oda).rows.empty  # at once, before it is matched
        assert pairs(session, cast.oda) == {}
        assert session.scalars(select(DuplicatePair)).all() == []
        mayo.deleted_at = None
        assert pairs(session, cast.oda) == {both: (Reason.PHONE,)}

    def test_what_many_share_makes_a_group_and_no_pairs(self, session: Session, cast: Cast) -> None:
        orgs = [add(session, f"Door {n}", **MAYO) for n in range(matching.MAX_GROUP)]
        match(session)
        number = len(session.scalars(select(DuplicatePair)).all())
        assert number == len(list(combinations(orgs, 2)))
        assert candidates.list_groups(session, cast.oda).empty

        one_more = add(session, "One more", **MAYO)
        assert pairs(session, cast.oda) == {}
        groups = candidates.list_groups(session, cast.oda)
        assert groups[["reason", "value", "size"]].to_numpy().tolist() == [
            [Reason.WEBSITE, "mayo.example", 11],
            [Reason.PHONE, MAYO["phone"], 11],
        ]

        one_more.website = one_more.phone = None
        match(session)
        assert len(session.scalars(select(DuplicatePair)).all()) == number
        assert session.scalars(select(DuplicateGroup)).all() == []

    def test_matching_little_by_little_finds_what_matching_all_anew_finds(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(matching, "MAX_GROUP", 3)
        random, now = Random(7), cast.acme.created_at
        for _ in range(60):
            orgs = session.scalars(select(Organization).order_by(Organization.id)).all()
            org = random.choice(orgs) if random.random() < 0.7 else add(session, "New")
            org.deleted_at = None
            session.flush()
            org.name = random.choice(["Mayo", "The Mayo", "Acme", "Blue Door", "Door Blue"])
            org.website = random.choice([None, "https://a.example", "https://www.b.example"])
            org.phone = random.choice([None, "+12125550100"])
            org.deleted_at = random.choice([None, None, now])
            session.flush()
            if random.random() < 0.5:
                matching.match_some(session, limit=2)
        match(session)
        little_by_little = everything(session)
        for model in (DuplicateKey, DuplicatePair, DuplicateGroup):
            session.execute(delete(model))
        ids = session.scalars(select(Organization.id)).all()
        session.add_all(UnmatchedOrganization(org_id=each) for each in ids)
        session.flush()
        matching.match_some(session, limit=1_000)
        assert little_by_little == everything(session)
        assert little_by_little[1]
        assert little_by_little[2]

    def test_only_what_finds_duplicates_is_matched_again(
        self, session: Session, cast: Cast
    ) -> None:
        match(session)
        add(session, "New")
        assert matching.match_some(session) == 1
        org = session.get_one(Organization, cast.acme.id)
        org.overview = "We make everything."
        session.flush()
        assert matching.match_some(session) == 0
        org.sales_email = "sales@acme.example"
        session.flush()
        assert matching.match_some(session) == 1

    def test_a_purged_organization_leaves_nothing(self, session: Session, cast: Cast) -> None:
        mayo = add(session, "Mayo", **MAYO)
        add(session, "Other", **MAYO)
        match(session)
        session.delete(mayo)
        assert pairs(session, cast.oda) == {}


def everything(session: Session) -> list[list[tuple[object, ...]]]:
    """Return all keys, pairs and groups."""
    return [
        sorted(tuple(row) for row in session.execute(select(*model.__table__.columns)))
        for model in (DuplicateKey, DuplicatePair, DuplicateGroup)
    ]


class TestList:
    def test_the_most_likely_come_first_page_by_page(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(4):
            add(session, "Mayo", **MAYO)
        for number in range(4):
            add(session, f"Door {number}", alert_email="it@door.example")
        match(session)
        whole = candidates.table(session, cast.oda)
        assert whole.total == len(whole.rows) == 12
        assert whole.next is None
        assert whole.rows["score"].is_monotonic_decreasing
        monkeypatch.setattr(candidates, "PAGE_SIZE", 5)
        found, after = [], None
        while True:
            page = candidates.table(session, cast.oda, after)
            found += page.rows["position"].tolist()
            after = page.next
            if after is None:
                break
        assert found == whole.rows["position"].tolist()
        assert Position.from_text(found[0]) is not None

    @pytest.mark.parametrize(
        "text", ["", "1", "1.2", "1.2.3.4", "1.2.x", "1.-2.3", "1.2.99999999999"]
    )
    def test_an_odd_place_in_an_address_is_none(self, text: str) -> None:
        assert Position.from_text(text) is None

    def test_its_queries_use_indexes(self, session: Session, cast: Cast) -> None:
        for number in range(60):
            add(session, f"Door {number}", website=f"https://door{number // 2}.example")
        match(session)
        is_postgresql = session.get_bind().dialect.name == "postgresql"
        if is_postgresql:
            for table in ("duplicate_pairs", "duplicate_keys", "organizations", "not_duplicates"):
                session.connection().exec_driver_sql(f"ANALYZE {table}")
            session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        prefix = "EXPLAIN " if is_postgresql else "EXPLAIN QUERY PLAN "

        def work() -> None:
            candidates.table(session, cast.oda, Position(60, 200, 300))
            look_alikes.find(session, ["website:door1.example", "name:door1"])

        for statement, plan in explain(session, work, prefix):
            if "duplicate" in statement and "ORDER BY" in statement:  # counting is capped
                read = str(plan)
                assert "SCAN duplicate" not in read
                assert "Seq Scan" not in read
                assert "duplicate_pairs" not in statement or "TEMP B-TREE" not in read


def entry_of(session: Session) -> Entry:
    """Return the latest entry of history."""
    entry = last_entry(session)
    assert entry is not None
    return entry


class TestDismissing:
    def test_a_dismissed_pair_is_gone_until_that_is_undone(
        self, engine: Engine, cast: Cast
    ) -> None:
        acme, otto = cast.acme.id, cast.otto_ltd.id
        with db.transaction() as session:
            session.add(DuplicatePair(first_id=acme, second_id=otto, score=60, reasons="name"))
        mark = db.run(candidates.dismiss, cast.oda, otto, acme)
        assert db.run(candidates.dismiss, cast.ada, acme, otto).id == mark.id
        with db.read() as session:
            assert candidates.table(session, cast.oda).rows.empty
            found = candidates.compare(session, cast.ada, acme, otto)
            entry = entry_of(session)
            said = activity.table(session, cast.ada)["what"].iloc[0]
        assert (found.dismissed_by, found.dismissed_at) == ("Oda", mark.at)
        assert entry.org_id is None
        assert said == (
            f"marked {cast.acme.public_id} and {cast.otto_ltd.public_id} as not duplicates"
        )

        db.run(changes.undo_all, cast.ada, [entry.id])
        with db.read() as session:
            assert len(candidates.table(session, cast.oda).rows) == 1
            undo = entry_of(session)
        assert undo.undoes_id == entry.id
        db.run(changes.undo_all, cast.oda, [undo.id])
        with db.read() as session:
            assert candidates.table(session, cast.oda).rows.empty
            assert len(session.scalars(select(NotDuplicate)).all()) == 1
        assert verified()[0] == []

    def test_owners_of_neither_read_of_the_other(self, engine: Engine, cast: Cast) -> None:
        db.run(candidates.dismiss, cast.oda, cast.acme.id, cast.otto_ltd.id)
        with db.read() as session:
            told = activity.table(session, cast.olga, org_id=cast.acme.id)
        assert not told["event"].str.startswith("duplicate").any()

    def test_an_organization_is_no_duplicate_of_itself(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            candidates.dismiss(session, cast.oda, cast.acme.id, cast.acme.id)

    @pytest.mark.parametrize("who", ["sam", "olga"])
    def test_only_those_who_may_merge_see_any_of_it(
        self, session: Session, cast: Cast, who: str
    ) -> None:
        actor, both = getattr(cast, who), (cast.acme.id, cast.otto_ltd.id)
        with pytest.raises(NotPermitted):
            candidates.table(session, actor)
        with pytest.raises(NotPermitted):
            candidates.list_groups(session, actor)
        with pytest.raises(NotPermitted):
            candidates.compare(session, actor, *both)
        with pytest.raises(NotPermitted):
            candidates.restore(session, actor, *both)


def test_what_differs_comes_first_side_by_side(session: Session, cast: Cast) -> None:
    session.execute(
        update(Organization)
        .where(Organization.id == cast.acme.id)
        .values(phone=MAYO["phone"], twitter="acme", rep_id=cast.sam.user_id)
        .execution_options(unrecorded=True)
    )
    session.expire_all()
    found = candidates.compare(session, cast.oda, cast.otto_ltd.id, cast.acme.id)
    assert (found.one.id, found.other.id) == (cast.otto_ltd.id, cast.acme.id)
    differs = found.fields["differs"]
    assert differs.tolist() == sorted(differs, reverse=True)
    assert set(found.fields.index) == set(candidates.LABELS)
    assert found.fields.loc["phone", ["one", "other", "differs"]].tolist() == [
        "",
        "+1 212-555-0100",
        True,
    ]
    assert found.fields.loc["twitter", "other"] == "@acme"
    assert found.fields.loc["rep_id", "other"] == "Sam"
    assert found.fields.loc["member_count", ["one", "other"]].tolist() == ["1", "3"]
    assert "stage" not in found.fields[differs].index
