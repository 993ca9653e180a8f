"""Tokens, queries for both engines, and similar names."""

import sqlite3

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.base import tokenizer
from tests.support import hostile
from tests.support.depth import sample


class TestTokens:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Mayo Clinic", "mayo clinic"),
            ("Ärztehaus am Südpark", "arztehaus am sudpark"),
            ("STRASSE Maße", "strasse masse"),
            ("ﬁne ①② Ⅳ", "fine 12 iv"),
            ("İstanbul", "istanbul"),
            ("ISTANBUL", "istanbul"),
            ("Ελλάδα ΕΛΛΑΣ", "ελλαδα ελλασ"),
            ("x_y-z's ana@example.com", "xyzs x y z s ana example com"),
            ("हिन्दी", "हनद"),
            ("東京病院", "東京 京病 病院 院"),
            ("三菱UFJ銀行", "三菱 菱 ufj 銀行 行"),
            ("전력", "전력 력"),
            ("การบิน", "กา าร รบ บน น"),
            ("ORG-7K3M9QX", "org7k3m9qx org 7k3m9qx"),
            ("McDonald’s E.ON AT&T", "mcdonalds mcdonald s eon e on att at t"),
            ("Møller Łódź æ", "moller lodz ae"),
            ("Acm\u0435 A\u03f2me Сбер", "acm\u0435 a\u03c3me сбер acme"),
            ("  — … ", ""),
        ],
    )
    def test_words_lose_case_and_accents(self, text, expected):
        assert tokenizer.tokens(text) == expected.split()

    @given(text=st.text())
    def test_tokenizing_is_idempotent(self, text):
        words = tokenizer.words(text)
        assert tokenizer.words(" ".join(words)) == words

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
            assert found == tokenizer.matches(asked, name)

    def test_sqlite_understands_hostile_queries(self):
        texts = hostile.texts("strings", "unicode", "xss", "headers", "csv")
        for text in sample(texts, 7):
            query = tokenizer.fts5_query(text)
            assert query is None or tokenizer.search_text(text)
            assert query is None or _execute(query) == []


TYPED = {
    "McDonald's": ["mcdonalds", "mcdonald's", "McDonald’s", "mcdon"],
    "Lowe’s": ["lowes", "lowe's"],
    "L'Oréal": ["loreal", "l'oreal", "oreal", "L`Oréal"],
    "O'Brien": ["obrien", "o'brien", "OBRIEN"],
    "E.ON": ["eon", "e.on", "E.ON", "on"],
    "U.S. Bancorp": ["us bancorp", "u.s. bancorp", "bancorp us"],
    "H.B. Fuller": ["hb fuller", "h.b. fuller"],
    "Coca-Cola": ["cocacola", "coca-cola", "coca cola", "coca-c"],
    "Coca Cola": ["coca-cola", "coca-c"],
    "7-Eleven": ["7eleven", "7-eleven", "7 eleven"],
    "AT&T": ["att", "at&t"],
    "Riverside Children's": ["riverside childrens", "children's"],
    "三菱UFJ銀行": ["銀行", "三菱", "ufj", "UFJ銀", "三菱UFJ銀行", "銀"],
    "株式会社東京海上": ["東京", "海上", "東京海上"],
    "한국전력공사": ["전력", "한국", "한국전력공사"],
    "การบินไทย": ["บินไทย", "ไทย"],
    "McÇELİK": ["mcçelik", "mccelik", "MCÇELİK"],
    "Zoë Müller": ["zoe", "Zoe\u0308", "muller"],
    "Møller A/S": ["moller", "as", "a/s"],
    "Acm\u0435": ["acme", "acm\u0435"],
}
"""What people type, by the name that it must find."""


class TestMatches:
    def test_names_are_found_as_people_type_them(self):
        missed = {
            (name, typed)
            for name, spellings in TYPED.items()
            for typed in spellings
            if not tokenizer.matches(typed, name)
        }
        assert missed == set()

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            ("e.on", "Ernst Online"),
            ("at&t", "Atlas Trading"),
            ("銀三", "三菱UFJ銀行"),
            ("東上", "東京海上"),
        ],
    )
    def test_other_names_are_not(self, typed, name):
        assert not tokenizer.matches(typed, name)

    @given(name=st.text(max_size=40))
    def test_every_name_is_found_by_itself_and_by_its_key(self, name):
        assume(tokenizer.words(name))
        assert tokenizer.matches(name, name)
        assert tokenizer.matches(" ".join(tokenizer.words(name)), name)


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

    @pytest.mark.parametrize("name", ["Acm\u0435", "A\u03f2me", "А\u0441me", "ACME."])
    def test_letters_that_look_alike_are_alike(self, name):
        assert tokenizer.similar_names(name, ["Acme", "Beta"]) == ["Acme"]
        assert tokenizer.similar_names("Acme", [name, "Beta"]) == [name]

    def test_names_with_other_numbers_are_different(self):
        names = ["Number 400", "Number 401 Ltd", "Number"]
        assert tokenizer.similar_names("Number 401", names) == ["Number 401 Ltd"]

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
