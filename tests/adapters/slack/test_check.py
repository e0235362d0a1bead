"""What `reelbot check` says of Slack."""

from __future__ import annotations

from typing import cast

from bot.check import Outcome, State, run_probes
from bot.connections import Connections
from bot.probes import Probes
from bot.settings_loading import load_settings
from core.catalogue import load_catalogue
from core.repositories import Generations
from tests.adapters.slack.listening import Rows
from tests.clock import FakeClock
from tests.emulators.slack import SlackEmulator


async def checked(slack: SlackEmulator, **values: str) -> Outcome:
    settings = load_settings(None, SLACK_BOT_TOKEN=slack.token, SLACK_API_URL=slack.url, LOOPBACK_ONLY=True, **values)
    connections = Connections(settings, load_catalogue(), FakeClock(), cast(Generations, Rows()))
    try:
        probes = [probe for probe in Probes(settings, connections).all() if probe.name == "slack"]
        (outcome,) = await run_probes(probes, timeout_s=5.0, secrets=settings.secrets)
    finally:
        await connections.close()
    return outcome


async def test_all_is_well(slack: SlackEmulator) -> None:
    outcome = await checked(slack, SLACK_APP_TOKEN=slack.app_token)
    assert (outcome.state, outcome.detail) == (State.OK, f"team {slack.team.id}, Socket Mode")
    outcome = await checked(slack, SLACK_SIGNING_SECRET="s3cret")
    assert (outcome.state, outcome.detail) == (State.OK, f"team {slack.team.id}, HTTP at /slack/events")


async def test_a_wrong_token_for_socket_mode(slack: SlackEmulator) -> None:
    outcome = await checked(slack, SLACK_APP_TOKEN="xapp-of-another-app")
    assert outcome.state is State.FAILED
    assert "does not take the app-level token (invalid_auth)" in outcome.detail
    assert "another-app" not in outcome.detail


async def test_a_token_that_may_too_little() -> None:
    async with SlackEmulator(scopes=frozenset({"chat:write", "commands"})) as slack:
        outcome = await checked(slack, SLACK_APP_TOKEN=slack.app_token)
    assert outcome.state is State.WARNING
    assert "files:write" in outcome.detail and "manifest.json" in outcome.detail
    assert "chat:write" not in outcome.detail
