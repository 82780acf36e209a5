"""The small internet of the lab: who is where, with which addresses, and what routes.

                 eu (resolver, clients)      us (resolver, clients)
                          |                       |
     fra --------------- t1 --------------------- t2 --------------- nyc
  (65001)            BIRD 64501 \\           / FRR 64502            (65001)
                                  \\         /
                    origin --- t1   t3 (BIRD 64503) ---- ap (resolver, clients)
                                     |
                                    sin (65001)

All addresses are documentation or private ones.  Unicast addresses are routed
statically by the transit they hang on, and by BGP between the transits; the anycast
prefixes come from the sites alone.
"""
import os
import shutil

from net import Net, wait_for

ANYCAST4, ANYCAST6 = "192.0.2.53", "2001:db8:53::53"
PREFIX4, PREFIX6 = "192.0.2.0/24", "2001:db8:53::/48"
COVER4, COVER6 = "192.0.2.0/23", "2001:db8:52::/47"

# name: transit, home, coordinates, unicast nets (the caches live there)
SITES = {
    "fra": dict(transit="t1", home=True, location=(50.11, 8.68), net4="198.51.100.0/26",
                net6="2001:db8:a::/48"),
    "nyc": dict(transit="t2", home=True, location=(40.71, -74.01), net4="198.51.100.64/26",
                net6="2001:db8:b::/48"),
    "sin": dict(transit="t3", home=False, location=(1.35, 103.82), net4="198.51.100.128/26",
                net6="2001:db8:c::/48"),
}
# name: transit, the place of its addresses
EYEBALLS = {
    "eu": dict(transit="t1", country="DE", location=(52.52, 13.40), net4="10.1.0.0/16",
               net6="fd00:1::/32"),
    "us": dict(transit="t2", country="US", location=(41.88, -87.63), net4="10.2.0.0/16",
               net6="fd00:2::/32"),
    "ap": dict(transit="t3", country="MY", location=(3.14, 101.69), net4="10.3.0.0/16",
               net6="fd00:3::/32"),
}
TRANSITS = {"t1": 64501, "t2": 64502, "t3": 64503}
SITE_AS = 65001
# a, b: net4 (three octets and a /30), net6
LINKS = [
    ("t1", "t2", "10.255.12", "fd00:255:12:"), ("t1", "t3", "10.255.13", "fd00:255:13:"),
    ("t2", "t3", "10.255.23", "fd00:255:23:"),
    ("t1", "fra", "10.254.1", "fd00:254:1:"), ("t2", "nyc", "10.254.2", "fd00:254:2:"),
    ("t3", "sin", "10.254.3", "fd00:254:3:"),
    ("t1", "eu", "10.253.1", "fd00:253:1:"), ("t2", "us", "10.253.2", "fd00:253:2:"),
    ("t3", "ap", "10.253.3", "fd00:253:3:"), ("t1", "origin", "10.252.1", "fd00:252:1:"),
]
ORIGIN4, ORIGIN6 = "198.51.100.201", "2001:db8:f::1"
ORIGIN_NET4, ORIGIN_NET6 = "198.51.100.192/26", "2001:db8:f::/48"


def link_of(a, b):
    """net4, net6, and whether `a` is the `.1` side."""
    for x, y, net4, net6 in LINKS:
        if (x, y) == (a, b):
            return net4, net6, True
        if (y, x) == (a, b):
            return net4, net6, False
    raise KeyError((a, b))


def neighbor(me, other):
    """Addresses of the other end of a link."""
    net4, net6, first = link_of(me, other)
    host = 2 if first else 1
    return f"{net4}.{host}", f"{net6}:{host}"


def cache_addresses(site, n):
    """v4 and v6 of cache n (1, 2) of a site."""
    s = SITES[site]
    base = s["net4"].split("/")[0]
    octets = base.split(".")
    return (".".join(octets[:3] + [str(int(octets[3]) + 9 + n)]),
            s["net6"].split("::")[0] + f"::{9 + n}")


def site_unicast(site):
    """The address of a site's own machine, where its dnsd answers the other sites."""
    s = SITES[site]
    octets = s["net4"].split("/")[0].split(".")
    return ".".join(octets[:3] + [str(int(octets[3]) + 1)]), s["net6"].split("::")[0] + "::1"


def attached(transit):
    """(neighbour, net4, net6) of what hangs on a transit and is routed statically."""
    for name, s in SITES.items():
        if s["transit"] == transit:
            yield name, s["net4"], s["net6"]
    for name, e in EYEBALLS.items():
        if e["transit"] == transit:
            yield name, e["net4"], e["net6"]
    if transit == "t1":
        yield "origin", ORIGIN_NET4, ORIGIN_NET6


def bird_transit(me):
    """BIRD configuration of a transit network."""
    asn = TRANSITS[me]
    out = [f"log stderr all; router id 10.0.0.{me[1]};",
           "protocol device { scan time 1; }",
           "protocol direct { ipv4; ipv6; interface \"to-*\"; }",
           "protocol kernel { ipv4 { export where source != RTS_DEVICE; }; }",
           "protocol kernel { ipv6 { export where source != RTS_DEVICE; }; }",
           "protocol bfd { interface \"to-*\" { min rx interval 100 ms; min tx interval 100 ms; "
           "multiplier 3; }; }",
           # RFC 8326: what is being drained is the last choice
           "filter from_peer { if (65535,0) ~ bgp_community then bgp_local_pref = 0; accept; }",
           "function anycast4() { return net ~ [ %s, %s ]; }" % (PREFIX4, COVER4),
           "function anycast6() { return net ~ [ %s, %s ]; }" % (PREFIX6, COVER6),
           "filter from_site4 { if ! anycast4() then reject; if (65535,0) ~ bgp_community then "
           "bgp_local_pref = 0; accept; }",
           "filter from_site6 { if ! anycast6() then reject; if (65535,0) ~ bgp_community then "
           "bgp_local_pref = 0; accept; }"]
    routes4, routes6 = [], []
    for name, net4, net6 in attached(me):
        n4, n6 = neighbor(me, name)
        routes4.append(f"route {net4} via {n4};")
        routes6.append(f"route {net6} via {n6};")
    out.append("protocol static { ipv4; %s }" % " ".join(routes4))
    out.append("protocol static { ipv6; %s }" % " ".join(routes6))
    session = ("local as %d; bfd on; connect retry time 1; connect delay time 1; "
               "error wait time 1,3; hold time 9; keepalive time 3; graceful restart off;" % asn)
    for other, other_as in TRANSITS.items():
        if other == me:
            continue
        for family, addr in zip((4, 6), neighbor(me, other)):
            out.append(f"protocol bgp {other}_{family} {{ {session} neighbor {addr} as {other_as}; "
                       f"ipv{family} {{ import filter from_peer; export where source ~ [RTS_BGP, "
                       f"RTS_STATIC]; next hop self; }}; }}")
    for name, s in SITES.items():
        if s["transit"] != me:
            continue
        for family, addr in zip((4, 6), neighbor(me, name)):
            out.append(f"protocol bgp {name}_{family} {{ {session} neighbor {addr} as {SITE_AS}; "
                       f"ipv{family} {{ import filter from_site{family}; export none; }}; }}")
    return "\n".join(out) + "\n"


def frr_transit(me):
    """FRR's bgpd configuration of a transit network; static routes are the kernel's."""
    asn = TRANSITS[me]
    out = ["hostname " + me, "log stdout",
           f"ip prefix-list ANYCAST permit {PREFIX4}", f"ip prefix-list ANYCAST permit {COVER4}",
           f"ipv6 prefix-list ANYCAST6 permit {PREFIX6}",
           f"ipv6 prefix-list ANYCAST6 permit {COVER6}",
           "bgp community-list standard GSHUT permit 65535:0",
           "route-map PEER permit 10", " match community GSHUT", " set local-preference 0",
           "route-map PEER permit 20",
           "route-map SITE4 permit 10", " match ip address prefix-list ANYCAST",
           " match community GSHUT", " set local-preference 0",
           "route-map SITE4 permit 20", " match ip address prefix-list ANYCAST",
           "route-map SITE6 permit 10", " match ipv6 address prefix-list ANYCAST6",
           " match community GSHUT", " set local-preference 0",
           "route-map SITE6 permit 20", " match ipv6 address prefix-list ANYCAST6",
           "route-map NONE deny 10",
           f"router bgp {asn}", f" bgp router-id 10.0.0.{me[1]}", " no bgp default ipv4-unicast",
           " no bgp ebgp-requires-policy", " bgp bestpath as-path multipath-relax",
           " timers bgp 3 9"]
    peers = [(o, a, "PEER", "PEER", None) for o, a in TRANSITS.items() if o != me]
    peers += [(n, SITE_AS, "SITE4", "SITE6", "NONE") for n, s in SITES.items()
              if s["transit"] == me]
    families = {4: [], 6: []}
    for other, other_as, map4, map6, out_map in peers:
        for family, addr, imap in zip((4, 6), neighbor(me, other), (map4, map6)):
            out += [f" neighbor {addr} remote-as {other_as}", f" neighbor {addr} bfd profile fast",
                    f" neighbor {addr} timers connect 1",
                    f" neighbor {addr} advertisement-interval 0"]
            families[family] += [f"  neighbor {addr} activate", f"  neighbor {addr} next-hop-self",
                                 f"  neighbor {addr} route-map {imap} in"]
            if out_map:
                families[family].append(f"  neighbor {addr} route-map {out_map} out")
    for family, lines in families.items():
        out += [f" address-family ipv{family} unicast", "  redistribute kernel", *lines,
                " exit-address-family"]
    return "\n".join(out) + "\n"


def build(net: Net):
    """Namespaces, links, addresses, static routes, transits with their BGP."""
    net.add(*TRANSITS, *SITES, *EYEBALLS, "origin")
    for a, b, net4, net6 in LINKS:
        net.link(a, b, net4, net6[:-1])
    for site in SITES:
        for n in (1, 2):
            a4, a6 = cache_addresses(site, n)
            net.ip(site, f"addr add {a4}/32 dev lo")
            net.ip(site, f"addr add {a6}/128 dev lo nodad")
        u4, u6 = site_unicast(site)
        for a in (u4, ANYCAST4):
            net.ip(site, f"addr add {a}/32 dev lo")
        for a in (u6, ANYCAST6):
            net.ip(site, f"addr add {a}/128 dev lo nodad")
    net.ip("origin", f"addr add {ORIGIN4}/32 dev lo")
    net.ip("origin", f"addr add {ORIGIN6}/128 dev lo nodad")
    for name, e in EYEBALLS.items():
        # every address of the net is the client's own: clients bind to any of them
        net.ip(name, f"route add local {e['net4']} dev lo")
        net.ip(name, f"route add local {e['net6']} dev lo")
        net.ip(name, f"addr add {e['net6'].replace('::/32', '::1')}/128 dev lo nodad")
    default_routes(net)
    start_transits(net)


def default_routes(net):
    """Out of sites, regions and the origin; also after a link was down, which loses them."""
    own = {**{s: site_unicast(s) for s in SITES}, "origin": (ORIGIN4, ORIGIN6),
           **{n: (e["net4"].replace("0.0/16", "0.1"), e["net6"].replace("::/32", "::1")) for n,
              e in EYEBALLS.items()}}
    for name, (src4, src6) in own.items():
        via4, via6 = neighbor(name, {**SITES, **EYEBALLS}.get(name, {"transit": "t1"})["transit"])
        net.ip(name, f"route replace default via {via4} src {src4}")
        net.ip(name, f"route replace default via {via6} src {src6}")


def start_transits(net):
    for t in ("t1", "t3"):
        path = f"{net.folder}/{t}/bird.conf"
        with open(path, "w") as f:
            f.write(bird_transit(t))
        net.start(t, "bird", "bird", "-f", "-c", path, "-s", f"{net.folder}/{t}/bird.ctl")
    t = "t2"
    for name, net4, net6 in attached(t):
        n4, n6 = neighbor(t, name)
        net.ip(t, f"route add {net4} via {n4} proto static")
        net.ip(t, f"route add {net6} via {n6} proto static")
    folder = f"{net.folder}/{t}"
    with open(f"{folder}/bgpd.conf", "w") as f:
        f.write(frr_transit(t))
    for daemon in ("zebra", "bfdd"):
        with open(f"{folder}/{daemon}.conf", "w") as f:
            f.write(f"hostname {t}\nlog stdout\n")
            if daemon == "bfdd":
                f.write("bfd\n profile fast\n  receive-interval 100\n  transmit-interval 100\n"
                        "  detect-multiplier 3\n")
    shutil.chown(folder, "frr", "frr")
    for daemon in ("zebra", "bfdd", "bgpd"):
        extra = ["-z", f"{folder}/zserv.api"]
        if daemon == "bfdd":
            extra += ["--bfdctl", f"{folder}/bfdd.sock"]
        net.start(t, daemon, f"/usr/lib/frr/{daemon}", "-u", "frr", "-g", "frr", "-f",
                  f"{folder}/{daemon}.conf", "-i", f"{folder}/{daemon}.pid", "--vty_socket", folder,
                  "-P", "0", *extra)
        wait_for(lambda d=daemon: os.path.exists(f"{folder}/{d}.vty"), 5)
