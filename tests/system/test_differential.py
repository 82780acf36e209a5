"""dnsd beside Knot and NSD: the same zones, thousands of questions, every difference explained.

The zones in zones/ hold what name servers have been known to answer differently.  Every
owner is asked for many types, and so are names beside, above and below it, in mixed case,
without EDNS, with several sizes, with DO, over UDP and TCP.  Rcode, flags and sections (as
sets of records) must be alike, but for the differences listed in REASONS, each as narrow as
it can be said and with the RFC that allows it.  Anything else is a bug.
"""
import collections
import copy
import os
import random
import re
import shutil
import socket
import string
import struct
import subprocess
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from conftest import HERE, Dnsd, free_port

ORIGINS = ["diff.test", "child.diff.test", "nodata.test", "nsec3.test"]
KNOTD, NSD = shutil.which("knotd", path="/usr/sbin:/usr/bin"), \
    shutil.which("nsd", path="/usr/sbin:/usr/bin")
SEED = 20251121

pytestmark = pytest.mark.skipif(not (KNOTD and NSD), reason="knotd and nsd are not installed")


def master_text(origin):
    with open(os.path.join(HERE, "zones", origin + ".zone")) as f:
        text = f.read()
    if origin == "diff.test":
        # 4088 addresses are all that fits into one message of 64 KB
        text += "".join(f"big 60 A 10.0.{i >> 8}.{i & 255}\n" for i in range(4088))
        text += "".join(f"half 60 A 10.1.{i >> 8}.{i & 255}\n" for i in range(90))
        text += "".join(f'medium 60 TXT "{i:064}"\n' for i in range(12))
    return text


# ---- the servers ----

class Peer:
    """knotd or nsd in the foreground."""

    def __init__(self, folder, argv, port):
        self.port = port
        self.log = open(os.path.join(folder, "log"), "wb")
        self.process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def start_knot(folder, files):
    port = free_port()
    zones = "".join(
        f"  - domain: {o}\n    file: {f}\n    semantic-checks: off\n    zonefile-sync: -1\n"
                    "    journal-content: none\n" for o, f in files.items())
    conf = os.path.join(folder, "knot.conf")
    with open(conf, "w") as f:
        f.write(
            f"server:\n    rundir: {folder}\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n"
            "    tcp-workers: 1\n"
                f"    background-workers: 1\n    udp-max-payload: 1232\n    answer-rotation: off\n"
                f"database:\n    storage: {folder}\nzone:\n{zones}")
    return Peer(folder, [KNOTD, "-c", conf], port)


def start_nsd(folder, files):
    port = free_port()
    zones = "".join(f'zone:\n    name: "{o}"\n    zonefile: "{f}"\n' for o, f in files.items())
    conf = os.path.join(folder, "nsd.conf")
    with open(conf, "w") as f:
        f.write(
            f'server:\n    ip-address: 127.0.0.1@{port}\n    server-count: 1\n    username: ""\n'
            '    chroot: ""\n'
                f'    zonesdir: "{folder}"\n    database: ""\n    pidfile: "{folder}/pid"\n'
                f'    xfrdfile: "{folder}/xfrd"\n'
                f'    xfrdir: "{folder}"\n    zonelistfile: "{folder}/list"\n'
                f'    cookie-secret-file: "{folder}/cookies"\n'
                "    ipv4-edns-size: 1232\n    answer-cookie: no\n    minimal-responses: no\n"
                "    refuse-any: no\n"
                "    round-robin: no\n    rrl-ratelimit: 0\nremote-control:\n"
                f"    control-enable: no\n{zones}")
    return Peer(folder, [NSD, "-d", "-c", conf], port)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    texts = {o: master_text(o) for o in ORIGINS}
    running = {}
    try:
        for name, start in (("knot", start_knot), ("nsd", start_nsd)):
            folder = str(tmp_path_factory.mktemp(name))
            files = {}
            for origin, text in texts.items():
                files[origin] = os.path.join(folder, origin + ".zone")
                with open(files[origin], "w") as f:
                    f.write(text)
            running[name] = start(folder, files)
        # the amplification limit would cut answers that the peers give in full
        ours = Dnsd(tmp_path_factory.mktemp("dnsd"), zones=texts,
                    conf="amplification { factor = 0 }", threads=1)
        running["dnsd"] = ours
        ours.start()
        yield {name: Link(s.port) for name, s in running.items()}
    finally:
        for s in running.values():
            s.stop()


class Link:
    """A UDP socket and a TCP connection to one server."""

    def __init__(self, port):
        self.port = port
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", port))
        self.udp.settimeout(5)
        self.tcp = None
        self.wait()

    def wait(self):
        probe = dns.message.make_query("nodata.test", "SOA").to_wire()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                self.udp.send(probe)
                self.udp.settimeout(0.5)
                if self.udp.recv(65535)[3] & 15 == 0:
                    self.udp.settimeout(5)
                    return
            except (ConnectionError, socket.timeout):
                pass
            time.sleep(0.05)
        raise AssertionError(f"the server on port {self.port} does not answer")

    def ask_udp(self, packet):
        self.udp.send(packet)
        while True:
            answer = self.udp.recv(65535)
            if answer[:2] == packet[:2]:
                return answer

    def ask_tcp(self, packet):
        for attempt in (1, 2):
            try:
                if self.tcp is None:
                    self.tcp = socket.create_connection(("127.0.0.1", self.port), timeout=5)
                self.tcp.sendall(struct.pack("!H", len(packet)) + packet)
                return self.read(struct.unpack("!H", self.read(2))[0])
            except (ConnectionError, EOFError):		# a peer ended an idle connection
                self.tcp = None
                if attempt == 2:
                    raise
        return None

    def read(self, n):
        data = b""
        while len(data) < n:
            piece = self.tcp.recv(n - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data


# ---- the questions ----

TYPES = ["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "SRV", "DNAME", "DS", "HTTPS", "TYPE65280",
         "TYPE999", "NSEC3", "ANY"]
Question = collections.namedtuple("Question", "name type edns size do tcp")


def owners():
    """{name: its types}, with empty non-terminals."""
    found = {}
    for origin in ORIGINS:
        apex = name = dns.name.from_text(origin)
        for line in master_text(origin).splitlines():
            head = re.match(r"([^\s;$(]*)\s+(?:\d+\s+)?(?:IN\s+)?([A-Z][A-Z0-9]*)\s", line)
            if not head:
                continue
            if head[1]:
                name = dns.name.from_text(head[1], apex)
            found.setdefault(name, set()).add(dns.rdatatype.from_text(head[2]))
            above = name
            while above != apex:
                above = above.parent()
                found.setdefault(above, set())
    return found


def mixed_case(rng, name):
    def flip(c):
        return c ^ 0x20 if chr(c).isalpha() and c < 128 and rng.random() < 0.5 else c
    return dns.name.Name([bytes(map(flip, label)) for label in name.labels])


def prefixed(*labels):
    def make(name):
        try:
            return dns.name.Name([*labels, *name.labels])
        except dns.name.NameTooLong:
            return None
    return make


def all_names(rng):
    """Owners, and names around each."""
    found = owners()
    around = [prefixed(b"x"), prefixed(b"*"), prefixed(b"x", b"y", b"z"), prefixed(b"host"),
              prefixed(b"x", b"*"),
              prefixed(b"ns1"), prefixed(b"a" * 63, b"b" * 63), prefixed(b"alias"),
              prefixed(b"\0.\xff")]
    for name in list(found):
        for make in around:
            below = make(name)
            if below is not None:
                found.setdefault(below, set())
    for origin in ORIGINS:
        for _ in range(60):
            labels = ["".join(rng.choices(string.ascii_lowercase, k=rng.randrange(1, 9))).encode()
                      for _ in range(rng.randrange(1, 5))]
            found.setdefault(dns.name.Name([*labels, *dns.name.from_text(origin).labels]), set())
    for text in (".", "test.", "diff.test.example.", "xdiff.test.", "outside.example.",
                 "c.nodata.test."):
        found.setdefault(dns.name.from_text(text), set())
    return found


def questions():
    rng = random.Random(SEED)
    for name, types in all_names(rng).items():
        wanted = set(types) | {dns.rdatatype.from_text(t)
                               for t in (TYPES if types else rng.sample(TYPES, 4))}
        for rdtype in sorted(wanted):
            edns = rng.random() < 0.6
            yield Question(mixed_case(rng, name) if rng.random() < 0.3 else name, rdtype, edns,
                           rng.choice([512, 600, 1232, 4096]), edns and rng.random() < 0.4,
                           rng.random() < 0.2)


def packet(q, ident):
    wire = struct.pack("!HHHHHH", ident, 0, 1, 0, 0, 1 if q.edns else 0)
    wire += q.name.to_wire() + struct.pack("!HH", q.type, dns.rdataclass.IN)
    if q.edns:
        wire += struct.pack("!BHHIH", 0, dns.rdatatype.OPT, q.size, 0x8000 if q.do else 0, 0)
    return wire


# ---- the answers ----

class Answer:
    def __init__(self, wire, q):
        m = dns.message.from_wire(wire, question_only=False)
        self.size = len(wire)
        self.rcode = m.rcode()
        self.aa, self.tc = bool(m.flags & dns.flags.AA), bool(m.flags & dns.flags.TC)
        self.other = m.flags & ~(dns.flags.AA | dns.flags.TC | 15)
        self.question = wire[12:12 + len(q.name.to_wire()) +
                             4] == packet(q, 0)[12:12 + len(q.name.to_wire()) + 4]
        self.edns = m.edns
        self.do = bool(m.ednsflags & dns.flags.DO)
        self.answer, self.authority, self.additional = map(records,
                                                           (m.answer, m.authority, m.additional))

    def seen(self):
        return (dns.rcode.to_text(self.rcode), self.aa, self.tc, self.other, self.question,
                self.edns, self.do,
                *map(frozenset, (self.answer, self.authority, self.additional)))

    def __str__(self):
        flags = "".join(f for f, on in ((" aa", self.aa), (" tc", self.tc), (" do", self.do)) if on)
        lines = [f"{dns.rcode.to_text(self.rcode)}{flags} {self.size} octets, edns {self.edns}, "
                 f"flags {self.other:x}"]
        for title in ("answer", "authority", "additional"):
            rows = sorted(getattr(self, title))
            for name, rdtype, ttl, rdata in rows[:5]:
                kind = dns.rdatatype.to_text(rdtype)
                lines.append(f"    {title}: {name} {ttl} {kind} {rdata.hex()[:60]}")
            lines += [f"    and {len(rows) - 5} more"] * (len(rows) > 5)
        return "\n".join(lines)


def records(section):
    return {(rrset.name.to_text().lower(), rrset.rdtype, rrset.ttl, rdata.to_digestable())
            for rrset in section for rdata in rrset}


# ---- the reasons: what may differ, and why ----
#
# Each takes out of copies of both answers what it explains, and nothing else; what is
# left must be alike.

APEXES = [dns.name.from_text(o) for o in ORIGINS]
ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)


def of_type(rows, *types):
    return {r for r in rows if r[1] in types}


def zone_of(name):
    """The served zone that is closest above the name, or None."""
    above = [apex for apex in APEXES if name.is_subdomain(apex)]
    return max(above, key=len, default=None)


def wire_name(rdata):
    return dns.name.from_wire(rdata, 0)[0]


def end_of_chain(q, answer):
    """The name that the CNAMEs of an answer lead to."""
    aliases = {name: wire_name(rdata) for name, rdtype, _,
               rdata in answer if rdtype == dns.rdatatype.CNAME}
    name, hops = q.name, 0
    while name.to_text().lower() in aliases and hops < 20:
        name, hops = aliases[name.to_text().lower()], hops + 1
    return name


def end_of_dname(answer):
    """The target of the only DNAME of an answer, "" if there is not one."""
    targets = [wire_name(r[3]).to_text().lower() for r in of_type(answer, dns.rdatatype.DNAME)]
    return targets[0] if len(targets) == 1 else ""


def ds_in_referrals(peer, q, ours, theirs):
    """RFC 4035 3.1.4: a referral carries the DS when DO is set.  The peers give it from signed
    zones only."""
    if q.do:
        cuts = {r[0] for r in of_type(ours.authority, dns.rdatatype.NS)}
        ours.authority -= {r for r in of_type(ours.authority, dns.rdatatype.DS) if r[0] in cuts}


def addresses_of_svcb_targets(peer, q, ours, theirs):
    """RFC 9460 4.1, 2.5.2: addresses of SVCB and HTTPS targets should be added, and "." is the
    owner itself. NSD adds none, Knot none for "."."""
    for _, _, _, rdata in of_type(ours.answer, dns.rdatatype.HTTPS, dns.rdatatype.SVCB):
        target = dns.name.from_wire(rdata, 2)[0]
        if peer == "nsd" or target == dns.name.root:
            name = (q.name if target == dns.name.root else target).to_text().lower()
            ours.additional -= {r for r in of_type(ours.additional, *ADDRESSES)
                                if r[0] == name} - theirs.additional


def asterisk_in_additional(peer, q, ours, theirs):
    """RFC 4592 3.3.3: what a wildcard gives has the name that it stands for, the target's.  Knot
    gives addresses of SVCB and HTTPS targets with the wildcard's own."""
    found = {r for r in theirs.additional if r[0] == "*.wildmx.diff.test."}
    if peer == "knot" and q.type in (dns.rdatatype.SVCB, dns.rdatatype.HTTPS) and found:
        theirs.additional = theirs.additional - found | \
            {("h.wildmx.diff.test.", *r[1:]) for r in found}


def glue_for_mx(peer, q, ours, theirs):
    """RFC 1034 4.3.2 6: addresses at hand may be added; NSD leaves those below a cut to
    referrals."""
    if peer == "nsd" and q.type == dns.rdatatype.MX:
        ours.additional -= {r for r in of_type(ours.additional, *ADDRESSES)
                            if r[0].endswith(".glued.diff.test.")}


def one_rrset_for_any(peer, q, ours, theirs):
    """RFC 8482 4.1: one RRset answers ANY, and which one is up to the server."""
    end = end_of_chain(q, ours.answer).to_text().lower()
    chosen = [{r for r in a.answer if r[0] == end} for a in (ours, theirs)]
    if q.type == dns.rdatatype.ANY and all(len({r[1] for r in rows}) == 1 for rows in chosen):
        for answer, rows in zip((ours, theirs), chosen):
            answer.answer -= rows
            answer.additional = set()


def yxdomain_is_the_end(peer, q, ours, theirs):
    """RFC 6672 3.2: "set RCODE to YXDOMAIN and exit": no SOA (RFC 2308 caches NXDOMAIN and NODATA,
    not this), and no data of the DNAME's target, which Knot adds."""
    if ours.rcode == theirs.rcode == dns.rcode.YXDOMAIN and not ours.authority:
        theirs.authority -= of_type(theirs.authority, dns.rdatatype.SOA)
        theirs.answer -= {r for r in theirs.answer if r[0] == end_of_dname(ours.answer)}


def dname_of_an_asterisk(peer, q, ours, theirs):
    """RFC 6672 3.1: a DNAME is given with its owner.  Below a wildcard's own name (3.3 discourages
    such DNAMEs) Knot gives it with the name asked."""
    own = {("*.wdn.diff.test.", *r[1:]) for r in of_type(theirs.answer, dns.rdatatype.DNAME)}
    if peer == "knot" and own and own <= ours.answer:
        theirs.answer = theirs.answer - of_type(theirs.answer, dns.rdatatype.DNAME) | own


def ns_of_the_zone(peer, q, ours, theirs):
    """RFC 1034 4.3.2 asks for no NS beside an answer; NSD adds those of the zone, and their
    addresses."""
    if peer != "nsd" or not theirs.aa or not theirs.answer or ours.authority:
        return
    apexes = {a.to_text() for a in APEXES}
    extra = {r for r in of_type(theirs.authority, dns.rdatatype.NS) if r[0] in apexes}
    targets = {wire_name(r[3]).to_text().lower() for r in extra}
    theirs.authority -= extra
    theirs.additional -= {r for r in of_type(theirs.additional, *ADDRESSES)
                          if r[0] in targets} - ours.additional


def chains_end_with_the_zone(peer, q, ours, theirs):
    """RFC 1034 4.3.2 lets a server go on in another of its zones, as NSD does; resolvers take
    nothing of it (RFC 2181 5.4.1), so dnsd, like Knot, stays in the zone of the question."""
    end = end_of_chain(q, ours.answer)
    home, there = zone_of(q.name), zone_of(end)
    if peer == "nsd" and home and there and home != there and ours.answer <= theirs.answer:
        for answer in ours, theirs:
            answer.answer, answer.authority, answer.additional, answer.rcode = set(), set(), \
                set(), 0


def aliases_for_nsec3(peer, q, ours, theirs):
    """RFC 1034 4.3.2 3a: an alias is followed for every type but its own, and no RFC says otherwise
    for NSEC3. NSD ends there, with NODATA."""
    missing = ours.answer - theirs.answer
    if peer == "nsd" and q.type == dns.rdatatype.NSEC3 and missing and \
            theirs.answer <= ours.answer and of_type(missing, dns.rdatatype.CNAME):
        for answer in ours, theirs:
            answer.answer, answer.authority, answer.additional, answer.rcode = set(), set(), \
                set(), 0


def names_below_a_hash(peer, q, ours, theirs):
    """RFC 5155 7.2.8: the owner of an NSEC3 record does not exist if nothing exists "at any
    descendants", either.  NSD says NXDOMAIN for one with a name below (RFC 8020 forbids that)."""
    if peer == "nsd" and q.name.to_text().lower() == "kohar7mbb8dc2ce8a9qvl8hon4k53uhi.nsec3.test.":
        if (ours.rcode, theirs.rcode) == (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            theirs.rcode = ours.rcode


REASONS = [aliases_for_nsec3, names_below_a_hash, ds_in_referrals, addresses_of_svcb_targets,
           asterisk_in_additional, glue_for_mx, one_rrset_for_any, yxdomain_is_the_end,
           dname_of_an_asterisk, ns_of_the_zone, chains_end_with_the_zone]


def explain(peer, q, ours, theirs):
    """Names of the reasons that cover the whole difference, None if they do not."""
    if ours.seen() == theirs.seen():
        return "alike"
    ours, theirs = copy.deepcopy(ours), copy.deepcopy(theirs)
    used = []
    for reason in REASONS:
        if ours.seen() == theirs.seen():
            break
        before = ours.seen(), theirs.seen()
        reason(peer, q, ours, theirs)
        if before != (ours.seen(), theirs.seen()):
            used.append(reason.__name__)
    return " + ".join(used) if ours.seen() == theirs.seen() else None


def lost(cut, full):
    """What a UDP answer lacks, section by section; None if it says something else."""
    for title in ("answer", "authority", "additional"):
        if not getattr(cut, title) <= getattr(full, title):
            return None
    return {r[1] for title in ("authority", "additional")
            for r in getattr(full, title) - getattr(cut, title)} | \
        {"answer" for _ in full.answer - cut.answer}


def explain_truncated(peer, q, ours, theirs, full_ours, full_theirs):
    """RFC 2181 9: a truncated answer is asked again over TCP, and what is left in it is chance.  So
    the answers over TCP must agree, and ours must be cut only where it had to be, and say so."""
    limit = min(max(q.size, 512), 1232) if q.edns else 512
    reason = explain(peer, q, full_ours, full_theirs)
    missing = lost(ours, full_ours)
    if reason is None or missing is None or ours.size > limit:
        return None
    if ours.tc:
        if full_ours.size <= limit:
            return None
    elif missing - set(ADDRESSES) or (missing and not full_ours.aa and full_ours.size <= limit):
        return None				# only addresses may be left out without TC
    if ours.tc == theirs.tc:
        return f"{reason}, both truncated"
    gone = lost(theirs, full_theirs)
    if theirs.tc or not gone:
        # RFC 1035 4.1.4: how much is compressed is up to the server
        return f"{reason}, one is larger"
    if gone <= set(ADDRESSES) and not full_ours.aa:
        return f"{reason}, without TC for glue"	# RFC 9471 asks for TC
    if gone == {dns.rdatatype.SOA}:
        # RFC 2308 3 needs the SOA, so its absence is truncation
        return f"{reason}, without TC for SOA"
    return None


def compare(links):
    """Asks everything; counts of reasons, and the differences without one."""
    counts, unexplained = collections.Counter(), []
    for ident, q in enumerate(questions(), 1):
        wire = packet(q, ident & 0xffff)

        def ask(name, tcp):
            return Answer(links[name].ask_tcp(wire) if tcp else links[name].ask_udp(wire), q)

        ours = ask("dnsd", q.tcp)
        for peer in ("knot", "nsd"):
            theirs = ask(peer, q.tcp)
            reason = explain(peer, q, ours, theirs)
            if reason is None and not q.tcp:
                reason = explain_truncated(peer, q, ours, theirs, ask("dnsd", True),
                                           ask(peer, True))
            counts[f"{peer}: {reason}"] += 1
            if reason is None:
                unexplained.append(f"{q.name} {dns.rdatatype.to_text(q.type)} {q[2:]}\n"
                                   f"  dnsd {ours}\n  {peer} {theirs}")
    return counts, unexplained


def test_every_difference_has_a_reason(servers):
    counts, unexplained = compare(servers)
    print("\n".join(f"{n:6} {reason}" for reason, n in sorted(counts.items())))
    print("\n".join(unexplained[:50]))
    assert not unexplained, f"{len(unexplained)} of {sum(counts.values())} answers"
