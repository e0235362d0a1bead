"""Bad weather everywhere at once: a fifth of all calls to every service goes wrong, in every way the emulators know,
while the disk fills up, the object store goes away and comes back, and the clock jumps.

`weather` spoils the calls, `episodes` does what befalls a whole machine, `people` are those who ask for clips all the
while, and `counts` holds what they were told and got against the services' journals and the ledger.
"""
