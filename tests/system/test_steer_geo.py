"""Steering by geography: the nearest site, the scope, overrides, families, explanations.

The oracle is worked out here, from the same networks that the database was written
from: longest prefix, then haversine."""
import ipaddress
import os
import random
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest

from conftest import BUILD, ROOT, Dnsd, nearctl
from mmdb_write import asn, city, write
from steer_world import A, AAAA, TXT, ask, ask_many, km, pool_conf, sites_conf

SITES = {
    "reykjavik": (64.15, -21.94), "rome": (41.90, 12.50), "suva": (-18.14, 178.44),
    "dallas": (32.78, -96.80),
    "fra": (50.11, 8.68), "nyc": (40.71, -74.01), "sin": (1.35, 103.82),
    "saopaulo": (-23.55, -46.63),
    "east": (0.0, 170.0), "west": (0.0, -179.0), "alert": (82.5, -62.3), "scott": (-77.85, 166.76),
}
ADDRESS = {name: f"198.51.100.{i + 1}" for i, name in enumerate(SITES)}
SITE_OF = {v: k for k, v in ADDRESS.items()}

PLACES = {
    "1.1.1.0/24": (69.65, 18.96),           # Tromso
    "1.1.2.0/24": (-13.83, -171.77),        # Apia
    "1.1.3.0/24": (-18.14, 178.44),         # Suva
    "1.1.4.0/24": (90.0, 0.0), "1.1.5.0/24": (-90.0, 0.0), "1.1.6.0/24": (90.0, 180.0),
    "1.1.7.0/24": (89.9, -179.9), "1.1.8.0/24": (-89.9, 179.9),
    "1.1.9.0/24": (0.0, 179.9), "1.1.10.0/24": (0.0, -179.9), "1.1.11.0/24": (0.0, 180.0),
    "1.1.12.0/24": (0.0, -180.0), "1.1.13.0/24": (16.5, 179.99), "1.1.14.0/24": (-40.0, -175.0),
    "1.1.15.0/24": (0.0, 0.0001),           # a place like any other; 0,0 is none
}

ZONE = """$TTL 300
@ IN SOA ns h 1 7200 900 86400 60
@ IN NS ns
ns IN A 192.0.2.1
@ 120 IN A 198.51.100.1
_steer IN TXT "pool=world" "answers=1"
world 60 IN A 198.51.100.1
_steer.world IN TXT "pool=world" "answers=1"
rs 60 IN A 198.51.100.1
_steer.rs IN TXT "pool=tromso"
apia 60 IN A 198.51.100.1
_steer.apia IN TXT "pool=apia"
east 60 IN A 198.51.100.1
_steer.east IN TXT "pool=antimeridian"
many 60 IN A 198.51.100.1
_steer.many IN TXT "pool=many" "answers=1"
all 60 IN A 198.51.100.1
all 60 IN AAAA 2001:db8::1
_steer.all IN TXT "pool=many" "answers=5"
rules 60 IN A 198.51.100.1
_steer.rules IN TXT "pool=world" "answers=1"
near 60 IN A 198.51.100.1
_steer.near IN TXT "pool=world" "mode=nearest" "answers=1"
short 3600 IN A 198.51.100.1
_steer.short IN TXT "pool=world" "ttl=7-33"
zero 0 IN A 198.51.100.1
_steer.zero IN TXT "pool=world"
nostatic IN TXT "no addresses here"
_steer.nostatic IN TXT "pool=world"
*.wild 60 IN A 198.51.100.1
_steer.*.wild IN TXT "pool=world" "answers=1"
alias IN CNAME world
deep IN CNAME alias
wildalias IN CNAME x.wild
svc 60 IN A 198.51.100.1
svc 60 IN AAAA 2001:db8::1
svc IN HTTPS 1 . alpn=h2 ipv4hint=198.51.100.99 ipv6hint=2001:db8::99
svc IN HTTPS 2 other alpn=h3 port=8443
_steer.svc IN TXT "pool=many" "answers=2"
_8443._https.svc IN SVCB 1 svc alpn=h2
static 60 IN A 192.0.2.77
"""

ZONE_HEAD = "$TTL 60\n@ IN SOA ns h 1 7200 900 86400 60\n@ IN NS ns\nns IN A 192.0.2.1\n"
MANY = {f"m{i}": ("fra", [f"203.0.113.{i}", f"2001:db8:f::{i}"], 10) for i in range(1, 6)}


def one_each(sites, prefix=""):
    return {prefix + s: (s, [ADDRESS[s]], 10) for s in sites}


def make_networks(seed):
    """Ten thousand networks at random places, some inside others."""
    rng = random.Random(seed)
    nets = {}
    while len(nets) < 10000:
        length = rng.choice((10, 12, 14, 16, 18, 20, 22, 24, 24, 24))
        address = rng.randrange(2 << 24, 200 << 24)
        net = ipaddress.ip_network((address & ~((1 << 32 - length) - 1), length))
        if address >> 24 == 127:        # where the tests' own resolver is
            continue
        nets[str(net)] = (round(rng.uniform(-90, 90), 4), round(rng.uniform(-180, 180), 4))
    return nets


NETS = make_networks(7)

CONF = "\n".join([sites_conf(SITES),
                  pool_conf("world", one_each(SITES)),
                  pool_conf("tromso", one_each(["rome", "reykjavik"], "t-")),
                  pool_conf("apia", one_each(["dallas", "suva"], "a-")),
                  pool_conf("antimeridian", one_each(["east", "west"], "e-")),
                  pool_conf("many", MANY)])

GEO = """geo {
  city = "geo.mmdb"
  asn = "asn.mmdb"
  prefix "210.0.0.0/8" { sites = { "rome" } }
  prefix "210.1.0.0/16" { sites = { "nyc" } }
  prefix "220.0.0.0/8" { sites = { "sin", "nyc" } }
  prefix "220.1.1.0/24" { sites = { "fra" } }
  prefix "2001:db8:77::/48" { sites = { "suva" } }
  asn 64500 { sites = { "saopaulo" } }
  country "DE" { sites = { "dallas", "fra" } }
  continent "SA" { sites = { "scott" } }
}"""

# what the overrides are tried with: AS 64500, country DE, continent SA, and mixtures
MARKED = {
    "5.0.0.0/16": city("FR", "EU", 48.85, 2.35), "5.1.0.0/16": city("DE", "EU", 52.52, 13.40),
    "5.2.0.0/16": city("BR", "SA", -23.55, -46.63), "5.3.0.0/16": city("DE", "SA", -23.55, -46.63),
    "5.4.0.0/16": city("FR", "EU"), "220.0.0.0/8": city("DE", "EU", 52.52, 13.40),
    "5.5.0.0/16": city("FR", "EU", 48.85, 2.35,
                       **{"location": {"latitude": 64.0, "longitude": -22.0}}),
}
ASNS = {"5.0.128.0/17": asn(64500), "5.1.128.0/17": asn(64500), "5.2.128.0/17": asn(64501),
        "220.2.0.0/16": asn(64500)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("geo")
    d = Dnsd(folder, zones={"example.org": ZONE}, head='here = "fra"', conf=GEO + "\n" + CONF)
    networks = {n: city(latitude=la, longitude=lo) for n, (la, lo) in {**NETS, **PLACES}.items()
                if not n.startswith("5.")}
    networks.update(MARKED)
    networks["2001:db8:1::/48"] = city("US", "NA", 40.7, -74.0)
    networks["2001:db8:2::/48"] = city("SG", "AS", 1.3, 103.8)
    write(os.path.join(folder, "geo.mmdb"), networks)
    write(os.path.join(folder, "asn.mmdb"), ASNS, database_type="GeoLite2-ASN")
    d.start()
    yield d
    d.stop()


def site(reply):
    assert reply.rcode == 0 and reply.ips, vars(reply)
    return SITE_OF[reply.ips[0]]


def nearest(place, sites=SITES):
    return min(sites, key=lambda s: km(place, SITES[s]))


class Oracle:
    """Longest prefix by a dictionary a length."""

    def __init__(self, nets):
        self.by_length = {}
        for text, place in nets.items():
            n = ipaddress.ip_network(text)
            self.by_length.setdefault(n.prefixlen,
                                      {})[int(n.network_address) >> 32 - n.prefixlen] = place

    def find(self, address):
        for length in sorted(self.by_length, reverse=True):
            place = self.by_length[length].get(address >> 32 - length)
            if place is not None:
                return place
        return None


def test_ten_thousand_random_prefixes(world):
    """dig +subnet equals the great-circle minimum; half of them lie in networks of their own."""
    rng = random.Random(11)
    oracle = Oracle({**{n: p for n, p in NETS.items() if not n.startswith("5.")}, **PLACES})
    texts = [n for n in NETS if not n.startswith("5.")]
    asked = []
    while len(asked) < 10000:
        length = rng.choice((16, 20, 24, 24, 24, 28, 32))
        if len(asked) % 2:
            inside = ipaddress.ip_network(rng.choice(texts))
            address = int(inside.network_address) + rng.randrange(inside.num_addresses)
        else:
            address = rng.randrange(6 << 24, 200 << 24)
        address &= ~((1 << 32 - length) - 1)
        if not 5 << 24 <= address < 6 << 24:
            asked.append((address, length))
    replies = ask_many(world.port, [("world.example.org", A, f"{ipaddress.ip_address(a)}/{n}")
                                    for a, n in asked])
    constant = []
    for (address, length), reply in zip(asked, replies):
        place = oracle.find(address)
        want = nearest(place) if place is not None else "fra"
        got = site(reply)
        if got != want:         # as far, to a metre, is as near
            assert place is not None and \
                abs(km(place, SITES[got]) - km(place, SITES[want])) < 0.001, \
                (ipaddress.ip_address(address), place, got, want)
        if 0 < reply.scope < 32:
            other = address & ~((1 << 32 - reply.scope) - 1) | rng.randrange(1 << 32 - reply.scope)
            constant.append((reply, other))
    # and anybody else in the scope that was given gets the same, with the same scope
    rng.shuffle(constant)
    replies = ask_many(world.port, [("world.example.org", A, f"{ipaddress.ip_address(o)}/32") for _,
                                    o in constant[:4000]])
    for (first, other), reply in zip(constant, replies):
        assert (reply.ips, reply.scope) == (first.ips, first.scope), ipaddress.ip_address(other)


@pytest.mark.parametrize("name, net, want", [
    ("rs", "1.1.1.0/24", "reykjavik"),              # Tromso: 1844 km, Rome 3108
    # Apia: 1151 km over the antimeridian, Dallas 9484
    ("apia", "1.1.2.0/24", "suva"),
    ("apia", "1.1.3.0/24", "suva"),
    ("east", "1.1.9.0/24", "west"),                 # 179.9 E: 1.1 degrees to 179 W, 9.9 to 170 E
    ("east", "1.1.10.0/24", "west"), ("east", "1.1.11.0/24", "west"),
    ("east", "1.1.12.0/24", "west"),
    ("world", "1.1.4.0/24", "alert"), ("world", "1.1.6.0/24", "alert"),
    ("world", "1.1.7.0/24", "alert"),
    ("world", "1.1.5.0/24", "scott"), ("world", "1.1.8.0/24", "scott"),
    ("world", "1.1.13.0/24", None), ("world", "1.1.14.0/24", None), ("world", "1.1.15.0/24", None),
])
def test_the_round_earth(world, name, net, want):
    if want is None:
        want = nearest(PLACES[net])
    assert site(ask(world.port, name + ".example.org", A, net)) == want


@pytest.mark.parametrize("net, want, scope", [
    ("210.2.3.0/24", "rome", 15),                   # the minimal scope beside 210.1/16
    ("210.1.3.0/24", "nyc", 16),
    ("210.128.0.0/24", "rome", 9),
    ("220.1.1.0/24", "fra", 24), ("220.1.0.0/24", "sin", 24), ("220.1.2.0/24", "sin", 23),
    ("220.2.1.0/24", "sin", None),                  # prefix is stronger than asn and country
    ("5.0.1.0/24", "fra", None),                    # Paris by distance
    ("5.0.128.0/24", "saopaulo", None),             # asn
    ("5.1.128.0/24", "saopaulo", None),             # asn is stronger than country
    ("5.1.1.0/24", "dallas", None),                 # country, in the order written
    ("5.2.1.0/24", "scott", None),                  # continent
    ("5.2.128.0/24", "scott", None),                # another asn
    ("5.3.1.0/24", "dallas", None),                 # country is stronger than continent
    # no accuracy_radius: the point counts all the same
    ("5.5.1.0/24", "reykjavik", None),
    ("2001:db8:77:1::/64", "suva", 48), ("2001:db8:1:1::/64", "nyc", None),
    ("2001:db8:2::/48", "sin", None),
    ("::ffff:210.2.3.4/128", "rome", 96 + 15), ("2002:d202:0304::/48", "rome", 16 + 15),
    ("64:ff9b::210.1.2.3/128", "nyc", 96 + 16),
    ("2001:0:1234:5678:0:0:2dfd:fcfb/128", "rome", 96 + 15),   # Teredo: 210.2.3.4, inverted
])
def test_overrides_and_scopes(world, net, want, scope):
    reply = ask(world.port, "rules.example.org", A, net)
    assert site(reply) == want
    if scope is not None:
        assert reply.scope == scope


def test_opt_out_and_no_subnet(world):
    """SOURCE 0 locates by the resolver and has scope 0; no option, none in the answer."""
    for net, scope in (("", 0), (None, None)):
        reply = ask(world.port, "world.example.org", A, net)
        assert site(reply) == "fra" and reply.scope == scope
        # 127.0.0.1 is in no database: this site
        reply = ask(world.port, "near.example.org", A, net)
        assert site(reply) == "fra" and reply.scope == scope
    assert site(ask(world.port, "near.example.org", A, "1.1.1.0/24")) == "reykjavik"


def test_what_is_not_steered_has_scope_0(world):
    for name, rdtype, rcode in (("static", A, 0), ("world", TXT, 0), ("nothing.there", A, 3),
                                ("world", AAAA, 0),
                                ("apia", AAAA, 0)):
        reply = ask(world.port, name + ".example.org", rdtype, "1.1.1.0/24")
        assert (reply.rcode, reply.scope) == (rcode, 0), name


def test_ipv4_only_pool_has_no_aaaa(world):
    """NODATA with the SOA, whoever asks."""
    for net in ("1.1.1.0/24", "210.2.3.0/24", "2001:db8:1::/48", None):
        reply = ask(world.port, "world.example.org", AAAA, net)
        assert reply.rcode == 0 and reply.ips == []
    message = world.udp("world.example.org", "AAAA")
    assert not message.answer and message.authority[0].rdtype == dns.rdatatype.SOA


@pytest.mark.parametrize("name", ["example.org", "a.wild.example.org", "a.b.wild.example.org",
                                  "alias.example.org",
                                  "deep.example.org", "wildalias.example.org", "WoRlD.eXaMpLe.oRg"])
def test_apex_wildcard_and_alias(world, name):
    for net, want in (("1.1.1.0/24", "reykjavik"), ("210.1.3.0/24", "nyc")):
        assert site(ask(world.port, name, A, net)) == want


def test_the_underscore_record_is_data(world):
    answer = world.udp("_steer.world.example.org", "TXT").answer
    assert answer[0][0].strings == (b"pool=world", b"answers=1")


def test_ttl_bounds(world):
    assert ask(world.port, "world.example.org", A, "1.1.1.0/24").ttl == 60      # static data's
    assert ask(world.port, "example.org", A, "1.1.1.0/24").ttl == 120
    # the record's own maximum
    assert ask(world.port, "short.example.org", A, "1.1.1.0/24").ttl == 33
    assert ask(world.port, "zero.example.org", A, "1.1.1.0/24").ttl == 0        # not to be kept
    # no static data: ttl-max
    reply = ask(world.port, "nostatic.example.org", A, "1.1.1.0/24")
    assert site(reply) == "reykjavik" and reply.ttl == 300


def test_spread_lengthens_the_scope(world):
    """5 servers, 1 answered: /20, or /44; 5 answered: the leaf, which is everything here."""
    assert ask(world.port, "many.example.org", A, "5.0.1.0/24").scope == 20
    assert ask(world.port, "many.example.org", A, "2001:db8:1::/48").scope == 44
    reply = ask(world.port, "all.example.org", A, "5.0.1.0/24")
    assert reply.scope <= 8 and len(reply.ips) == 5
    seen = {ask(world.port, "many.example.org", A, f"5.0.{i * 16}.0/24").ips[0] for i in range(16)}
    assert len(seen) > 2                                # one network does not land on one server


def test_a_and_aaaa_are_of_one_server(world):
    nets = [f"5.{i}.0.0/24" for i in range(6)] + [f"2001:db8:{i}::/48" for i in range(6)]
    a = ask_many(world.port, [("many.example.org", A, n) for n in nets])
    aaaa = ask_many(world.port, [("many.example.org", AAAA, n) for n in nets])
    for x, y in zip(a, aaaa):
        assert x.ips[0].rsplit(".", 1)[1] == y.ips[0].rsplit(":", 1)[1] and x.scope == y.scope


def with_subnet(daemon, name, rdtype, net=None, options=(), ask=Dnsd.udp):
    n = ipaddress.ip_network(net) if net else None
    ecs = [dns.edns.ECSOption(str(n.network_address), n.prefixlen)] if net else []
    return ask(daemon, name, rdtype, use_edns=0, payload=4096, options=[*ecs, *options])


def test_hints_are_replaced(world):
    for net in ("5.0.1.0/24", "1.1.1.0/24", "2001:db8:1::/48"):
        want4 = ask(world.port, "svc.example.org", A, net)
        want6 = ask(world.port, "svc.example.org", AAAA, net)
        message = with_subnet(world, "svc.example.org", "HTTPS", net)
        records = sorted(message.answer[0], key=lambda r: r.priority)
        assert list(records[0].params[4].addresses) == want4.ips
        assert list(records[0].params[6].addresses) == want6.ips
        # no hint, none made
        assert 4 not in records[1].params and records[1].params[3].port == 8443
        assert message.answer[0].ttl <= 60
        ecs = [o for o in message.options if o.otype == 8][0]
        assert ecs.scopelen == want4.scope == want6.scope
    record, = world.udp("_8443._https.svc.example.org", "SVCB").answer[0]
    assert 4 not in record.params


def test_mandatory_names_no_hint_that_is_not_there(dnsd_factory):
    """A client without an IPv6 address of the pool is not sent to the static one, however
    mandatory."""
    zone = ZONE_HEAD + """h IN A 192.0.2.1
_steer.h IN TXT "pool=v4"
h IN HTTPS 1 . mandatory=alpn,ipv6hint alpn=h2 ipv4hint=192.0.2.9 ipv6hint=2001:db8:9::9
h IN HTTPS 2 . mandatory=ipv6hint ipv6hint=2001:db8:9::9
h IN HTTPS 3 . mandatory=alpn,ipv4hint alpn=h3 ipv4hint=192.0.2.9
"""
    d = dnsd_factory(zones={"example.org": zone}, head='here = "fra"',
                     conf=sites_conf({"fra": (50, 8)}) + "\n" +
                     pool_conf("v4", {"m": ("fra", ["203.0.113.7"], 10)}))
    got = {r.priority: r.params for r in d.udp("h.example.org", "HTTPS").answer[0]}
    assert sorted(got[1]) == [0, 1, 4] and list(got[1][0].keys) == [1] and \
        list(got[1][4].addresses) == ["203.0.113.7"]
    assert not got[2]
    assert list(got[3][0].keys) == [1, 4] and list(got[3][4].addresses) == ["203.0.113.7"]


# ---- explanations ----

def why(daemon, name, net=None):
    """As dig does it: what does not fit over UDP comes over TCP."""
    message = with_subnet(daemon, f"_why.{name}", "TXT", net)
    if message.flags & dns.flags.TC:
        message = with_subnet(daemon, f"_why.{name}", "TXT", net, ask=Dnsd.tcp)
    return message, [b"".join(r.strings).decode() for rrset in message.answer for r in rrset]


def test_why(world):
    message, lines = why(world, "rules.example.org", "210.1.3.0/24")
    assert message.rcode() == 0
    assert lines[0].startswith("server=nyc site=nyc km=")
    assert "state=up probed=no" in lines[0] and "weight=10" in lines[0] and "chosen=yes" in lines[0]
    text = "\n".join(lines)
    assert "located-as ecs=210.1.3.0/24" in text and 'prefix 210.1.0.0/16"' in text
    line = [i + 1 for i, l in enumerate(open(os.path.join(world.folder, "nearcast.conf")))
            if "210.1.0.0/16" in l][0]
    assert f'rule="nearcast.conf:{line} prefix' in text
    assert "scope=16" in text and "ttl=60 min=5 max=60 static=60" in text
    assert all(len(l) <= 255 for l in lines)


def test_why_cites_the_line_that_the_rule_has_now(dnsd_factory):
    """Lines move and no rule changes: the maps are the same ones, the lines are not."""
    rules = ("geo {\n  prefix \"211.0.0.0/8\" { sites = { \"rome\" } }\n"
             "  prefix \"210.0.0.0/8\" { sites = { \"rome\" } }\n}\n")
    d = dnsd_factory(zones={"example.org": ZONE}, head='here = "fra"', conf=rules + CONF)
    for above in ("", "# one\n# more\n", "\n" * 40):
        d.write(conf=above + rules + CONF)
        d.reload()
        lines = open(os.path.join(d.folder, "nearcast.conf")).read().splitlines()
        for first in 210, 211:
            line = [i + 1 for i, l in enumerate(lines) if f"{first}.0.0.0/8" in l][0]
            _, said = why(d, "rules.example.org", f"{first}.1.3.0/24")
            assert f'rule="nearcast.conf:{line} prefix {first}.0.0.0/8"' in "\n".join(said)


def test_an_answer_counts_once(world):
    """However many choices it is made of."""
    def moved(name, rdtype, net):
        before = world.counters()
        with_subnet(world, name, rdtype, net)
        after = world.counters()
        return [after[c] - before[c] for c in ("answers_steered", "answers_steered_ecs",
                                               "answers_unlocated", "answers_fail_open")]
    assert moved("world.example.org", "A", "1.1.1.0/24") == [1, 1, 0, 0]
    # both hints; the pool has one site, so that its list is that of clients in no database
    assert moved("svc.example.org", "HTTPS", "1.1.1.0/24") == [1, 1, 1, 0]
    assert moved("svc.example.org", "HTTPS", None) == [1, 0, 0, 0]
    assert moved("deep.example.org", "A", "1.1.1.0/24") == [1, 1, 0, 0]        # two aliases
    assert moved("svc.example.org", "ANY", "1.1.1.0/24") == [1, 1, 1, 0]
    assert moved("static.example.org", "A", "5.0.1.0/24") == [0, 0, 0, 0]


def test_why_tells_country_place_and_network(world):
    _, lines = why(world, "world.example.org", "5.0.1.0/24")
    text = "\n".join(lines)
    assert "country=FR continent=EU location=48.8500,2.3500" in text and \
        "network=5.0.0.0/16" in text
    assert "rule=distance" in text
    for s in ("fra", "rome"):
        assert f"server={s} site={s} km={km((48.85, 2.35), SITES[s]):.0f} " in text
    assert 'chosen=no why="fra is nearer"' in text
    _, lines = why(world, "world.example.org")
    assert any("located-as resolver=127.0.0.1" in l for l in lines)
    _, lines = why(world, "deep.example.org", "1.1.1.0/24")     # through aliases
    assert lines[0].startswith("server=reykjavik")
    _, lines = why(world, "many.example.org", "5.0.1.0/24")
    assert sum(l.startswith("server=") for l in lines) == 5
    assert sum("chosen=yes" in l for l in lines) == 1
    assert any("scope=20" in l and "spread4" in l for l in lines)


def test_why_agrees_with_the_answer(world):
    for net in ("5.0.1.0/24", "1.1.2.0/24", "220.1.1.0/24", "2001:db8:2::/48"):
        for name in ("world.example.org", "many.example.org"):
            reply = ask(world.port, name, A, net)
            _, lines = why(world, name, net)
            chosen = [l for l in lines if "chosen=yes" in l]
            assert len(chosen) == len(reply.ips) == 1
            want = SITE_OF.get(reply.ips[0]) or f"m{reply.ips[0].rsplit('.', 1)[1]}"
            assert f"server={want} " in chosen[0]
            assert any(l.startswith(f"scope={reply.scope} ") for l in lines)
            assert any(l.startswith(f"ttl={reply.ttl} ") for l in lines)


def test_explanation_on_the_answer_itself(world):
    option = dns.edns.GenericOption(65001, b"")
    message = with_subnet(world, "world.example.org", "A", "1.1.1.0/24", options=[option])
    assert message.answer[0][0].address == ADDRESS["reykjavik"]
    ede = [o for o in message.options if o.otype == 15]
    assert len(ede) == 1
    # what was chosen and why comes first, what was not comes last and may be cut
    order = [ede[0].text.find(w) for w in ("server=reykjavik", "chosen=yes", "located-as", "scope=",
                                           "ttl=", "chosen=no")]
    assert -1 not in order and order == sorted(order)
    message = with_subnet(world, "world.example.org", "A", "1.1.1.0/24")
    assert not [o for o in message.options if o.otype == 15]


def test_explanations_are_for_those_allowed(dnsd_factory):
    d = dnsd_factory(zones={"example.org": ZONE}, head='here = "fra"',
                     conf='explain { allow = { "192.0.2.0/24" } }\n' + CONF)
    message = d.udp("_why.world.example.org", "TXT", use_edns=0)
    assert message.rcode() == 3 and not message.answer
    message = d.udp("world.example.org", "A", use_edns=0,
                    options=[dns.edns.GenericOption(65001, b"")])
    assert message.answer and not [o for o in message.options if o.otype == 15]
    texts = [s for r in d.udp("_whoami.example.org", "TXT", use_edns=0).answer[0]
             for s in r.strings]
    assert b"ip=127.0.0.1" in texts


def test_whoami(world):
    def texts(message):
        return [s.decode() for rrset in message.answer for r in rrset for s in r.strings]
    assert texts(world.udp("_whoami.example.org", "TXT")) == ["ip=127.0.0.1", "ecs=none",
                                                              "site=fra", "country=unknown"]
    got = texts(with_subnet(world, "_whoami.example.org", "TXT", "5.1.1.0/24"))
    assert "country=DE" in got and any(t.startswith("ecs=5.1.1.0/24/") for t in got)


def ctl(daemon, *words):
    p = nearctl(daemon.argv[2], *words)
    return p.returncode, p.stdout, p.stderr


def test_nearctl_explain_says_the_same(world):
    for name, net in (("world.example.org", "5.0.1.0/24"), ("many.example.org", "2001:db8:1::/48"),
                      ("deep.example.org", "1.1.1.0/24")):
        _, lines = why(world, name, net)
        status, out, _ = ctl(world, "explain", name, net)
        assert status == 0
        assert [l for l in out.splitlines() if not l.startswith(("answer=", "health="))] == lines
        reply = ask(world.port, name, A, net)
        assert f"answer=A {' '.join(reply.ips)} ttl={reply.ttl} scope={reply.scope}" in out
    assert ctl(world, "explain", "static.example.org", "5.0.1.0/24")[0] == 1
    assert ctl(world, "explain", "world.example.org", "5.0.1.0/33")[0] == 2
    status, out, _ = ctl(world, "explain", "world.example.org", "127.0.0.1", "--resolver")
    assert status == 0 and "located-as resolver=127.0.0.1" in out


def test_nearctl_verify_scope(world):
    status, out, err = ctl(world, "verify-scope")
    assert status == 0, out + err
    assert "every scope is right, constant, apart and minimal" in out and " 0 wrong" in out


def test_databases_of_the_public(dnsd_factory):
    """Each loads, or is refused with its name and a reason; nothing crashes."""
    import glob
    found = glob.glob(os.path.join(ROOT, "../*/testdata/mmdb/*.mmdb"))
    if not found:
        pytest.skip("MaxMind's test databases are not here")
    d = dnsd_factory(zones={"example.org": ZONE}, head='here = "fra"', start=False)
    for path in sorted(found):
        d.write(conf=f'geo {{ {"asn" if "ASN" in path else "city"} = "{path}" }}\n' + CONF)
        p = subprocess.run([os.path.join(BUILD, "dnsd"), "-c", d.argv[2], "-t"],
                           capture_output=True, text=True, timeout=60)
        assert p.returncode in (0, 1), (path, p.returncode, p.stderr)
        if p.returncode == 1:
            assert os.path.basename(path) in p.stderr + p.stdout
        if "GeoIP2-City-Test.mmdb" in path or "GeoLite2" in path:
            assert p.returncode == 0, p.stderr
            status, out, err = ctl(d, "verify-scope")
            assert status == 0, out + err
