"""EDNS, byte by byte: RFC 6891, 5001, 7871, 7873, 9018, 7828, 8914."""
import os
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from conftest import STRANGER

ZONES = {
    "example.org": """
$TTL 300
@     SOA ns hostmaster 1 7200 900 1209600 60
      NS ns
ns    A 192.0.2.1
www   A 192.0.2.2
many  A 192.0.2.3
""" + "".join(f"many A 192.0.3.{i}\n" for i in range(60)) +
    "".join(f"mid A 192.0.4.{i}\n" for i in range(35)),
}
CONF = 'nsid = "site-one"\namplification { factor = 0 }\n'
EDE_CODE, COOKIE, KEEPALIVE = 15, 10, 11


@pytest.fixture
def d(module_dnsd):
    return module_dnsd


def ask(d, options=(), name="www.example.org", rdtype="A", payload=1232, tcp=False, **kw):
    q = d.query(name, rdtype, use_edns=0, payload=payload, options=list(options), **kw)
    return d.tcp(q, source=STRANGER) if tcp else d.udp(q, source=STRANGER)


def option(reply, code):
    found = [o for o in reply.options if o.otype == code]
    assert len(found) <= 1
    return found[0] if found else None


def generic(code, data):
    return dns.edns.GenericOption(code, data)


def data_of(opt):
    return getattr(opt, "data", None) if hasattr(opt, "data") else opt.to_wire()


def ecs(prefix, source, scope=0):
    return dns.edns.ECSOption(prefix, source, scope)


def test_no_edns_in_no_edns_out(d):
    assert d.udp("www.example.org").edns == -1


def test_edns_in_edns_out(d):
    r = ask(d)
    assert r.edns == 0 and r.payload == 1232 and not r.options


def test_do_is_copied(d):
    assert ask(d, want_dnssec=True).ednsflags & dns.flags.DO
    assert not ask(d).ednsflags & dns.flags.DO


def test_bad_version(d):
    q = d.query("www.example.org")
    q.use_edns(1)
    r = d.udp(q)
    assert r.rcode() == dns.rcode.BADVERS and r.edns == 0 and not r.answer


def test_unknown_options_are_ignored(d):
    r = ask(d, [generic(65500, b"whatever"), generic(4, b"")])
    assert r.answer and not r.options


def test_unknown_flags_are_not_copied(d):
    q = d.query("www.example.org", use_edns=0, ednsflags=0x7fff)
    assert d.udp(q).ednsflags & 0x7fff == 0


def test_requestors_payload_below_512_counts_as_512(d):
    full = ask(d, name="mid.example.org", payload=1232)
    assert full.answer
    r = ask(d, name="mid.example.org", payload=100)
    assert r.flags & dns.flags.TC and len(r.to_wire()) <= 512


@pytest.mark.parametrize("payload,fits", [(512, False), (800, True), (1232, True), (4096, True)])
def test_requestors_payload_is_kept(d, payload, fits):
    assert bool(ask(d, name="mid.example.org", payload=payload).answer) == fits


def test_servers_payload_is_kept(d):
    r = ask(d, name="many.example.org", payload=4096)       # about 1,040 octets
    assert r.answer
    assert len(ask(d, name="many.example.org", payload=4096, tcp=True).answer[0]) == 61


def test_servers_payload_is_configurable(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf="udp-payload = 600\namplification { factor = 0 }")
    r = ask(d, name="mid.example.org", payload=4096)
    assert r.flags & dns.flags.TC and r.payload == 600


def two_opts(d):
    packet = bytearray(d.query("www.example.org", use_edns=0).to_wire())
    opt = packet[-11:]
    packet += opt
    packet[11] = 2
    return bytes(packet)


def test_two_opt_records_are_formerr(d):
    assert dns.message.from_wire(d.raw(two_opts(d))).rcode() == dns.rcode.FORMERR


def test_opt_need_not_be_last(d):
    packet = bytearray(d.query("www.example.org", use_edns=0).to_wire())
    packet += b"\0\0\x10\0\1\0\0\0\0\0\1\0"
    packet[11] = 2
    r = dns.message.from_wire(d.raw(bytes(packet)))
    assert r.rcode() == dns.rcode.NOERROR and r.edns == 0


# ---- NSID

def test_nsid(d):
    assert data_of(option(ask(d, [generic(3, b"")]), 3)) == b"site-one"
    assert option(ask(d), 3) is None


# ---- Client Subnet

@pytest.mark.parametrize("address,source", [("192.0.2.0", 24), ("10.0.0.0", 8), ("192.0.2.128", 25),
                                            ("192.0.2.1", 32),
                                            ("2001:db8::", 32), ("2001:db8:1:200::", 56),
                                            ("2001:db8::1", 128),
                                            ("0.0.0.0", 0), ("::", 0)])
def test_client_subnet_is_echoed_with_scope_0_for_static_data(d, address, source):
    for name in ("www.example.org", "nothere.example.org", "ns.example.org"):
        o = option(ask(d, [ecs(address, source)], name=name, rdtype="A"), 8)
        assert (o.address, o.srclen, o.scopelen) == (address, source, 0)


def test_client_subnet_is_not_sent_unasked(d):
    assert option(ask(d), 8) is None


@pytest.mark.parametrize("sentence,data", [
    ("scope in a query", b"\0\1\x18\x18\xc0\0\2"), ("an octet missing", b"\0\1\x18\0\xc0\0"),
    ("an octet too many", b"\0\1\x18\0\xc0\0\2\0"), ("bits past SOURCE", b"\0\1\x17\0\xc0\0\3"),
    ("SOURCE past the family", b"\0\1\x21\0\xc0\0\2\0\0"),
    ("unknown family", b"\0\3\x18\0\xc0\0\2"),
    ("family 0 with an address", b"\0\0\x08\0\x0a"), ("too short", b"\0\1\0"), ("empty", b"")])
def test_malformed_client_subnet_is_formerr(d, sentence, data):
    r = ask(d, [generic(8, data)])
    assert r.rcode() == dns.rcode.FORMERR and not r.answer, sentence


def test_client_subnet_opt_out_with_family_0(d):
    assert data_of(generic(8, b"\0\0\0\0")) == b"\0\0\0\0"
    q = d.query("www.example.org", use_edns=0, options=[generic(8, b"\0\0\0\0")])
    assert b"\0\x08\0\x04\0\0\0\0" in d.raw(q.to_wire())


# ---- cookies

def cookie(d, data, **kw):
    return ask(d, [generic(COOKIE, data)], **kw)


def test_client_cookie_gets_a_server_cookie(d):
    c = data_of(option(cookie(d, b"12345678"), COOKIE))
    assert len(c) == 24 and c[:8] == b"12345678" and c[8] == 1 and c[9:12] == b"\0\0\0"
    assert abs(struct.unpack(">I", c[12:16])[0] - time.time()) < 5


@pytest.mark.parametrize("length", [1, 7, 9, 15, 41])
def test_cookies_of_wrong_length_are_formerr(d, length):
    assert cookie(d, b"x" * length).rcode() == dns.rcode.FORMERR


def test_a_wrong_server_cookie_gets_a_new_one(d):
    r = cookie(d, b"12345678" + b"x" * 16)
    assert r.rcode() == dns.rcode.NOERROR and r.answer and len(data_of(option(r, COOKIE))) == 24


def cookie_alone(d, data):
    """What is answered to a cookie without a question: extended rcode, cookie."""
    opt = b"\0\0\x29\x04\xd0\0\0\0\0" + struct.pack(">HHH", 4 + len(data), 10, len(data)) + data
    r = dns.message.from_wire(d.raw(b"\x12\x34\0\0\0\0\0\0\0\0\0\1" + opt, source=STRANGER))
    assert not r.question and not r.answer
    return r.rcode(), option(r, COOKIE) and data_of(option(r, COOKIE))


def test_cookie_without_a_question(d):
    rcode, fresh = cookie_alone(d, b"abcdefgh")
    assert rcode == dns.rcode.NOERROR and len(fresh) == 24 and fresh[:8] == b"abcdefgh"
    assert cookie_alone(d, fresh)[0] == dns.rcode.NOERROR


def test_wrong_server_cookie_without_a_question_is_badcookie(d):
    """RFC 7873 5.4: so that a client learns whether the one it has is still good."""
    rcode, fresh = cookie_alone(d, b"abcdefgh" + b"x" * 16)
    assert rcode == dns.rcode.BADCOOKIE and len(fresh) == 24


def test_cookie_without_a_question_is_formerr_where_cookies_are_off(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf="cookies { enabled = false }")
    assert cookie_alone(d, b"abcdefgh") == (dns.rcode.FORMERR, None)


def test_cookies_are_shared_by_sites_and_roll_over(dnsd_factory, tmp_path):
    old, new = os.urandom(16).hex(), os.urandom(16).hex()
    sites = []
    for i, secrets in enumerate((old, new + "\n" + old, new)):
        path = tmp_path / f"secret{i}"
        path.write_text(secrets + "\n")
        sites.append(dnsd_factory(zones=ZONES,
                                  conf=f'cookies {{ require = true secret-file = "{path}" }}'))
    first, both, last = sites
    from_first = data_of(option(cookie(first, b"abcdefgh"), COOKIE))
    assert cookie(first, from_first).rcode() == dns.rcode.NOERROR
    assert cookie(both, from_first).rcode() == dns.rcode.NOERROR
    assert cookie(last, from_first).rcode() == dns.rcode.BADCOOKIE
    from_both = data_of(option(cookie(both, b"abcdefgh"), COOKIE))
    assert cookie(last, from_both).rcode() == dns.rcode.NOERROR


def test_cookies_required(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf="cookies { require = true }")
    r = cookie(d, b"abcdefgh")
    assert r.rcode() == dns.rcode.BADCOOKIE and not r.answer
    r = cookie(d, data_of(option(r, COOKIE)))
    assert r.rcode() == dns.rcode.NOERROR and r.answer
    r = ask(d)
    assert r.flags & dns.flags.TC and not r.answer          # who knows no cookies is sent to TCP
    assert ask(d, tcp=True).answer


def test_cookies_can_be_switched_off(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf="cookies { enabled = false }")
    assert option(cookie(d, b"abcdefgh"), COOKIE) is None


# ---- keepalive, EDE

def test_keepalive_over_tcp_only(d):
    o = option(ask(d, [generic(KEEPALIVE, b"")], tcp=True), KEEPALIVE)
    assert struct.unpack(">H", data_of(o))[0] == 100        # 10 s in units of 100 ms
    assert option(ask(d, [generic(KEEPALIVE, b"")]), KEEPALIVE) is None
    assert ask(d, [generic(KEEPALIVE, b"\0\1")], tcp=True).rcode() == dns.rcode.FORMERR


def ede(reply):
    o = option(reply, EDE_CODE)
    return None if o is None else (o.code if hasattr(o, "code")
                                   else struct.unpack(">H", o.data[:2])[0])


def test_extended_errors(d):
    assert ede(ask(d, name="example.net")) == 20            # Not Authoritative
    q = d.query("example.org", "SOA", use_edns=0)
    packet = bytearray(q.to_wire())
    packet[2] = packet[2] & 0x87 | 4 << 3
    assert b"\0\x0f\0\x02\0\x12" in d.raw(bytes(packet))    # NOTIFY: Prohibited
    assert ede(ask(d)) is None


# ---- amplification

@pytest.mark.parametrize("name,rdtype", [("many.example.org", "A"), ("www.example.org", "A"),
                                         ("nothere.example.org", "A"),
                                         ("example.org", "NS"), ("example.org", "ANY")])
def test_answers_are_at_most_5_times_the_questions_and_the_budget(dnsd_factory, name, rdtype):
    """Without a cookie, and whatever is asked for: in the long run."""
    d = dnsd_factory(zones=ZONES, conf="amplification { octets-per-second = 10000 }")
    begun, asked, answered = time.monotonic(), 0, 0
    for kw in ({}, {"use_edns": 0, "payload": 4096}, {"use_edns": 0, "payload": 4096,
                                                      "want_dnssec": True}):
        q = d.query(name, rdtype, **kw).to_wire()
        for _ in range(100):
            asked += len(q)
            answered += len(d.raw(q, source=STRANGER))
    assert answered <= 5 * asked + 10000 * (1 + time.monotonic() - begun)
    # a cookie proves the address: then the whole answer is given
    c = data_of(option(ask(d, [generic(COOKIE, b"abcdefgh")], name=name, rdtype=rdtype), COOKIE))
    assert ask(d, [generic(COOKIE, c)], name="many.example.org", payload=4096).answer
