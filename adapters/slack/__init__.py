"""Slack as a place where people talk to the bot: Bolt dispatches what comes, slack_sdk's client says what goes.

`connection` holds the HTTP session and the bot's identity, `platform` speaks and `receiver` listens, over Socket Mode
(`socket`) or HTTP, with `bolt` deciding what each request is and `pages` showing the App Home. `parsing`, `text`,
`rendering`, `modal` and `home` are pure; `pacing` keeps Slack's limits, `uploads` brings clips, `session` says what the
bot is doing, and `failures` maps what goes wrong onto `core.errors`.
"""

from adapters.slack.connection import SlackConnection
from adapters.slack.platform import SlackPlatform
from adapters.slack.receiver import SlackReceiver

__all__ = ["SlackConnection", "SlackPlatform", "SlackReceiver"]
