"""Settings, read from environment variables and validated at the start."""

from datetime import date
from email.utils import parseaddr
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AnyHttpUrl, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PROJECT = Path(__file__).parents[2]

_DRIVERS: Final = {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"}


class Settings(BaseSettings):
    """Every setting; its environment variable has the same name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = f"sqlite:///{PROJECT / 'data' / 'orgdesk.db'}"
    """URL of the database: `sqlite:///path` or `postgresql+psycopg://…`."""
    secret_key: str = ""
    """Key for the audit log and for links, at least 32 characters; created in a file if not set."""
    old_secret_keys: tuple[str, ...] = ()
    """Former keys, newest first: what they sealed and encrypted can still be read."""
    checkpoints_file: str = ""
    """File that lists the checkpoints of history; beside the database if not set."""
    public_url: str = "http://127.0.0.1:8501"
    """URL under which people open Orgdesk; links in emails begin with it."""

    cookie_name: str = "__Host-orgdesk"
    session_idle_minutes: int = Field(60, ge=1)
    """Idle timeout: a session ends after this long without activity."""
    session_hours: int = Field(12, ge=1)
    """A session ends after this long in any case."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose `X-Forwarded-For` is trusted."""

    hsts_subdomains: bool = False
    """Whether HSTS includes subdomains; only sent over TLS."""

    sign_up: Literal["open", "closed"] = "open"
    sign_up_domains: tuple[str, ...] = ()
    """If not empty, signing up without an invitation takes an address at one of these domains."""
    password_minimum: int = Field(15, ge=8, le=64)
    breached_passwords_file: str = ""
    """List of breached passwords to refuse: lines `SHA-1:count`, sorted."""

    smtp_url: str = ""
    """`smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`; empty: nothing is sent."""
    smtp_unencrypted: bool = False
    """Whether email may be sent to a server on another machine without TLS."""
    mail_from: str = "Orgdesk <orgdesk@localhost>"
    sales_contact: str = "sales@example.com"
    """Email address shown to organizations without a sales rep."""
    onboarding_days: int = Field(10, ge=1, le=1000)
    preproduction_days: int = Field(30, ge=1, le=1000)
    """Working days in a stage after which an organization counts as stuck there."""
    holidays: tuple[date, ...] = ()
    """Public holidays from Monday to Friday: `["2026-12-25", "2027-01-01"]`."""
    digest_hour: int = Field(7, ge=0, le=23)
    """Hour of the day, in UTC, at which sales reps get their digest on working days."""
    import_mails_a_day: int = Field(2_000, ge=0)
    """Invitations that imports email in a day; only administrators can start more."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    metrics_token: str = ""
    """Bearer token that allows another machine to read `/metrics`."""

    @field_validator("database_url")
    @classmethod
    def _names_a_database(cls, address: str) -> str:
        try:
            is_known = make_url(address).drivername in _DRIVERS
        except ArgumentError:
            is_known = False
        if not is_known:
            raise ValueError("must be like sqlite:///path or postgresql+psycopg://user@host/name")
        return address

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        AnyHttpUrl(url)
        return url.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_address(proxy)) for proxy in proxies)

    @field_validator("breached_passwords_file")
    @classmethod
    def _names_a_file(cls, path: str) -> str:
        if path and not Path(path).is_file():
            raise ValueError("must be the path of a file")
        return path

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("smtp_url")
    @classmethod
    def _names_a_mail_server(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"smtp", "smtps"} or not parts.hostname):
            raise ValueError(
                "must be like smtp://user:password@host:587 or smtps://user:password@host"
            )
        return url

    @field_validator("mail_from")
    @classmethod
    def _names_a_sender(cls, sender: str) -> str:
        if "@" not in parseaddr(sender)[1]:
            raise ValueError("must contain an address, like Orgdesk <orgdesk@example.com>")
        return sender

    @model_validator(mode="after")
    def _long_secret(self) -> Self:
        keys = [self.secret_key, *self.old_secret_keys] if self.secret_key else []
        if any(len(key) < 32 for key in keys):
            raise ValueError(
                "SECRET_KEY needs at least 32 characters; create one with `openssl rand -hex 32`."
            )
        return self


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
