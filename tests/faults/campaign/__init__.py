"""The fault campaign: hundreds of kills at named places and random moments, on both databases, and a table of what came
of them. `make faults` runs it; `tests/faults/test_campaign.py` is its short form.

Every kill is SIGKILL to a process of the real program, or to the PostgreSQL server; each is followed by a start. What
is counted is in the journals of the emulated services: what people said and were told, orders, clips. Of the program
itself only `reelbot money check` is asked, because money has no other journal.
"""
