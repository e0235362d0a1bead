"""Settings: where values come from, what is refused and how it is said, and what is on paper."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr

from bot.settings import Settings
from bot.settings_checks import SettingsError
from bot.settings_docs import env_example, markdown_table
from bot.settings_loading import load_settings, misspelt

ROOT = Path(__file__).parents[2]
TOKEN = "123456789:AAExampleExampleExampleExampleExamp"


def problems_of(**values: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, **values)
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
    return {problem.variable: str(problem) for problem in caught.value.problems}


# --- where values come from ------------------------------------------------------------------------------------------


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()
    assert settings.dialogue_model == "rules"
    assert settings.video_providers == ("animatic",)
    assert settings.database == f"sqlite:///{Path.cwd()}/data/reelbot.db"
    assert settings.media == f"{Path.cwd()}/data/media"
    assert settings.secrets == ()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("HTTP_PORT=1111\nBUDGET_NAME=from the file\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("HTTP_PORT", "2222")
    settings = load_settings()
    assert (settings.http_port, settings.budget_name) == (2222, "from the file")


def test_given_values_win_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "2222")
    assert load_settings(HTTP_PORT=3333).http_port == 3333
    assert Settings(_env_file=None, http_port=4444).http_port == 4444


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("HTTP_PORT=\nGEMINI_API_KEY=\nGOOGLE_APPLICATION_CREDENTIALS=\nLOG_LEVEL=\n")
    monkeypatch.setenv("VIDEO_PROVIDER", "")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "  ")
    assert load_settings() == Settings(_env_file=None)


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_ALLOWED_USERS", "4711, 4712,")
    monkeypatch.setenv("TELEGRAM_ALLOWED_CHATS", "-1001234567890")
    monkeypatch.setenv("ADMIN_USERS", "telegram:4711,terminal:you")
    settings = load_settings()
    assert settings.telegram_allowed_users == (4711, 4712)
    assert settings.telegram_allowed_chats == (-1001234567890,)
    assert settings.admin_users == ("telegram:4711", "terminal:you")


def test_slacks_lists_take_slacks_ids() -> None:
    settings = load_settings(
        None, SLACK_ALLOWED_TEAMS="T0AB", SLACK_ALLOWED_CHANNELS="C0AB, G0AB,D0AB", SLACK_ALLOWED_USERS="U0AB,W0AB"
    )
    assert settings.slack_allowed_channels == ("C0AB", "G0AB", "D0AB")
    assert settings.slack_allowed_users == ("U0AB", "W0AB")


def test_secrets_come_from_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token").write_text(f"{TOKEN}\n")
    Path("key").write_text("from-a-file\n")
    Path(".env").write_text("GEMINI_API_KEY_FILE=key\nTELEGRAM_BOT_TOKEN=1:in-dot-env\n")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", "token")
    settings = load_settings()
    assert settings.telegram_bot_token == SecretStr(TOKEN)
    assert settings.gemini_api_key == SecretStr("from-a-file")
    monkeypatch.setenv("GEMINI_API_KEY", "in-the-environment")
    assert load_settings().gemini_api_key == SecretStr("in-the-environment")


def test_secrets_are_not_shown() -> None:
    settings = Settings(_env_file=None, GEMINI_API_KEY="very-secret", DATABASE_URL="postgresql://u:very-secret@h/d")
    assert "very-secret" not in repr(settings)
    assert settings.database == "postgresql://u:very-secret@h/d"
    assert {secret.get_secret_value() for secret in settings.secrets} == {
        "very-secret",
        "postgresql://u:very-secret@h/d",
    }


@pytest.mark.parametrize(
    ("values", "providers", "dialogue"),
    [
        ({"GEMINI_API_KEY": "k"}, ("omni",), "gemini"),
        ({"GOOGLE_CLOUD_PROJECT": "p"}, ("veo",), "rules"),
        ({"GOOGLE_CLOUD_PROJECT": "p", "GEMINI_API_KEY": "k"}, ("veo", "omni"), "gemini"),
        ({"GOOGLE_CLOUD_PROJECT": "p", "GEMINI_API_KEY": "k", "VIDEO_PROVIDER": "omni"}, ("omni", "veo"), "gemini"),
        ({"GEMINI_API_KEY": "k", "VIDEO_PROVIDER": "animatic"}, ("animatic", "omni"), "gemini"),
        ({"GEMINI_API_KEY": "k", "DIALOGUE_MODEL_PROVIDER": "rules"}, ("omni",), "rules"),
    ],
)
def test_what_is_on_offer(values: dict[str, Any], providers: tuple[str, ...], dialogue: str) -> None:
    settings = load_settings(None, **values)
    assert (settings.video_providers, settings.dialogue_model) == (providers, dialogue)


def test_levels_may_be_written_small() -> None:
    assert load_settings(None, LOG_LEVEL="debug").log_level == "DEBUG"


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "variable", "words"),
    [
        ({"HTTP_PORT": "http"}, "HTTP_PORT", "“http” is not a whole number. Example: HTTP_PORT=8080"),
        ({"HTTP_PORT": "1.5"}, "HTTP_PORT", "“1.5” is not a whole number"),
        ({"HTTP_PORT": "65536"}, "HTTP_PORT", "too large: it must be at most 65535"),
        ({"HTTP_PORT": "-1"}, "HTTP_PORT", "too small: it must be at least 0"),
        ({"SWEEP_S": "often"}, "SWEEP_S", "“often” is not a number"),
        ({"SWEEP_S": "0"}, "SWEEP_S", "too small: it must be more than 0"),
        ({"SWEEP_S": "nan"}, "SWEEP_S", "is not a number"),
        ({"LOOPBACK_ONLY": "maybe"}, "LOOPBACK_ONLY", "“maybe” is neither true nor false"),
        ({"VIDEO_PROVIDER": "sora"}, "VIDEO_PROVIDER", "“sora” is not one of auto, veo, omni or animatic"),
        ({"DEFAULT_ASPECT": "4:3"}, "DEFAULT_ASPECT", "not one of 16:9, 9:16 or 1:1"),
        ({"TELEGRAM_ALLOWED_USERS": "1,@anna"}, "TELEGRAM_ALLOWED_USERS", "“@anna” is not a whole number"),
        ({"ADMIN_USERS": "4711"}, "ADMIN_USERS", "“4711” is not a person, written as platform:id"),
        ({"APPROVERS": "S0123ABCD"}, "APPROVERS", "“S0123ABCD” is no person or group, written as platform:id"),
        ({"REVIEW_BEFORE_POST": "true"}, "APPROVERS", "nobody is named, but REVIEW_BEFORE_POST is set"),
        (
            {"REVIEW_BEFORE_POST": "true", "APPROVAL_ABOVE_USD": "1"},
            "APPROVERS",
            "nobody is named, but APPROVAL_ABOVE_USD and REVIEW_BEFORE_POST are set",
        ),
        ({"VIDEO_PROVIDER": "veo"}, "VIDEO_PROVIDER", "veo needs GOOGLE_CLOUD_PROJECT"),
        ({"VIDEO_PROVIDER": "omni"}, "VIDEO_PROVIDER", "omni needs GEMINI_API_KEY"),
        ({"DIALOGUE_MODEL_PROVIDER": "gemini"}, "DIALOGUE_MODEL_PROVIDER", "gemini needs GEMINI_API_KEY"),
        ({"VIDEO_POLL_MIN_S": 9, "VIDEO_POLL_MAX_S": 5}, "VIDEO_POLL_MIN_S", "9 is more than VIDEO_POLL_MAX_S"),
        ({"VEO_OUTPUT_URI": "s3://b"}, "VEO_OUTPUT_URI", "starts with gs://"),
        ({"VEO_OUTPUT_URI": "gs://"}, "VEO_OUTPUT_URI", "starts with gs://"),
        ({"DATABASE_URL": "mysql://u:pass-word@h/d"}, "DATABASE_URL", "not an address of SQLite"),
        ({"DATABASE_URL": "reelbot.db"}, "DATABASE_URL", "not an address of SQLite"),
        ({"MEDIA_URL": "ftp://host/x"}, "MEDIA_URL", "neither a folder nor"),
        ({"MEDIA_URL": "s3://"}, "MEDIA_URL", "with a bucket"),
        ({"PUBLIC_URL": "bot.example.org"}, "PUBLIC_URL", "is not an http or https address"),
        ({"PUBLIC_URL": "https://h/?a=b"}, "PUBLIC_URL", "must not have"),
        ({"PUBLIC_URL": "https://h:99999"}, "PUBLIC_URL", "is not an http or https address"),
        ({"TELEGRAM_API_URL": "localhost:8081"}, "TELEGRAM_API_URL", "is not an http or https address"),
        ({"GOOGLE_GEMINI_BASE_URL": "x"}, "GOOGLE_GEMINI_BASE_URL", "is not an http or https address"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "no/such"}, "GOOGLE_APPLICATION_CREDENTIALS", "there is no file “no/such”"),
        ({"TELEGRAM_BOT_TOKEN": "word"}, "TELEGRAM_BOT_TOKEN", "does not look like a bot token"),
        ({"SLACK_BOT_TOKEN": "xoxp-1", "SLACK_APP_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN", "begins with xoxb-"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN", "begins with xapp-"),
        ({"SLACK_BOT_TOKEN": "xoxb-", "SLACK_APP_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN", "goes on"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-"}, "SLACK_APP_TOKEN", "goes on"),
        ({"SLACK_ALLOWED_CHANNELS": "C0AB12,#film-club"}, "SLACK_ALLOWED_CHANNELS", "“#film-club” is not the id of a"),
        ({"SLACK_ALLOWED_CHANNELS": "T0AB12"}, "SLACK_ALLOWED_CHANNELS", "Example: SLACK_ALLOWED_CHANNELS=C0123ABCD"),
        (
            {"SLACK_ALLOWED_CHANNELS": "C"},
            "SLACK_ALLOWED_CHANNELS",
            "is C or G or D and then capital letters and digits",
        ),
        ({"SLACK_ALLOWED_USERS": "@ann"}, "SLACK_ALLOWED_USERS", "“@ann” is not the id of a person"),
        ({"SLACK_ALLOWED_USERS": "slack:U1"}, "SLACK_ALLOWED_USERS", "Example: SLACK_ALLOWED_USERS=U0123ABCD"),
        ({"SLACK_ALLOWED_USERS": "u0ab12"}, "SLACK_ALLOWED_USERS", "is U or W and then capital letters"),
        ({"SLACK_ALLOWED_TEAMS": "film-club"}, "SLACK_ALLOWED_TEAMS", "“film-club” is not the id of a workspace"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET"),
        ({"SLACK_SIGNING_SECRET": "s"}, "SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN is not"),
        ({"SLACK_API_URL": "slack"}, "SLACK_API_URL", ""),
        ({"TELEGRAM_WEBHOOK_SECRET": "with space"}, "TELEGRAM_WEBHOOK_SECRET", "only A-Z, a-z, 0-9, _ and -"),
        ({"TELEGRAM_WEBHOOK_SECRET": "x" * 257}, "TELEGRAM_WEBHOOK_SECRET", "more than 256"),
        ({"LINK_SECRET": "short"}, "LINK_SECRET", "needs at least 16 characters"),
        ({"NO_SUCH_SETTING": 1}, "NO_SUCH_SETTING", "there is no such setting"),
    ],
)
def test_nonsense_is_refused(values: dict[str, Any], variable: str, words: str) -> None:
    problems = problems_of(**values)
    assert list(problems) == [variable]
    assert words in problems[variable]
    assert "Example: " in problems[variable] or variable == "NO_SUCH_SETTING"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://bot.example.org/telegram/webhook", "is not an https address"),
        ("bot.example.org/telegram/webhook", "is not an https address"),
        ("https://bot.example.org/telegram", "does not end in /telegram/webhook"),
        ("https://bot.example.org/telegram/webhook?x=1", "does not end in /telegram/webhook"),
        ("https://bot.example.org:8080/telegram/webhook", "does not call port 8080"),
    ],
)
def test_webhook_addresses_that_telegram_cannot_call(url: str, words: str) -> None:
    problems = problems_of(TELEGRAM_WEBHOOK_URL=url, TELEGRAM_WEBHOOK_SECRET="s")
    assert words in problems["TELEGRAM_WEBHOOK_URL"]


@pytest.mark.parametrize(
    "url",
    [
        "https://bot.example.org/telegram/webhook",
        "https://bot.example.org:8443/reelbot/telegram/webhook",
        "http://127.0.0.1:5000/telegram/webhook",
        "http://localhost:5000/telegram/webhook",
    ],
)
def test_webhook_addresses_that_can_be_called(url: str) -> None:
    assert load_settings(None, TELEGRAM_WEBHOOK_URL=url, TELEGRAM_WEBHOOK_SECRET="s").telegram_webhook_url == url
    assert "anybody could post" in problems_of(TELEGRAM_WEBHOOK_URL=url)["TELEGRAM_WEBHOOK_SECRET"]


def test_everything_wrong_is_said_at_once() -> None:
    problems = problems_of(HTTP_PORT="x", LOG_LEVEL="loud", VIDEO_PROVIDER="veo", VIDEO_POLL_MIN_S="x")
    assert set(problems) == {"HTTP_PORT", "LOG_LEVEL", "VIDEO_PROVIDER", "VIDEO_POLL_MIN_S"}


def test_what_only_follows_from_another_problem_is_not_said() -> None:
    problems = problems_of(VIDEO_PROVIDER="sora", VIDEO_POLL_MAX_S="x", VIDEO_POLL_MIN_S=30)
    assert set(problems) == {"VIDEO_PROVIDER", "VIDEO_POLL_MAX_S"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", "my own word"),
        ("TELEGRAM_WEBHOOK_SECRET", "my own word"),
        ("LINK_SECRET", "my own word"),
        ("DATABASE_URL", "my own word"),
        ("PUBLIC_URL", "ftp://user:my own word@host"),
        ("GEMINI_API_KEY_FILE", "my own word"),
    ],
)
def test_secrets_are_not_in_the_sentences(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "own word" not in str(caught.value)


def test_a_token_in_the_wrong_place_is_not_shown() -> None:
    assert TOKEN not in problems_of(HTTP_PORT=TOKEN)["HTTP_PORT"]


def test_a_secret_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY_FILE", "nowhere")
    with pytest.raises(SettingsError, match="GEMINI_API_KEY_FILE names cannot be read: No such file"):
        load_settings()


def test_a_file_that_is_not_text() -> None:
    Path(".env").write_bytes(b"BUDGET_NAME=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env: the file is not UTF-8 text"):
        load_settings()


def test_misspelt_names_are_noticed() -> None:
    Path(".env").write_text("TELEGRAM_TOKEN=1\nGEMINI_API_KEYS=1\nGEMINI_API_KEY_FILE=x\nAWS_REGION=1\nHTTP_PORT=1\n")
    assert misspelt() == (
        ".env: there is no setting TELEGRAM_TOKEN. Did you mean TELEGRAM_BOT_TOKEN?",
        ".env: there is no setting GEMINI_API_KEYS. Did you mean GEMINI_API_KEY?",
    )
    assert misspelt(None) == misspelt(Path("no.env")) == ()


# --- on paper --------------------------------------------------------------------------------------------------------


def test_the_example_file_is_in_step() -> None:
    """`python -m bot.settings_docs > .env.example` writes it."""
    assert (ROOT / ".env.example").read_text("utf-8") == env_example()


def test_the_example_file_changes_nothing_when_it_is_taken_as_it_is() -> None:
    text = env_example()
    assert load_settings(ROOT / ".env.example") == load_settings(None)
    Path(".env").write_text(re.sub(r"^#([A-Z])", r"\1", text, flags=re.MULTILINE))
    assert set(dotenv_values(".env")) == {name.upper() for name in Settings.model_fields}
    assert load_settings() == load_settings(None)


def test_every_setting_is_explained_and_every_example_is_valid() -> None:
    Path("run").mkdir()
    for name, field in Settings.model_fields.items():
        assert field.description and field.description[0].isupper(), name
        assert isinstance(field.json_schema_extra, dict) and field.json_schema_extra["group"], name
        if name.endswith(("_s", "_min", "_h", "_days", "_mb")):
            assert field.json_schema_extra["unit"], name
        assert field.examples, name
        Settings(_env_file=None, **{name: field.examples[0]})


def test_the_readme_is_in_step() -> None:
    """`python -m bot.settings_docs --markdown` writes what is between the markers, where the README has them."""
    text = (ROOT / "README.md").read_text("utf-8")
    match = re.search(r"<!-- settings:begin -->\n(.*?)<!-- settings:end -->", text, re.DOTALL)
    assert match is not None
    assert match[1].strip() == markdown_table().strip()
    for name in Settings.model_fields:
        assert f"`{name.upper()}`" in markdown_table()
