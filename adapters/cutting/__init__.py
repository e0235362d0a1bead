"""The embedded editor: joins finished clips on this machine, with a title before them.

What is done is the edit plan's (`core.editing`); `cut` says in frames and samples what that comes to, `render` makes
the film, `opening` draws the title, `sound` prepares what is heard, `provider` is the port. What renders is loaded with
the first order: it takes a while.
"""

from adapters.cutting.provider import CuttingVideoProvider

__all__ = ["CuttingVideoProvider"]
