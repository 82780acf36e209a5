"""Five sites, three considered: when these three are dead, the nearest of the others."""
import ipaddress
import os

import pytest

from conftest import Dnsd, nearctl
from mmdb_write import city, write
from steer_world import A, AAAA, CHECK, ask, pool_conf, sites_conf, until, write_health

# on the equator, so that who is nearer is seen: to a client at 40 east, which is sent to n3, n2,
# n1, the next is `east`; to n1, n2 or n3, and to a client at 20 east, it is `west`
SITES = {"n1": (0, 10), "n2": (0, 11), "n3": (0, 12), "west": (0, -25), "east": (0, 100)}
SERVERS = {s: (s, [f"198.51.100.{i}", f"2001:db8::{i}"], 10) for i, s in enumerate(SITES)}
NAME_OF = {a: n for n, (_, addresses, _) in SERVERS.items() for a in addresses}
NEAR_DOWN = {"n1": "down", "n2": "down", "n3": "down"}
TO_EAST, TO_WEST = "10.1.2.0/24", "10.0.2.0/24"

ZONE = """$TTL 300
@ IN SOA ns h 1 7200 900 86400 60
@ IN NS ns
ns IN A 192.0.2.1
dl 60 IN A 198.51.100.1
dl 60 IN AAAA 2001:db8::1
dl 60 IN HTTPS 1 . ipv4hint=192.0.2.9 ipv6hint=2001:db8::9
_steer.dl IN TXT "pool=mirrors"
"""


@pytest.fixture
def d(tmp_path):
    d = Dnsd(tmp_path, zones={"example.org": ZONE}, head='here = "n1"', conf="\n".join([
        'geo { city = "geo.mmdb" }', sites_conf(SITES), CHECK,
        pool_conf("mirrors", SERVERS, check='"image"')]))
    write(os.path.join(d.folder, "geo.mmdb"), {
        "10.1.0.0/16": city("KE", "AF", 0.0, 40.0), "10.0.0.0/16": city("CD", "AF", 0.0, 20.0)})
    write_health(d, {n: "up" for n in SERVERS})
    d.start()
    yield d
    d.stop()


def get(d, net, rdtype=A):
    reply = ask(d.port, "dl.example.org", rdtype, net)
    assert reply.rcode == 0
    return [NAME_OF[ip] for ip in reply.ips], reply


def health(d, states, net, want):
    write_health(d, {**{n: "up" for n in SERVERS}, **states})
    until(lambda: get(d, net)[0] == want)


def test_three_nearest_dead_two_far_healthy(d):
    for net, far, near in ((TO_EAST, "east", ["n3"]), (TO_WEST, "west", ["n3"]),
                           (None, "west", ["n1"]), ("10.9.0.0/24", "west", ["n1"])):
        assert get(d, net)[0] == near
        health(d, NEAR_DOWN, net, [far])
        for rdtype in A, AAAA:
            names, reply = get(d, net, rdtype)
            assert names == [far] and reply.ede is None and reply.ttl == 60
        health(d, {**NEAR_DOWN, far: "drain"}, net, ["east" if far == "west" else "west"])
        health(d, {n: "down" for n in SERVERS}, net, near)
        assert get(d, net)[1].ede is not None
        health(d, {}, net, near)


def test_hints_too(d):
    health(d, NEAR_DOWN, None, ["west"])
    params = d.udp("dl.example.org", "HTTPS").answer[0][0].params
    assert [NAME_OF[a] for k in (4, 6) for a in params[k].addresses] == ["west", "west"]


def test_scopes_stay_as_they_were_in_the_list_and_honest_beyond(d):
    """Both clients have one list and one scope; beyond it they part, and so do their scopes."""
    healthy = [get(d, net)[1].scope for net in (TO_EAST, TO_WEST)]
    assert healthy == [15, 15]
    health(d, NEAR_DOWN, TO_EAST, ["east"])
    for net, far in (TO_EAST, "east"), (TO_WEST, "west"):
        scope = get(d, net)[1].scope
        assert scope == 16
        held = ipaddress.ip_network(net).supernet(new_prefix=scope)
        for end in held[0], held[-1]:
            names, reply = get(d, f"{end}/32")
            assert names == [far] and reply.scope == scope
    health(d, {"n1": "down", "n2": "down"}, TO_EAST, ["n3"])
    assert get(d, TO_EAST)[1].scope == 15
    p = nearctl(d.argv[2], "verify-scope")
    assert p.returncode == 0, p.stdout + p.stderr


def test_why_says_so(d):
    health(d, NEAR_DOWN, TO_EAST, ["east"])
    out = nearctl(d.argv[2], "explain", "dl.example.org", TO_EAST).stdout
    assert 'sites=n3,n2,n1 beyond=east why="no site of the list has any as good"' in out
    assert "server=east site=east km=6672 state=up" in out
    assert "scope=16 key=10.1.0.0/16 leaf=16" in out


@pytest.mark.parametrize("near,far", [("stale", "up"), ("down", "stale"), ("drain", "stale"),
                                      ("drain", "down"), ("spent", "up"), ("spent", "stale"),
                                      ("down", "spent")])
def test_every_rung_beyond_comes_before_a_worse_one_near(d, near, far):
    def as_health(word):
        return {"state": "up", "weight": 0} if word == "spent" else word
    near, far = as_health(near), as_health(far)
    states = {**{n: near for n in NEAR_DOWN}, "west": far, "east": far}
    health(d, states, TO_EAST, ["east"])
    health(d, states, TO_WEST, ["west"])
    # and the other way round, the near ones
    health(d, {**{n: far for n in NEAR_DOWN}, "west": near, "east": near}, TO_EAST, ["n3"])
