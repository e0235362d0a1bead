"""The program is killed at a named point and started again; what it did is counted outside it.

Orders are counted at the emulated video service, messages and clips in the emulated chat. Of the program's own rows
only the ledger is read, because money has no other journal.

To add a point: write a `Point` into a table of `points` (a name, where it happens, what comes of it) and run the test
module that goes through that table. Where it happens is one of four kinds of place:

- `Served`: a call that reaches an emulator. With `lost=True` it never takes effect; otherwise it is carried out, and
  only the answer is lost with the process.
- `Saved`: right before or after a commit that saves certain facts. The real program is then run by `launcher`, which
  puts a store in place of the usual one; the facts' names are those of `launcher.facts`.
- `Downloading`: when so many bytes of the clip have left the service.
- `Rendering`: when the local renderer has begun to write.

`ends` sees to it that the process ends there, by SIGKILL or by SIGTERM; `play` is the person in front of it, and the
one who counts.

`campaign` does it by the hundred: people order at once, any process is killed at any of the places, on SQLite and on
PostgreSQL with a gateway and two workers, where the database crashes as well; `make faults` prints what came of it.
"""
