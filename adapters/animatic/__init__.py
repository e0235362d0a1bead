"""The embedded video provider: renders a request as a storyboard animatic on this machine, without any service.

`storyboard` decides what is shown, `scenery` and its neighbours draw it, `render` makes the film, `provider`
is the port. What draws is loaded with the first storyboard: with Pillow and PyAV it takes a while.
"""

from adapters.animatic.provider import AnimaticVideoProvider

__all__ = ["AnimaticVideoProvider"]
