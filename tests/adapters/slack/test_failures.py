"""What people and operators read when Slack refuses something."""

from __future__ import annotations

from types import SimpleNamespace

import aiohttp
import pytest
import structlog
from slack_sdk.errors import SlackApiError

from adapters.slack import failures
from core.errors import PermanentError, TemporaryError, Undeliverable


def refused(word: str, status: int = 200) -> SlackApiError:
    answer = {"ok": False, "error": word, "response_metadata": {"messages": ["about a secret wish"]}}
    response = SimpleNamespace(data=answer, status_code=status, headers={})
    return SlackApiError("about a secret wish", response)  # type: ignore[no-untyped-call]  # the SDK's


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("not_in_channel", "I am not a member of that channel"),
        ("channel_not_found", "I am not a member of that channel"),
        ("is_archived", "that channel is archived"),
        ("restricted_action", "I may not post in that channel"),
        ("restricted_action_thread_only_channel", "I may not post in that channel"),
        ("posting_to_general_channel_denied", "I may not post in that channel"),
        ("cannot_dm_bot", "this person takes no messages from apps"),
        ("user_disabled", "this person takes no messages from apps"),
        ("team_access_not_granted", "Slack does not let me post there"),
        ("some_policy_blocked", "Slack does not let me post there"),
    ],
)
def test_why_a_place_takes_nothing_is_said_in_words(word: str, said: str) -> None:
    error = failures.meaning(refused(word))
    assert isinstance(error, Undeliverable)
    assert str(error) == said


@pytest.mark.parametrize(
    ("word", "status", "kind"),
    [
        ("invalid_auth", 200, PermanentError),
        ("account_inactive", 200, PermanentError),
        ("invalid_blocks", 200, PermanentError),
        ("missing_scope", 200, PermanentError),
        ("is_archived", 200, Undeliverable),
        ("internal_error", 200, TemporaryError),
        ("service_unavailable", 503, TemporaryError),
    ],
)
def test_codes_are_for_the_operator(word: str, status: int, kind: type[Exception]) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(kind) as caught, failures.mapped():
        raise refused(word, status)
    assert type(caught.value) is kind
    assert "_" not in str(caught.value) and word not in str(caught.value)
    assert [one["error"] for one in logs] == [word]
    assert "secret" not in f"{caught.value}{logs}"
    assert f"({word})" in str(failures.meaning(refused(word, status), named=True))


def test_silence_is_said_in_words_too() -> None:
    with pytest.raises(TemporaryError, match=r"^Slack does not answer\.$"), failures.mapped():
        raise aiohttp.ServerDisconnectedError("from a secret address")
    assert str(failures.of_status(503, {})) == "Slack has trouble of its own."
    assert str(failures.of_status(403, {})) == "Slack does not give or take this file."
