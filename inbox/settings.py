"""Settings of an installation: environment variables `PARLEY_…` over `parley.toml` over defaults."""

import os
import socket
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Settings(BaseSettings):
    """Every setting, with what it means. `parley config` prints this list; a test keeps it documented."""

    model_config = SettingsConfigDict(env_prefix="PARLEY_", extra="forbid", frozen=True)

    home: Path = Field(default=Path("~/.parley"), description="Folder for the embedded database, files and keys.")
    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(default=8300, ge=0, le=65535, description="Port to listen on.")
    url: str = Field(
        default="", description="Public address of this installation, as customers and platforms reach it (https://inbox.example.org)."
    )
    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL 15 or newer (postgresql://user:password@host/name). Unset: the embedded one in `home`."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Key that encrypts channel secrets. Unset: made once and kept in `home`/secret.key, readable by its owner only.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of reverse proxies whose X-Forwarded-For and -Proto are believed, separated by commas.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Further names that people type to reach this installation (inbox.lan), separated by commas. "
        "Those of `url` and `host`, localhost, this machine's own name and plain addresses are answered anyway.",
    )
    workers: int = Field(default=1, ge=1, le=64, description="Web processes of `parley serve`.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much is written to the log.")
    log_format: Literal["text", "json"] = Field(default="text", description="Log lines for people, or JSON for machines.")
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Server for Parley's own mail, invitations and answers to visitors who left: "
        "smtp://user:password@host:587, or smtps:// for TLS from the start.",
    )
    mail_from: str = Field(default="", description="Sender of Parley's own mail (Parley <inbox@example.org>).")
    member_figures: Literal["off", "own", "groups", "named"] = Field(
        default="own", description="Response figures about members: off, each their own only, groups of 5 or more, or named."
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="Whoever shows this token (Authorization: Bearer) may read /metrics. Unset: programs on this machine."
    )
    heartbeat_url: str = Field(
        default="",
        description="Address that is asked for every minute while alerts work: whoever keeps it notices when Parley is gone.",
    )
    backup_days: int = Field(
        default=7, ge=0, le=3650, description="Days within which a backup is expected; admins are told when none is made. 0: never."
    )
    max_upload_bytes: int = Field(
        default=25 * 1024 * 1024, ge=1024, description="Largest file that a member or a visitor may send, in bytes."
    )
    max_webhook_bytes: int = Field(default=5 * 1024 * 1024, ge=1024, description="Largest webhook body, in bytes.")
    allow_private_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Private networks that channels may connect to (10.0.0.0/8, 127.0.0.1), separated by commas. "
        "Unset: public addresses only, so that nobody can make Parley call what stands behind your firewall.",
    )
    raw_days: int = Field(default=30, ge=0, le=36525, description="Days to keep the platforms' raw payloads.")
    deleted_days: int = Field(
        default=30,
        ge=0,
        le=36525,
        description="Days to keep the text and files of a message that its author deleted; they are hidden at once.",
    )
    event_days: int = Field(default=400, ge=1, le=36525, description="Days to keep the event log; a reader that was away longer reloads.")
    session_days: int = Field(default=30, ge=1, le=36525, description="Days until an unused sign-in ends.")

    @field_validator("home", mode="after")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @field_validator("trusted_proxies", "allowed_hosts", "allow_private_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("url", mode="after")
    @classmethod
    def _trim(cls, url: str) -> str:
        return url.rstrip("/")

    @cached_property
    def public_url(self) -> str:
        """The address for links: `url`, else where the server listens."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104  # compared with, not bound to
        return self.url or f"http://{host}:{self.port}"

    @cached_property
    def known_hosts(self) -> frozenset[str]:
        """The names, in lower case, that this installation answers to."""
        machine = socket.gethostname().removesuffix(".local")
        known = {urlsplit(self.public_url).hostname or "", self.host, "localhost", machine, f"{machine}.local", *self.allowed_hosts}
        return frozenset(name.strip().rstrip(".").lower() for name in known) - {""}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit arguments, then the environment, then `parley.toml` (in `PARLEY_CONFIG`, or in the working folder)."""
        del dotenv_settings, file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls, os.environ.get("PARLEY_CONFIG", "parley.toml"))
        return (init_settings, env_settings, toml)
