import pytest
from pydantic import ValidationError

from core.base.settings import Settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    return str(refused.value)


def test_defaults_work_on_a_local_machine():
    settings = Settings()
    assert settings.database_url.endswith("/data/orgdesk.db")
    assert settings.public_url == "http://127.0.0.1:8501"
    assert settings.smtp_url == ""


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SESSION_HOURS", "8")
    monkeypatch.setenv("SIGN_UP", "closed")
    monkeypatch.setenv("SIGN_UP_DOMAINS", '["example.com", "example.org"]')
    settings = Settings()
    assert (settings.session_hours, settings.sign_up) == (8, "closed")
    assert settings.sign_up_domains == ("example.com", "example.org")


def test_a_trailing_slash_of_the_url_is_removed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PUBLIC_URL", "https://orgdesk.example.com/")
    assert Settings().public_url == "https://orgdesk.example.com"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "orgdesk.example.com"),
        ("SESSION_HOURS", "0"),
        ("SESSION_IDLE_MINUTES", "soon"),
        ("PASSWORD_MINIMUM", "7"),
        ("SIGN_UP", "perhaps"),
        ("SMTP_URL", "mail.example.com:587"),
        ("SMTP_URL", "http://mail.example.com"),
        ("MAIL_FROM", "Orgdesk"),
        ("LOG_LEVEL", "loud"),
        ("TRUSTED_PROXIES", '["*"]'),
        ("TRUSTED_PROXIES", '["10.0.0.0/8"]'),
    ],
)
def test_an_invalid_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    assert name.lower() in refusal(monkeypatch, **{name: value})


def test_a_short_secret_key_is_refused(monkeypatch: pytest.MonkeyPatch):
    message = refusal(monkeypatch, SECRET_KEY="short")
    assert "32 characters" in message
    assert "openssl" in message


def test_settings_are_immutable():
    with pytest.raises(ValidationError):
        Settings().sign_up = "closed"


def test_a_refusal_contains_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMTP_URL", "smtp://orgdesk:very-secret@mail.example.com")
    assert "very-secret" not in refusal(monkeypatch, SECRET_KEY="hush")


@pytest.mark.parametrize("url", ["nonsense", "", "mysql://root@127.0.0.1/orgdesk", "sqlite"])
def test_a_database_that_is_not_supported_is_refused(monkeypatch: pytest.MonkeyPatch, url: str):
    assert "must be like sqlite:///path" in refusal(monkeypatch, DATABASE_URL=url)
