"""What the transits hold of the sites' anycast routes, and whether it changed in between.

    with Routes(lab) as routes:
        ...
    assert not routes.changed(), routes.changed()

A route that went and came back within a millisecond is a change, too: BIRD says when it had
the last update, and the kernels of the transits are watched meanwhile.  Not for scenarios that
break links or BIRD: a session between transits that ends is taken for the machine's standing still.
"""
import json
import re

from inet import ANYCAST4, ANYCAST6, PREFIX4, PREFIX6, SITES, neighbor

PREFIXES = {4: PREFIX4, 6: PREFIX6}
SERVICES = {4: ANYCAST4, 6: ANYCAST6}


def bgp_view(lab, site, family):
    """What the site's transit knows of the route it has from the site: (when it had the last
    update, in seconds of the day; attributes as text); (0, "") while it has none.  FRR's time
    is left out: it counts a refresh as well."""
    t = SITES[site]["transit"]
    if t == "t2":
        out = lab.net.call(t, "vtysh", "--vty_socket", lab.path(t), "-c",
                           f"show bgp ipv{family} unicast {PREFIXES[family]} json").stdout
        mine = [p for p in json.loads(out or "{}").get("paths", [])
                if p["peer"]["peerId"] == neighbor(t, site)[family == 6]]
        return 0, "".join(f"AS {p['aspath']['string']} MED {p.get('metric', 0)} "
                          f"{p.get('community', {}).get('string', '')}" for p in mine)
    out = lab.net.call(t, "birdc", "-s", lab.path(t, "bird.ctl"),
                       f"show route {PREFIXES[family]} protocol {site}_{family} all").stdout
    # the mark of the best route, which others may take from it, is left out
    found = re.search(r"\[%s_%d (\d+):(\d+):([\d.]+)\] \*?(.*)" % (site, family), out, re.DOTALL)
    if not found:
        return 0, ""
    hours, minutes, seconds, text = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds), " ".join(text.split())


def same_view(was, now):
    """BIRD counts times back from now, and is a millisecond off at times."""
    return was[1] == now[1] and abs(was[0] - now[0]) < 0.02


def announced(lab, site, family):
    return bgp_view(lab, site, family)[1] != ""


def draining(lab, site, family):
    """The route is there, with the community of RFC 8326."""
    view = bgp_view(lab, site, family)[1]
    return "65535,0" in view or "65535:0" in view or "graceful-shutdown" in view.lower()


def withdrawals(lab, site):
    """BGP withdrawals the transit has had of the site, both families; of FRR it is not known."""
    t, total = SITES[site]["transit"], 0
    if t == "t2":
        return 0
    for family in PREFIXES:
        out = lab.net.call(t, "birdc", "-s", lab.path(t, "bird.ctl"),
                           f"show protocols all {site}_{family}").stdout
        total += sum(int(line.split(":")[1].split()[0]) for line in out.splitlines()
                     if line.strip().startswith("Import withdraws:"))
    return total


class StoodStill(Exception):
    """BFD gives up after 0.3 s: nobody in the lab had a processor for so long."""


class Routes:
    def __init__(self, lab, sites=SITES):
        self.lab, self.sites = lab, list(sites)

    def views(self):
        return {(s, f): bgp_view(self.lab, s, f) for s in self.sites for f in PREFIXES}

    def broken_sessions(self):
        """Lines of the transits' BIRD that tell of sessions that BFD has ended."""
        return sum("Received: Cease" in line or "bfd1: Bad packet" in line
                   for t in ("t1", "t3") for line in self.lab.net.log(t, "bird").splitlines())

    def __enter__(self):
        self.broken = self.broken_sessions()
        self.before, self.after = self.views(), None
        self.withdrawn = {s: withdrawals(self.lab, s) for s in self.sites}
        self.monitors = {SITES[s]["transit"]: self.lab.net.popen(
            SITES[s]["transit"], "ip", "-ts", "monitor", "route") for s in self.sites}
        return self

    def __exit__(self, *_):
        self.after = self.views()
        self.withdrawn = {s: withdrawals(self.lab, s) - n for s, n in self.withdrawn.items()}
        self.kernel = {}
        for t, monitor in self.monitors.items():
            monitor.terminate()
            self.kernel[t] = [line for line in monitor.communicate(timeout=5)[0].splitlines()
                              if PREFIX4 in line or PREFIX6 in line]
        if self.broken_sessions() != self.broken:
            raise StoodStill

    def changed(self, families=(4, 6)):
        """Of these families: what is not as it was, as text; "" if nothing moved."""
        out = []
        for (site, family), was in self.before.items():
            now = self.after[site, family]
            if family in families and not same_view(was, now):
                out.append(f"{site} IPv{family}: {was!r} became {now!r}")
        for t, lines in self.kernel.items():
            out += [f"{t}: {line}" for line in lines
                    if any(PREFIXES[f] in line for f in families)]
        return "\n".join(out)

    def away(self, site):
        """The longest time, in ms, that the site's transit had another route than the site's, as
        its kernel saw it; of changes that were over by the end."""
        transit, worst, since = SITES[site]["transit"], 0.0, {}
        for line in self.kernel[transit]:
            clock = re.match(r"\[\S+T(\d+):(\d+):([\d.]+)\]", line)
            prefix = PREFIX4 if PREFIX4 in line else PREFIX6
            now = sum(float(n) * unit for n, unit in zip(clock.groups(), (3600e3, 60e3, 1e3)))
            if f"dev to-{site}" not in line or "Deleted" in line:
                since.setdefault(prefix, now)
            elif prefix in since:
                worst = max(worst, now - since.pop(prefix))
        return worst
