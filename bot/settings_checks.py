"""What makes no sense among the settings, in sentences that say which variable, what is wrong and what it looks like.

The limits of each value by itself are declared in `bot.settings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.redaction import Redactor
from bot.settings import Settings
from bot.settings_fields import is_secret
from core.errors import PermanentError

BOT_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]{3,}")
"""The public server's tokens have 35 characters after the colon; test servers give out shorter ones."""
WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What Telegram's setWebhook allows as secret_token."""
WEBHOOK_PATH = "/telegram/webhook"
WEBHOOK_PORTS = (443, 80, 88, 8443)
"""Where Telegram's public server is ready to call (setWebhook)."""
SLACK_IDS = {
    "SLACK_ALLOWED_TEAMS": ("workspace", "T", "T0123ABCD"),
    "SLACK_ALLOWED_CHANNELS": ("channel", "CGD", "C0123ABCD"),
    "SLACK_ALLOWED_USERS": ("person", "UW", "U0123ABCD"),
}
"""What each list has the ids of, the letters that those begin with, and an example."""
PERSON = re.compile(r"[a-z]+:\S+")
DATABASES = ("sqlite", "postgresql", "postgres")
BUCKETS = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings."""

    variable: str
    what: str
    """What is wrong; never the value of a secret."""
    example: str
    """A line for `.env` that would be right, or empty."""
    others: tuple[str, ...] = ()
    """Further variables that have a part in it."""

    @property
    def concerns(self) -> set[str]:
        """Every variable that has a part in it."""
        return {self.variable, *self.others}

    def __str__(self) -> str:
        return f"{self.variable}: {self.what}." + (f" Example: {self.example}" if self.example else "")


class SettingsError(PermanentError):
    """The settings make no sense."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def own_problem(details: ErrorDetails, field: FieldInfo | None) -> Problem:
    """What pydantic found wrong with one value by itself, in our words."""
    name = str(details["loc"][0]).upper()
    if field is None:
        return Problem(name, "there is no such setting", "")
    example = f"{name}={(field.examples or [''])[0]}"
    limits = details.get("ctx", {})
    match details["type"]:
        case "value_error":
            return Problem(name, str(limits["error"]), example)
        case "int_parsing" | "int_type" | "int_from_float" | "float_parsing" | "float_type" | "finite_number":
            what = "is not a whole number" if details["type"].startswith("int") else "is not a number"
        case "greater_than":
            what = f"is too small: it must be more than {limits['gt']:g}"
        case "greater_than_equal":
            what = f"is too small: it must be at least {limits['ge']:g}"
        case "less_than_equal":
            what = f"is too large: it must be at most {limits['le']:g}"
        case "bool_parsing" | "bool_type":
            what = "is neither true nor false"
        case "literal_error":
            what = f"is not one of {str(limits['expected']).replace(chr(39), '')}"
        case "string_too_short" | "too_short":
            what = f"is too short: it needs at least {limits['min_length']} characters"
        case _:
            what = f"is not valid ({details['msg']})"
    shown = "the value" if is_secret(field) else f"“{_shortened(details['input'])}”"
    return Problem(name, f"{shown} {what}", example)


def _shortened(value: object) -> str:
    text = Redactor()(" ".join(str(value).split()))
    return text if len(text) <= 60 else text[:59] + "…"


def joint_problems(settings: Settings) -> tuple[Problem, ...]:
    """Everything that is wrong with settings that are valid one by one."""
    return (
        *_telegram(settings),
        *_slack(settings),
        *_google(settings),
        *_videos(settings),
        *_limits(settings),
        *_storage(settings),
        *_web(settings),
        *_events_out(settings),
    )


def _telegram(s: Settings) -> Iterator[Problem]:
    token = s.telegram_bot_token.get_secret_value() if s.telegram_bot_token else ""
    if token and not BOT_TOKEN.fullmatch(token):
        yield Problem(
            "TELEGRAM_BOT_TOKEN",
            "the value does not look like a bot token, which is a number, a colon and letters; @BotFather gives it out",
            "TELEGRAM_BOT_TOKEN=123456789:AAExampleExampleExampleExampleExamp",
        )
    yield from _web_address("TELEGRAM_API_URL", s.telegram_api_url, "http://localhost:8081")
    secret = s.telegram_webhook_secret.get_secret_value() if s.telegram_webhook_secret else ""
    if secret and not WEBHOOK_SECRET.fullmatch(secret):
        yield Problem(
            "TELEGRAM_WEBHOOK_SECRET",
            "the value has characters that Telegram does not allow, or more than 256; "
            "only A-Z, a-z, 0-9, _ and - may be used",
            "TELEGRAM_WEBHOOK_SECRET=a-long-random-word-of-your-own",
        )
    if s.telegram_webhook_url:
        yield from _webhook(s)


def _slack(s: Settings) -> Iterator[Problem]:
    bot, app = "SLACK_BOT_TOKEN=xoxb-…", "SLACK_APP_TOKEN=xapp-…"
    if s.slack_bot_token and not re.fullmatch("xoxb-[!-~]+", s.slack_bot_token.get_secret_value()):
        what = "the value is no bot token, which begins with xoxb- and goes on in letters and digits"
        yield Problem("SLACK_BOT_TOKEN", what, bot)
    if s.slack_app_token and not re.fullmatch("xapp-[!-~]+", s.slack_app_token.get_secret_value()):
        what = "the value is no app-level token, which begins with xapp- and goes on in letters and digits"
        yield Problem("SLACK_APP_TOKEN", what, app)
    yield from _web_address("SLACK_API_URL", s.slack_api_url, "http://localhost:9002/api/")
    if s.slack_bot_token and not (s.slack_app_token or s.slack_signing_secret):
        what = "it is set, but nothing says how Slack reaches the bot: SLACK_APP_TOKEN (Socket Mode) or "
        yield Problem(
            "SLACK_BOT_TOKEN", what + "SLACK_SIGNING_SECRET (HTTP)", app, ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")
        )
    for name, value in (("SLACK_APP_TOKEN", s.slack_app_token), ("SLACK_SIGNING_SECRET", s.slack_signing_secret)):
        if value and not s.slack_bot_token:
            yield Problem(name, "it is set, but SLACK_BOT_TOKEN is not", bot, ("SLACK_BOT_TOKEN",))
    for name, (kind, letters, example) in SLACK_IDS.items():
        wrong = [one for one in getattr(s, name.lower()) if not re.fullmatch(f"[{letters}][A-Z0-9]+", one)]
        if wrong:
            named = ", ".join(f"“{_shortened(one)}”" for one in wrong[:3])
            form = f"{' or '.join(letters)} and then capital letters and digits"
            yield Problem(name, f"{named} is not the id of a {kind}, which is {form}", f"{name}={example}")


def _limits(s: Settings) -> Iterator[Problem]:
    if s.limit_team_month_usd is not None and s.slack_bot_token is None:
        what = "only people on Slack have a team, and SLACK_BOT_TOKEN is not set, so it would limit nobody"
        yield Problem("LIMIT_TEAM_MONTH_USD", what, "LIMIT_CHANNEL_MONTH_USD=100", ("SLACK_BOT_TOKEN",))
    connected = {"telegram": s.telegram_bot_token, "slack": s.slack_bot_token}
    for person in s.approvers:
        platform = person.partition(":")[0]
        if platform in connected and connected[platform] is None:
            yield Problem("APPROVERS", f"“{person}” cannot be asked: {platform} is not set up", "", ())
    for person in s.approvers:
        if not PERSON.fullmatch(person):
            yield Problem(
                "APPROVERS", f"“{person}” is no person or group, written as platform:id", "APPROVERS=slack:U0123ABCD"
            )
    needing = {
        "APPROVAL_ABOVE_USD": s.approval_above_usd is not None,
        "APPROVAL_OVER_LIMIT": s.approval_over_limit,
        "REVIEW_BEFORE_POST": s.review_before_post,
    }
    if not s.approvers and any(needing.values()):
        names = tuple(name for name, needs in needing.items() if needs)
        what = f"nobody is named, but {' and '.join(names)} {'is' if len(names) == 1 else 'are'} set"
        yield Problem("APPROVERS", what, "APPROVERS=slack:U0123ABCD", names)
    if s.budget_zone == "UTC":
        return
    try:
        ZoneInfo(s.budget_zone)
    except (ValueError, OSError, KeyError):  # KeyError: ZoneInfoNotFoundError
        yield Problem("BUDGET_ZONE", f"“{s.budget_zone}” is no time zone known here", "BUDGET_ZONE=Europe/Berlin")


def _webhook(s: Settings) -> Iterator[Problem]:
    name, example = "TELEGRAM_WEBHOOK_URL", f"TELEGRAM_WEBHOOK_URL=https://bot.example.org{WEBHOOK_PATH}"
    if not s.telegram_webhook_secret:
        yield Problem(
            "TELEGRAM_WEBHOOK_SECRET",
            f"it is not set, but {name} is: without it anybody could post as Telegram",
            "TELEGRAM_WEBHOOK_SECRET=a-long-random-word-of-your-own",
            (name,),
        )
    address = _split(s.telegram_webhook_url)
    if address is None or not (address.scheme == "https" or (address.scheme == "http" and _loopback(address))):
        yield Problem(name, f"“{s.telegram_webhook_url}” is not an https address", example)
        return
    if not address.path.endswith(WEBHOOK_PATH) or address.query or address.fragment:
        yield Problem(name, f"“{s.telegram_webhook_url}” does not end in {WEBHOOK_PATH}", example)
    if (
        (urlsplit(s.telegram_api_url).hostname or "").endswith("telegram.org")
        and not _loopback(address)
        and (address.port or 443) not in WEBHOOK_PORTS
    ):
        yield Problem(name, f"Telegram does not call port {address.port}, only 443, 80, 88 and 8443", example)


def _google(s: Settings) -> Iterator[Problem]:
    for name, value in (
        ("GOOGLE_GEMINI_BASE_URL", s.google_gemini_base_url),
        ("GOOGLE_VERTEX_BASE_URL", s.google_vertex_base_url),
        ("STORAGE_EMULATOR_HOST", s.storage_emulator_host),
    ):
        if value:
            # Cloud Storage's own tools also take the emulator as host:port.
            bare = name == "STORAGE_EMULATOR_HOST" and "://" not in value
            yield from _web_address(name, f"http://{value}" if bare else value, "http://localhost:9001")
    file = s.google_application_credentials
    if file is not None and not file.is_file():
        yield Problem(
            "GOOGLE_APPLICATION_CREDENTIALS",
            f"there is no file “{file}”",
            "GOOGLE_APPLICATION_CREDENTIALS=/run/secrets/service-account.json",
        )
    if s.veo_output_uri and not re.fullmatch(r"gs://[a-z0-9._-]+(/.*)?", s.veo_output_uri):
        yield Problem(
            "VEO_OUTPUT_URI",
            f"“{s.veo_output_uri}” is not a place in Cloud Storage, which starts with gs://",
            "VEO_OUTPUT_URI=gs://my-bucket/veo",
        )
    if s.dialogue_model_provider == "gemini" and not s.gemini_api_key:
        yield _needs("DIALOGUE_MODEL_PROVIDER", "gemini", "GEMINI_API_KEY", "rules")


def _videos(s: Settings) -> Iterator[Problem]:
    if s.video_provider == "veo" and not s.google_cloud_project:
        yield _needs("VIDEO_PROVIDER", "veo", "GOOGLE_CLOUD_PROJECT", "auto")
    if s.video_provider == "omni" and not s.gemini_api_key:
        yield _needs("VIDEO_PROVIDER", "omni", "GEMINI_API_KEY", "auto")
    if s.video_poll_min_s > s.video_poll_max_s:
        yield Problem(
            "VIDEO_POLL_MIN_S",
            f"{s.video_poll_min_s:g} is more than VIDEO_POLL_MAX_S, which is {s.video_poll_max_s:g}",
            "VIDEO_POLL_MIN_S=2",
            ("VIDEO_POLL_MAX_S",),
        )
    for person in s.admin_users:
        if not PERSON.fullmatch(person):
            yield Problem(
                "ADMIN_USERS", f"“{person}” is not a person, written as platform:id", "ADMIN_USERS=telegram:4711"
            )


def _storage(s: Settings) -> Iterator[Problem]:
    if s.database_url:
        scheme, separator, rest = s.database_url.get_secret_value().partition("://")
        if scheme.partition("+")[0] not in DATABASES or not separator or not rest.strip("/"):
            yield Problem(
                "DATABASE_URL",
                "the value is not an address of SQLite (sqlite:///…) or PostgreSQL (postgresql://…)",
                "DATABASE_URL=postgresql://reelbot:password@localhost/reelbot",
            )
    scheme, separator, rest = s.media_url.partition("://")
    if separator and not ((scheme in BUCKETS and rest.strip("/")) or (scheme == "file" and rest.startswith("/"))):
        yield Problem(
            "MEDIA_URL",
            f"“{_without_password(s.media_url)}” is neither a folder nor s3://, gs:// or az:// with a bucket",
            "MEDIA_URL=s3://my-bucket/reelbot",
        )


def _web(s: Settings) -> Iterator[Problem]:
    if s.public_url:
        yield from _web_address("PUBLIC_URL", s.public_url, "https://bot.example.org")


def _events_out(s: Settings) -> Iterator[Problem]:
    address, secret = "WEBHOOK_URL=https://hooks.example.org/reelbot", "WEBHOOK_SECRET=whsec_…"
    if s.webhook_url is None:
        if s.webhook_secret is not None:
            yield Problem("WEBHOOK_SECRET", "it is set, but WEBHOOK_URL is not", address, ("WEBHOOK_URL",))
        return
    from adapters.webhooks import checked_secrets, checked_url  # only where it is used: it is slow to load

    try:
        checked_url(s.webhook_url.get_secret_value(), allow_private=s.webhook_allow_private)
    except PermanentError as error:
        yield Problem("WEBHOOK_URL", str(error), address)
    if s.webhook_secret is None:
        what = "it is not set, but WEBHOOK_URL is: without it nobody could tell our events from forged ones"
        yield Problem("WEBHOOK_SECRET", what, secret, ("WEBHOOK_URL",))
        return
    try:
        checked_secrets(s.webhook_secret.get_secret_value())
    except PermanentError as error:
        yield Problem("WEBHOOK_SECRET", str(error), secret)


def _needs(variable: str, value: str, needed: str, otherwise: str) -> Problem:
    return Problem(
        variable,
        f"{value} needs {needed}, which is not set; set it or choose {otherwise}",
        f"{variable}={otherwise}",
        (needed,),
    )


def _web_address(variable: str, value: str, example: str) -> Iterator[Problem]:
    address = _split(value)
    shown = _without_password(value)
    if address is None or address.scheme not in ("http", "https"):
        yield Problem(variable, f"“{shown}” is not an http or https address", f"{variable}={example}")
    elif address.query or address.fragment:
        yield Problem(variable, f"“{shown}” has a ? or # part, which it must not have", f"{variable}={example}")


def _split(url: str) -> SplitResult | None:
    """The parts of an address that has a host and a possible port, else None."""
    try:
        address = urlsplit(url)
        usable = bool(address.hostname) and address.port != 0 and not re.search(r"\s", url)
    except ValueError:
        return None
    return address if usable else None


def _loopback(address: SplitResult) -> bool:
    host = address.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_password(url: str) -> str:
    return re.sub(r"(?<=://).*@", "", url)
