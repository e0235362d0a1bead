"""Slack as a place where people talk to the bot: Bolt dispatches what comes, slack_sdk's client says what goes.

`connection` holds the HTTP session and the bot's identity. `platform` speaks: `pacing` keeps Slack's limits, `uploads`
brings clips, `session` says what the bot is doing. `receiver` listens, over Socket Mode (`socket`) or HTTP: `bolt`
finds out what each request is, `intake` deals with it, `pages` shows the App Home. `parsing` and what it uses,
`rendering`, `modal` and `home` are pure; `failures` maps what goes wrong onto `core.errors`.
"""

from adapters.slack.connection import SlackConnection
from adapters.slack.platform import SlackPlatform
from adapters.slack.receiver import SlackReceiver

__all__ = ["SlackConnection", "SlackPlatform", "SlackReceiver"]
