"""The few sentences that only the terminal says; all others are the core's."""

WELCOME = "Say what you want to see. Buttons: by number or name. /help /open /photo /quit"
BYE = "Bye. What is under way goes on when you start again."
NO_CLIP = "There is no clip to open yet."
NO_SUCH_CLIP = "There is no clip {name} in {folder}."
CLIP_AT = "The clip is {path}"
NO_SUCH_FILE = "There is no file {path}."
PHOTO_USAGE = (
    'Say which file: /photo path caption. A path with spaces goes in quotes: /photo "my cat.jpg" make it dance'
)
NOT_TAKEN = "That could not be taken in ({reason}). Trying again…"
THINKING = "…"
