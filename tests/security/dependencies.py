"""What can be said of the dependencies without asking anybody: `python -m tests.security.dependencies` (`make audit`).

Every one is pinned to a version and to the hashes of its files, so that what was looked at is what is installed, from
whichever index. Whether a version has known holes is told by a list that has to be asked over the network: SECURITY.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
LICENCES = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|LGPL|Lesser General|Unlicense|0BSD|Zlib|HPND)\b",
    re.IGNORECASE,
)
"""Families that let a private bot be run; linked libraries under the LGPL and MPL are used as they come."""

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[a-z0-9,_-]+\])?==([0-9][A-Za-z0-9.+!]*)( ;[^\\]*)?( \\)?$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One line of a lock file."""

    name: str
    version: str
    hashes: int


def pins(lock: Path) -> tuple[Pin, ...]:
    """Everything that the lock installs. Raises ValueError for a line that is neither a pin, nor a hash, nor a
    comment: an index, a link, an editable folder."""
    found: list[Pin] = []
    for number, line in enumerate(lock.read_text("utf-8").splitlines(), 1):
        pin = _PIN.match(line)
        if pin is not None:
            found.append(Pin(name=pin[1], version=pin[3], hashes=0))
        elif _HASH.match(line) and found:
            last = found.pop()
            found.append(Pin(name=last.name, version=last.version, hashes=last.hashes + 1))
        elif line.strip() and not line.startswith("#"):
            raise ValueError(f"{lock.name}:{number}: {line}")
    return tuple(found)


def licence_of(name: str) -> str:
    """What an installed package says of its licence; empty when it says nothing."""
    told = metadata.metadata(name)
    classified = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    said = [*(told.get_all("License-Expression") or ()), ", ".join(classified), *(told.get_all("License") or ())]
    return next((one.partition("\n")[0].strip() for one in said if one), "")


def problems() -> Iterator[str]:
    """What is wrong, in words."""
    versions: dict[str, str] = {}
    for name in LOCKS:
        for pin in pins(ROOT / name):
            if not pin.hashes:
                yield f"{name}: {pin.name} has no hash"
            if versions.setdefault(pin.name, pin.version) != pin.version:
                yield f"{name}: {pin.name} {pin.version}, and {versions[pin.name]} in another lock"
            try:
                installed = metadata.version(pin.name)
            except metadata.PackageNotFoundError:
                continue  # for another system
            if installed != pin.version:
                yield f"{pin.name} {installed} is installed, and {pin.version} is locked"
            if not LICENCES.search(licence_of(pin.name)):
                yield f"{pin.name}: look at its licence ({licence_of(pin.name) or 'none is told'})"


def main() -> int:
    """Print every dependency with its licence, then what is wrong."""
    for pin in pins(ROOT / LOCKS[0]):
        try:
            licence = licence_of(pin.name)
        except metadata.PackageNotFoundError:
            licence = "(not for this system)"
        sys.stdout.write(f"{pin.name:32} {pin.version:14} {pin.hashes:3} hashes  {licence}\n")
    wrong = list(problems())
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    count = len(pins(ROOT / LOCKS[0]))
    sys.stdout.write(f"{count} run-time dependencies; {len(wrong) or 'nothing'} to look at. Known holes: SECURITY.md\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
