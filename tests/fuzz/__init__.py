"""Everything that can come in, made up: updates, model replies, texts, links, requests, and whole conversations.

`make test` runs a short form that is the same each time. `make fuzz` runs 10,000 updates for each platform, others each
time; FUZZ_UPDATES says how many, and `tests.fuzz.volume` what the other tests make of that number.
"""
