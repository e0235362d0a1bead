"""The terminal as a platform: a chat for one person at a keyboard, or a script through a pipe."""

from adapters.terminal.platform import TerminalPlatform
from adapters.terminal.receiver import TerminalReceiver

__all__ = ["TerminalPlatform", "TerminalReceiver"]
