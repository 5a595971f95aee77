"""Every setting of every service, in one place. `docs/settings.md` is generated from here."""

import re
from email.utils import parseaddr
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.platform.installation import STATE_FOLDER
from shared.platform.setting_checks import (
    ALLOWED_SCHEMES,
    HOST_REQUIRING_SCHEMES,
    POSTGRES_SCHEMES,
    STORE_SCHEMES,
    is_host,
    is_readable_url,
    split_addresses,
)
from shared.platform.store_url_checks import find_store_url_mistake

MIN_SECRET_KEY_LENGTH = 16  # characters
LOCAL_VALUE = "local"  # as the value of a setting: use the server or key of this machine, on purpose
INVALID_URL_MESSAGE = (
    "cannot be read: its port is a number, and in a password %, /, #, ?, @, [ and ] are written %25, %2F, %23, %3F, "
    "%40, %5B and %5D"
)
INVALID_POSTGRES_URL_MESSAGE = f"{INVALID_URL_MESSAGE}; several hosts go behind it, as postgresql://USER:PASSWORD@/DATABASE?host=a,b&port=5432,5432"
_find_bad_escape = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_password_pattern = re.compile(r"(?<=:)//[^/?#@]*@")


class Settings(BaseSettings):
    """The settings. They are read once, at the entry point of a service, and passed on; nothing else reads them."""

    model_config = SettingsConfigDict(env_prefix="LEADHUB_", env_ignore_empty=True, extra="ignore", frozen=True)

    data_dir: Path = Field(STATE_FOLDER / ".leadhub", description="Where all state of the embedded servers lies.")
    database_url: str = Field("", description="PostgreSQL 15 or newer. Empty: the embedded PostgreSQL of the data dir.")
    embedded_postgres: str = Field(
        "",
        description="The folder of a PostgreSQL's programs (15 or newer) for the embedded PostgreSQL, such as "
        "`/usr/lib/postgresql/17/bin`. Empty: those that come with LeadHub. A data dir belongs to one major version.",
    )
    replica_url: str = Field("", description="A replica, for the lists of the API. Empty: the database itself.")
    replica_lag: float = Field(
        5.0,
        ge=2,
        le=3600,
        description="Seconds by which the replica may be behind; beyond it lists come from the database itself.",
    )
    broker_url: str = Field(
        "",
        description="Celery's broker, redis:// or amqp://; by TLS rediss:// or amqps://. Empty or `local`: the "
        "embedded Valkey.",
    )
    redis_url: str = Field("", description="Redis for rate limits. Empty: the broker if it is Redis, else embedded.")
    spool_url: str = Field(
        "",
        description="Redis with appendfsync always, for leads while PostgreSQL is away. Empty or `local`: the embedded "
        "Valkey.",
    )
    public_url: str = Field("", description="What links in answers start with. Empty: the request's host.")
    hosts: str = Field(
        "",
        description="Comma-separated host names of the console beside that of `LEADHUB_PUBLIC_URL` and the address that"
        " the services listen on. With a port only that port counts. The console answers other hosts with 421.",
    )
    docs_url: str = Field(
        "",
        description="Where the folder `docs/` of this version can be read, such as on a Git host. The console's pages "
        "link to their pages there. Empty: they name the files.",
    )
    docs_site_url: str = Field(
        "",
        description="Where the documentation's site is, as `python -m docs.site` builds it. The console's pages link "
        "to their pages of this version there. It wins over `LEADHUB_DOCS_URL`.",
    )
    trusted_proxies: str = Field("", description="Comma-separated networks whose X-Forwarded-* headers are believed.")

    host: str = Field("127.0.0.1", description="Address that the HTTP services listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the HTTP services listen on.")
    web: int = Field(1, ge=1, le=64, description="Identical gateway processes that share the listening socket.")
    workers: int = Field(1, ge=1, le=64, description="Worker processes that `up` starts.")

    files_dir: str = Field(
        "",
        description="Folder of the files that visitors send. All services share it. Empty: `files` of the data dir.",
    )
    files_url: str = Field(
        "",
        description="s3://BUCKET or s3://BUCKET/PREFIX: where a worker moves files to. Empty: they stay in the folder.",
    )
    files_endpoint: str = Field(
        "", description="URL of a server that speaks S3's language, such as MinIO. Empty: that of AWS."
    )

    files_quota_mb: int = Field(
        10_240, ge=0, description="MB of visitors' files that one workspace may keep. More are refused. 0: no limit."
    )

    imports_quota_mb: int = Field(
        2048, ge=0, description="MB of files that one workspace's waiting imports and dry runs may hold. 0: no limit."
    )
    max_waiting_imports: int = Field(
        20, ge=0, description="Imports that one workspace may have waiting or as dry runs. 0: no limit."
    )
    disk_reserve_mb: int = Field(
        1024,
        ge=0,
        description="MB of the disk that uploads of imports leave free. Larger ones are refused.",
    )

    body_limit: int = Field(256 * 1024, ge=1024, description="Largest request body, bytes.")
    batch_body_limit: int = Field(5 * 1024 * 1024, ge=1024, description="Largest body of a batch, bytes.")
    webhook_body_limit: int = Field(1024 * 1024, ge=1024, description="Largest body of a provider's webhook, bytes.")
    mail_body_limit: int = Field(
        30 * 1024 * 1024,
        ge=1024,
        description="Largest mail that Mailgun or SendGrid forwards, bytes. Attachments count.",
    )
    body_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds a client has to send its headers, and its body."
    )
    stop_notice: float = Field(
        0.0,
        ge=0,
        le=60,
        description="Seconds for which a gateway, an API or a console that was told to stop still answers, while its "
        "health check says that it stops. A proxy that checks it each second loses no request with 3.",
    )
    fast_path: bool = Field(
        True,
        description="Whether the gateway answers ordinary leads without aiohttp's request handling: less CPU where "
        "sources post many.",
    )
    max_waiting: int = Field(2000, ge=1, description="Callers waiting for a verdict before answers turn into 202.")
    buffer_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Bytes of one lane waiting to be stored before 503."
    )
    flush_timeout: float = Field(
        1.0, gt=0, le=3600, description="Seconds PostgreSQL has to store a flush; then the spool."
    )
    failover_seconds: float = Field(
        10.0,
        ge=0,
        le=300,
        description="Seconds of acknowledged leads that a gateway keeps in memory, to store them again if a standby "
        "that lacks them becomes the primary; 0 keeps none.",
    )

    session_idle_hours: float = Field(
        12.0, gt=0, le=8760, description="Hours after which an unused session of the console ends."
    )
    session_days: float = Field(
        14.0,
        gt=0,
        le=365,
        description='Days after which every session of the console ends, and how long "keep me signed in" keeps one.',
    )

    max_subscriptions: int = Field(100, ge=1, description="Webhook subscriptions that a workspace may have.")
    max_automations: int = Field(200, ge=1, description="Automations that a workspace may have.")
    max_keys: int = Field(
        20,
        ge=1,
        description="Keys that a workspace may have before a key with a rate limit makes no more. Ended keys count "
        "too in the hour after they were made.",
    )

    allowed_targets: str = Field(
        "", description="Comma-separated host names and networks that messages may go to although they are private."
    )
    smtp_url: str = Field(
        "",
        description="smtp:// or smtps://, with user and password: mails of workspaces that have no mail integration. A"
        " login demands TLS: `smtps://`, or a server that offers STARTTLS.",
    )
    mail_from: str = Field("", description="Sender's address of mails that go by `LEADHUB_SMTP_URL`.")
    twilio_url: str = Field("https://api.twilio.com", description="Twilio's API, or that of one of its regions.")
    mailgun_url: str = Field("", description="Mailgun's API. Empty: that of the integration's region.")
    meta_url: str = Field(
        "https://graph.facebook.com", description="Meta's Graph API, where leads are fetched and conversions are sent."
    )
    meta_version: str = Field(
        "v26.0", pattern=r"^v\d{1,3}\.\d{1,2}$", description="Version of the Graph API. Meta ends each after two years."
    )
    linkedin_url: str = Field("https://api.linkedin.com", description="LinkedIn's API, where leads are fetched.")
    linkedin_version: str = Field(
        "202610",
        pattern=r"^20\d{4}$",
        description="Version of LinkedIn's API: year and month. LinkedIn ends each after a year.",
    )
    hubspot_url: str = Field("https://api.hubapi.com", description="HubSpot's API, where leads are fetched.")
    google_data_manager_url: str = Field(
        "https://datamanager.googleapis.com", description="Google's Data Manager API, which takes conversions."
    )
    google_accounts_url: str = Field(
        "https://oauth2.googleapis.com/token", description="Where Google gives service accounts their tokens."
    )

    alarm_email: str = Field(
        "", description="Comma-separated addresses that get a mail when an alarm is raised or cleared."
    )
    alarm_smtp_url: str = Field(
        "", description="smtp:// or smtps://, as `LEADHUB_SMTP_URL`: the server for alarms. Empty: `LEADHUB_SMTP_URL`."
    )
    alarm_slack_url: str = Field(
        "", description="Slack's URL of an incoming webhook, or a compatible one, which gets the alarms."
    )

    keep_days: int = Field(
        90,
        ge=1,
        le=36_500,
        description="Days that submissions, idempotency keys, finished deliveries and finished runs are kept.",
    )
    event_days: int = Field(
        30,
        ge=1,
        le=36_500,
        description="Days that events are kept for readers of `/api/v1/events`, unless a workspace keeps messages "
        "for fewer.",
    )
    audit_days: int = Field(400, ge=1, le=36_500, description="Days that the audit log is kept.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level logged.")
    access_log: bool = Field(True, description="One structured line per HTTP request.")
    metrics_host: str = Field("127.0.0.1", description="Address on which every service shows its metrics.")
    metrics_port: int = Field(9464, ge=0, le=65535, description="Port of the metrics; 0: they are not shown.")
    metrics_dir: str = Field(
        "",
        description="Folder in which the processes of one machine pool their metrics. Empty: `run/metrics` of the data "
        "dir.",
    )
    otlp_url: str = Field(
        "",
        description="Collector of OpenTelemetry traces (OTLP over HTTP), such as http://collector:4318. Empty: none.",
    )
    trace_ratio: float = Field(0.01, ge=0, le=1, description="Part of all submissions that is traced, from 0 to 1.")
    trace_page_url: str = Field(
        "",
        description="Address of a trace's page with `{trace_id}` in it. The console's pages of submissions link there.",
    )
    sentry_dsn: SecretStr = Field(SecretStr(""), description="DSN of Sentry, for exceptions. Empty: no reports.")
    demo: bool = Field(False, description="Every page of the console says that people and traffic are made up.")
    process_name: str = Field("", description="The `--name` of a worker or sweeper; the same when it is started again.")
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Encrypts stored credentials. Several, comma-separated: the first encrypts, all decrypt. "
        "Empty or `local`: the key of the data dir.",
    )

    @property
    def configured_base_url(self) -> str:
        """What the service's addresses start with where no request tells: the public URL, a named host, or the port."""
        if self.public_url:
            return self.public_url.rstrip("/")
        if named := split_addresses(self.hosts):
            return f"http://{named[0]}"
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def files_folder(self) -> Path:
        """The folder of the files that visitors send."""
        return STATE_FOLDER / self.files_dir if self.files_dir else self.data_dir / "files"

    @field_validator("broker_url", "spool_url", "secret_key", mode="before")
    @classmethod
    def _read_local(cls, value: object) -> object:
        """Turn `local` into an empty value. The field still counts as set, in `model_fields_set`."""
        said = value.get_secret_value() if isinstance(value, SecretStr) else value
        return "" if isinstance(said, str) and said.strip() == LOCAL_VALUE else value

    @field_validator(*ALLOWED_SCHEMES)
    @classmethod
    def _check_urls(cls, value: str, info: ValidationInfo) -> str:
        known = ALLOWED_SCHEMES[str(info.field_name)]
        if value and not value.startswith(known):
            raise ValueError(f"must begin with one of {', '.join(known)}")
        # libpq accepts any character in a password except those that end it.
        readable = _password_pattern.sub("//", value) if known is POSTGRES_SCHEMES else value
        if not is_readable_url(readable) or _find_bad_escape(value):
            raise ValueError(INVALID_POSTGRES_URL_MESSAGE if known is POSTGRES_SCHEMES else INVALID_URL_MESSAGE)
        if known in STORE_SCHEMES and (mistake := find_store_url_mistake(readable, known)):
            raise ValueError(mistake)
        if value and known[0] in HOST_REQUIRING_SCHEMES and not urlsplit(value).hostname:
            raise ValueError("must name a host")
        return value

    @field_validator("trusted_proxies", "allowed_targets")
    @classmethod
    def _check_networks(cls, value: str, info: ValidationInfo) -> str:
        for part in filter(None, map(str.strip, value.split(","))):
            if info.field_name == "trusted_proxies" or "/" in part or ":" in part:
                try:
                    ip_network(part, strict=False)
                except ValueError:
                    known = "network" if info.field_name == "trusted_proxies" else "network or host's name alone"
                    raise ValueError(f"{part} is no {known}, as 10.1.0.0/16") from None
        return value

    @field_validator("hosts")
    @classmethod
    def _check_hosts(cls, value: str) -> str:
        for part in split_addresses(value):
            if not is_host(part):
                raise ValueError(f"{part} is no host's name alone, as crm.example.com or crm.example.com:8443")
        return value

    @field_validator("mail_from")
    @classmethod
    def _check_mail_address(cls, value: str) -> str:
        name, at, domain = parseaddr(value)[1].rpartition("@")
        if value and not (name and at and domain and value.isprintable()):
            raise ValueError("is no address, as leads@example.com or Leads <leads@example.com>")
        return value

    @field_validator("alarm_email")
    @classmethod
    def _check_alarm_addresses(cls, value: str) -> str:
        for part in split_addresses(value):
            if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", part) or not part.isprintable():
                raise ValueError("is no comma-separated list of addresses, as ops@example.com,boss@example.com")
        return value

    @field_validator("secret_key")
    @classmethod
    def _check_key_lengths(cls, value: SecretStr) -> SecretStr:
        keys = value.get_secret_value()
        if keys and any(len(key.strip()) < MIN_SECRET_KEY_LENGTH for key in keys.split(",")):
            raise ValueError(
                f"each key must have at least {MIN_SECRET_KEY_LENGTH} characters; `openssl rand -hex 32` makes one"
            )
        return value
