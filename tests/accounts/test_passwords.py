"""Passwords: strength, hashing and verification."""

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from core.accounts import passwords
from core.base.validation import InvalidValue
from tests.support import hostile
from tests.support.depth import rounds, sample

WORDS = ["Olga Owner", "olga@acme.example", "Acme Health"]


def refusal(password: str, **options: int) -> str:
    """Return the error that a password is refused with."""
    with pytest.raises(InvalidValue) as refused:
        passwords.check(password, words=WORDS, **options)
    return str(refused.value)


class TestCheck:
    @pytest.mark.parametrize(
        "password",
        [
            "sunny lake kettle brick",
            "Xq7#mVb2!pLw9zR",
            "Olga's lake has nine green kettles",
            "пароль из длинных слов",
            "短いけれど推測されにくい合言葉です",
            "sunny lake kettle brick " * 10,
            "a b\tc\nd\x00e sunny lake",
            "1990\nsunny lake 1234567\n kettle",
        ],
    )
    def test_strong_passwords_are_accepted(self, password):
        passwords.check(password, words=WORDS)

    @pytest.mark.parametrize(
        "password",
        [
            "passwordpassword", "aaaaaaaaaaaaaaaaaaaa", "123456789012345", "qwertyuiopasdfgh",
            "Olga Acme olga acme", "olgaowneracmehealth", "ACME-HEALTH-2026", "0lg4 0lg4 0lg4 0lg4",
            "1234567890" * 20, "a" * 256, " " * 20,
        ],
    )  # fmt: skip
    def test_guessable_passwords_are_refused(self, password):
        assert "easy to guess" in refusal(password)

    def test_personal_words_weaken_only_that_persons_password(self):
        passwords.check("zyxomma velarium", words=[])
        with pytest.raises(InvalidValue, match="easy to guess"):
            passwords.check("zyxomma velarium", words=["Zyxomma Velarium"])

    def test_the_length_is_limited(self):
        assert "at least 15 characters" in refusal("Xq7#mVb2!pLw9z")
        assert "at most 256 characters" in refusal("Xq7#mVb2!pLw9zR" * 18)
        assert "at most 256 characters" in refusal("x" * 1_000_000)
        assert "at least 20 characters" in refusal("Xq7#mVb2!pLw9zR", minimum=20)
        passwords.check("Xq7#mVb2!p", words=WORDS, minimum=8)

    def test_untypable_characters_are_refused(self):
        assert "typed" in refusal("sunny lake kettle \ud800")

    def test_one_password_is_scored_at_a_time(self, monkeypatch):
        """Because zxcvbn keeps the person's words in a global."""

        def judge(password: str, words: list[str]) -> dict[str, int]:
            return {"score": 4 if passwords._scoring.locked() else 0}

        monkeypatch.setattr(passwords, "zxcvbn", judge)
        passwords.check("zyxomma velarium", words=[])

    @given(password=st.text(min_size=8), words=st.lists(st.text(), max_size=5))
    @settings(max_examples=rounds(15, 50))
    def test_any_text_is_accepted_or_refused(self, password, words):
        try:
            passwords.check(password, words=words)
        except InvalidValue as why:
            sentence = str(why)
        else:
            sentence = ""
        assert sentence == "" or sentence.endswith(".")

    def test_hostile_texts_are_accepted_or_refused(self):
        for text in sample(hostile.texts("strings", "xss"), 40):
            try:
                passwords.check(text, words=[text[:20]])
            except InvalidValue:
                continue
            assert 15 <= len(text) <= 256


class TestHash:
    def test_the_password_and_no_other_is_right(self):
        kept = passwords.hash("sunny lake kettle brick")

        assert passwords.verify(kept, "sunny lake kettle brick")
        assert not passwords.verify(kept, "sunny lake kettle Brick")
        assert not passwords.verify(kept, "sunny lake kettle brick ")
        assert not passwords.verify(kept, "")

    def test_the_hash_is_argon2id_at_owasps_cost_with_its_own_salt(self):
        one, other = passwords.hash("sunny lake"), passwords.hash("sunny lake")
        assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert one != other

    def test_the_whole_password_counts(self):
        kept = passwords.hash("x" * 255 + "a")
        assert passwords.verify(kept, "x" * 255 + "a")
        assert not passwords.verify(kept, "x" * 255 + "b")

    def test_two_ways_to_type_one_password_are_the_same(self):
        assert passwords.verify(passwords.hash("Stra\u0301ße ﬁne ①"), "Stráße fine 1")

    @pytest.mark.parametrize("password", ["", "\ud800", "\x00", "x" * 1_000_000, "ﷺ" * 256])
    def test_nothing_that_is_typed_breaks_it(self, password):
        assert not passwords.verify(passwords.hash("sunny lake"), password)
        assert not passwords.verify(None, password)

    def test_an_unknown_person_costs_the_same_hash(self, monkeypatch):
        costs: list[str] = []

        class Watched(PasswordHasher):
            def verify(self, hash, password):
                costs.append(hash.rpartition("$")[0].rpartition("$")[0])
                return super().verify(hash, password)

        watched = Watched(memory_cost=19 * 1024, time_cost=2, parallelism=1)
        monkeypatch.setattr(passwords, "_hasher", watched)
        passwords.verify(passwords.hash("sunny lake"), "wrong")
        passwords.verify(None, "wrong")
        assert costs == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2

    def test_a_hash_with_other_parameters_needs_a_rehash(self):
        weaker = PasswordHasher(memory_cost=8 * 1024, time_cost=1, parallelism=1).hash("sunny lake")
        assert passwords.verify(weaker, "sunny lake")
        assert passwords.needs_rehash(weaker)
        assert not passwords.needs_rehash(passwords.hash("sunny lake"))
