"""Record texts become the octets that BIND, Knot and NSD make of them, or are refused as there.

The texts are tests/oracle/*.txt; how they are written is said at the top of the first of them.
For each text the peers that know its type vote.  dnsd either does as more than half of them, or
the corpus says what it has to do instead, and why; a reason that is not needed is a mistake,
too.  A type is known to a peer that takes a text of it which is not the generic \\# form.
"""
import collections
import glob
import os
import re

import pytest

import oracle_world as world
from conftest import ROOT
from oracle_types import TYPES

CORPUS = sorted(glob.glob(os.path.join(ROOT, "tests/oracle/*.txt")))
DIRECTIVE = re.compile(r"(?:(accept)(?: ([0-9a-f]+|-))?|(refuse)|as (bind|knot|nsd)): (.+)")
PEERS = ("bind", "knot", "nsd")
READERS = {"bind": world.from_bind, "knot": world.from_knot, "nsd": world.from_nsd}

# what a zone has beside the record that is tried, and its head
A, SIG, DS, RRSIG, NSEC3 = 1, 24, 43, 46, 50
BESIDE = {DS: "NS ns", NSEC3: "A 192.0.2.1",            # RFC 4034 5, RFC 5155 7.2.8
          RRSIG: "A 192.0.2.1", SIG: "A 192.0.2.1"}     # over something that is there
SIGNED = {"AAAA": "AAAA ::1", "SVCB": "SVCB 1 .", "TYPE65534": "TYPE65534 \\# 1 00"}
HIDDEN = (NSEC3,)                                       # is in no answer: taken or refused

pytestmark = pytest.mark.skipif(world.MISSING, reason="named-compilezone, knotd, nsd: not here")


class Text:
    """A record of the corpus: "MX 10 mail", or "| 300 IN MX 10 mail" with TTL and class."""

    def __init__(self, place, line, number):
        self.place, self.line = place, line
        self.origin = f"r{number}.test"
        self.whole = line.startswith("|")
        self.rest = line[1:].strip() if self.whole else "300 IN " + line
        words = re.findall(r"[A-Z][A-Z0-9-]*", self.rest.upper())
        self.name = next((w for w in words if w in TYPES or re.fullmatch(r"TYPE\d+", w)), "A")
        self.type = TYPES[self.name] if self.name in TYPES else int(self.name[4:]) & 0xffff
        self.generic = bool(re.search(r"\s\\#", self.rest)) or self.name not in TYPES
        self.decision, self.octets, self.peer, self.reason = None, None, None, None

    def zone(self):
        if self.name == "SOA":
            return f"@ {self.rest}\n" + world.HEAD.split("\n", 1)[1]
        beside = BESIDE.get(self.type)
        covered = self.line.split()[1:2]
        if self.type == RRSIG and covered and covered[0] in SIGNED:
            beside = SIGNED[covered[0]]
        return world.HEAD + (f"t 300 IN {beside}\n" if beside else "") + f"t {self.rest}\n"

    def owner(self):
        return self.origin if self.name == "SOA" else "t." + self.origin

    def of(self, rows):
        """The TTL and the octets of the record that is tried, None where it was refused."""
        if rows is None:
            return None
        if self.type in HIDDEN:
            return 0, b""
        mine = world.wire_name(self.owner())
        found = {(ttl if self.whole else 0, rdata) for owner, rdtype, ttl, rdata in rows
                 if owner == mine and rdtype == self.type}
        return min(found) if found else None

    def __str__(self):
        return f"{self.place}: {self.line}"


def corpus():
    """All texts.  A directive holds until the next empty line."""
    texts = []
    for path in CORPUS:
        with open(path, encoding="latin-1") as f:
            lines = f.read().split("\n")
        directive = None
        for number, line in enumerate(lines, 1):
            place = f"{os.path.basename(path)}:{number}"
            found = DIRECTIVE.fullmatch(line)
            if found:
                directive = found
            elif not line.strip():
                directive = None
            elif not line.startswith("#"):
                text = Text(place, line, len(texts))
                if directive:
                    accept, text.octets, refuse, text.peer, text.reason = directive.groups()
                    text.decision = accept or refuse or "as"
                texts.append(text)
    return texts


def shown(found):
    return "refuses" if found is None else \
        (f"{found[1].hex() or 'no octets'}" + (f" ttl {found[0]}" if found[0] else ""))


class Verdict:
    """What the peers say about one text, and whether dnsd may say what it says."""

    def __init__(self, text, made, known):
        self.text = text
        self.ours = text.of(made["dnsd"][text.origin])
        self.peers = {p: text.of(made[p][text.origin]) for p in PEERS
                      if (text.name, text.generic) in known[p]}
        self.said = made["said"].get(text.origin)
        votes = collections.Counter(self.peers.values()).most_common(1)
        self.majority = votes[0][0] if votes and votes[0][1] * 2 > len(self.peers) else False

    def agrees(self):
        return self.majority is not False and self.ours == self.majority

    def wanted(self):
        """What the corpus wants: octets with their TTL, None = refused, False = nothing said."""
        t = self.text
        if t.decision == "refuse":
            return None
        if t.decision == "as":
            return self.peers.get(t.peer, False)
        if t.octets:
            octets = bytes.fromhex(t.octets.replace("-", ""))
            return (self.ours[0] if self.ours else 0), octets
        return self.ours or False

    def reasoned(self):
        return self.text.decision is not None and self.ours == self.wanted()

    def wrong(self):
        """What is to be mended, None if nothing is."""
        if self.text.decision is None:
            return None if self.agrees() else "dnsd does not as the peers do"
        if self.wanted() is False or self.ours != self.wanted():
            return "dnsd does not as the corpus says"
        return "a reason where none is needed" if self.agrees() else None

    def __str__(self):
        said = f" ({self.said})" if self.said else ""
        lines = [f"{self.text}", f"    dnsd {shown(self.ours)}{said}"]
        lines += [f"    {p} {shown(r)}" for p, r in self.peers.items()] or ["    no peer knows it"]
        if self.text.reason:
            lines.append(f"    {self.text.decision}: {self.text.reason}")
        return "\n".join(lines)


def judged(texts, folder):
    """Verdicts of texts; folder(name) makes a folder for a server."""
    zones = {t.origin: t.zone() for t in texts}
    made = {name: read(str(folder(name)), zones) for name, read in READERS.items()}
    asked = {t.origin: [(world.wire_name(t.owner()), A if t.type in HIDDEN else t.type)]
             for t in texts}
    made["dnsd"], made["said"] = world.from_dnsd(folder("dnsd"), zones, asked)
    known = {p: {(t.name, generic) for t in texts for generic in (True, t.generic)
                 if t.of(made[p][t.origin]) is not None} for p in PEERS}
    return [Verdict(t, made, known) for t in texts]


def test_record_texts(tmp_path_factory):
    """Every difference has a reason, every reason a difference."""
    verdicts = judged(corpus(), tmp_path_factory.mktemp)
    wrong = [(v.wrong(), v) for v in verdicts if v.wrong()]
    types = {v.text.name for v in verdicts} & set(TYPES)
    print(f"{len(verdicts)} texts of {len(types)} types")
    for p in PEERS:
        asked = [v for v in verdicts if p in v.peers]
        print(f"{p:5} knows {len({v.text.name for v in asked} & set(TYPES))} types, "
              f"says the same of "
              f"{sum(v.ours == v.peers[p] for v in asked)} of {len(asked)} texts")
    print(f"{sum(v.agrees() for v in verdicts)} as most peers, "
          f"{sum(v.reasoned() for v in verdicts)} otherwise with a reason")
    for why, v in wrong:
        print(f"{why}: {v}")
    assert not wrong, f"{len(wrong)} of {len(verdicts)} texts"
    assert types == set(TYPES), "a type of IANA's list without a text"
