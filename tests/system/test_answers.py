"""Answers, flag by flag: RFC 1034, 1035, 2181, 2308, 4592, 6604, 6672, 8020, 8482, 9471, 9460."""
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

ZONES = {
    "example.org": r"""
$TTL 300
@           3600 SOA ns1 hostmaster 1 7200 900 1209600 60
            3600 NS  ns1
            3600 NS  ns2
            3600 MX  10 mail
            A 192.0.2.80
ns1         A 192.0.2.1
            AAAA 2001:db8::1
ns2         A 192.0.2.2
mail        A 192.0.2.25
            AAAA 2001:db8::25
www         CNAME web
web         A 192.0.2.81
            A 192.0.2.82
            TXT "two" "strings"
outside     CNAME www.example.net.
missing     CNAME nothere
loop1       CNAME loop2
loop2       CNAME loop1
self        CNAME self
long0       CNAME long1
long1       CNAME long2
long2       CNAME long3
long3       A 192.0.2.83
deep.empty.non.terminal A 192.0.2.84
*.wild      A 192.0.2.85
            TXT "wild"
exists.wild A 192.0.2.86
below.ent.wild A 192.0.2.87
*.wc        CNAME web
*.wm        MX 5 mail
old         DNAME new
old         TXT "data at the owner of a DNAME"
a.new       A 192.0.2.88
c.new       CNAME web
far         DNAME example.net.
sub         NS ns.sub
            NS ns.elsewhere.example.net.
            DS 12345 13 2 1111111111111111111111111111111111111111111111111111111111111111
ns.sub      A 192.0.2.90
            AAAA 2001:db8::90
under.sub   A 192.0.2.91
lame        NS ns1.example.net.
sibling     NS ns.sub
tocut       CNAME host.sub
_sip._tcp   SRV 0 5 5060 mail
svc         HTTPS 1 web alpn=h2
svcself     HTTPS 1 . alpn=h2
            A 192.0.2.92
UPPER       A 192.0.2.93
weird\.dot  A 192.0.2.94
bin\000\255 A 192.0.2.95
unknown     TYPE65280 \# 4 0a000001
any         A 192.0.2.96
            AAAA 2001:db8::96
            TXT "any"
            MX 0 mail
big         TXT "%(x)s"
            TXT "1%(x)s"
            TXT "2%(x)s"
            TXT "3%(x)s"
            TXT "4%(x)s"
            TXT "5%(x)s"
""" % {"x": "x" * 240},
    "child.example.org": """
$TTL 300
@   SOA ns hostmaster 1 7200 900 1209600 60
    NS ns
ns  A 192.0.2.53
www A 192.0.2.54
""",
    "example.com": """
$TTL 30
@   SOA ns.example.net. hostmaster 7 7200 900 1209600 3600
    NS ns.example.net.
""",
}
ZONES["example.org"] += f"""
longdname DNAME {"a" * 60}.{"b" * 60}.{"c" * 60}
child NS ns.child
child DS 1 13 2 {"2" * 64}
ns.child A 192.0.2.53
"""

ZONES["ends.example"] = """
$TTL 30
@   SOA dns.other.test. host.dns.other.test. 7 7200 900 1209600 3600
    NS dns.other.test.
    NS b.dns.other.test.
sub NS x
    NS ns2.x
x   A 192.0.2.1
ns2.x A 192.0.2.2
mx  MX 5 m.w
    MX 6 m2.w
    MX 7 M.w
q.w MX 5 m.w
    MX 6 m2.w
*.w A 192.0.2.3
    HTTPS 1 t.w
srv SRV 1 2 3 s.w
svc HTTPS 1 h.w
p   PTR x
    PTR x.x
    PTR p.x
"""

SOA = "example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 60"


@pytest.fixture
def d(module_dnsd):
    return module_dnsd


def records(section):
    return sorted(line for rrset in section for line in rrset.to_text().splitlines())


def flags(reply):
    return {f.name for f in dns.flags.Flag if reply.flags & f}


def is_nodata(reply, soa=SOA):
    return reply.rcode() == dns.rcode.NOERROR and not reply.answer and \
        records(reply.authority) == [soa] \
        and flags(reply) == {"QR", "AA"}


def is_nxdomain(reply, soa=SOA):
    return reply.rcode() == dns.rcode.NXDOMAIN and records(reply.authority) == [soa] and \
        flags(reply) == {"QR", "AA"}


def test_exact_match(d):
    r = d.udp("web.example.org")
    assert records(r.answer) == ["web.example.org. 300 IN A 192.0.2.81",
                                 "web.example.org. 300 IN A 192.0.2.82"]
    assert flags(r) == {"QR", "AA"} and not r.authority and not r.additional


def test_apex(d):
    assert records(d.udp("example.org").answer) == ["example.org. 300 IN A 192.0.2.80"]


def test_over_ipv6(d):
    assert d.udp("web.example.org", where="::1").answer == d.udp("web.example.org").answer


def test_over_tcp(d):
    assert d.tcp("web.example.org").answer == d.udp("web.example.org").answer


def test_soa_with_its_own_ttl(d):
    assert records(d.udp("example.org", "SOA").answer)[0].startswith("example.org. 3600 IN SOA")


def test_rd_is_copied_and_ra_is_not_set(d):
    q = d.query("web.example.org")
    q.flags |= dns.flags.RD
    assert flags(d.udp(q)) == {"QR", "AA", "RD"}


def test_cd_is_copied_and_ad_is_not(d):
    q = d.query("web.example.org")
    q.flags |= dns.flags.CD | dns.flags.AD
    assert flags(d.udp(q)) == {"QR", "AA", "CD"}


def test_case_of_the_question_is_preserved(d):
    q = d.query("wEb.ExAmPlE.oRg")
    r = d.raw(q.to_wire())
    assert b"\x03wEb\x07ExAmPlE\x03oRg\x00" in r
    assert len(dns.message.from_wire(r).answer[0]) == 2


def test_names_compare_without_case(d):
    assert d.udp("upper.example.org").answer and d.udp("uPPer.EXAMPLE.org").answer


def test_escaped_and_binary_labels(d):
    assert d.udp(dns.name.from_text(r"weird\.dot.example.org.")).answer
    assert d.udp(dns.name.from_text(r"bin\000\255.example.org.")).answer
    assert is_nxdomain(d.udp("weird.dot.example.org"))


def test_unknown_type(d):
    r = d.udp("unknown.example.org", "TYPE65280")
    assert r.answer[0][0].to_wire() == b"\x0a\0\0\1"


def test_nodata_has_the_negative_ttl(d):
    assert is_nodata(d.udp("web.example.org", "AAAA"))


def test_nodata_ttl_is_the_soas_when_that_is_lower(d):
    r = d.udp("example.com", "A")
    assert r.authority[0].ttl == 30


def test_nxdomain(d):
    assert is_nxdomain(d.udp("nothere.example.org"))
    assert is_nxdomain(d.udp("a.b.c.d.nothere.example.org"))


def test_nothing_below_an_nxdomain(d):
    # RFC 8020: the name above exists, this does not
    assert is_nxdomain(d.udp("x.web.example.org"))


def test_empty_non_terminal_is_nodata(d):
    for name in ("terminal", "non.terminal", "empty.non.terminal"):
        assert is_nodata(d.udp(name + ".example.org"))
    assert is_nxdomain(d.udp("other.empty.non.terminal.example.org"))


def test_cname_in_the_zone_is_followed(d):
    r = d.udp("www.example.org")
    assert [x.to_text().split()[3] for x in r.answer] == ["CNAME", "A"]
    assert flags(r) == {"QR", "AA"}


def test_cname_itself_can_be_asked(d):
    assert records(d.udp("www.example.org",
                         "CNAME").answer) == ["www.example.org. 300 IN CNAME web.example.org."]


def test_cname_chain(d):
    r = d.udp("long0.example.org")
    assert len(r.answer) == 4 and r.answer[-1][0].address == "192.0.2.83"


def test_cname_to_another_zone_is_not_followed(d):
    r = d.udp("outside.example.org")
    assert r.rcode() == dns.rcode.NOERROR and len(r.answer) == 1 and not r.authority


def test_cname_to_nothing_is_nxdomain(d):
    r = d.udp("missing.example.org")                         # RFC 6604: the rcode of the last name
    assert r.rcode() == dns.rcode.NXDOMAIN and len(r.answer) == 1 and records(r.authority) == [SOA]


def test_cname_to_nodata(d):
    r = d.udp("www.example.org", "AAAA")
    assert r.rcode() == dns.rcode.NOERROR and len(r.answer) == 1 and records(r.authority) == [SOA]


@pytest.mark.parametrize("name,records_expected", [("loop1", 2), ("self", 1)])
def test_cname_loops_end(d, name, records_expected):
    r = d.udp(name + ".example.org")
    assert r.rcode() == dns.rcode.NOERROR and len(r.answer) == records_expected


def test_wildcard(d):
    r = d.udp("anything.wild.example.org")
    assert records(r.answer) == ["anything.wild.example.org. 300 IN A 192.0.2.85"]


def test_wildcard_several_labels_deep(d):
    name = dns.name.from_text("a.b.c.wild.example.org")
    assert d.udp("a.b.c.wild.example.org").answer[0].name == name


def test_wildcard_nodata(d):
    assert is_nodata(d.udp("anything.wild.example.org", "AAAA"))


def test_wildcard_does_not_stand_for_a_name_that_exists(d):
    assert is_nodata(d.udp("exists.wild.example.org", "TXT"))
    assert is_nxdomain(d.udp("x.exists.wild.example.org"))


def test_wildcard_does_not_reach_below_an_empty_non_terminal(d):
    assert is_nodata(d.udp("ent.wild.example.org"))
    assert is_nxdomain(d.udp("other.ent.wild.example.org"))


def test_wildcard_itself_can_be_asked(d):
    assert d.udp("*.wild.example.org").answer[0][0].address == "192.0.2.85"


def test_wildcard_with_cname(d):
    r = d.udp("x.y.wc.example.org")
    assert records(r.answer)[-1] == "x.y.wc.example.org. 300 IN CNAME web.example.org." and \
        len(r.answer) == 2


def test_wildcard_with_additional_data(d):
    r = d.udp("x.wm.example.org", "MX")
    assert len(records(r.additional)) == 2


def test_dname(d):
    r = d.udp("a.old.example.org")
    assert records(r.answer) == ["a.new.example.org. 300 IN A 192.0.2.88",
                                 "a.old.example.org. 300 IN CNAME a.new.example.org.",
                                 "old.example.org. 300 IN DNAME new.example.org."]
    assert [x.rdtype for x in r.answer] == [dns.rdatatype.DNAME, dns.rdatatype.CNAME,
                                            dns.rdatatype.A]
    assert flags(r) == {"QR", "AA"}


def test_dname_then_cname(d):
    r = d.udp("c.old.example.org")
    assert [x.rdtype for x in r.answer] == [dns.rdatatype.DNAME, dns.rdatatype.CNAME,
                                            dns.rdatatype.CNAME, dns.rdatatype.A]


def test_dname_to_nothing(d):
    r = d.udp("zzz.old.example.org")
    assert r.rcode() == dns.rcode.NXDOMAIN and len(r.answer) == 2 and records(r.authority) == [SOA]


def test_dname_out_of_the_zone(d):
    r = d.udp("x.y.far.example.org")
    assert r.rcode() == dns.rcode.NOERROR and \
        r.answer[1][0].target == dns.name.from_text("x.y.example.net.")


def test_dname_does_not_redirect_its_own_owner(d):
    assert d.udp("old.example.org", "TXT").answer
    assert is_nodata(d.udp("old.example.org", "A"))
    assert d.udp("old.example.org", "DNAME").answer


def test_dname_made_too_long_is_yxdomain(d):
    name = "d" * 60 + ".longdname.example.org"
    r = d.udp(name)
    assert r.rcode() == dns.rcode.YXDOMAIN and r.answer[0].rdtype == dns.rdatatype.DNAME and \
        len(r.answer) == 1


@pytest.mark.parametrize("name", ["sub", "under.sub", "ns.sub", "any.thing.sub"])
def test_referral(d, name):
    r = d.udp(name + ".example.org")
    assert r.rcode() == dns.rcode.NOERROR and not r.answer and flags(r) == {"QR"}
    assert [x.rdtype for x in r.authority] == [dns.rdatatype.NS] and \
        r.authority[0].name == dns.name.from_text("sub.example.org")
    assert records(r.additional) == ["ns.sub.example.org. 300 IN A 192.0.2.90",
                                     "ns.sub.example.org. 300 IN AAAA 2001:db8::90"]


def test_a_name_that_ends_in_the_first_name_of_its_rrset(d):
    assert records(d.udp("ends.example", "SOA").answer) == [
        "ends.example. 30 IN SOA dns.other.test. host.dns.other.test. 7 7200 900 1209600 3600"]
    assert records(d.udp("ends.example", "NS").answer) == [
        "ends.example. 30 IN NS b.dns.other.test.", "ends.example. 30 IN NS dns.other.test."]
    r = d.udp("www.sub.ends.example")
    assert records(r.authority) == ["sub.ends.example. 30 IN NS ns2.x.ends.example.",
                                    "sub.ends.example. 30 IN NS x.ends.example."]
    assert records(r.additional) == ["ns2.x.ends.example. 30 IN A 192.0.2.2",
                                     "x.ends.example. 30 IN A 192.0.2.1"]
    assert records(d.udp("p.ends.example", "PTR").answer) == [
        "p.ends.example. 30 IN PTR p.x.ends.example.",
        "p.ends.example. 30 IN PTR x.ends.example.",
        "p.ends.example. 30 IN PTR x.x.ends.example."]


def test_addresses_of_targets_that_a_wildcard_stands_for(d):
    m = ["m.w.ends.example. 30 IN A 192.0.2.3", "m2.w.ends.example. 30 IN A 192.0.2.3"]
    assert records(d.udp("mx.ends.example", "MX").additional) == m
    assert records(d.udp("q.w.ends.example", "MX").additional) == m
    assert records(d.udp("srv.ends.example", "SRV").additional) == [
        "s.w.ends.example. 30 IN A 192.0.2.3"]
    assert records(d.udp("svc.ends.example", "HTTPS").additional) == [
        "h.w.ends.example. 30 IN A 192.0.2.3", "h.w.ends.example. 30 IN HTTPS 1 t.w.ends.example."]


def test_referral_with_do_has_the_ds(d):
    r = d.udp("x.sub.example.org", want_dnssec=True)
    assert [x.rdtype for x in r.authority] == [dns.rdatatype.NS, dns.rdatatype.DS]


def test_referral_without_glue(d):
    r = d.udp("x.lame.example.org")
    assert r.authority and not r.additional


def test_referral_with_sibling_glue(d):
    assert len(records(d.udp("x.sibling.example.org").additional)) == 2


def test_ns_at_the_cut_is_a_referral(d):
    assert flags(d.udp("sub.example.org", "NS")) == {"QR"}


def test_ds_at_the_cut_is_the_parents(d):
    r = d.udp("sub.example.org", "DS")
    assert r.answer and flags(r) == {"QR", "AA"}
    assert is_nodata(d.udp("lame.example.org", "DS"))


def test_ds_below_the_cut_is_a_referral(d):
    assert flags(d.udp("x.sub.example.org", "DS")) == {"QR"}


def test_cname_into_a_delegation(d):
    r = d.udp("tocut.example.org")
    assert len(r.answer) == 1 and r.authority[0].rdtype == dns.rdatatype.NS and "AA" in flags(r)


def test_child_zone_on_the_same_server(d):
    r = d.udp("www.child.example.org")
    assert r.answer[0][0].address == "192.0.2.54" and flags(r) == {"QR", "AA"}
    assert d.udp("child.example.org", "SOA").answer


def test_ds_of_a_child_we_serve_comes_from_the_parent(d):
    r = d.udp("child.example.org", "DS")
    assert r.answer and "AA" in flags(r)
    # of the parent's own apex we know no parent: NODATA from the apex itself
    r = d.udp("example.org", "DS")
    assert is_nodata(r)


def test_additional_data_of_mx_srv_ns_https(d):
    for name, rdtype, expected in (("example.org", "MX", {"192.0.2.25", "2001:db8::25"}),
                                   ("example.org", "NS", {"192.0.2.1", "2001:db8::1", "192.0.2.2"}),
                                   ("_sip._tcp.example.org", "SRV", {"192.0.2.25", "2001:db8::25"}),
                                   ("svc.example.org", "HTTPS", {"192.0.2.81", "192.0.2.82"}),
                                   ("svcself.example.org", "HTTPS", {"192.0.2.92"})):
        r = d.udp(name, rdtype)
        assert {x.address for rrset in r.additional for x in rrset} == expected, name


def test_any_is_minimised(d):
    r = d.udp("any.example.org", "ANY")
    assert r.rcode() == dns.rcode.NOERROR and len(r.answer) == 1
    assert is_nodata(d.udp("terminal.example.org", "ANY"))
    assert is_nxdomain(d.udp("nothere.example.org", "ANY"))


def test_any_at_a_cname(d):
    assert [x.rdtype for x in d.udp("www.example.org", "ANY").answer] == [dns.rdatatype.CNAME]


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
def test_transfers_are_refused(d, rdtype):
    q = d.query("example.org", "SOA")
    q.question[0].rdtype = dns.rdatatype.from_text(rdtype)
    r = dns.message.from_wire(d.raw(q.to_wire()))
    assert r.rcode() == dns.rcode.REFUSED and not r.answer


def test_out_of_zone_is_refused(d):
    for name in ("example.net", "org", ".", "xexample.org"):
        r = d.udp(name)
        assert r.rcode() == dns.rcode.REFUSED and flags(r) == {"QR"} and not r.authority, name


def test_other_classes_are_refused(d):
    for rdclass in ("HS", "NONE", "ANY"):
        q = dns.message.make_query("web.example.org", "A", rdclass=rdclass, use_edns=False)
        assert d.udp(q).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("opcode,rcode", [(1, "NOTIMP"), (2, "NOTIMP"), (3, "NOTIMP"),
                                          (4, "REFUSED"), (5, "REFUSED"),
                                          (6, "NOTIMP"), (15, "NOTIMP")])
def test_opcodes(d, opcode, rcode):
    packet = bytearray(d.query("example.org", "SOA").to_wire())
    packet[2] = packet[2] & 0x87 | opcode << 3
    reply = d.raw(bytes(packet))
    assert reply[:2] == packet[:2] and reply[2] >> 3 & 15 == opcode and reply[2] & 0x80
    assert reply[3] & 15 == dns.rcode.from_text(rcode)


def test_truncation_is_by_whole_rrsets(d):
    r = d.udp("big.example.org", "TXT")
    assert "TC" in flags(r) and not r.answer
    assert len(d.tcp("big.example.org", "TXT").answer[0]) == 6


def test_longest_and_shortest_names(d):
    name = ".".join(["a" * 49] * 4 + ["b" * 37]) + ".example.org."
    assert is_nxdomain(d.udp(dns.name.from_text(name)))
    labels = ".".join(["a"] * 121) + ".example.org."
    assert is_nxdomain(d.udp(dns.name.from_text(labels)))


# ---- class CH (RFC 4892)

@pytest.mark.parametrize("name", ["version.bind", "version.server", "id.server", "hostname.bind",
                                  "VERSION.BIND"])
def test_chaos(d, name):
    q = dns.message.make_query(name, "TXT", rdclass="CH", use_edns=False)
    r = d.udp(q)
    assert r.rcode() == dns.rcode.NOERROR and len(r.answer) == 1 and r.answer[0].ttl == 0


def test_chaos_other_names_are_refused(d):
    for name in ("authors.bind", "bind", "example.org"):
        assert d.udp(dns.message.make_query(name, "TXT", rdclass="CH",
                                            use_edns=False)).rcode() == dns.rcode.REFUSED


def test_chaos_can_be_switched_off(dnsd_factory):
    for option, name in (("version-bind", "version.bind"), ("version-server", "version.server"),
                         ("id-server", "id.server"), ("hostname-bind", "hostname.bind")):
        d = dnsd_factory(zones={"example.com": ZONES["example.com"]},
                         conf="chaos { %s = false }" % option)
        for other in ("version.bind", "version.server", "id.server", "hostname.bind"):
            r = d.udp(dns.message.make_query(other, "TXT", rdclass="CH", use_edns=False))
            assert (r.rcode() == dns.rcode.REFUSED) == (other == name), (option, other)
        d.stop()
