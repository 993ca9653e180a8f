"""Tokens, queries for both engines, and similar names."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base import tokenizer
from tests.support import hostile


class TestTokens:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Mayo Clinic", "mayo clinic"),
            ("Ärztehaus am Südpark", "arztehaus am sudpark"),
            ("STRASSE Straße", "strasse strasse"),
            ("ﬁne ①② Ⅳ", "fine 12 iv"),
            ("İstanbul ISTANBUL", "istanbul istanbul"),
            ("Ελλάδα ΕΛΛΑΣ", "ελλαδα ελλασ"),
            ("x_y-z's ana@example.com", "x y z s ana example com"),
            ("हिन्दी", "हनद"),
            ("東京病院", "東京病院"),
            ("ORG-7K3M9QX", "org 7k3m9qx"),
            ("  — … ", ""),
        ],
    )
    def test_words_lose_case_and_accents(self, text, expected):
        assert tokenizer.tokens(text) == expected.split()

    @given(text=st.text())
    def test_tokenizing_is_idempotent(self, text):
        assert tokenizer.tokens(" ".join(tokenizer.tokens(text))) == tokenizer.tokens(text)

    def test_a_token_is_at_most_64_characters(self):
        assert tokenizer.tokens("a" * 3000) == ["a" * 64]


class TestSearchText:
    def test_each_token_occurs_once(self):
        text = tokenizer.search_text("Mayo Clinic", None, "https://mayo.example", "", "ORG-7K3M9QX")
        assert text == "mayo clinic https example org 7k3m9qx"


class TestQueries:
    def test_every_word_is_a_prefix(self):
        assert tokenizer.fts5_query("Mayo cl") == '"mayo"* AND "cl"*'
        assert tokenizer.tsquery("Mayo cl") == "'mayo':* & 'cl':*"

    def test_near_matches_any_word_by_its_first_letters(self):
        assert tokenizer.fts5_query("The Mayo Klinik, Inc.", near=True) == '"mayo"* OR "klin"*'
        assert tokenizer.tsquery("The Mayo Klinik, Inc.", near=True) == "'mayo':* | 'klin':*"
        assert tokenizer.tsquery("The Company", near=True) == "'the':* | 'company':*"

    @pytest.mark.parametrize("text", ["", "  ", '"', "-- ' ;"])
    def test_without_words_there_is_no_query(self, text):
        assert tokenizer.fts5_query(text) is None
        assert tokenizer.tsquery(text) is None

    def test_a_query_has_at_most_12_words(self):
        assert tokenizer.fts5_query(" ".join(map(str, range(1000)))).count("*") == 12

    @given(name=st.text(min_size=1), asked=st.text())
    def test_sqlite_understands_any_query(self, name, asked):
        query = tokenizer.fts5_query(asked)
        if query:
            found = _find(tokenizer.search_text(name), query)
            words = tokenizer.search_text(name).split()
            prefixes = tokenizer.tokens(asked)[:12]
            assert found == all(any(w.startswith(p) for w in words) for p in prefixes)

    def test_sqlite_understands_hostile_queries(self):
        for text in hostile.texts("strings", "unicode", "xss", "headers", "csv"):
            query = tokenizer.fts5_query(text)
            assert query is None or tokenizer.search_text(text)
            assert query is None or _execute(query) == []


class TestNameKey:
    def test_names_that_read_the_same_have_the_same_key(self):
        assert (
            tokenizer.name_key("MAYO  Clínic!")
            == tokenizer.name_key("Mayo Clinic")
            == "mayo clinic"
        )

    @given(name=st.text(min_size=1, max_size=80))
    def test_every_name_has_a_key_of_at_most_400_characters(self, name):
        assert 0 < len(tokenizer.name_key(name)) <= 400


class TestSimilarNames:
    CANDIDATES = (
        "Mayo Clinic", "Mayo Clinic Rochester", "Clinic", "Beta Health", "Acme Health", "ACME GmbH",
        "Saint Mary Hospital", "東京病院",
    )  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "first"),
        [
            ("mayo clinic", "Mayo Clinic"),
            ("The Mayo Clinic, Inc.", "Mayo Clinic"),
            ("MayoClinic", "Mayo Clinic"),
            ("Mayo Klinik", "Mayo Clinic"),
            ("Clinic Mayo", "Mayo Clinic"),
            ("Acme", "ACME GmbH"),
            ("Acme Helth", "Acme Health"),
            ("St Mary Hospital", "Saint Mary Hospital"),
            ("東京病院", "東京病院"),
        ],
    )
    def test_the_most_similar_comes_first(self, name, first):
        assert tokenizer.similar_names(name, self.CANDIDATES)[0] == first

    def test_a_name_with_one_more_word_is_similar(self):
        alike = tokenizer.similar_names("Mayo Clinic", self.CANDIDATES)
        assert alike == ["Mayo Clinic", "Mayo Clinic Rochester"]

    @pytest.mark.parametrize("name", ["Health", "Riverside Imaging", "Ltd", "大阪"])
    def test_different_names_are_not_similar(self, name):
        assert tokenizer.similar_names(name, self.CANDIDATES) == []

    def test_at_most_three_are_returned_without_duplicates(self):
        candidates = ["Mayo Clinic", "Mayo Clinic", "Mayo Clinics", "Maya Clinic", "Mayo Klinic"]
        alike = tokenizer.similar_names("Mayo Clinic", candidates)

        assert len(set(alike)) == len(alike) == 3
        assert alike[0] == "Mayo Clinic"
        assert tokenizer.similar_names("Mayo Clinic", candidates, limit=1) == ["Mayo Clinic"]


_index = sqlite3.connect(":memory:", check_same_thread=False)
_index.execute("CREATE VIRTUAL TABLE texts USING fts5(text, tokenize='ascii')")


def _find(text: str, query: str) -> bool:
    _index.execute("INSERT INTO texts VALUES (?)", (text,))
    found = bool(_execute(query))
    _index.execute("DELETE FROM texts")
    return found


def _execute(query: str) -> list[tuple[int]]:
    return _index.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (query,)).fetchall()
