"""The page about one person, and how to begin."""

from __future__ import annotations

HOME_RUNNING = "Under way"
HOME_OPEN = "Waiting for you"
HOME_VIDEOS = "Your last videos"
HOME_NOTHING = "Nothing yet. Your videos will be listed here."
HOME_BEGIN = "How to begin"
HOW_TO_BEGIN = (
    "Write to me in Messages, mention me in a channel, or type /video and your idea. I ask for what is missing, show "
    "the price first, and bring the clip into the same thread."
)
GO_THERE = "Go there"
CHOOSE = "Choose…"
PROMPTS = (
    ("A short clip to try me", "Make me a video of a red fox trotting through fresh snow at sunrise, 6 seconds"),
    ("A product teaser", "An 8 second teaser for a new coffee cup, cinematic, on a wooden table in morning light"),
    ("How does it work?", "help"),
)
"""Title and message of what can be tried at once."""
PROMPTS_TITLE = "What would you like to see?"
