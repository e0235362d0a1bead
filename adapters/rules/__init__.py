"""The dialogue model without a model: keywords, numbers and the open question, instant and free."""

from adapters.rules.model import RulesDialogueModel

__all__ = ["RulesDialogueModel"]
