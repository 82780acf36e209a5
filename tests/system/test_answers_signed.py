"""What a zone that was signed elsewhere says of its signatures: RFC 4034, 4035, 8482."""
import dns.flags
import dns.rcode
import dns.rdatatype
import pytest

SIG = "20300101000000 20200101000000 12345 example.org."


def signature(covered, octets=64):
    return f"RRSIG {covered} 13 2 300 {SIG} {'AAAA' * (octets // 3)}"


ZONES = {"example.org": f"""$TTL 300
@ SOA ns hostmaster 1 2 3 4 60
@ {signature("SOA")}
@ NS ns
@ {signature("NS", 48)}
@ MX 10 mail
@ {signature("MX", 48)}
@ TXT "small, and its signature is not"
@ {signature("TXT", 255)}
ns A 192.0.2.1
ns {signature("A")}
ns TXT "not signed"
plain A 192.0.2.2
*.wild A 192.0.2.3
*.wild {signature("A")}
alias CNAME ns
alias {signature("CNAME")}
alias NSEC *.wild CNAME RRSIG NSEC
alias {signature("NSEC", 255)}
bare CNAME ns
child NS ns.child
child DS 12345 13 2 {"00" * 32}
child {signature("DS")}
ns.child A 192.0.2.4
red DNAME ns
red {signature("DNAME")}
x.ent TXT "x"
two A 192.0.2.5
two {signature("A")}
two {signature("A").replace("12345", "54321")}
dl A 192.0.2.6
dl {signature("A", 24)}
dl TXT "t"
dl {signature("TXT")}
_steer.dl TXT "pool=mirrors"
only A 192.0.2.6
only {signature("A")}
_steer.only TXT "pool=mirrors"
"""}
ZONES["example.org"] += "many TXT x\n" + "".join(
    f"many {signature('TXT', 255).replace('12345', str(i))}\n" for i in range(8))
CONF = """site "fra" { location = { 50, 8 } }
pool "mirrors" { server "a" { site = "fra"  address = "192.0.2.7" } }
max-amplification = 0
"""



@pytest.fixture
def signed(module_dnsd):
    return module_dnsd


def covered(reply):
    """(owner, type covered) of each signature in the answer section; nothing else may stand
    there."""
    assert {rrset.rdtype for rrset in reply.answer} <= {dns.rdatatype.RRSIG}
    return sorted((rrset.name.to_text(), dns.rdatatype.to_text(sig.type_covered))
                  for rrset in reply.answer for sig in rrset)


@pytest.mark.parametrize("want_dnssec", [False, True], ids=["plain", "do"])
@pytest.mark.parametrize("name, expected", [
    ("example.org.", [("example.org.", "NS")]),
    ("ns.example.org.", [("ns.example.org.", "A")]),
    ("NS.Example.org.", [("NS.Example.org.", "A")]),
    ("a.b.wild.example.org.", [("a.b.wild.example.org.", "A")]),
    ("*.wild.example.org.", [("*.wild.example.org.", "A")]),
    ("alias.example.org.", [("alias.example.org.", "CNAME")]),
    ("red.example.org.", [("red.example.org.", "DNAME")]),
    ("two.example.org.", [("two.example.org.", "A")] * 2),
    ("dl.example.org.", [("dl.example.org.", "TXT")]),
], ids=lambda v: v if isinstance(v, str) else "")
def test_rrsig_answers_the_signatures_of_one_set(signed, name, expected, want_dnssec):
    reply = signed.udp(name, "RRSIG", want_dnssec=want_dnssec)
    assert reply.rcode() == dns.rcode.NOERROR and reply.flags & dns.flags.AA
    assert covered(reply) == expected
    assert not reply.authority and not reply.additional


@pytest.mark.parametrize("name", ["plain", "ent", "bare", "only"])
def test_rrsig_where_nothing_is_signed_is_nodata(signed, name):
    reply = signed.udp(f"{name}.example.org", "RRSIG")
    assert reply.rcode() == dns.rcode.NOERROR and not reply.answer
    assert reply.authority[0].rdtype == dns.rdatatype.SOA


def test_rrsig_of_nothing_is_nxdomain(signed):
    assert signed.udp("nothing.example.org", "RRSIG").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("name", ["child", "x.child"])
def test_rrsig_at_a_cut_is_a_referral(signed, name):
    reply = signed.udp(f"{name}.example.org", "RRSIG", want_dnssec=True)
    assert not reply.flags & dns.flags.AA and not reply.answer
    assert {r.rdtype for r in reply.authority} == {dns.rdatatype.NS, dns.rdatatype.DS,
                                                   dns.rdatatype.RRSIG}


def test_rrsig_below_a_dname_follows_it(signed):
    reply = signed.udp("ns.red.example.org", "RRSIG")
    assert {r.rdtype for r in reply.answer} == {dns.rdatatype.DNAME, dns.rdatatype.CNAME}
    assert reply.rcode() == dns.rcode.NXDOMAIN


def test_rrsig_that_does_not_fit_is_truncated(signed):
    reply = signed.udp("many.example.org", "RRSIG")
    assert reply.flags & dns.flags.TC and not reply.answer
    assert covered(signed.tcp("many.example.org", "RRSIG")) == [("many.example.org.", "TXT")] * 8


def test_nsec_at_an_alias_is_the_aliass_own(signed):
    reply = signed.udp("alias.example.org", "NSEC", want_dnssec=True)
    assert {(r.name.to_text(), r.rdtype) for r in reply.answer} == {
        ("alias.example.org.", dns.rdatatype.NSEC), ("alias.example.org.", dns.rdatatype.RRSIG)}
    # where there is none the alias is followed, as for any type
    reply = signed.udp("bare.example.org", "NSEC")
    assert [r.rdtype for r in reply.answer] == [dns.rdatatype.CNAME]
