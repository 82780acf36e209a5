"""Whole zone files become the records that BIND, Knot and NSD make of them.

The files are in tests/oracle/files.zones, which says how they are written.  As for the texts of
single records (test_oracle.py) the peers vote, and what dnsd does otherwise needs a reason.  All
records of a zone are compared: owners, types, TTLs and octets.  $GENERATE is BIND's, so BIND
alone is asked about it.
"""
import collections
import os
import re

import dns.name
import dns.rdatatype
import pytest

import oracle_world as world
from conftest import ROOT

FILES = os.path.join(ROOT, "tests/oracle/files.zones")
DIRECTIVE = re.compile(r"(accept|refuse|as (?:bind|knot|nsd)): (.+)")
PEERS = ("bind", "knot", "nsd")
READERS = {"bind": world.from_bind, "knot": world.from_knot, "nsd": world.from_nsd}
SOA, ENDS = 6, {"-crlf": "\r\n", "-no-newline": ""}

pytestmark = pytest.mark.skipif(world.MISSING, reason="named-compilezone, knotd, nsd: not here")


class File:
    """A zone file of the corpus, and the files beside it."""

    def __init__(self, name, number):
        self.name, self.origin = name, f"f{number}.test"
        self.lines, self.beside = [], {}
        self.directive = self.reason = None

    def whole(self, lines):
        text = "\n".join(lines).replace("ZONE", self.origin)
        for ending, end in ENDS.items():
            if self.name.endswith(ending):
                return text.replace("\n", end or "\n") + end
        return text + "\n"

    def text(self):
        head = "" if any("SOA" in line for line in self.lines) else world.HEAD
        return head + self.whole(self.lines)

    def peers(self):
        return ("bind",) if "$GENERATE" in self.text().upper() else PEERS


def corpus():
    files, into = [], None
    with open(FILES, encoding="utf-8") as f:
        for line in f.read().rstrip("\n").split("\n"):
            beside = re.fullmatch(r"==== \+ (\S+)", line)
            found = DIRECTIVE.fullmatch(line)
            if beside:
                into = files[-1].beside[beside[1]] = []
            elif line.startswith("==== "):
                files.append(File(line[5:], len(files)))
                into = files[-1].lines
            elif found and not files[-1].lines:
                files[-1].directive, files[-1].reason = found.groups()
            elif files:
                into.append(line)
    return files


def lay(folder, files):
    """Writes what is included."""
    for f in files:
        for path, lines in f.beside.items():
            with open(os.path.join(folder, path), "w", encoding="utf-8") as out:
                out.write(f.whole(lines))
    return str(folder)


def judged(files, folder):
    """{name of a server: {origin: records, or None}}, and what dnsd said."""
    texts = {f.origin: f.text().encode().decode("latin-1") for f in files}
    made = {name: read(lay(folder(name), files), texts) for name, read in READERS.items()}
    asked = {}
    for f in files:
        rows = set().union(*(made[p][f.origin] or set() for p in PEERS))
        types = {rdtype for _, rdtype, _, _ in rows} | {SOA}
        asked[f.origin] = sorted({(owner, rdtype) for owner, _, _, _ in rows for rdtype in types})
        asked[f.origin] = asked[f.origin] or [(world.wire_name(f.origin), SOA)]
    where = folder("dnsd")
    lay(where, files)
    made["dnsd"], said = world.from_dnsd(where, texts, asked)
    return made, said


def name(wire):
    return dns.name.from_wire(wire, 0)[0].to_text()


def shown(rows, other):
    """The records that `other` does not have."""
    if rows is None:
        return "refuses"
    return "; ".join(f"{name(owner)} {ttl} {dns.rdatatype.to_text(rdtype)} {rdata.hex()}"
                     for owner, rdtype, ttl, rdata in sorted(rows - (other or set()))) or "="


def wrong(f, ours, votes, majority):
    """What is to be mended, None if nothing is."""
    agrees = majority is not False and ours == majority
    if f.directive is None:
        return None if agrees else "dnsd does not as the peers do"
    wanted = {"accept": ours is not None, "refuse": ours is None}.get(f.directive)
    if wanted is None:
        wanted = ours == votes.get(f.directive[3:], False)
    if not wanted:
        return "dnsd does not as the corpus says"
    return "a reason where none is needed" if agrees else None


def test_zone_files(tmp_path_factory):
    """Every difference has a reason, every reason a difference."""
    files = corpus()
    made, said = judged(files, tmp_path_factory.mktemp)
    count, agree = 0, collections.Counter()
    for f in files:
        votes = {p: made[p][f.origin] for p in f.peers()}
        ours = made["dnsd"][f.origin]
        first = collections.Counter(frozenset(v) if v is not None else None
                                    for v in votes.values()).most_common(1)[0]
        majority = first[0] if first[1] * 2 > len(votes) else False
        agree.update(p for p in votes if votes[p] == ours)
        agree["most"] += majority is not False and ours == majority
        why = wrong(f, ours, votes, majority)
        if why:
            count += 1
            print(f"{why}: {f.name} ({f.reason})\n    dnsd {shown(ours, majority or None)} "
                  f"{said.get(f.origin, '')}")
            for p, v in votes.items():
                print(f"    {p} {shown(v, ours)}")
    print(f"{len(files)} files; dnsd does as bind in {agree['bind']}, as knot in {agree['knot']}, "
          f"as nsd in {agree['nsd']}, as most in {agree['most']}")
    assert not count, f"{count} of {len(files)} files"
