"""Settings: the only reader of the environment, and of `.env` in the working directory."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

from limits import RateLimitItem, parse
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mail.messages import sender_of
from mail.transport import Transport
from models.destinations import Destinations

PREFIX: Final = "CANOPY_"
LIMITS: Final = "CANOPY_MAX_"
SQLITE: Final = "sqlite"
OFF: Final = "off"
OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""As every product has it that speaks OpenTelemetry."""
HIDDEN: Final = "***"
SECRETS: Final = {"metrics_token"}
SHORTEST_TOKEN: Final = 20


class WrongSettings(Exception):
    """Each problem names its setting; none repeats a value, for that may be secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.port == 0:
        raise ValueError("has port 0")
    return parts


def _database_url(url: str) -> str:
    url = url.replace("postgresql://", "postgres://", 1)
    if url.startswith("sqlite://") and url != "sqlite://":
        return url
    parts = _split(url)
    if parts.scheme != "postgres" or not parts.hostname or not parts.path.strip("/"):
        raise ValueError("must be sqlite://FILE or postgres://USER:PASSWORD@HOST:PORT/NAME")
    return url


def _smtp_url(url: str) -> str:
    Transport(url)
    return url


def _web_url(url: str) -> str:
    parts = _split(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and name a host")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must hold no user, no query and no fragment")
    return url.rstrip("/")


def _collector(url: str) -> str:
    return _web_url(url) if url else ""


def _origin(url: str) -> str:
    url = _web_url(url)
    if urlsplit(url).path:
        raise ValueError("must be origins: scheme, host and port, without a path")
    return url.lower()


def _origins(value: object) -> object:
    """Separated by commas or blanks."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _sender(value: str) -> str:
    sender_of(value)
    return value


def _rate(value: str) -> str:
    if value != OFF:
        try:
            parse(value)
        except ValueError:
            raise ValueError("must be like 1200 per minute, or off") from None
    return value


def _in_development(told: Mapping[str, Any]) -> bool:
    return told.get("environment") != "production"


class Settings(BaseSettings):
    """What a process is told from outside. Names and defaults are public: scripts rely on them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[str, AfterValidator(_database_url), Field(repr=False)] = (
        "sqlite://var/canopy.sqlite3"
    )
    smtp_url: Annotated[str, AfterValidator(_smtp_url), Field(repr=False)] = "smtp://127.0.0.1:1025"
    mail_from: Annotated[str, AfterValidator(_sender)] = "Canopy <no-reply@localhost>"
    public_url: Annotated[str, AfterValidator(_web_url)] = "http://127.0.0.1:8000"
    environment: Literal["development", "production"] = "development"
    graphiql: bool = Field(default_factory=_in_development)
    introspection: bool = Field(default_factory=_in_development)
    documents: str = ""
    other_documents: bool = False
    allowed_origins: Annotated[
        tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_origins)
    ] = ()
    otel_exporter_otlp_endpoint: Annotated[
        str, AfterValidator(_collector), Field(validation_alias=OTLP_ENDPOINT)
    ] = ""
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    embedded_worker: bool = True
    executor: Literal["compiled", "standard"] = "compiled"
    webhooks_to_loopback: bool = False
    metrics_token: Annotated[str, Field(repr=False)] = ""
    log_format: Literal["text", "json"] = Field(
        default_factory=lambda told: "text" if _in_development(told) else "json"
    )

    rate_limit: Annotated[str, AfterValidator(_rate)] = "1200 per minute"
    guess_limit: Annotated[str, AfterValidator(_rate)] = "30 per minute"

    # A file of 10 MB, and what JSON needs to escape each of its letters: three times that.
    max_body_bytes: Annotated[int, Field(ge=1024)] = 32 * 1024 * 1024
    max_json_depth: Annotated[int, Field(ge=8, le=1000)] = 64
    max_json_brackets: Annotated[int, Field(ge=1000)] = 200_000
    max_query_length: Annotated[int, Field(ge=1000)] = 100_000
    max_query_tokens: Annotated[int, Field(ge=100)] = 2_000
    max_query_merges: Annotated[int, Field(ge=100)] = 5_000
    max_query_digits: Annotated[int, Field(ge=20, le=4_000)] = 100
    max_query_depth: Annotated[int, Field(ge=5, le=200)] = 20
    max_query_aliases: Annotated[int, Field(ge=0)] = 200
    max_query_directives: Annotated[int, Field(ge=0)] = 100
    max_query_root_fields: Annotated[int, Field(ge=1)] = 20
    max_query_cost: Annotated[int, Field(ge=1000)] = 50_000
    max_operation_seconds: Annotated[float, Field(gt=0)] = 60.0
    max_errors: Annotated[int, Field(ge=1)] = 100
    max_connections: Annotated[int, Field(ge=2)] = 10
    max_message_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024
    max_sockets: Annotated[int, Field(ge=1)] = 2_000
    max_sockets_per_user: Annotated[int, Field(ge=1)] = 50
    max_subscriptions_per_socket: Annotated[int, Field(ge=1)] = 50
    max_subscriptions_per_user: Annotated[int, Field(ge=1)] = 200
    max_operations: Annotated[int, Field(ge=1)] = 100

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def shows_explorer(self) -> bool:
        """Where only the documents of a manifest are run, it could ask nothing."""
        return self.graphiql and (not self.documents or self.other_documents)

    @property
    def rate(self) -> RateLimitItem | None:
        """How often one token may ask; None: as often as it likes."""
        return None if self.rate_limit == OFF else parse(self.rate_limit)

    @property
    def guess_rate(self) -> RateLimitItem | None:
        """How often one address may try out passwords, addresses and tokens."""
        is_off = OFF in {self.guess_limit, self.rate_limit} and not self.is_production
        return None if is_off else parse(self.guess_limit)

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith(SQLITE)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.is_production and (dangers := self._dangers()):
            raise ValueError("\n".join(dangers))
        return self

    @property
    def destinations(self) -> Destinations:
        """Where webhooks may lead."""
        return Destinations(plain_http=not self.is_production, loopback=self.webhooks_to_loopback)

    def _dangers(self) -> list[str]:
        smtp, public = urlsplit(self.smtp_url), urlsplit(self.public_url)
        dangers = []
        if smtp.scheme == "smtp" and smtp.password:
            dangers.append(
                "CANOPY_SMTP_URL would send its password in the clear: use smtp+starttls:// or smtps://"
            )
        if public.scheme != "https":
            dangers.append("CANOPY_PUBLIC_URL must begin with https:// in production")
        if self.webhooks_to_loopback:
            dangers.append("CANOPY_WEBHOOKS_TO_LOOPBACK is for development alone")
        if 0 < len(self.metrics_token) < SHORTEST_TOKEN:
            dangers.append(
                f"CANOPY_METRICS_TOKEN can be guessed: take {SHORTEST_TOKEN} characters by chance"
            )
        if self.guess_limit == OFF:
            dangers.append(
                "CANOPY_GUESS_LIMIT must not be off in production: passwords could be tried out"
            )
        if parts := [origin for origin in self.allowed_origins if origin.startswith("http://")]:
            dangers.append(
                f"CANOPY_ALLOWED_ORIGINS must begin with https:// in production: {', '.join(parts)}"
            )
        return dangers

    def require_one_process(self, workers: int) -> None:
        """Raises WrongSettings where SQLite, with its one lock, would be shared by several."""
        if workers > 1 and self.is_production and self.on_sqlite:
            raise WrongSettings(
                [
                    "CANOPY_DATABASE_URL is SQLite, which several workers cannot share in "
                    "production: use PostgreSQL, or one worker"
                ]
            )

    def shown(self) -> dict[str, str]:
        """Each setting by its name in the environment, without passwords."""
        values = {name: _show(getattr(self, name)) for name in type(self).model_fields}
        return {
            _named(name): HIDDEN if value and name in SECRETS else value
            for name, value in values.items()
        }


def _named(name: str) -> str:
    """In the environment."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else PREFIX + name.upper()


def _show(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case str() if "://" in value:
            return without_password(value)
    return str(value)


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if not parts.password:
        return url
    user, host = parts.netloc.rsplit("@", 1)
    return urlunsplit(parts._replace(netloc=f"{user.split(':')[0]}:***@{host}"))


def tell(**told: str) -> None:
    """As if the environment had said so: this process, and all that it starts."""
    os.environ.update({PREFIX + name.upper(): value for name, value in told.items()})


def count_together(folder: str) -> None:
    """The processes that this one starts write down there what Prometheus is told of them."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def load(**overrides: Any) -> Settings:
    """The settings of this process. Raises WrongSettings."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise WrongSettings(_told(error)) from None


def unknown(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names in the environment that look like settings, and are none."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def _told(error: ValidationError) -> list[str]:
    problems = []
    for fault in error.errors(include_url=False, include_input=False):
        if fault["type"] == "default_factory_not_called":  # only follows from another problem
            continue
        message = fault["msg"].removeprefix("Value error, ")
        place = str(fault["loc"][0]) if fault["loc"] else ""
        name = f"{_named(place) if place in Settings.model_fields else place}: " if place else ""
        problems += [f"{name}{line}" for line in message.splitlines()]
    return problems
