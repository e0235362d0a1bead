"""The product: dialogue policy, money, pipeline and delivery as plain data, pure functions and ports.

Standard library only. Everything that talks to a service, a disk or a clock comes in through `core.ports`.
"""
