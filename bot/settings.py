"""The settings: each environment variable with its default, unit, meaning and an example.

Values come from the environment, then from `.env`. A secret may also be read from a file: `GEMINI_API_KEY_FILE` names
the file that holds `GEMINI_API_KEY`. An empty value counts as unset. They are read and checked together by
`bot.settings_loading`; `.env.example` and the README's table are written by `bot.settings_docs`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.settings_fields import Ids, LogLevel, Names, Secret, SecretFiles, Tiers, setting

TELEGRAM_SERVER = "https://api.telegram.org"
SLACK_SERVER = "https://slack.com/api/"


class Settings(BaseSettings):
    """Every setting, each valid by itself. `bot.settings_loading` also checks them together."""

    model_config = SettingsConfigDict(
        alias_generator=str.upper,
        validate_by_name=True,
        validate_by_alias=True,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        dotenv_filtering="only_existing",
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    telegram_bot_token: Secret = setting(
        "Telegram",
        None,
        "The bot's token from @BotFather. Unset: no Telegram.",
        example="123456789:AAExampleExampleExampleExampleExamp",
    )
    telegram_api_url: str = setting(
        "Telegram",
        TELEGRAM_SERVER,
        "The Bot API server; `/bot<token>/…` and `/file/bot<token>/…` are appended.",
        example="http://localhost:8081",
    )
    telegram_webhook_url: str = setting(
        "Telegram",
        "",
        "The full public address that Telegram posts to, ending in /telegram/webhook. Unset: long polling.",
        example="https://bot.example.org/telegram/webhook",
    )
    telegram_webhook_secret: Secret = setting(
        "Telegram",
        None,
        "What Telegram has to send along with each webhook call: 1 to 256 of A-Z a-z 0-9 _ -",
        example="a-long-random-word-of-your-own",
    )
    telegram_allowed_users: Ids = setting(
        "Telegram", (), "Ids of the people who may use the bot. Unset: everybody.", example="4711,4712"
    )
    telegram_allowed_chats: Ids = setting(
        "Telegram", (), "Ids of the groups the bot may be used in. Unset: every group.", example="-1001234567890"
    )
    telegram_upload_mb: int = setting(
        "Telegram",
        50,
        "Largest file that the server takes; 2000 with a Bot API server of your own.",
        unit="MB",
        example="2000",
        ge=1,
        le=4000,
    )
    telegram_download_mb: int = setting(
        "Telegram",
        20,
        "Largest file that the server gives out; 2000 with a Bot API server of your own.",
        unit="MB",
        example="2000",
        ge=1,
        le=4000,
    )
    telegram_messages_per_s: int = setting(
        "Telegram",
        30,
        "Messages to all chats together; Telegram's own limit.",
        unit="messages a second",
        example="30",
        ge=1,
        le=10_000,
    )
    telegram_chat_burst: int = setting(
        "Telegram",
        3,
        "Messages to one chat at once; after them, one a second, which is Telegram's own limit.",
        unit="messages",
        example="3",
        ge=1,
        le=1_000,
    )
    telegram_group_per_min: int = setting(
        "Telegram",
        20,
        "Messages to one group; Telegram's own limit.",
        unit="messages a minute",
        example="20",
        ge=1,
        le=10_000,
    )
    album_wait_s: float = setting(
        "Telegram",
        2.5,
        "How long to wait for further pictures of an album: it has no end mark.",
        unit="seconds",
        example="2.5",
        ge=0,
        le=30,
    )

    slack_bot_token: Secret = setting(
        "Slack",
        None,
        "The bot's token, from OAuth & Permissions of your Slack app. Unset: no Slack.",
        example="xoxb-1111111111-2222222222-ExampleExampleExample",
    )
    slack_app_token: Secret = setting(
        "Slack",
        None,
        "App-level token with connections:write. Set: Socket Mode, and no public address is needed.",
        example="xapp-1-A0EXAMPLE-1111111111-ExampleExample",
    )
    slack_signing_secret: Secret = setting(
        "Slack",
        None,
        "What Slack signs its calls to /slack/events with, from Basic Information. Needed without SLACK_APP_TOKEN.",
        example="0123456789abcdef0123456789abcdef",
    )
    slack_api_url: str = setting(
        "Slack", SLACK_SERVER, "Another address for Slack's Web API.", example="http://localhost:9002/api/"
    )
    slack_allowed_teams: Names = setting(
        "Slack", (), "Ids of the workspaces whose people may use the bot. Unset: every one.", example="T0123ABCD"
    )
    slack_allowed_channels: Names = setting(
        "Slack",
        (),
        "Ids of the channels the bot may be used in. Unset: every channel. It is about channels only: direct messages "
        "stay open to whoever SLACK_ALLOWED_USERS and SLACK_ALLOWED_TEAMS let in.",
        example="C0123ABCD,G0123ABCD",
    )
    slack_allowed_users: Names = setting(
        "Slack", (), "Ids of the people who may use the bot. Unset: everybody.", example="U0123ABCD,W0123ABCD"
    )
    slack_upload_mb: int = setting(
        "Slack", 1000, "Largest clip that is sent; Slack itself takes 1 GB.", unit="MB", example="1000", ge=1, le=1024
    )
    slack_download_mb: int = setting(
        "Slack", 200, "Largest file that is taken from people.", unit="MB", example="200", ge=1, le=1024
    )
    slack_progress_edits_per_min: int = setting(
        "Slack",
        30,
        "Edits of status messages in the whole workspace; Slack allows about 50 edits in all.",
        unit="edits a minute",
        example="30",
        ge=1,
        le=1_000,
    )

    gemini_api_key: Secret = setting(
        "Gemini",
        None,
        "API key for Gemini (the dialogue) and Gemini Omni (videos). Unset: neither.",
        example="AIzaExampleExampleExampleExampleExample",
    )
    google_gemini_base_url: str = setting(
        "Gemini", "", "Another address for the Gemini API. Unset: Google's.", example="http://localhost:9001"
    )
    gemini_webhook_secret: Secret = setting(
        "Gemini",
        None,
        "Secret of the webhook that the project has registered for /gemini/webhook, so that finished clips are noticed "
        "at once. Unset: they are noticed by looking.",
        example="whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    )
    dialogue_model_provider: Literal["auto", "gemini", "rules"] = setting(
        "Gemini",
        "auto",
        "Who reads what people write: auto is gemini when there is a key, else the built-in rules.",
        example="rules",
    )
    dialogue_read_model: str = setting(
        "Gemini",
        "gemini-3.5-flash-lite",
        "The cheap model that reads messages.",
        example="gemini-3.5-flash-lite",
        min_length=1,
    )
    dialogue_write_model: str = setting(
        "Gemini",
        "gemini-3.8-flash",
        "The better model that writes the prompt of a video.",
        example="gemini-3.8-flash",
        min_length=1,
    )
    dialogue_timeout_s: float = setting(
        "Gemini",
        8,
        "How long the dialogue model may take before the rules take over.",
        unit="seconds",
        example="8",
        gt=0,
        le=120,
    )

    google_cloud_project: str = setting(
        "Google Cloud", "", "Project to use Veo with. Unset: no Veo.", example="my-project"
    )
    google_cloud_location: str = setting(
        "Google Cloud", "us-central1", "Region to use Veo in.", example="us-central1", min_length=1
    )
    google_application_credentials: Path | None = setting(
        "Google Cloud",
        None,
        "Key file of a service account. Unset: the machine's own account.",
        example="/run/secrets/service-account.json",
    )
    google_vertex_base_url: str = setting(
        "Google Cloud", "", "Another address for Veo. Unset: Google's.", example="http://localhost:9001"
    )
    storage_emulator_host: str = setting(
        "Google Cloud", "", "Another address for Cloud Storage. Unset: Google's.", example="http://localhost:9001"
    )
    veo_output_uri: str = setting(
        "Google Cloud",
        "",
        "Where Veo leaves its clips, one folder an order, so that a lost answer can be found again. "
        "Unset: clips come inside the answer, and a lost answer cannot be found.",
        example="gs://my-bucket/veo",
    )

    video_provider: Literal["auto", "veo", "omni", "animatic"] = setting(
        "Videos",
        "auto",
        "The preferred one: auto is veo with a cloud project, else omni with a Gemini key, else animatic.",
        example="omni",
    )
    video_poll_min_s: float = setting(
        "Videos",
        2,
        "Shortest time between two looks at a running video.",
        unit="seconds",
        example="2",
        gt=0,
        le=600,
    )
    video_poll_max_s: float = setting(
        "Videos",
        20,
        "Longest time between two looks at a running video.",
        unit="seconds",
        example="20",
        gt=0,
        le=600,
    )
    order_timeout_s: float = setting(
        "Videos",
        60,
        "How long a video service may take to answer an order or a poll.",
        unit="seconds",
        example="60",
        gt=0,
        le=600,
    )
    max_in_flight: int = setting(
        "Videos", 4, "Videos that are made at the same time.", unit="videos", example="4", ge=1, le=10_000
    )
    max_in_flight_per_person: int = setting(
        "Videos", 2, "Of these, videos of one person.", unit="videos", example="2", ge=1, le=10_000
    )
    max_in_flight_per_channel: int | None = setting(
        "Videos",
        None,
        "Of these, videos of one chat or channel. Unset: any number.",
        unit="videos",
        example="3",
        ge=1,
        le=10_000,
    )
    worker_concurrency: int | None = setting(
        "Videos",
        None,
        "Over PostgreSQL, videos that one worker looks after at the same time; what is more waits for another worker. "
        "Unset: as many as there may be.",
        unit="videos",
        example="50",
        ge=1,
        le=10_000,
    )
    default_aspect: Literal["16:9", "9:16", "1:1"] = setting(
        "Videos", "16:9", "Shape of a video when nobody says.", unit="width:height", example="9:16"
    )
    default_duration_s: int = setting(
        "Videos", 8, "Length of a video when nobody says.", unit="seconds", example="8", ge=1, le=600
    )
    default_tier: Literal["draft", "standard", "best"] = setting(
        "Videos", "standard", "Quality of a video when nobody says.", example="draft"
    )
    catalogue_file: Path | None = setting(
        "Videos",
        None,
        "A file of your own with models and prices, laid over the built-in catalogue. Unset: the built-in one.",
        example="/etc/reelbot/catalogue.toml",
    )
    allowed_models: Names = setting(
        "Videos",
        (),
        "Ids of the video models that may be used, as the catalogue has them. Unset: every one.",
        example="gemini-omni-1.2-flash,veo-3.1-lite-generate-001",
    )
    allowed_tiers: Tiers = setting(
        "Videos", (), "Qualities that may be asked for. Unset: every one.", example="draft,standard"
    )
    max_clip_s: int | None = setting(
        "Videos",
        None,
        "The longest video that may be asked for. Unset: as long as the model makes them.",
        unit="seconds",
        example="10",
        ge=1,
        le=3_600,
    )
    max_clip_usd: Decimal | None = setting(
        "Videos",
        None,
        "The most that one video may cost. Unset: whatever it costs.",
        unit="US dollars",
        example="2.50",
        gt=0,
        le=1_000_000,
    )

    quote_valid_min: float = setting(
        "Conversations", 60, "How long a card can be confirmed.", unit="minutes", example="60", gt=0, le=10_080
    )
    question_lapses_min: float = setting(
        "Conversations", 60, "How long a question stays open.", unit="minutes", example="60", gt=0, le=10_080
    )
    progress_edit_s: float = setting(
        "Conversations",
        5,
        "Shortest time between two edits of a status message.",
        unit="seconds",
        example="5",
        gt=0,
        le=600,
    )
    budget_name: str = setting(
        "Conversations", "", "Who pays, as it is shown on the card. Unset: not shown.", example="the film club"
    )
    cost_shown: Literal["all", "team", "admin"] = setting(
        "Conversations",
        "all",
        "Who sees amounts: all, team (everybody but guests of other Slack workspaces), or admin.",
        example="team",
    )
    admin_users: Names = setting(
        "Conversations",
        (),
        "People who may do what only admins may, as platform:id.",
        example="telegram:4711,terminal:you",
    )

    limit_person_day_usd: Decimal | None = setting(
        "Limits",
        None,
        "What one person may spend in a day. Unset: no limit.",
        unit="US dollars",
        example="5",
        gt=0,
        le=1_000_000,
    )
    limit_channel_month_usd: Decimal | None = setting(
        "Limits",
        None,
        "What may be spent in one chat or channel in a month. Unset: no limit.",
        unit="US dollars",
        example="100",
        gt=0,
        le=1_000_000,
    )
    limit_team_month_usd: Decimal | None = setting(
        "Limits",
        None,
        "What the people of one Slack workspace may spend in a month. Unset: no limit.",
        unit="US dollars",
        example="500",
        gt=0,
        le=1_000_000,
    )
    limit_day_usd: Decimal | None = setting(
        "Limits",
        None,
        "What everybody together may spend in a day. Unset: no limit.",
        unit="US dollars",
        example="50",
        gt=0,
        le=1_000_000,
    )
    limit_person_orders: int | None = setting(
        "Limits",
        None,
        "Videos of one person that may wait or be under way. Unset: no limit.",
        unit="videos",
        example="5",
        ge=1,
        le=100_000,
    )
    limit_channel_orders: int | None = setting(
        "Limits",
        None,
        "Videos of one chat or channel that may wait or be under way. Unset: no limit.",
        unit="videos",
        example="10",
        ge=1,
        le=100_000,
    )
    limit_orders: int | None = setting(
        "Limits",
        None,
        "Videos that may wait or be under way in all. Unset: no limit.",
        unit="videos",
        example="100",
        ge=1,
        le=100_000,
    )
    approval_above_usd: Decimal | None = setting(
        "Limits",
        None,
        "Videos that cost more have to be approved. Unset: none.",
        unit="US dollars",
        example="2",
        ge=0,
        le=1_000_000,
    )
    approval_over_limit: bool = setting(
        "Limits", False, "Whether approvers may let through what goes over a limit of money.", example="true"
    )
    review_before_post: bool = setting(
        "Limits",
        False,
        "Whether an approver looks at each finished video before it is posted where others read along.",
        example="true",
    )
    approvers: Names = setting(
        "Limits",
        (),
        "Who approves and looks, as platform:id: people, or Slack user groups with everybody in them. Nobody decides "
        "about their own; but somebody with an id on Slack and one on Telegram counts as two people, who can decide "
        "about each other's.",
        example="slack:U0123ABCD,slack:S0123ABCD",
    )
    approval_expires_h: float = setting(
        "Limits",
        24,
        "How long a request waits for approval, and a video to be looked at.",
        unit="hours",
        example="24",
        gt=0,
        le=720,
    )
    limit_turns_per_min: int = setting(
        "Limits",
        20,
        "Messages of one person that are read in a minute; what comes faster waits. 0: any number.",
        unit="messages a minute",
        example="20",
        ge=0,
        le=10_000,
    )
    budget_zone: str = setting(
        "Limits", "UTC", "Time zone in which days and months begin, by its IANA name.", example="Europe/Berlin"
    )

    data_dir: Path = setting("Storage", Path("data"), "Folder for everything that is kept.", example="/data")
    database_url: Secret = setting(
        "Storage",
        None,
        "SQLite or PostgreSQL. Unset: SQLite in DATA_DIR.",
        example="postgresql://reelbot:password@localhost/reelbot",
    )
    media_url: str = setting(
        "Storage",
        "",
        "Where clips are kept: a folder, s3://, gs:// or az://, with credentials as that cloud's own tools take them "
        "from the environment. Unset: a folder in DATA_DIR.",
        example="s3://my-bucket/reelbot",
    )

    http_host: str = setting(
        "Web",
        "127.0.0.1",
        "Address to listen on for /healthz, /readyz, /metrics, /v/… and webhooks; 0.0.0.0 for every address.",
        example="0.0.0.0",
        min_length=1,
    )
    http_port: int = setting(
        "Web", 8080, "Port to listen on; 0 for any free one.", unit="port", example="8080", ge=0, le=65_535
    )
    public_url: str = setting(
        "Web",
        "",
        "Where people reach HTTP_PORT from outside; used for links to clips. Unset: no links.",
        example="https://bot.example.org",
    )
    link_secret: Secret = setting(
        "Web",
        None,
        "What links to clips are signed with. Unset: made once and kept in DATA_DIR.",
        example="another-long-random-word",
        min_length=16,
    )
    link_valid_days: float = setting(
        "Web", 7, "How long a link to a clip works.", unit="days", example="7", gt=0, le=3_650
    )

    webhook_url: Secret = setting(
        "Events out",
        None,
        "Where events about videos are posted: an https address. Unset: none are.",
        example="https://hooks.example.org/reelbot",
    )
    webhook_secret: Secret = setting(
        "Events out",
        None,
        "What events are signed with, by Standard Webhooks: whsec_ and the base64 of 24 to 64 random bytes. Several "
        "with spaces between: each signs, so that a receiver can change from one to the other.",
        example="whsec_dGhpcy1pcy1vbmx5LWFuLWV4YW1wbGUh",
    )
    webhook_allow_private: bool = setting(
        "Events out",
        False,
        "Whether WEBHOOK_URL may lead into the network that the bot runs in, and be http.",
        example="true",
    )
    webhook_timeout_s: float = setting(
        "Events out",
        15,
        "How long the receiver may take to answer.",
        unit="seconds",
        example="15",
        gt=0,
        le=120,
    )

    log_level: LogLevel = setting("Running", "INFO", "Least important line that is logged.", example="WARNING")
    log_format: Literal["console", "json"] = setting(
        "Running", "console", "For people (console) or for machines (json).", example="json"
    )
    sweep_s: float = setting(
        "Running",
        5,
        "How often the clock looks for work that is due and has not moved.",
        unit="seconds",
        example="5",
        gt=0,
        le=3_600,
    )
    stop_within_s: float = setting(
        "Running",
        8,
        "How long a clean stop may take; what is not finished then goes on at the next start.",
        unit="seconds",
        example="8",
        gt=0,
        le=600,
    )
    check_timeout_s: float = setting(
        "Running", 10, "How long `reelbot check` waits for each answer.", unit="seconds", example="10", gt=0, le=300
    )

    loopback_only: bool = setting(
        "Running",
        False,
        "Refuse every service that is not on this machine; for tests and demos, which must not spend money.",
        example="true",
    )

    def __init__(self, **values: Any) -> None:
        """Settings by name in either case (`DATA_DIR=…`), over the environment and `.env` (`_env_file=None`: without).

        Raises pydantic's ValidationError."""
        super().__init__(**values)

    @property
    def database(self) -> str:
        """The database's address."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_dir / 'reelbot.db').absolute()}"

    @property
    def media(self) -> str:
        """Where clips are kept: a folder's path or a bucket's address."""
        return self.media_url or str((self.data_dir / "media").absolute())

    @property
    def dialogue_model(self) -> Literal["gemini", "rules"]:
        """Who reads what people write."""
        if self.dialogue_model_provider == "auto":
            return "gemini" if self.gemini_api_key else "rules"
        return self.dialogue_model_provider

    @property
    def video_providers(self) -> tuple[str, ...]:
        """What is on offer, the preferred one first. The animatic, which needs nothing, is on offer only where it is
        preferred: nobody who has a real service expects a storyboard."""
        configured = [
            *(["veo"] if self.google_cloud_project else []),
            *(["omni"] if self.gemini_api_key else []),
        ]
        preferred = (configured or ["animatic"])[0] if self.video_provider == "auto" else self.video_provider
        return (preferred, *(name for name in configured if name != preferred))

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """Every secret that is set."""
        return tuple(value for _, value in self if isinstance(value, SecretStr))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, then the environment, then `.env`; each place may name a secret's file instead."""
        assert isinstance(env_settings, EnvSettingsSource)
        assert isinstance(dotenv_settings, DotEnvSettingsSource)
        return (
            init_settings,
            env_settings,
            SecretFiles(settings_cls, env_settings.env_vars),
            dotenv_settings,
            SecretFiles(settings_cls, dotenv_settings.env_vars),
        )
