"""How short answers are: names are compressed against all that the packet has (RFC 1035 4.1.4).

A zone shaped like the root's (signed, with 13 name servers a delegation in few or many domains)
is served by dnsd, Knot and NSD.  What fits into 1232 octets there fits here, with the same
records.  Then every answer to many questions is held against what dnspython makes of it: no
shorter form exists.  Last, 64 KB over TCP, where names lie beyond what a pointer can reach.
"""
import os
import random
import struct

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import pytest

import test_differential as peers
from conftest import Dnsd

pytestmark = pytest.mark.skipif(not (peers.KNOTD and peers.NSD),
                                reason="knotd and nsd are not installed")
RNG = random.Random(20251128)
SIG = "20300101000000 20200101000000 12345 . " + "AAAA" * 85 + "AA=="        # 256 octets


def rrsig(covered, labels):
    return f"86400 RRSIG {covered} 8 {labels} 86400 {SIG}"


def delegation(tld):
    """Lines of one top-level domain, in one of the shapes that the root has."""
    shape = RNG.randrange(7)
    if shape == 0:          # gtld-servers: glue for all, in one domain
        hosts = [f"{c}.gtld-servers.net." for c in "abcdefghijklm"]
    elif shape == 1:        # the registry's own
        hosts = [f"{c}.nic.{tld}." for c in "abcdef"]
    elif shape == 2:        # the registry's and others'
        hosts = [f"ns{i}.dns.nic.{tld}." for i in range(1, 5)] + \
                [f"{c}0.{tld}.afilias-nst.{z}." for c in "abcd" for z in ("info", "org")]
    elif shape == 3:        # at the name itself, and deep below it
        hosts = [f"{tld}.", f"a.b.c.{tld}.", f"b.c.{tld}.", f"x.b.c.{tld}."]
    elif shape == 4:        # long names in other domains, without glue
        hosts = [f"{tld}-{i}.anycast-{i % 3}.registry-operator.example." for i in range(10)]
    elif shape == 5:        # all below it, so that none may be left out
        hosts = [f"{c}.dns.nic-operations-centre.{tld}." for c in "abcdefghijklm"]
    else:
        hosts = [f"{c}.dns.{z}." for c in "abcd" for z in ("jp", "br", "eu")] + \
                [f"ns-ext.{tld}.isc.org."]
    lines = [f"{tld}. 172800 NS {h}" for h in hosts]
    lines += [f"{tld}. 86400 DS {i} 8 2 {i:064x}" for i in range(RNG.randrange(1, 3))]
    return lines + [f"{tld}. {rrsig('DS', 1)}"], hosts


def root_zone(tlds):
    lines = [". 86400 SOA a.root-servers.net. nstld.verisign-grs.com. 1 2 3 4 86400",
             f". {rrsig('SOA', 0)}", f". {rrsig('NS', 0)}", ". 86400 DNSKEY 257 3 8 AwEAAQ==",
             f". {rrsig('DNSKEY', 0)}"]
    lines += [f". 518400 NS {c}.root-servers.net." for c in "abcdefghijklm"]
    glue = {f"{c}.root-servers.net." for c in "abcdefghijklm"}
    for tld in tlds:
        more, hosts = delegation(tld)
        lines += more
        glue |= {h for h in hosts if not h.endswith(".example.")}
    for i, host in enumerate(sorted(glue)):
        lines += [f"{host} 172800 A 192.0.{i >> 8}.{i & 255}",
                  f"{host} 172800 AAAA 2001:db8::{i:x}"]
    return "\n".join(lines) + "\n"


TLDS = ["net", "org", "info", "jp", "br", "eu", "com"] + \
    ["".join(RNG.choices("abcdefghijklmnopqrstuvwxyz", k=RNG.randrange(2, 16))) + str(i)
     for i in range(300)]
# what only TCP carries: names on both sides of the offset 16384
LARGE = "$TTL 60\n@ SOA ns.hosts hm.hosts 1 2 3 4 5\n@ NS ns.hosts\nns.hosts A 192.0.2.1\n" + \
    "".join(f"many MX {i} mx{i}.pool{i % 700}.hosts\nmany2 MX {i} mx{i}.many2\n"
            f"list PTR a{i}.b{i % 11}.example.\n" for i in range(1200)) + \
    "".join(f"mx{i}.pool{i % 700}.hosts A 192.0.2.2\n" for i in range(1200))


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    texts = {".": root_zone(TLDS), "large.test": LARGE,
             **{o: peers.master_text(o) for o in peers.ORIGINS}}
    running = {}
    try:
        for name, start in (("knot", peers.start_knot), ("nsd", peers.start_nsd)):
            folder = str(tmp_path_factory.mktemp(name))
            files = {}
            for origin, text in texts.items():
                files[origin] = os.path.join(folder, (origin.strip(".") or "root") + ".zone")
                with open(files[origin], "w") as f:
                    f.write(text)
            running[name] = start(folder, files)
        ours = Dnsd(tmp_path_factory.mktemp("dnsd"), zones=texts, threads=1)
        running["dnsd"] = ours
        ours.start()
        yield {name: peers.Link(s.port) for name, s in running.items()}
    finally:
        for s in running.values():
            s.stop()


def question(name, rdtype, do=True, size=1232, tcp=False):
    return peers.Question(dns.name.from_text(name), dns.rdatatype.from_text(rdtype), True, size, do,
                          tcp)


def test_every_signed_referral_fits_where_the_peers_does(servers):
    cut, larger = [], []
    for i, tld in enumerate(TLDS):
        q = question(f"www.example.{tld}.", "AAAA")
        wire = peers.packet(q, i)
        answers = {name: peers.Answer(link.ask_udp(wire), q) for name, link in servers.items()}
        ours = answers.pop("dnsd")
        assert of_authority(ours) == {dns.rdatatype.NS, dns.rdatatype.DS, dns.rdatatype.RRSIG}
        for name, theirs in answers.items():
            if theirs.tc:
                continue
            if ours.tc:         # with RFC 9471 no glue may be left out, which NSD does
                full = peers.Answer(servers["dnsd"].ask_tcp(wire), q)
                if full.additional <= theirs.additional or full.size <= 1232:
                    cut.append(f"{tld}: {full.size}, {name} {theirs.size}")
            elif ours.seen() == theirs.seen() and ours.size > theirs.size:
                larger.append(f"{tld}: {ours.size}, {name} {theirs.size}")
            assert ours.authority == theirs.authority or ours.tc, tld
    assert not cut and not larger


def of_authority(answer):
    return {r[1] for r in answer.authority}


def shortest(wire):
    """Octets of what dnspython makes of an answer: all names compressed against all before them.
    The root as an owner is a pointer to the question here, an octet more than there.  Where it
    takes one spelling of a name for another, the case of letters is lost: that is not shorter."""
    m = dns.message.from_wire(wire)
    m.request_payload = 65535
    roots = sum(len(rrset) for rrset in m.answer + m.authority + m.additional
                if rrset.name == dns.name.root)
    theirs = m.to_wire(max_size=65535)
    if dns.message.from_wire(theirs).to_text() != m.to_text():
        return len(wire)
    return len(theirs) + roots


# dnspython also points to names in the rdata of types that may not be compressed
POINTED = {dns.rdatatype.SRV, dns.rdatatype.NAPTR, dns.rdatatype.LP, dns.rdatatype.ANY}


def test_no_answer_can_be_shorter(servers):
    """All questions of the differential test, over TCP, where nothing is left out."""
    long = []
    for i, q in enumerate(peers.questions(), 1):
        if q.type in POINTED:
            continue
        wire = servers["dnsd"].ask_tcp(peers.packet(q, i & 0xffff))
        if len(wire) > shortest(wire):
            long.append(f"{q.name} {dns.rdatatype.to_text(q.type)}: {len(wire)}")
    for i, tld in enumerate(TLDS):
        wire = servers["dnsd"].ask_tcp(peers.packet(question(f"a.{tld}.", "A"), i))
        if len(wire) > shortest(wire):
            long.append(f"referral to {tld}: {len(wire)}")
    assert not long


def pointers(wire):
    """(place, where it leads) of all pointers in owners and in the rdata of NS, MX, PTR, SOA and
    CNAME."""
    found = []

    def skip(at):
        while 0 < wire[at] < 0xc0:
            at += wire[at] + 1
        if wire[at] == 0:
            return at + 1
        found.append((at, struct.unpack_from("!H", wire, at)[0] & 0x3fff))
        return at + 2

    at = skip(12) + 4
    for _ in range(sum(struct.unpack_from("!HHH", wire, 6))):
        at = skip(at)
        rdtype, length = struct.unpack_from("!H6xH", wire, at)
        at += 10
        if rdtype in (2, 5, 12, 6):
            end = skip(at)
            if rdtype == 6:
                skip(end)
        elif rdtype == 15:
            skip(at + 2)
        at += length
    assert at == len(wire)
    return found


@pytest.mark.parametrize("name, rdtype", [("many", "MX"), ("many2", "MX"), ("list", "PTR")])
def test_names_past_16383_are_not_pointed_to(servers, name, rdtype):
    q = question(f"{name}.large.test.", rdtype, tcp=True)
    wires = {peer: link.ask_tcp(peers.packet(q, 7)) for peer, link in servers.items()}
    answers = {peer: peers.Answer(w, q) for peer, w in wires.items()}
    assert len(wires["dnsd"]) > 0x4000
    assert answers["dnsd"].answer == answers["nsd"].answer == answers["knot"].answer
    found = pointers(wires["dnsd"])
    assert found and all(12 <= to < at for at, to in found)
    assert any(at > 0x4000 for at, _ in found)
    assert len(wires["dnsd"]) <= len(wires["nsd"]) or answers["dnsd"].additional


@pytest.mark.parametrize("name, rdtype", [
    ("many.large.test", "MX"), ("MANY.Large.TEST", "MX"), ("x.glued.diff.test", "A"),
    ("X.GLUED.diff.test", "A"), ("c1.chain.DIFF.test", "A"), ("nothing.ns.hosts.large.test", "A"),
])
def test_zone_data_keeps_its_case(servers, name, rdtype):
    """But for the ends of names that are the question's."""
    q = question(name + ".", rdtype, tcp=True)
    m = dns.message.from_wire(servers["dnsd"].ask_tcp(peers.packet(q, 9)))
    asked = [dns.name.Name(q.name.labels[i:]) for i in range(len(q.name.labels))]
    for rrset in m.answer + m.authority:
        for rdata in rrset:
            target = getattr(rdata, "exchange", None) or getattr(rdata, "target", None) or \
                getattr(rdata, "mname", None)
            if target is None:
                continue
            own = [label for label in target.labels
                   if not any(label.lower() in end.to_text().lower().encode() for end in asked)]
            assert all(label == label.lower() for label in own)
            assert any(target.labels[-len(end.labels):] == end.labels for end in asked)
