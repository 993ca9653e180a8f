"""Validation: every text is either cleaned or refused with a helpful sentence."""

import unicodedata
from collections.abc import Callable

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.base import phones, validation
from core.base.errors import InvalidInput
from core.base.validation import InvalidValue
from tests.support import hostile
from tests.support.depth import sample

Cleaner = Callable[[str], str | None]

CLEANERS: list[Cleaner] = [
    validation.organization_name,
    validation.person_name,
    validation.email,
    validation.overview,
    validation.note,
    validation.reason,
    validation.phone,
    validation.website,
    validation.twitter_handle,
]
OPTIONAL = [
    validation.overview,
    validation.note,
    validation.phone,
    validation.website,
    validation.twitter_handle,
]
LINES = {validation.overview, validation.note, validation.reason}
LONGEST = {
    validation.organization_name: 80,
    validation.person_name: 80,
    validation.email: 254,
    validation.overview: 2000,
    validation.note: 2000,
    validation.reason: 500,
    validation.phone: 20,
    validation.website: 500,
    validation.twitter_handle: 15,
}
each_cleaner = pytest.mark.parametrize("cleaner", CLEANERS, ids=lambda cleaner: cleaner.__name__)


def refusal(cleaner: Callable[[str], object], text: str) -> str:
    """Return the sentence of the refusal of a text."""
    with pytest.raises(InvalidValue) as refused:
        cleaner(text)
    return str(refused.value)


def cleaned_or_refused(cleaner: Cleaner, text: str) -> tuple[str | None, str]:
    """Return the clean text and the sentence of the refusal; one of them is empty."""
    try:
        return cleaner(text), ""
    except InvalidValue as why:
        return None, str(why)


def ensure_consistent(cleaner: Cleaner, text: str) -> None:
    """Check that a text is refused in a sentence, or that cleaning it is idempotent."""
    clean, sentence = cleaned_or_refused(cleaner, text)
    if sentence:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        return
    if clean is None:
        assert not text.strip()
        return
    assert 0 < len(clean) <= LONGEST[cleaner]
    assert clean == cleaner(clean)
    assert clean == clean.strip()
    categories = {unicodedata.category(character) for character in clean if character != "\n"}
    assert not categories & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not set(clean) & set(
        "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069\ufeff"
    )
    assert cleaner in LINES or "\n" not in clean


@each_cleaner
class TestEveryCleaner:
    @given(text=st.text())
    @example("\ud800")
    @example("\x00")
    @example("a" * 100_000)
    @example("@" * 2_000)
    @example("xn--" + "a" * 400 + ".com")
    @example("https://" + "." * 400)
    @example("\u0344" * 80)
    @example("A\u200bn\u202ea\ufeff b\u2066c\u200ed")
    def test_any_text_is_cleaned_or_refused(self, cleaner, text):
        ensure_consistent(cleaner, text)

    @given(text=st.from_regex(r"(https?://)?[a-z0-9ß-üа-я.@:/+_\- %‍‌]{1,60}", fullmatch=True))
    def test_any_address_is_cleaned_or_refused(self, cleaner, text):
        ensure_consistent(cleaner, text)

    def test_hostile_texts_are_cleaned_or_refused(self, cleaner):
        for text in sample(hostile.texts(), 25):
            ensure_consistent(cleaner, text)

    @pytest.mark.parametrize("empty", ["", " ", "\n\t", "\u3000"])
    def test_an_empty_field_is_none_or_refused(self, cleaner, empty):
        if cleaner in OPTIONAL:
            assert cleaner(empty) is None
        else:
            assert refusal(cleaner, empty).startswith(("Enter ", "Write "))

    def test_a_refusal_of_a_long_text_names_the_limit(self, cleaner):
        assert "Shorten it" in refusal(cleaner, "a" * 1_000_000)


class TestOptionalFields:
    @pytest.mark.parametrize("cleaner", OPTIONAL)
    def test_none_stays_none(self, cleaner):
        assert cleaner(None) is None

    def test_any_cleaner_becomes_optional(self):
        email = validation.optional(validation.email)

        assert email(None) is None
        assert email(" ") is None
        assert email("Ana@Example.COM") == "Ana@example.com"
        assert refusal(email, "ana")


class TestCheck:
    def test_all_errors_come_at_once(self):
        check = validation.Check()
        check("name", validation.organization_name, "")
        check("email", validation.email, "ana@")
        check("phone", validation.phone, "+1 212 555 0100")
        with pytest.raises(InvalidInput) as refused:
            check.done()

        assert set(refused.value.fields) == {"name", "email"}
        assert refused.value.fields["name"] == "Enter the name of the organization."

    def test_valid_fields_are_returned(self):
        check = validation.Check()
        name = check("name", validation.organization_name, " Acme ")
        phone = check("phone", validation.phone, "212 555 0100", region="US")
        website = check("website", validation.website, None)
        check.done()

        assert (name, phone, website) == ("Acme", "+12125550100", None)

    def test_the_first_sentence_about_a_field_is_kept(self):
        check = validation.Check()
        check.refuse("logo", "Choose a picture.")
        check.refuse("logo", "Choose another.")
        with pytest.raises(InvalidInput, match=r"Choose a picture\."):
            check.done()


REGISTERED = (
    *("E.ON", "s.Oliver", "J.P.Morgan", "Dr.Oetker", "U.S.Steel", "Dr.Ana", "A.T.U", "St.Gallen"),
    *("Müller GmbH & Co.KG", "S.O.S", "1.FC Köln", "e.l.f."),
)


def test_an_organization_may_be_called_by_the_domain_of_its_people() -> None:
    for domain in ("booking.com", "mail.booking.com"):
        name = validation.organization_name("Booking.com B.V.", domain=domain)
        assert name == "Booking.com B.V."
    for domain in ("", "ooking.com", "booking.com.evil.com", "com"):
        assert "web address" in refusal(
            lambda text, domain=domain: validation.organization_name(text, domain=domain),
            "Booking.com B.V.",
        )


@pytest.mark.parametrize("host", ["exаmple.com", "аррӏе.com", "gοοgle.com", "shop.exаmple.com"])
def test_a_host_in_letters_that_deceive_is_shown_with_its_real_name(host: str) -> None:
    shown = validation.shown_website(f"https://{host}/a/")
    assert shown.startswith(f"{host}/a (")
    assert "xn--" in shown


@pytest.mark.parametrize(
    "host",
    ["example.com", "münchen.de", "почта.рф", "日本テレビtv.jp", "삼성abc.kr", "i❤.ws", "נטו.com"],
)
def test_a_host_in_letters_of_its_own_script_is_shown_alone(host: str) -> None:
    assert validation.shown_website(f"https://{host}/") == host


@pytest.mark.parametrize("cleaner", [validation.organization_name, validation.person_name])
class TestNames:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("Mayo Clinic", "Mayo Clinic"),
            ("  Mayo \t  Clinic\n", "Mayo Clinic"),
            ("Mayo\u00a0Clinic", "Mayo Clinic"),
            ("東京\u3000病院", "東京 病院"),
            ("A\u0308rztehaus", "Ärztehaus"),
            ("3M", "3M"),
            ("Yahoo!", "Yahoo!"),
            ("Turnverein e.V.", "Turnverein e.V."),
            ("S.p.A. & Co. KG", "S.p.A. & Co. KG"),
            ("St. Mary's No.1", "St. Mary's No.1"),
            *((name, name) for name in REGISTERED),
            ("O’Neil, José-María", "O’Neil, José-María"),
            ("<b>Bold</b> & Sons", "<b>Bold</b> & Sons"),
            ("مستشفى السلام", "مستشفى السلام"),
            ("می\u200cخواهم", "می\u200cخواهم"),
            ("ශ්\u200dරී ලංකා", "ශ්\u200dරී ලංකා"),
            ("രാജന്\u200d", "രാജന്\u200d"),
            ("👩\u200d⚕\ufe0f Clinic", "👩\u200d⚕\ufe0f Clinic"),
            ("葛\U000e0100城", "葛\U000e0100城"),
            ("x" * 80, "x" * 80),
            ("e\u0301" * 80, "é" * 80),
        ],
    )
    def test_names_in_many_scripts_are_accepted(self, cleaner, typed, kept):
        assert cleaner(typed) == kept

    @pytest.mark.parametrize(
        "hidden",
        [
            "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\n", "\r\n", "\u2028", "\u2029",
            "\u200b", "\u200e", "\u200f", "\u061c", "\u202a", "\u202e", "\u2066", "\u2069",
            "\u00ad", "\u2060", "\ufeff", "\u034f", "\u115f", "\u3164", "\uffa0", "\u2800",
            "\ufe0f", "\u200d", "\u200c", "\ufffc", "\ud83d", "\ue000", "\U000f0000",
            "\U000e0041", "\ufdd0", "\U0010ffff", "\u0378",
        ],
    )  # fmt: skip
    def test_invisible_characters_are_refused(self, cleaner, hidden):
        sentence = refusal(cleaner, f"Ac{hidden}me")
        assert "is invisible" in sentence
        assert f"(U+{ord(hidden[0]):04X})" in sentence
        assert sentence.startswith("Character 3 ")

    @pytest.mark.parametrize(
        "address",
        [
            "http://evil", "https://a", "HTTP://EVIL.COM", "ftp://x", "www.evil", "WWW.Evil.com",
            "evil.com", "Pay at evil.com now", "evil.co.uk/login", "t.co", "münchen.de",
            "почта.рф", "ana@evil.com", "evil。com", "ｅｖｉｌ．ｃｏｍ", "ｗｗｗ．evil",
            "xn--a.xn--p1ai", "192.0.2.1/login", "evil。中国", "Booking.com B.V.", "Acme.Ltd",
            "(evil.com)",
            "Character.AI",
        ],
    )  # fmt: skip
    def test_a_web_address_is_refused(self, cleaner, address):
        assert "web address" in refusal(cleaner, address)

    @pytest.mark.parametrize("text", ["...", "-", "\u0301", "_ _", "“”", "👩", "$$$", "<>"])
    def test_a_name_needs_a_letter_or_digit(self, cleaner, text):
        assert refusal(cleaner, text) == "Use at least one letter or digit."

    @pytest.mark.parametrize("text", ["call +1 900 555 0100", "+49(30)901820 Studio"])
    def test_a_phone_number_is_refused(self, cleaner, text):
        assert refusal(cleaner, text) == "Leave out the phone number."

    def test_letters_have_a_few_marks_at_most(self, cleaner):
        assert "marks" in refusal(cleaner, "a" + "\u0300\u0316" * 39)
        assert cleaner("ที่ตั้ง Việt") == "ที่ตั้ง Việt"

    def test_a_refusal_says_how_to_write_the_name(self, cleaner):
        assert refusal(cleaner, "Acme.Ltd") == (
            "This reads as a web address. Write Acme Ltd, for example."
        )

    def test_length_is_counted_after_cleaning(self, cleaner):
        assert "at most 80 characters (1 too many)" in refusal(cleaner, "x" * 81)
        assert len(cleaner(" " * 50 + "x" * 80 + " " * 50)) == 80


class TestEmail:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("ana@example.com", "ana@example.com"),
            (" Ana.B+c@Example.COM\n", "Ana.B+c@example.com"),
            ("ana@acme.example", "ana@acme.example"),
            ("olga@acme.test", "olga@acme.test"),
            ("ana@xn--mnchen-3ya.example", "ana@münchen.example"),
            ("伊昭傑@郵件.商務", "伊昭傑@郵件.商務"),
            ("Ana <ana@example.com>", "ana@example.com"),
            ("<ana@example.com>", "ana@example.com"),
            ('"Lund, Ana" <ana@example.com>', "ana@example.com"),
            ("ana@example.com (Ana)", "ana@example.com"),
            ("MAILTO:ana%2Bb@example.com?subject=Hello", "ana+b@example.com"),
        ],
    )
    def test_addresses_are_normalized(self, typed, kept):
        assert validation.email(typed) == kept

    @pytest.mark.parametrize(
        "text",
        [
            "ana", "ana@", "@example.com", "ana@example", "ana@localhost", "ana@127.0.0.1",
            "ana@[127.0.0.1]", '"ana b"@example.com', "Ana ana@example.com", "a@b@example.com",
            "ana@example.com\nBcc: eve@example.com", "ana@example..com", ".ana@example.com",
            "ana@example.com,eve@example.com", "ana\u202e@example.com", "ana@exam\u200bple.com",
            "a" * 65 + "@example.com",
        ],
    )  # fmt: skip
    def test_invalid_addresses_are_refused(self, text):
        assert refusal(validation.email, text)

    def test_it_agrees_with_the_test_suite_of_isemail(self):
        """Domains without a dot, quoted and commented forms may differ, as they are not in use."""
        for text, verdict in hostile.data("email/isemail-tests.json"):
            if verdict.startswith("err") and text == text.strip():
                assert refusal(validation.email, text)
            if verdict == "valid" and text.isascii() and "." in text.partition("@")[2]:
                assert validation.email(text).casefold() == text.casefold()


class TestEmailKey:
    @pytest.mark.parametrize(
        "spelling",
        [
            "Ana@MÜNCHEN.example",
            "ana@xn--mnchen-3ya.example",
            " ANA@münchen.EXAMPLE ",
            "ａｎａ@München.example",
        ],
    )
    def test_spellings_of_an_address_have_the_same_key(self, spelling):
        assert validation.email_key(spelling) == "ana@xn--mnchen-3ya.example"

    def test_addresses_of_different_people_have_different_keys(self):
        addresses = ["ana@example.com", "an.a@example.com", "ana+b@example.com", "ana@example.org"]
        assert len({validation.email_key(address) for address in addresses}) == len(addresses)

    @given(text=st.text())
    @example(text="\u00af@")  # becomes a space and a mark
    def test_keys_are_idempotent_for_any_text(self, text):
        assert validation.email_key(validation.email_key(text)) == validation.email_key(text)

    @given(address=st.emails())
    def test_cleaning_does_not_change_the_key(self, address):
        try:
            clean = validation.email(address)
        except InvalidValue:
            return
        assert validation.email_key(clean) == validation.email_key(address)


class TestTexts:
    def test_line_breaks_are_kept(self):
        assert validation.overview("One\r\n\r\nTwo\rThree\tfour\n") == "One\n\nTwo\nThree four"
        assert validation.note("One\nTwo") == validation.reason(" One\nTwo ") == "One\nTwo"

    @pytest.mark.parametrize(
        "hidden", ["\x00", "\x1b", "\x0b", "\x85", "\u2028", "\u202e", "\u200b"]
    )
    def test_invisible_characters_are_refused(self, hidden):
        for cleaner in LINES:
            assert "is invisible" in refusal(cleaner, f"One{hidden}two")

    def test_a_refusal_says_by_how_much_a_text_is_too_long(self):
        assert (
            refusal(validation.overview, "a" * 2003) == "Use at most 2,000 characters (3 too many)."
        )
        assert refusal(validation.reason, "a" * 501) == "Use at most 500 characters (1 too many)."


class TestPhone:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("+1 212 555 0100", "+12125550100"),
            (" +1 (212) 555-0100 ", "+12125550100"),
            ("+49 (0)30 / 90 18 20", "+4930901820"),
            ("+39 06 698 00000", "+390669800000"),
            ("＋１ ２１２ ５５５ ０１００", "+12125550100"),
            ("+44\u00a020\u20117031\u20113000", "+442070313000"),
            ("0049 30 901820", "+4930901820"),
            ("+1 800 FLOWERS", "+18003569377"),
            ("+1·212·555·0100", "+12125550100"),
            ("tel:+1-212-555-0100", "+12125550100"),
            ("Tel: +44 20 7031 3000", "+442070313000"),
            ("T. +44 20 7031 3000", "+442070313000"),
            ("+44 20 7031 3000 ext. 5", "+442070313000x5"),
            ("+44 20 7031 3000 x05", "+442070313000x05"),
            ("+44 20 7031 3000,5", "+442070313000x5"),
            ("+44 20 7031 3000;ext=5", "+442070313000x5"),
            ("+44 20 7031 3000 #٥", "+442070313000x5"),
            ("+49 30 901820 Durchwahl 12", "+4930901820x12"),
        ],
    )
    def test_numbers_are_normalized_to_e164(self, typed, kept):
        assert validation.phone(typed) == kept

    def test_the_example_number_of_every_country_is_accepted(self):
        for region in sorted(phonenumbers.SUPPORTED_REGIONS):
            number = phonenumbers.example_number(region)
            for form in range(3):  # E.164, international, national
                written = phonenumbers.format_number(number, form)
                kept = validation.phone(written, region=region)
                assert kept == phonenumbers.format_number(number, 0)
                assert validation.phone(phones.format_international(kept)) == kept

    @pytest.mark.parametrize(
        "text",
        [
            "212 555 0100", "+1 000 000 0000", "+999 123456", "+", "-", "+1",
            "call +1 212 555 0100", "+1 212 555 0100;phone-context=x", "+1 212 555 0100 x",
            "+1 212 555 0100 x123456789", "+1 212 555 0100\n+1 212 555 0101", "+1 212 555\x000100",
        ],
    )  # fmt: skip
    def test_invalid_numbers_are_refused(self, text):
        assert refusal(validation.phone, text)

    def test_numbers_are_formatted_internationally(self):
        assert phones.format_international("+12125550100") == "+1 212-555-0100"
        assert phones.format_international("+442070313000") == "+44 20 7031 3000"
        assert phones.format_international("+442070313000x5") == "+44 20 7031 3000 ext. 5"

    @given(extension=st.from_regex(r"[0-9]{1,6}", fullmatch=True))
    def test_an_extension_is_kept_however_it_is_written(self, extension):
        for form in (" ext. {}", "x{}", ",{}", ";ext={}", " #{}", ", extension {}"):
            kept = validation.phone("+44 20 7031 3000" + form.format(extension))
            assert kept == f"+442070313000x{extension}"
            assert validation.phone(phones.format_international(kept)) == kept

    def test_an_invalid_number_is_formatted_as_it_is(self):
        assert phones.format_international("unknown") == "unknown"


class TestWebsite:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("example.com", "https://example.com"),
            (" http://example.com/ ", "http://example.com/"),
            ("HTTPS://Example.COM/Path", "https://example.com/Path"),
            ("example.com:8443/a?b=c&d#e", "https://example.com:8443/a?b=c&d#e"),
            ("https://example.com/@ana", "https://example.com/@ana"),
            ("münchen.example/straße", "https://münchen.example/straße"),
            ("https://faß.example", "https://faß.example"),
            ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
            ("https://例え.テスト", "https://例え.テスト"),
            ("ｅｘａｍｐｌｅ。ｃｏｍ", "https://example.com"),
            ('example.com/"><script>', "https://example.com/%22%3E%3Cscript%3E"),
            ("https://example.com?q=%20", "https://example.com?q=%20"),
            ("r3---sn-x.example.com", "https://r3---sn-x.example.com"),
            ("ab--cd.example.com", "https://ab--cd.example.com"),
            ("my_shop.example.com", "https://my_shop.example.com"),
            ("foo-.example.com", "https://foo-.example.com"),
            ("https://-a.com", "https://-a.com"),
            ("i❤.ws", "https://i❤.ws"),
            ("example.com./a", "https://example.com/a"),
            ("نامه\u200cای.com", "https://نامه\u200cای.com"),
        ],
    )
    def test_addresses_are_normalized(self, typed, kept):
        assert validation.website(typed) == kept

    @pytest.mark.parametrize(
        "text",
        [
            "example", "localhost", "localhost:8501", "http://", "https://.com", "https://a..com",
            "https://example.com..", "ftp://example.com", "javascript:alert(1)", "//example.com",
            "javascript://example.com/%0aalert(1)", "data:text/html,x", "mailto:ana@example.com",
            "https://ana@example.com", "https://ana:secret@example.com", "https://example.com:0",
            "https://example.com:65536", "https://example.com:port", "https://127.0.0.1",
            "http://0x7f.0x1", "http://2130706433", "http://[::1]", "http://１２７．０．０．１",
            "https://exa mple.com", "https://example.com/a b", "https://example.com\\@evil.com",
            "https:\\\\example.com", "https://example.com/\n", "https://example.com/a\tb",
            "https://exam\u202eple.com", "https://a~b.com", "https://xn--a.com", "https://\u0301a.com",
            "https://example.com／evil", "https://℀.com", "https://%65xample.com",
            "https://" + "a" * 64 + ".com", "https://example.com/" + "a" * 500,
        ],
    )  # fmt: skip
    def test_addresses_that_are_not_public_are_refused(self, text):
        if text != text.strip():
            text += "x"
        assert refusal(validation.website, text)

    def test_scripts_are_refused(self):
        for text in hostile.texts("xss", "url"):
            try:
                kept = validation.website(text)
            except InvalidValue:
                continue
            assert kept is None or kept.startswith(("http://", "https://"))
            assert kept is None or not set(kept) & set('<>"`\\ ')


class TestTwitterHandle:
    @pytest.mark.parametrize(
        "text",
        [
            "jack", "@jack", " @jack ", "＠jack", "x.com/jack", "https://x.com/jack",
            "https://twitter.com/jack", "http://www.twitter.com/jack/", "mobile.twitter.com/jack",
            "https://X.com/@jack", "https://x.com/jack?s=20", "https://x.com/jack/status/20",
            "twitter.com/#!/jack", "https://m.twitter.com/jack#top",
        ],
    )  # fmt: skip
    def test_a_handle_is_extracted_from_what_people_type(self, text):
        assert validation.twitter_handle(text) == "jack"

    @pytest.mark.parametrize("handle", ["a", "A_b9", "x" * 15, "home"])
    def test_a_handle_is_its_own_clean_value(self, handle):
        assert validation.twitter_handle(handle) == handle

    @pytest.mark.parametrize(
        "text",
        [
            "x" * 16, "a b", "a-b", "ñandu", "@", "@@jack", "x.com", "x.com/", "https://x.com/home",
            "https://evil.com/jack", "https://x.com.evil.com/jack", "https://x.com/i/flow/login",
            "ftp://x.com/jack", "jack\nill", "https://notx.com/jack", "x.com/" + "j" * 16,
        ],
    )  # fmt: skip
    def test_invalid_handles_are_refused(self, text):
        assert "@example" in refusal(validation.twitter_handle, text)


@pytest.mark.parametrize("name", ["=?utf-8?q?x?=", "Acme =? Ltd", "Acme ＝？ Ltd"])
def test_no_name_is_an_encoded_word(name: str):
    """Email programs would decode it (RFC 2047), past all that names may not be."""
    for clean in (validation.organization_name, validation.person_name):
        with pytest.raises(validation.InvalidValue, match="Leave out ="):
            clean(name)
