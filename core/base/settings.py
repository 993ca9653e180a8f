"""What whoever runs Orgdesk may set, read from the environment and checked at the start."""

from datetime import date
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AnyHttpUrl, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).parents[2]


class Settings(BaseSettings):
    """One field per environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = f"sqlite:///{PROJECT / 'data' / 'orgdesk.db'}"
    """Where everything is kept: `sqlite:///path` or `postgresql+psycopg://…`."""
    secret_key: str = ""
    """Proves history and makes links; without it a file is kept beside the database."""
    public_url: str = "http://127.0.0.1:8501"
    """What people type to get here: links in mails start with it."""

    cookie_name: str = "__Host-orgdesk"
    session_idle_minutes: int = Field(60, ge=1)
    session_hours: int = Field(12, ge=1)
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose `X-Forwarded-For` is believed."""

    hsts_subdomains: bool = False
    """Whether browsers are told to open all subdomains by https, too; only under TLS."""

    sign_up: Literal["open", "closed"] = "open"
    sign_up_domains: tuple[str, ...] = ()
    """When not empty, only addresses at these domains may sign up on their own."""
    password_minimum: int = Field(15, ge=8, le=64)

    smtp_url: str = ""
    """`smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`; without it mails wait."""
    smtp_unencrypted: bool = False
    """Whether mail may go to a server on another machine without TLS."""
    mail_from: str = "Orgdesk <orgdesk@localhost>"
    sales_contact: str = "sales@example.com"
    """Whom a free organization asks when it has no sales rep."""
    onboarding_days: int = Field(10, ge=1, le=1000)
    preproduction_days: int = Field(30, ge=1, le=1000)
    """Working days in a stage after which an organization counts as stuck there."""
    holidays: tuple[date, ...] = ()
    """Days from Monday to Friday on which nobody works: `["2026-12-25", "2027-01-01"]`."""
    digest_hour: int = Field(7, ge=0, le=23)
    """The hour of working days, in UTC, at which sales reps hear what is due and what is stuck."""
    log_level: str = "INFO"
    log_format: Literal["text", "json"] = "text"
    metrics_token: str = ""
    """What a monitor on another machine shows to read `/metrics`: `Authorization: Bearer …`."""

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        AnyHttpUrl(url)
        return url.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _names_a_mail_server(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"smtp", "smtps"} or not parts.hostname):
            raise ValueError("write smtp://user:password@host:587 or smtps://user:password@host")
        return url

    @field_validator("mail_from")
    @classmethod
    def _names_a_sender(cls, sender: str) -> str:
        if "@" not in parseaddr(sender)[1]:
            raise ValueError("write an address, such as Orgdesk <orgdesk@example.com>")
        return sender

    @model_validator(mode="after")
    def _long_secret(self) -> Self:
        if self.secret_key and len(self.secret_key) < 32:
            raise ValueError(
                "SECRET_KEY needs at least 32 characters; `openssl rand -hex 32` makes one."
            )
        return self


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
