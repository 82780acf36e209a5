"""The budget of octets that a prefix gets beyond a small factor of its questions: who asks for long
answers at a resolver's pace has them over UDP, a flood in a victim's name brings him little."""
import shutil
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from conftest import free_port
from test_serve_udp import flood, query

COOKIE = 10
# "v=spf1 ..." in strings of 255 and fewer octets: with header, question and OPT 769 octets
SPF = "v=spf1 " + " ".join(f"ip4:192.0.2.{i}/32" for i in range(60))
SPF = SPF[:769 - (12 + 17 + 11) - 12 - 3]
ZONE = f"""$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
@ IN TXT "{SPF[:255]}" "{SPF[255:510]}" "{SPF[510:]}"
ns IN A 192.0.2.1
www IN A 192.0.2.2
key._domainkey IN TXT "{'k' * 255}" "{'k' * 150}"
{"".join(f'large IN TXT "{i:03d}{"y" * 200}"' + chr(10) for i in range(5))}
"""
ZONES = {"example.org": ZONE}
EDNS = {"use_edns": 0, "payload": 1232}
VICTIM, NEIGHBOUR, OTHER = "127.0.1.1", "127.0.1.77", "127.0.2.1"


@pytest.fixture
def d(dnsd_factory):
    return dnsd_factory(zones=ZONES)


def whole(answers):
    return [a for a in answers if not a[2] & 2]


def cut(answers):
    return [a for a in answers if a[2] & 2]


def large(n, **options):
    return [query("large.example.org", "TXT", ident=i, **EDNS, **options) for i in range(n)]


def options_of(packet):
    return {o.otype: o.to_wire() for o in dns.message.from_wire(packet).options}


def test_spf_answer_of_769_octets_comes_whole_over_udp(d):
    """Hundreds a second, from a resolver that sends no cookies."""
    q = query("example.org", "TXT", ident=7, **EDNS)
    assert len(d.raw(q, source=VICTIM)) == 769
    for second in range(4):
        begun = time.monotonic()
        asked = [query("example.org", "TXT", ident=i, **EDNS) for i in range(500)]
        answers = flood(d, asked, source=VICTIM, wait=0.1)
        assert len(answers) == len(whole(answers)) == 500
        time.sleep(max(0, begun + 1 - time.monotonic()))
    assert d.counters()["answers_over_budget"] == 0


def test_a_resolver_farm_s_mail_lookups_are_never_cut(d):
    """SPF, DKIM and a long TXT among addresses, from all of a /24."""
    names = [("example.org", "TXT"), ("key._domainkey.example.org", "TXT"),
             ("www.example.org", "A"), ("large.example.org", "TXT")]
    for last in range(1, 100):
        for name, rdtype in names:
            a = d.raw(query(name, rdtype, **EDNS), source=f"127.0.1.{last}")
            assert not a[2] & 2 and a[7] >= 1
    assert d.counters()["answers_over_budget"] == 0


@pytest.mark.parametrize("rdtype", ["TXT", "ANY"])
def test_a_flood_in_a_victim_s_name_gets_tc_after_the_burst(d, rdtype):
    asked = [query("large.example.org", rdtype, ident=i, **EDNS) for i in range(3000)]
    begun = time.monotonic()
    answers = flood(d, asked, source=VICTIM)
    seconds = time.monotonic() - begun
    assert len(answers) == 3000                 # none is dropped
    size = len(whole(answers)[0])
    beyond = size - 5 * len(asked[0])
    budget = 500000 * (1 + seconds)
    assert 500000 / beyond - 1 <= len(whole(answers)) <= budget / beyond
    for a in cut(answers):
        m = dns.message.from_wire(a)
        assert len(a) <= len(asked[0]) and m.edns == 0 and m.question
        assert not m.answer and not m.authority and not m.additional
    c = d.counters()
    assert c["answers_over_budget"] == len(cut(answers)) and c["drop_rrl"] == c["slip_rrl"] == 0
    # the whole prefix shares it, other prefixes do not
    flood(d, large(2000), source=VICTIM, wait=0.01)
    assert cut(flood(d, large(500), source=NEIGHBOUR))
    assert len(whole(flood(d, large(500), source=OTHER))) == 500


def test_who_is_over_budget_is_not_lost(d):
    """Short answers come as ever, long ones over TCP, or with the cookie that came with TC."""
    flood(d, large(3000), source=VICTIM)
    assert len(whole(flood(d, [query(ident=i, **EDNS) for i in range(300)], source=VICTIM))) == 300
    q = query("large.example.org", "TXT", options=[dns.edns.GenericOption(COOKIE, b"12345678")],
              **EDNS)
    first = d.raw(q, source=VICTIM)
    while not first[2] & 2:
        first = d.raw(q, source=VICTIM)
    assert len(first) == len(q) + 16
    cookie = dns.edns.GenericOption(COOKIE, options_of(first)[COOKIE])
    assert cookie.data[:8] == b"12345678" and len(cookie.data) == 24
    assert len(whole(flood(d, large(2000, options=[cookie]), source=VICTIM))) == 2000
    assert d.tcp("large.example.org", "TXT", source=VICTIM).answer
    time.sleep(1.1)
    assert not d.raw(large(1)[0], source=VICTIM)[2] & 2    # it is full again


UNBOUND = """server:
    interface: 127.0.0.1@{port}
    outgoing-interface: {source}
    do-not-query-localhost: no
    use-syslog: no
    logfile: ""
    chroot: ""
    username: ""
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    module-config: "iterator"
    qname-minimisation: no
    do-ip6: no
stub-zone:
    name: example.org
    stub-addr: 127.0.0.1@{dnsd}
"""


@pytest.mark.skipif(not shutil.which("unbound"), reason="without unbound")
def test_a_real_resolver_in_a_flooded_prefix_has_its_answers(dnsd_factory, tmp_path):
    """unbound, without cookies: over TCP, and short ones as ever."""
    d = dnsd_factory(zones=ZONES, conf="amplification { octets-per-second = 10000 }")
    port = free_port()
    (tmp_path / "unbound.conf").write_text(UNBOUND.format(port=port, source=NEIGHBOUR,
                                                          folder=tmp_path, dnsd=d.port))
    resolver = subprocess.Popen(["unbound", "-d", "-c", str(tmp_path / "unbound.conf")],
                                stderr=subprocess.PIPE, text=True)
    try:
        for line in resolver.stderr:
            if "start of service" in line:
                break
        for name, rdtype, octets in (("large.example.org", "TXT", 1000),
                                     ("www.example.org", "A", 1), ("example.org", "TXT", 700)):
            flood(d, large(100), source=VICTIM, wait=0.01)
            q = dns.message.make_query(name, rdtype)
            reply, _ = dns.query.udp_with_fallback(q, "127.0.0.1", port=port, timeout=5)
            assert reply.rcode() == 0 and len(reply.to_wire()) > octets
    finally:
        resolver.kill()
        resolver.wait()
        resolver.stderr.close()
    assert d.counters()["tcp_queries"] >= 1


def test_own_questions_are_never_over_budget(d):
    assert len(whole(flood(d, large(2000), source="127.0.0.1"))) == 2000
    assert d.counters()["answers_over_budget"] == 0


def test_exempt_prefixes_and_tcp_have_no_budget(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf='rrl { exempt = { "127.0.9.0/24" } }\n'
                                       "amplification { octets-per-second = 10000 }")
    assert len(whole(flood(d, large(300), source="127.0.9.1"))) == 300
    assert len(whole(flood(d, large(300), source="127.0.8.1"))) < 30
    for _ in range(30):
        assert not d.tcp("large.example.org", "TXT", source="127.0.8.1").flags & dns.flags.TC


def test_all_prefixes_of_a_network_have_eight_budgets(dnsd_factory):
    """A flood in the names of a whole /16."""
    d = dnsd_factory(zones=ZONES, conf="amplification { octets-per-second = 20000 }")
    answers = [a for i in range(64) for a in flood(d, large(20), source=f"127.5.{i}.1", wait=0.02)]
    beyond = len(whole(answers)[0]) - 5 * len(large(1)[0])
    seconds = 64 * 0.03
    assert 8 * 20000 / beyond - 10 <= len(whole(answers)) <= 8 * 20000 * (1 + 2 * seconds) / beyond
    assert len(whole(flood(d, large(10), source="127.6.1.1"))) == 10


def test_factor_0_is_no_budget_and_so_is_max_amplification_0(dnsd_factory):
    for conf in ("amplification { factor = 0 }", "max-amplification = 0"):
        d = dnsd_factory(zones=ZONES, conf=conf)
        assert len(whole(flood(d, large(2000), source=VICTIM))) == 2000
        assert ("max-amplification" in d.log()) == ("max" in conf)


def test_max_amplification_of_an_old_file_starts_and_cuts_nothing(dnsd_factory):
    d = dnsd_factory(zones=ZONES, conf="max-amplification = 15")
    assert not d.raw(large(1)[0], source=VICTIM)[2] & 2
    assert "amplification` has taken its place" in d.log()


def test_what_is_no_zone_data_is_counted_too(dnsd_factory):
    """A version of 255 octets, NSID, and errors: by length, whatever they are."""
    d = dnsd_factory(zones=ZONES, conf='nsid = "%s"\nchaos { version = "%s" }\n'
                     "amplification { octets-per-second = 10000 }" % ("n" * 128, "v" * 255))
    for asked in (query("version.bind", "TXT", rdclass="CH", use_edns=0,
                        options=[dns.edns.GenericOption(3, b"")]),):
        answers = flood(d, [asked] * 500, source=VICTIM)
        assert len(answers) == 500 and 20 < len(whole(answers)) < 400
        assert all(len(a) <= len(asked) for a in cut(answers))
    # NSID alone is below the factor
    asked = query("www.example.org", "A", use_edns=0, options=[dns.edns.GenericOption(3, b"")])
    assert len(whole(flood(d, [asked] * 500, source=VICTIM))) == 500


def test_slipped_answers_keep_opt(dnsd_factory):
    """RFC 6891 6.1.1: a resolver that misses OPT may take the server for one without EDNS."""
    d = dnsd_factory(zones=ZONES, conf='nsid = "site-one"\n'
                                       "rrl { responses-per-second = 1  slip = 1 }")
    options = [dns.edns.GenericOption(3, b""), dns.edns.ECSOption("198.51.100.0", 24)]
    asked = query(options=options, want_dnssec=True, **EDNS)
    slipped = cut(flood(d, [asked] * 10, source=VICTIM))
    assert slipped
    for a in slipped:
        m = dns.message.from_wire(a)
        assert m.edns == 0 and m.ednsflags & dns.flags.DO and not m.options
        assert len(a) == len(asked) - sum(4 + len(o.to_wire()) for o in options)
    # an error keeps its rcode, the part that is in OPT too
    bad = bytearray(asked)
    bad[len(query()) + 6] = 1                   # EDNS version
    answers = [dns.message.from_wire(a) for a in flood(d, [bytes(bad)] * 10, source=VICTIM)]
    assert len(answers) == 10 and all(m.rcode() == dns.rcode.BADVERS for m in answers)


@pytest.mark.parametrize("conf", ["", "cookies { require = yes }",
                                  "rrl { responses-per-second = 1  slip = 1 }"])
def test_what_is_no_answer_is_hardly_longer_than_its_question(dnsd_factory, conf):
    """Errors, what is cut, and what asks for a cookie: by a cookie's 16 and an EDE's 6 octets."""
    d = dnsd_factory(zones=ZONES, conf=conf)
    for options in ([], [dns.edns.GenericOption(COOKIE, b"12345678")],
                    [dns.edns.ECSOption("198.51.100.0", 24)],
                    [dns.edns.GenericOption(COOKIE, b"12345678" + bytes(8))]):
        for name, rdtype in (("not.served", "A"), ("example.org", "AXFR"), ("x.org", "TKEY"),
                             ("example.org", "OPT"), ("large.example.org", "TXT")):
            asked = bytearray(query(name, rdtype, options=options, **EDNS))
            version = len(query(name, rdtype)) + 6
            for where, bits in ((None, 0), (2, 4 << 3), (2, 5 << 3), (2, 7 << 3), (version, 1),
                                (5, 2), (9, 1)):
                packet = bytearray(asked)
                if where:
                    packet[where] |= bits
                for _ in range(3):
                    answer = d.raw(bytes(packet), source=VICTIM)
                    if answer[2] & 2 or answer[3] & 15:
                        assert len(answer) <= len(packet) + 16 + 6


# ---- all names of a prefix, rrl

def test_rrl_rotating_names_that_exist_get_all_per_second(dnsd_factory):
    zone = ZONE + "".join(f"n{i} IN A 192.0.2.{i}\n" for i in range(200))
    asked = [query(f"n{i % 200}.example.org", ident=i) for i in range(2000)]
    for rate, most in (("responses-per-second = 5", 100),
                       ("responses-per-second = 5  all-per-second = 40", 40)):
        d = dnsd_factory(zones={"example.org": zone}, conf=f"rrl {{ {rate}  slip = 0 }}")
        begun = time.monotonic()
        answers = flood(d, asked, source=VICTIM, wait=0.1)
        assert most <= len(answers) <= most * (1 + time.monotonic() - begun)
        # its neighbour prefix has its own
        assert len(flood(d, asked[:30], source=OTHER, wait=0.1)) == 30
