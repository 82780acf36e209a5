"""Machines beside the ones that every scenario needs: mirrors, endpoints, collectors.

Each hangs on another machine of the lab and has an address of that one's net, so that no routing
protocol learns of it.  They are made when the first scenario wants them and stay.
"""
from inet import ORIGIN_NET4, SITES

# name: whom it hangs on, the last octet of its address
HOSTS = {
    "redir": ("origin", 203),
    "near": ("origin", 211), "lacking": ("origin", 212), "stale": ("origin", 213),
    "corrupt": ("origin", 214), "dying": ("origin", 215),
    "log1": ("origin", 221), "log2": ("nyc", 94),
    "fra-e1": ("fra", 31), "fra-e2": ("fra", 32), "fra-e3": ("fra", 33),
    "sin-e1": ("sin", 161), "sin-e2": ("sin", 162), "sin-e3": ("sin", 163),
}


def address(name):
    router, last = HOSTS[name]
    net = SITES[router]["net4"] if router in SITES else ORIGIN_NET4
    return f"{net.rpartition('.')[0]}.{last}"


def add(lab, *names):
    """Those of them that are not there yet."""
    for name in names:
        if name in lab.hosts:
            continue
        router = HOSTS[name][0]
        number = list(HOSTS).index(name)
        lab.net.add(name)
        lab.net.link(router, name, f"10.251.{number}", f"fd00:251:{number}")
        own = address(name)
        lab.net.ip(name, f"addr add {own}/32 dev lo")
        lab.net.ip(name, f"route add default via 10.251.{number}.1 src {own}")
        lab.net.ip(router, f"route add {own}/32 via 10.251.{number}.2")
        lab.hosts.add(name)
