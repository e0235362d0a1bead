"""The embedded video provider: renders a request as a storyboard animatic on this machine, without any service.

`storyboard` decides what is shown, `scenery` and its neighbours draw it, `render` makes the film, `provider`
is the port.
"""

from adapters.animatic.fonts import missing_scripts
from adapters.animatic.provider import AnimaticVideoProvider

__all__ = ["AnimaticVideoProvider", "missing_scripts"]
