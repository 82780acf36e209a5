"""A million mutated packets through a running server: no crash, no leak, no answer that is
not one, none of a wrong size.  (With a sanitizer build, fewer: it is ten times slower.)"""
import os
import random
import select
import socket
import struct

import dns.edns
import dns.message

from test_answers import ZONES as ANSWER_ZONES

ZONES = ANSWER_ZONES
CONF = """
nsid = "mutated"
here = "a"
site "a" { location = { 50, 8 } }
site "b" { location = { 40, -74 } }
pool "p" {
  server "a1" { site = "a" address = { "198.51.100.1", "2001:db8:a::1" } }
  server "a2" { site = "a" address = { "198.51.100.2" } }
  server "b1" { site = "b" address = { "198.51.100.3", "2001:db8:b::1" } }
}
"""
STEERED = """
steered 60 A 192.0.2.200
steered 60 HTTPS 1 . ipv4hint=192.0.2.200 ipv6hint=2001:db8::200
_steer.steered TXT "pool=p"
"""
TOTAL = 100_000 if "asan" in os.environ.get("B", "") else 1_000_000
WINDOW = 64


def seeds():
    """Well-formed questions of every kind we know."""
    generic = dns.edns.GenericOption
    options = [[], [dns.edns.ECSOption("10.1.2.0", 24)], [dns.edns.ECSOption("2001:db8::", 48)],
               [generic(10, b"abcdefgh")], [generic(10, b"abcdefgh" + bytes(16))],
               [generic(3, b"")],
               [generic(65001, b"")], [generic(11, b"")],
               [generic(3, b""), dns.edns.ECSOption("10.1.2.0", 24), generic(10, b"abcdefgh")]]
    names = ["www", "steered", "_why.steered", "_whoami", "a.old", "x.sub", "x.wild", "loop1",
             "big", "nothere", "long0",
             "deep.empty.non.terminal", "x.y.far", "child", "d" * 60 + ".longdname"]
    out = []
    for name in names:
        for rdtype in ("A", "AAAA", "TXT", "ANY", "HTTPS", "DS"):
            out.append(dns.message.make_query(name + ".example.org", rdtype,
                                              use_edns=False).to_wire())
            for opts in options:
                out.append(dns.message.make_query(name + ".example.org", rdtype, use_edns=0,
                                                  payload=1232,
                                                  options=opts,
                                                  want_dnssec=rdtype == "DS").to_wire())
    for name in ("version.bind", "id.server", "site.nearcast"):
        out.append(dns.message.make_query(name, "TXT", rdclass="CH").to_wire())
    return out


def mutate(rng, packet):
    p = bytearray(packet)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        kind = rng.randrange(6)
        at = rng.randrange(2, len(p)) if len(p) > 2 else 0
        if kind == 0:
            p[at:at + 1] = bytes([rng.randrange(256)])
        elif kind == 1 and len(p) > 2:
            p[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del p[at:at + rng.randrange(1, 8)]
        elif kind == 3:
            p[at:at] = rng.randbytes(rng.randrange(1, 8))
        elif kind == 4:
            p = p[:at]
        else:
            p[at:at + 2] = struct.pack(">H", rng.choice((0, 1, 2, 8, 10, 41, 63, 64, 0xc00c, 0xffff,
                                                         255, 512)))
        if not p:
            return b"\0"
    return bytes(p)


def check(answer, question):
    assert len(answer) >= 12 and answer[2] & 0x80, "not an answer"
    assert not question[2] & 0x80, "an answer to an answer"
    assert len(answer) <= 1232, f"{len(answer)} octets"
    assert len(answer) <= max(15 * len(question), 512), f"{len(answer)} octets for {len(question)}"
    assert answer[2] >> 3 & 15 == question[2] >> 3 & 15
    if answer[2] >> 3 & 15 == 0:        # the library knows the other opcodes' sections too well
        dns.message.from_wire(answer, ignore_trailing=False, raise_on_truncation=False)


def test_a_million_mutated_packets(dnsd_factory):
    rng = random.Random(20261121)
    zones = dict(ZONES)
    zones["example.org"] += STEERED
    d = dnsd_factory(zones=zones, conf=CONF)
    base = seeds()
    # mutation is what costs in Python: a pool of them, sent with ids of their own each time
    variants = [mutate(rng, rng.choice(base)) for _ in range(50_000)]
    sent = answered = parsed = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", d.port))
        s.setblocking(False)
        poll = select.poll()
        poll.register(s, select.POLLIN)
        while sent < TOTAL:
            window = {}
            for _ in range(WINDOW):
                packet = struct.pack(">H", sent & 0xffff) + \
                    variants[rng.randrange(len(variants))][2:]
                if len(packet) >= 2:
                    window[sent & 0xffff] = packet
                s.send(packet)
                sent += 1
            silent = {i for i, p in window.items() if len(p) < 12 or p[2] & 0x80}
            while len(window) > len(silent) and poll.poll(500):
                while True:
                    try:
                        answer = s.recv(65535)
                    except BlockingIOError:
                        break
                    question = window.pop(struct.unpack(">H", answer[:2])[0], None)
                    assert question is not None, "an answer to nobody's question"
                    assert len(question) >= 12 and not question[2] & 0x80, \
                        "an answer to what is no question"
                    answered += 1
                    if len(answer) < 12 or len(answer) > 1232 or answered % 50 == 0:
                        check(answer, question)
                        parsed += 1
    assert answered > sent // 3
    assert d.process.poll() is None
    assert d.udp("www.example.org").answer
    print(f"{sent} sent, {answered} answered, {parsed} parsed")
