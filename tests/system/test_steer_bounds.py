"""Whom a site or server must not serve, and who is never sent elsewhere: `exclude` and `only`."""
import os

import dns.flags
import pytest

from conftest import Dnsd, nearctl
from mmdb_write import asn, city, write
from steer_world import A, AAAA, CHECK, ask, pool_conf, until, write_health

ZONE = """$TTL 300
@ IN SOA ns h 1 7200 900 86400 60
@ IN NS ns
ns IN A 192.0.2.1
all 60 IN A 198.51.100.1
all 60 IN HTTPS 1 . ipv4hint=192.0.2.9
_steer.all IN TXT "pool=all" "answers=8"
near 60 IN A 198.51.100.1
_steer.near IN TXT "pool=all" "answers=8" "mode=nearest"
other 60 IN A 198.51.100.1
_steer.other IN TXT "pool=other"
"""

SERVERS = {"fra1": ("fra", ["198.51.100.11"], 10), "fra2": ("fra", ["198.51.100.12"], 10),
           "nyc1": ("nyc", ["198.51.100.21"], 10), "nrt1": ("nrt", ["198.51.100.31"], 10)}
NAME_OF = {a: n for n, (_, (a,), _) in SERVERS.items()}
NAME_OF["198.51.100.41"] = "other1"

# who is where; 127.0.0.0/8 is the tests' own resolver
PLACES = {"10.1.0.0/16": city("JP", "AS", 35.7, 139.7), "10.2.0.0/16": city("US", "NA", 40.7, -74),
          "10.3.0.0/16": city("DE", "EU", 50.1, 8.7), "10.4.0.0/16": city("CU", "NA", 23.1, -82.4),
          "10.5.0.0/16": city("FR", "EU", 48.9, 2.4), "127.0.0.0/8": city("DE", "EU", 50.1, 8.7),
          "2001:db8:2::/48": city("US", "NA", 40.7, -74)}
ASNS = {"10.5.128.0/17": asn(64500)}


def conf(rules="", fra="", nyc="", nrt="", fra1="", nrt1="", spa=3):
    servers = pool_conf("all", SERVERS, check='"image"')
    servers = servers.replace('198.51.100.11" }', f'198.51.100.11" }} {fra1}')
    servers = servers.replace('198.51.100.31" }', f'198.51.100.31" }} {nrt1}')
    return f"""geo {{ city = "geo.mmdb"; asn = "asn.mmdb"; sites-per-answer = {spa}; {rules} }}
site "fra" {{ location = {{ 50.11, 8.68 }}; {fra} }}
site "nyc" {{ location = {{ 40.71, -74.01 }}; {nyc} }}
site "nrt" {{ location = {{ 35.76, 140.39 }}; {nrt} }}
{CHECK}
{servers}
""" + pool_conf("other", {"other1": ("nyc", ["198.51.100.41"], 10)})


@pytest.fixture
def serve(tmp_path):
    made = []

    def make(**options):
        d = Dnsd(tmp_path, zones={"example.org": ZONE}, head='here = "fra"', conf=conf(**options))
        write(os.path.join(d.folder, "geo.mmdb"), PLACES)
        write(os.path.join(d.folder, "asn.mmdb"), ASNS, database_type="GeoLite2-ASN")
        write_health(d, {n: "up" for n in SERVERS})
        made.append(d)
        return d.start()

    yield make
    for d in made:
        d.stop()


def get(d, net=None, name="all", rdtype=A):
    reply = ask(d.port, f"{name}.example.org", rdtype, net)
    assert reply.rcode == 0
    return sorted(NAME_OF[ip] for ip in reply.ips)


def health(d, states, net, want, name="all"):
    write_health(d, {**{n: "up" for n in SERVERS}, **states})
    until(lambda: get(d, net, name) == want)


def why(d, name, net=None):
    reply = d.tcp(f"_why.{name}.example.org", "TXT") if net is None else nearctl(
        d.argv[2], "explain", f"{name}.example.org", net)
    if net is not None:
        return reply.stdout
    return "\n".join(b"".join(r.strings).decode() for r in reply.answer[0])


FRA_DOWN, FRA_DRAIN = ({n: s for n in ("fra1", "fra2")} for s in ("down", "drain"))
JP = "10.1.2.0/24"


def test_down_and_drained_behave_alike_in_a_rule(serve):
    """A rule names fra for Japan: when fra is gone, the pool's nearest to Japan serves."""
    d = serve(rules='country "JP" { sites = { "fra" } }')
    assert get(d, JP) == ["fra1", "fra2"]
    for gone in FRA_DOWN, FRA_DRAIN, {"fra1": "down", "fra2": "drain"}:
        health(d, gone, JP, ["nrt1"])
        reply = ask(d.port, "all.example.org", A, JP)
        assert reply.ede is None and reply.scope >= 7
        health(d, {}, JP, ["fra1", "fra2"])


def test_only_is_never_left(serve):
    d = serve(rules='country "JP" { sites = { "fra" }; only = yes }')
    assert get(d, JP) == ["fra1", "fra2"]
    health(d, FRA_DOWN, JP, ["fra1", "fra2"])                  # fails open inside the list
    until(lambda: ask(d.port, "all.example.org", A, JP).ede is not None)
    assert get(d, "10.3.1.0/24") == ["nyc1"]                   # others go elsewhere
    health(d, {"fra1": "down", "fra2": "drain"}, JP, ["fra1"])
    health(d, FRA_DRAIN, JP, ["fra1", "fra2"])
    # a pool without a server there: nobody, for the scope, and -t has said so
    reply = ask(d.port, "other.example.org", A, JP)
    assert reply.rcode == 0 and reply.ips == [] and reply.ede == 18
    assert reply.scope == ask(d.port, "all.example.org", A, JP).scope != 0
    assert get(d, "10.3.1.0/24", "other") == ["other1"]
    assert 'pool "other" has no server at the sites of this rule' in d.check()[1]
    text = why(d, "all", JP)
    assert "country JP" in text and "sites=fra only=yes" in text


@pytest.mark.parametrize("name", ["all", "near"])
def test_only_holds_without_client_subnet(serve, name):
    """The resolver's address stands for its clients."""
    d = serve(rules='prefix "127.0.0.0/8" { sites = { "nrt" }; only = yes }')
    assert get(d, None, name) == ["nrt1"]
    health(d, {"nrt1": "down"}, None, ["nrt1"], name)
    until(lambda: ask(d.port, f"{name}.example.org", A, "").ede is not None)
    assert get(d, "", name) == ["nrt1"]                        # the opt-out of Client Subnet


@pytest.mark.parametrize("says,net,others", [
    ('countries = { "DE" }', "10.3.1.0/24", "10.5.1.0/24"),
    ('continents = { "EU" }', "10.5.1.0/24", "10.2.1.0/24"),
    ('asns = { 64500 }', "10.5.200.0/24", "10.5.1.0/24"),
    ('prefixes = { "10.5.64.0/18" }', "10.5.65.0/24", "10.5.128.0/24"),
])
def test_a_site_that_excludes(serve, says, net, others):
    """On no rung: not near, not when all the others are down, not when these are drained."""
    d = serve(fra=f"exclude {{ {says} }}")
    assert get(d, others) == (["nyc1"] if others == "10.2.1.0/24" else ["fra1", "fra2"])
    assert get(d, net) == ["nyc1"]
    health(d, {"nyc1": "down"}, net, ["nrt1"])
    health(d, {"nyc1": "stale", "nrt1": "stale"}, net, ["nyc1"])
    health(d, {"nyc1": "down", "nrt1": "down"}, net, ["nyc1"])
    health(d, {"nyc1": "drain", "nrt1": "drain"}, net, ["nyc1"])
    text = why(d, "all", net)
    number = [i + 1 for i, l in enumerate(open(d.argv[2])) if "exclude {" in l][0]
    for server in "fra1", "fra2":
        assert f'server={server} site=fra chosen=no why="must not serve this client: ' \
            f'nearcast.conf:{number} exclude"' in text
    assert nearctl(d.argv[2], "verify-scope").returncode == 0


@pytest.mark.parametrize("name", ["all", "near"])
def test_exclusions_hold_without_client_subnet(serve, name):
    """Here is fra, and the resolver is in Germany."""
    d = serve(fra='exclude { countries = { "DE" } }')
    for net in None, "":
        assert get(d, net, name) == ["nyc1"]
    health(d, {"nyc1": "down", "nrt1": "down"}, None, ["nyc1"], name)
    assert "must not serve this client" in why(d, name)


def test_a_server_that_excludes(serve):
    d = serve(fra1='exclude { prefixes = { "10.3.0.0/16", "127.0.0.0/8" } }')
    for net in "10.3.1.0/24", None:
        assert get(d, net) == ["fra2"]
        health(d, {"fra2": "down"}, net, ["nyc1"])
        health(d, {"fra2": "down", "nyc1": "down", "nrt1": "down"}, net, ["fra2"])
        health(d, {}, net, ["fra2"])
    assert get(d, "10.5.1.0/24") == ["fra1", "fra2"]
    assert ask(d.port, "all.example.org", A, "10.3.1.0/24").scope == 16
    message = d.udp("all.example.org", "HTTPS")
    assert list(message.answer[0][0].params[4].addresses) == ["198.51.100.12"]     # hints, too


def test_a_rule_for_an_excluded_site(serve):
    """The rule is of no use to whom fra must not serve: distance; with `only`, nobody."""
    rule = 'prefix "10.3.0.0/16" {{ sites = {{ "fra" }}{only} }}'
    no = "exclude { prefixes = { "
    d = serve(rules=rule.format(only=""), fra=no + '"10.3.128.0/17" } }')
    assert get(d, "10.3.1.0/24") == ["fra1", "fra2"] and get(d, "10.3.200.0/24") == ["nyc1"]
    d.write(conf=conf(rules=rule.format(only="; only = yes"), fra=no + '"10.3.128.0/17" } }'))
    d.reload()
    until(lambda: get(d, "10.3.200.0/24") == [])
    assert get(d, "10.3.1.0/24") == ["fra1", "fra2"]
    reply = ask(d.port, "all.example.org", A, "10.3.200.0/24")
    assert (reply.rcode, reply.ede, reply.scope) == (0, 18, 17)
    assert "may serve this client" in reply.ede_text
    assert 'addresses=0 why="no server with an IPv' in why(d, "all", "10.3.200.0/24")
    assert nearctl(d.argv[2], "verify-scope").returncode == 0


def test_a_rule_for_a_site_of_which_all_servers_exclude(serve):
    """As if fra were not configured: the rule gives way to distance, and who is nowhere gets what
    is nearest to here, not to the rule's site."""
    no = 'exclude {{ prefixes = {{ {} }} }}'.format('"10.3.128.0/17", "99.1.0.0/16"')
    rules = ' '.join(f'prefix "{p}" {{ sites = {{ "nrt" }} }}' for p in ("10.3.0.0/16",
                                                                         "99.0.0.0/8"))
    d = serve(rules=rules, nrt1=no, spa=1)
    for net, want in (("10.3.1.0/24", ["nrt1"]), ("99.2.1.0/24", ["nrt1"]),
                      ("10.3.200.0/24", ["fra1", "fra2"]), ("99.1.1.0/24", ["fra1", "fra2"])):
        assert get(d, net) == want, net
    for net, rule in ("10.3.200.0/24", "rule=distance"), ("99.1.1.0/24", 'rule="not located'):
        text = why(d, "all", net)
        assert rule in text and "here=fra sites=fra\n" in text
        assert 'server=nrt1 site=nrt chosen=no why="must not serve this client: ' in text
        assert "no server with an IPv4 address" not in text
    assert nearctl(d.argv[2], "verify-scope").returncode == 0


def test_excluded_by_all(serve):
    """Nobody may serve Cuba: empty, however ill the others are, and only for Cuba."""
    no = 'exclude { countries = { "CU" } }'
    d = serve(fra=no, nyc=no, nrt=no)
    for states in {}, {n: "down" for n in SERVERS}, {n: "drain" for n in SERVERS}:
        health(d, states, "10.3.1.0/24", ["fra1", "fra2"])
        reply = ask(d.port, "all.example.org", A, "10.4.1.0/24")
        assert reply.rcode == 0 and reply.ips == [] and reply.ede == 18 and reply.scope == 16
        message = d.udp("all.example.org", "HTTPS")
        assert message.answer[0][0].params
    assert get(d, "10.4.1.0/24", "other") == []


def test_a_reload_that_only_changes_exclusions(serve):
    """They are part of the maps."""
    d = serve()
    assert get(d, "10.3.1.0/24") == ["fra1", "fra2"]
    for options, want in (({"fra": 'exclude { countries = { "DE" } }'}, ["nyc1"]),
                          ({"fra": 'exclude { countries = { "US" } }'}, ["fra1", "fra2"]),
                          ({"fra1": 'exclude { countries = { "DE" } }'}, ["fra2"]),
                          ({"rules": 'country "DE" { sites = { "nrt" }; only = yes }'}, ["nrt1"]),
                          ({}, ["fra1", "fra2"])):
        d.write(conf=conf(**options))
        d.reload()
        until(lambda: get(d, "10.3.1.0/24") == want)


def test_what_cannot_hold_is_refused(serve):
    d = serve()
    d.write(conf=conf(fra='exclude { prefixes = { "2002:a03::/32" } }'))
    status, said = d.check()
    assert status == 1 and "are judged by the IPv4 address that they hold" in said
    d.write(conf=conf(rules='prefix "64:ff9b::a03:0/112" { sites = { "fra" } }',
                      fra='exclude { countries = { "DE" } }'))
    status, said = d.check()
    assert status == 1 and "beside `exclude`" in said
    d.write(conf=conf(fra='exclude { countries = { "DE" } }').replace('city = "geo.mmdb"; ', ""))
    status, said = d.check()
    assert status == 0 and "nobody is known to be there" in said
    # what holds an IPv4 address is judged by it
    d.write(conf=conf(fra='exclude { countries = { "DE" } }'))
    d.reload()
    until(lambda: get(d, "2002:a03:100::/48") == ["nyc1"])
    assert get(d, "64:ff9b::a03:100/120") == ["nyc1"]
    assert get(d, "2002:a05:100::/48") == ["fra1", "fra2"]
