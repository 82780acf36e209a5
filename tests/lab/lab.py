"""The lab: the small internet of inet.py with three real sites on it.

Every process is the real one: dnsd, healthd, BIRD and two nginx caches at each site,
an origin, an unbound with Client Subnet and one without in every region.

    with Lab() as lab:
        lab.start()
        print(lab.dig("eu"))
        lab.kill_cache("fra", 1)
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "system")]

import caches                           # noqa: E402
import inet                             # noqa: E402
import origin                           # noqa: E402
from inet import ANYCAST4, ANYCAST6, EYEBALLS, SITES   # noqa: E402
from mmdb_write import city, write      # noqa: E402
from net import Net, wait_for           # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
NAME = "download.example.org"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

ZONE = """$TTL 60
@        3600 IN SOA ns hostmaster 2026112101 7200 900 1209600 60
         3600 IN NS  ns
ns       3600 IN A    192.0.2.53
         3600 IN AAAA 2001:db8:53::53
download 60   IN A    198.51.100.10      ; static: the fallback
         60   IN AAAA 2001:db8:a::a
_steer.download IN TXT "pool=mirrors" "ttl=1-5"
www      60   IN CNAME download
tracker  60   IN A    198.51.100.10      ; one at each site, on the caches' machine
_steer.tracker IN TXT "pool=mirrors" "ttl=1-5"
release  60   IN A    198.51.100.10      ; one cache for a site's endpoints: one copy a site
_steer.release IN TXT "pool=mirrors" "answers=1" "ttl=1-5"
"""

UNBOUND = """server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: "{folder}/{name}.pid"
  use-syslog: no
  do-daemonize: no
  interface: {address}
  port: 53
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  outgoing-interface: {address}
  do-ip6: no
  module-config: "{modules}"
  local-zone: "10.in-addr.arpa." nodefault
  num-threads: 1
  so-reuseport: no
  infra-host-ttl: 5
  infra-keep-probing: yes
  unknown-server-time-limit: 100
  {ecs}
stub-zone:
  name: "example.org"
  stub-addr: {anycast}
remote-control:
  control-enable: no
"""


class Lab:
    def __init__(self, prefix=None, folder=None, keep=False, at_end=lambda: None):
        self.prefix = prefix or f"nc{os.getpid()}-"
        self.folder = folder or tempfile.mkdtemp(prefix="nearcast-lab-")
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.net = Net(self.prefix, self.folder)
        self.keep = keep                # leave it running at the end
        self.at_end = at_end            # what else is to be removed
        self.failed = False             # leave the logs
        self.hosts = set()              # what hosts.py has made

    def __enter__(self):
        for sig in ENDS:
            signal.signal(sig, lambda *_: sys.exit(130))
        self.hire_janitor()
        return self

    def hire_janitor(self):
        """A process that removes everything should this one die without a word (kill -9)."""
        listens, self.janitor = os.pipe()
        if os.fork() == 0:
            os.setsid()
            os.close(self.janitor)
            if not os.read(listens, 1):
                self.at_end()
                self.net.remove()
                shutil.rmtree(self.folder, ignore_errors=True)
            os._exit(0)
        os.close(listens)

    def __exit__(self, kind, *_):
        for sig in ENDS:                # once is enough: what we made is to be removed whole
            signal.signal(sig, signal.SIG_IGN)
        if kind is not None or not self.keep:
            self.at_end()
            self.net.remove()
            if kind is None and not self.failed:
                shutil.rmtree(self.folder, ignore_errors=True)
            else:
                print(f"logs and configurations: {self.folder}", file=sys.stderr)
        os.write(self.janitor, b".")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    # ---- configuration

    def database(self):
        """Where the addresses of the lab are, as a city database."""
        nets = {}
        for e in EYEBALLS.values():
            lat, lon = e["location"]
            continent = {"DE": "EU", "US": "NA", "MY": "AS"}[e["country"]]
            for net in (e["net4"], e["net6"]):
                nets[net] = city(e["country"], continent, lat, lon)
        write(self.path("geo.mmdb"), nets)

    def nearcast_conf(self, here, check=""):
        lines = [f'here = "{here}"', "threads = 1", f'run-dir = "{self.path(here, "run")}"',
                 f'state-dir = "{self.path(here, "state")}"']
        os.makedirs(self.path(here, "spool"), exist_ok=True)
        lines.append(f'log {{ spool = "{self.path(here, "spool")}" host = "{here}" max = "64m" '
                     'decisions = all }')
        u4, u6 = inet.site_unicast(here)
        lines.append(f'listen = {{ "{ANYCAST4}", "{ANYCAST6}", "{u4}", "{u6}" }}')
        lines.append('ttl-min = "1s"\nttl-max = "5s"')
        lines.append(
            f'explain {{ allow = {{ "127.0.0.0/8", "::1/128", "{ANYCAST4}/32", "{ANYCAST6}/128" '
            f'}} }}')
        lines.append(f'zone "example.org" {{ file = "{self.path("example.org.zone")}" }}')
        lines.append(f'geo {{ city = "{self.path("geo.mmdb")}" }}')
        for name, s in SITES.items():
            lat, lon = s["location"]
            home = "yes" if s["home"] else "no"
            lines.append(f'site "{name}" {{ location = {{ {lat}, {lon} }} home = {home} '
                         f'sibling = "{inet.site_unicast(name)[0]}" }}')
        lines.append(
            'check "image" { kind = "content" url = "http://%s/healthz" method = "GET" interval '
            '= "250ms" timeout = "200ms" '
                     'rise = 2 fall = 2 origin = "http://%s/_setid" %s }' % (NAME, inet.ORIGIN4,
                                                                             check))
        lines.append('pool "mirrors" {\n  check = "image"\n  answers = 2')
        for name in SITES:
            for n in (1, 2):
                a4, a6 = inet.cache_addresses(name, n)
                lines.append(
                    f'  server "{name}{n}" {{ site = "{name}" address = {{ "{a4}", "{a6}" }} }}')
        lines.append("}")
        t = SITES[here]["transit"]
        n4, n6 = inet.neighbor(here, t)
        lines.append(f'announce {{\n  prefix = {{ "{inet.PREFIX4}", "{inet.PREFIX6}" }}\n'
                     f'  cover = {{ "{inet.COVER4}", "{inet.COVER6}" }}\n  lease = "5s"\n'
                     '  min-healthy = 1\n'
                     f'  hold-down = "1s"\n  bird-socket = "{self.path(here, "bird.ctl")}"\n'
                     f'  local-as = {inet.SITE_AS}\n  router-id = '
                     f'"10.0.1.{list(SITES).index(here) + 1}"\n'
                     f'  neighbor "{t}4" {{ address = "{n4}" as = {inet.TRANSITS[t]} }}\n'
                     f'  neighbor "{t}6" {{ address = "{n6}" as = {inet.TRANSITS[t]} }}\n}}')
        return "\n".join(lines) + "\n"

    def write(self, text, *parts):
        with open(self.path(*parts) + ".new", "w") as f:
            f.write(text)
        os.rename(self.path(*parts) + ".new", self.path(*parts))
        return self.path(*parts)

    def configure(self, site, text=None):
        """The site's nearcast.conf becomes `text`, None = as it was at the start.  No daemon
        is told."""
        return self.write(text or self.nearcast_conf(site), site, "nearcast.conf")

    def reload(self, text_of=lambda site: None, sites=SITES):
        """The same change everywhere at once, as a roll-out does it: site -> nearctl reload."""
        for site in sites:
            self.configure(site, text_of(site))
        running = {site: self.net.popen(site, f"{BUILD}/nearctl", "reload", "-c",
                                        self.path(site, "nearcast.conf"),
                                        stderr=subprocess.STDOUT) for site in sites}
        out = {}
        for site, p in running.items():
            text = p.communicate(timeout=30)[0]
            out[site] = subprocess.CompletedProcess(p.args, p.returncode, text, text)
        return out

    # ---- start and stop of roles

    def start(self):
        inet.build(self.net)
        self.database()
        self.write(ZONE, "example.org.zone")
        self.start_origin()
        for region in EYEBALLS:
            self.start_resolvers(region)
        for site in SITES:
            for n in (1, 2):
                self.start_cache(site, n)
            self.write(self.nearcast_conf(site), site, "nearcast.conf")
            self.start_bird(site)
            self.start_dnsd(site)
            self.start_healthd(site)

    def all_up(self, site):
        """The site's health file calls every server up."""
        try:
            with open(self.path(site, "run", "health")) as f:
                servers = [line.split() for line in f if line.startswith("server ")]
        except OSError:
            return False
        return len(servers) == 6 and all(words[2:5] == ["up", "v4=up", "v6=up"]
                                         for words in servers)

    def ready(self, seconds=30):
        """All sites announce, see all caches, and every region gets an answer."""
        return wait_for(lambda: all(self.all_up(s) for s in SITES), seconds) and \
            wait_for(lambda: all(self.posture(s) == "serving" and self.announced(s) and
                             self.announced(s, 6) for s in SITES),
                     seconds) and \
            wait_for(lambda: all(self.dig(r, "+short") for r in EYEBALLS), seconds) and \
            wait_for(lambda: all(self.resolver_answers(r) for r in EYEBALLS), seconds)

    def resolver_answers(self, region):
        """Its resolvers answer anew: one that has just lost a server repeats SERVFAIL for some
        seconds, and that belongs to the scenario before."""
        base = EYEBALLS[region]["net4"].split("/")[0][:-3]
        return all(self.dig(region, "+short", server=self.resolver(region, ecs),
                            source=f"{base}{random.randrange(1, 250)}.{random.randrange(1, 250)}")
                   for ecs in (True, False) for _ in range(3))

    def start_origin(self):
        self.new_set("set-1")
        origin.start(self)

    def new_set(self, name):
        """Puts a whole new package set at the origin and switches to it; its id."""
        return origin.publish(self, {"file": f"this is a file of {name}\n".encode() * 200})

    def start_cache(self, site, n):
        caches.start(self, site, n)

    def start_resolvers(self, region):
        base = EYEBALLS[region]["net4"].split("/")[0][:-1]
        for name, host, modules, ecs in (
                ("unbound", 53, "subnetcache iterator",
                 f"send-client-subnet: {ANYCAST4}\n  client-subnet-always-forward: yes"),
                ("unbound-noecs", 54, "iterator", "")):
            conf = self.write(UNBOUND.format(folder=self.path(region), name=name,
                                             address=base + str(host),
                                             modules=modules, ecs=ecs, anycast=ANYCAST4), region,
                                             name + ".conf")
            self.net.start(region, name, "unbound", "-d", "-c", conf)

    def start_bird(self, site):
        text = self.nearctl(site, "bird-config")
        if text.returncode != 0:
            raise RuntimeError("nearctl bird-config: " + text.stderr)
        conf = self.write(text.stdout, site, "bird.conf")
        self.net.start(site, "bird", "bird", "-f", "-c", conf, "-s", self.path(site, "bird.ctl"))

    def start_dnsd(self, site):
        self.net.start(site, "dnsd", f"{BUILD}/dnsd", "-c", self.path(site, "nearcast.conf"))

    def start_healthd(self, site):
        self.net.start(site, "healthd", f"{BUILD}/healthd", "-c", self.path(site, "nearcast.conf"))

    # ---- harm, and its healing

    def kill(self, site, name):
        """kill -9, with all of its process group: an nginx and its worker, a healthd and its
        child."""
        p = self.net.processes.pop((site, name), None)
        if p is not None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()

    def freeze(self, site, name):
        os.killpg(self.net.processes[site, name].pid, signal.SIGSTOP)

    def thaw(self, site, name):
        os.killpg(self.net.processes[site, name].pid, signal.SIGCONT)

    def prober(self, site):
        """The process id of healthd's child, as the keeper says; 0 = it has none."""
        with open(self.path(site, "run", "posture")) as f:
            return next(int(line.split("pid=")[1].split()[0]) for line in f
                        if line.startswith("prober "))

    def power_off(self, site):
        """Everything of the site at once, and its link."""
        self.net.link_down(SITES[site]["transit"], site)
        for name in ("cache1", "cache2", "dnsd", "healthd", "bird"):
            self.kill(site, name)
        for marker in ("169.254.53.1/30", "169.254.53.5/30"):
            self.net.ip(site, f"addr del {marker} dev lo", check=False)

    def forget_flaps(self, site):
        """Time passes: the keeper's flap penalty, which would keep the site down for a quarter
        of an hour, lies in its posture file."""
        try:
            with open(self.path(site, "run", "posture")) as f:
                clean = "damping penalty=0.0 " in f.read()
        except OSError:
            clean = True
        if not clean:
            self.net.stop(site, "healthd")
            os.unlink(self.path(site, "run", "posture"))

    def heal(self):
        """Whatever a scenario broke runs again, and all sites serve."""
        for a, b, _, _ in inet.LINKS:
            self.net.link_up(a, b)
            # an interface that goes down loses its IPv6 address
            for ns, other in ((a, b), (b, a)):
                self.net.ip(ns,
                            f"addr replace {inet.neighbor(other, ns)[1]}/64 dev to-{other} nodad",
                            check=False)
        inet.default_routes(self.net)
        for (site, name), p in list(self.net.processes.items()):
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGCONT)
            else:
                del self.net.processes[site, name]
        if ("origin", "origin") not in self.net.processes:
            self.start_origin()
        for site in SITES:
            for all_of in ("site:*", "server:*"):
                self.nearctl(site, "clear", all_of)
            self.forget_flaps(site)
            for role, start in (("cache1", lambda s: self.start_cache(s, 1)),
                                ("cache2", lambda s: self.start_cache(s, 2)),
                                ("bird", self.start_bird), ("dnsd", self.start_dnsd),
                                ("healthd", self.start_healthd)):
                if (site, role) not in self.net.processes:
                    start(site)
        self.heal_configuration()
        return self.ready()

    def heal_configuration(self):
        """The daemons of a site whose configuration a scenario changed read the first one again."""
        changed = []
        for site in SITES:
            with open(self.path(site, "nearcast.conf")) as f:
                if f.read() != self.nearcast_conf(site):
                    changed.append(site)
        if changed:
            wait_for(lambda: all(self.status(s) for s in changed), 10)
            self.reload(sites=changed)

    # ---- questions

    def nearctl(self, site, *argv):
        return self.net.call(site, f"{BUILD}/nearctl", *argv, "-c",
                             self.path(site, "nearcast.conf"))

    def status(self, site):
        """What both daemons of a site say, as a dict; {} when they cannot be asked."""
        out = self.nearctl(site, "status", "--json")
        try:
            return json.loads(out.stdout)
        except ValueError:
            return {}

    def counter(self, site, name):
        """One of dnsd's counters."""
        out = self.nearctl(site, "counters").stdout
        return int(next(line for line in out.splitlines()
                        if line.startswith(f"nearcast_dnsd_{name}_total ")).split()[1])

    def posture(self, site):
        """serving, draining or down, from the keeper's own file."""
        try:
            with open(self.path(site, "run", "posture")) as f:
                return next(line.split()[1] for line in f if line.startswith("posture "))
        except (OSError, StopIteration):
            return ""

    def resolver(self, region, ecs=True):
        return EYEBALLS[region]["net4"].split("/")[0][:-1] + ("53" if ecs else "54")

    def dig(self, region, *options, name=NAME, qtype="A", server=None, source=None):
        base = EYEBALLS[region]["net4"].split("/")[0][:-1]
        out = self.net.call(region, "dig", "-b", source or base + "9", "+tries=1", "+time=2",
                            *options,
                            "@" + (server or ANYCAST4), name, qtype)
        return out.stdout.strip()

    def announced(self, site, family=4):
        """Does the site's transit send the family's anycast traffic to it?"""
        prefix = inet.PREFIX4 if family == 4 else inet.PREFIX6
        out = self.net.ip(SITES[site]["transit"], f"-{family} route show {prefix}")
        return f"{prefix} " in out and f"dev to-{site} " in out

    def updates(self, site):
        """BGP updates and withdrawals that the site's transit has had from it, both families."""
        t = SITES[site]["transit"]
        total = 0
        if t == "t2":                   # FRR counts messages
            for address in inet.neighbor(t, site):
                out = self.net.call(t, "vtysh", "--vty_socket", self.path(t), "-c",
                                    f"show bgp neighbors {address} json").stdout
                total += json.loads(out)[address]["messageStats"]["updatesRecv"]
            return total
        for family in (4, 6):
            out = self.net.call(t, "birdc", "-s", self.path(t, "bird.ctl"),
                                f"show protocols all {site}_{family}").stdout
            for line in out.splitlines():
                if line.strip().startswith(("Import updates:", "Import withdraws:")):
                    total += int(line.split(":")[1].split()[0])
        return total

    def all_updates(self):
        return sum(self.updates(site) for site in SITES)

    def settled_updates(self):
        """The same once routing is quiet: some seconds after a session came up FRR still asks for
        a route refresh, which counts."""
        before, now = -1, self.all_updates()
        while before != now:
            time.sleep(4)
            before, now = now, self.all_updates()
        return now

    def alarms(self, site):
        """What `nearctl status` says, alarms among it."""
        return self.nearctl(site, "status").stdout

    def octets(self, ns, other):
        """Sent and received on the link from `ns` to `other`."""
        stats = json.loads(self.net.ip(ns, f"-j -s link show dev to-{other}"))[0]["stats64"]
        return stats["rx"]["bytes"] + stats["tx"]["bytes"]

    def time_until(self, what, seconds=15.0):
        """Milliseconds until `what` is true; fails the scenario if that never comes."""
        start = time.monotonic()
        assert wait_for(what, seconds, 0.01), "did not come true within %g s" % seconds
        return (time.monotonic() - start) * 1000

    def servers(self, region, ecs=None):
        """The addresses a region's client gets from the anycast address itself."""
        options = ["+short"] + ([f"+subnet={ecs}"] if ecs else [])
        return set(self.dig(region, *options).split())

    def caches(self, site):
        return {inet.cache_addresses(site, n)[0] for n in (1, 2)}

    # ---- load

    def load(self, lookups=170, downloads=5, regions=EYEBALLS, direct_ms=20):
        return Load(self, lookups, downloads, regions, direct_ms)


class Load:
    """Clients in every region while a with-block runs; their counts afterwards."""

    def __init__(self, lab, lookups, downloads, regions, direct_ms):
        self.lab, self.lookups, self.downloads, self.regions = lab, lookups, downloads, \
            list(regions)
        self.direct_ms = direct_ms      # between two questions straight to the anycast address
        self.by_region, self.total = {}, {}

    def __enter__(self):
        self.running = {}
        for region in self.regions:
            self.running[region] = self.lab.net.popen(
                region, "/usr/bin/python3", f"{HERE}/load.py",
                "--resolver", self.lab.resolver(region), "--sources", EYEBALLS[region]["net4"],
                "--direct", ANYCAST4, "--name", NAME, "--lookups", str(self.lookups),
                "--downloads", str(self.downloads), "--direct-every", str(self.direct_ms))
        for p in self.running.values():
            p.stdout.readline()
        self.start = time.monotonic()
        time.sleep(1)                   # a moment of normal life before anything happens
        return self

    def __exit__(self, kind, *_):
        for p in self.running.values():
            p.terminate()
        for region, p in self.running.items():
            out = p.communicate(timeout=30)[0]
            self.by_region[region] = json.loads(out) if out.strip() else {}
        for counts in self.by_region.values():
            for key, value in counts.items():
                if isinstance(value, (int, float)):
                    worst = key.startswith(("worst", "longest"))
                    self.total[key] = max(self.total.get(key, 0),
                                          value) if worst else self.total.get(key, 0) + value

    def __getitem__(self, key):
        return self.total.get(key, 0)

    def line(self):
        return (
            f"{self['lookups']} lookups, {self['lookups_failed']} failed; {self['downloads']} "
            "downloads, "
                f"{self['downloads_failed']} failed, {self['downloads_retried']} by the second "
                "address, "
                f"{self['downloads_again']} by a second lookup; "
                f"longest silence of the anycast address {self['longest_gap_ms']:.0f} ms")
