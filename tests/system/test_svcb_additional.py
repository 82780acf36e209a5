"""What SVCB and HTTPS answers bring along (RFC 9460 4.1): the targets' own records, their
addresses, and of aliases what these lead to."""
import dns.flags
import dns.rcode
import dns.rdatatype
import pytest

SIG = "20300101000000 20200101000000 12345 example.org. " + "AAAA" * 21
ZONES = {"example.org": f"""$TTL 300
@ SOA ns hostmaster 1 2 3 4 60
@ NS ns
ns A 192.0.2.1
@ HTTPS 0 svc
svc HTTPS 1 . alpn=h2
svc RRSIG HTTPS 13 3 300 {SIG}
svc A 192.0.2.2
svc RRSIG A 13 3 300 {SIG}
svc AAAA 2001:db8::2
alias1 HTTPS 0 alias2
alias2 HTTPS 0 alias3
alias3 HTTPS 1 backend port=8443
alias3 HTTPS 2 svc
backend A 192.0.2.3
loop1 HTTPS 0 loop2
loop2 HTTPS 0 loop1
loop2 A 192.0.2.4
self HTTPS 0 self
self A 192.0.2.5
service HTTPS 1 other
other HTTPS 1 backend
other A 192.0.2.6
dot HTTPS 1 .
dot A 192.0.2.7
nothing HTTPS 0 .
nothing A 192.0.2.8
outside HTTPS 0 www.example.net.
missing HTTPS 0 nowhere
glue HTTPS 1 host.child
child NS ns
child HTTPS 1 .
host.child A 192.0.2.9
host.child HTTPS 1 .
intochild HTTPS 0 host.child
atchild HTTPS 0 child
red DNAME svc
host.red A 192.0.2.10
intodname HTTPS 0 host.red
*.wild HTTPS 1 .
*.wild A 192.0.2.11
*.wild2 HTTPS 0 svc
*.wild3 MX 10 *.wild3
*.wild3 A 192.0.2.16
cname HTTPS 0 www
www CNAME svc
_8443._foo.api SVCB 0 svc
_8444._foo.api SVCB 1 api port=8444
api SVCB 1 . port=1
api HTTPS 1 .
api A 192.0.2.12
cross SVCB 0 dot
toalias CNAME @
many HTTPS 0 h0
steered HTTPS 1 . alpn=h2 ipv4hint=192.0.2.13
steered HTTPS 2 backend
steered A 192.0.2.13
_steer.steered TXT "pool=mirrors"
plain HTTPS 1 . alpn=h2
plain A 192.0.2.14
_steer.plain TXT "pool=mirrors"
tosteered HTTPS 0 steered
toplain HTTPS 0 plain
servicesteered HTTPS 1 steered
""" + "".join(f"h{i} HTTPS 0 h{i + 1}\nh{i} A 192.0.2.20\n" for i in range(40)) +
    "large HTTPS 0 fat\nfat A 192.0.2.15\n" +
    "".join(f"fat HTTPS {i} f{i}.{'x' * 40} key65000={'y' * 200}\n" for i in range(1, 9))}
CONF = """site "fra" { location = { 50, 8 } }
pool "mirrors" { server "a" { site = "fra"  address = "192.0.2.99" } }
"""


@pytest.fixture
def d(module_dnsd):
    return module_dnsd


def brought(reply):
    """The additional section as words: owner in front of the zone, type."""
    return [f"{r.name.to_text()[:-len('.example.org.')] or '@'} {dns.rdatatype.to_text(r.rdtype)}"
            for r in reply.additional]


@pytest.mark.parametrize("name, rdtype, expected", [
    ("@", "HTTPS", "svc HTTPS, svc A, svc AAAA"),
    ("svc", "HTTPS", "svc A, svc AAAA"),
    ("alias1", "HTTPS", "alias2 HTTPS, alias3 HTTPS, svc HTTPS, backend A, svc A, svc AAAA"),
    ("alias2", "HTTPS", "alias3 HTTPS, svc HTTPS, backend A, svc A, svc AAAA"),
    ("loop1", "HTTPS", "loop2 HTTPS, loop2 A"),
    ("self", "HTTPS", "self A"),
    ("service", "HTTPS", "other HTTPS, other A"),
    ("dot", "HTTPS", "dot A"),
    ("nothing", "HTTPS", ""),
    ("outside", "HTTPS", ""),
    ("missing", "HTTPS", ""),
    ("glue", "HTTPS", "host.child A"),
    ("intochild", "HTTPS", "host.child A"),
    ("atchild", "HTTPS", ""),
    ("intodname", "HTTPS", ""),
    ("x.wild", "HTTPS", "x.wild A"),
    ("x.y.wild", "HTTPS", "x.y.wild A"),
    ("x.wild3", "MX", "*.wild3 A"),
    ("x.wild2", "HTTPS", "svc HTTPS, svc A, svc AAAA"),
    ("_8443._foo.api", "SVCB", "svc A, svc AAAA"),
    ("_8444._foo.api", "SVCB", "api SVCB, api A"),
    ("cross", "SVCB", "dot A"),
    ("toalias", "HTTPS", "svc HTTPS, svc A, svc AAAA"),
    ("steered", "HTTPS", "backend A"),
    ("plain", "HTTPS", ""),
    ("tosteered", "HTTPS", ""),
    ("toplain", "HTTPS", "plain HTTPS"),
    ("servicesteered", "HTTPS", ""),
])
def test_the_additional_section(d, name, rdtype, expected):
    for ask in d.udp, d.tcp:
        reply = ask(f"{name}.example.org" if name != "@" else "example.org", rdtype)
        assert reply.rcode() == dns.rcode.NOERROR and reply.answer
        assert sorted(brought(reply)) == sorted(expected.split(", ") if expected else [])
        assert not reply.flags & dns.flags.TC


def test_records_of_the_type_come_before_addresses(d):
    types = [w.split()[1] for w in brought(d.tcp("alias1.example.org", "HTTPS"))]
    assert types == sorted(types, key=lambda t: t != "HTTPS")


def test_chains_are_bounded(d):
    got = brought(d.tcp("many.example.org", "HTTPS"))
    assert got.count("h0 HTTPS") == 1 and len(got) == 32


def test_signatures_come_along(d):
    reply = d.udp("example.org", "HTTPS", want_dnssec=True)
    assert sorted(brought(reply)) == ["svc A", "svc AAAA", "svc HTTPS", "svc RRSIG", "svc RRSIG"]
    assert {dns.rdatatype.to_text(r.covers) for r in reply.additional if r.covers} == {"A", "HTTPS"}


@pytest.mark.parametrize("name", ["large", "alias1", "many", "example.org"])
@pytest.mark.parametrize("size", [512, 600, 1232])
def test_what_does_not_fit_is_left_out_without_tc(d, name, size):
    name = name if "." in name else f"{name}.example.org"
    reply = d.udp(name, "HTTPS", use_edns=0, payload=size, want_dnssec=True)
    assert not reply.flags & dns.flags.TC and reply.answer
    full = brought(d.tcp(name, "HTTPS", want_dnssec=True))
    got = brought(reply)
    assert set(got) <= set(full)
    # an rrset is there whole or not at all
    by_name = {(r.name, r.rdtype, r.covers): r for r in
               d.tcp(name, "HTTPS", want_dnssec=True).additional}
    assert all(len(r) == len(by_name[r.name, r.rdtype, r.covers]) for r in reply.additional)


def test_hints_are_for_the_answer_only(d):
    """Additional records are cached for everybody (RFC 7871 7.3): none may depend on the client."""
    for name in ("tosteered", "toplain", "steered"):
        reply = d.udp(f"{name}.example.org", "HTTPS")
        assert "192.0.2.99" not in " ".join(r.to_text() for r in reply.additional)
    assert "192.0.2.99" in d.udp("steered.example.org", "HTTPS").answer[0].to_text()
