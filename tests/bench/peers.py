"""The servers under test, each in its best configuration for the same data: one worker,
logging, statistics and rate limiting off, minimal responses where there is a choice.

Each class writes its configuration into a folder of its own and says how it is started;
all run in the foreground as children of the benchmark and are ended by their number.
"""
import glob
import os
import re
import signal
import subprocess
import time

import world as w


class Server:
    name = version = ""
    unchecked = []          # what the generator leaves unchecked: -x data, -xx the rcode too
    kinds = None            # None: every kind of question
    reload_signal = signal.SIGHUP

    def __init__(self, world, net, port, workers=1, cpus="0", env=None):
        self.world, self.net, self.port, self.workers, self.cpus = world, net, port, workers, cpus
        self.env = {**os.environ, **(env or {})}
        self.folder = f"{world.folder}/{self.name.replace(' ', '-')}-{port}"
        os.makedirs(self.folder, exist_ok=True)
        self.process = None

    def write(self, name, text):
        return self.world.write(os.path.join(self.folder, name), text)

    def start(self, question="mail.example.org"):
        log = open(f"{self.folder}/log", "w")
        started = time.monotonic()
        command = ["taskset", "-c", self.cpus, *self.command()]
        self.process = subprocess.Popen(self.net.in_server(command), stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL,
                                        start_new_session=True, env=self.env)
        self.wait(question, started + 60)
        self.started_s = time.monotonic() - started
        return self

    def wait(self, question, deadline):
        """Until it answers NOERROR with data."""
        ask = ["dig", "+short", "+tries=1", "+timeout=1", "+noedns", "-p", str(self.port),
               f"@{self.net.server}", question]
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if question is None:
                return time.sleep(0.2)
            out = subprocess.run(self.net.in_client(ask), capture_output=True, text=True).stdout
            if out and ";;" not in out:
                return None
            time.sleep(0.02)
        with open(f"{self.folder}/log") as f:
            raise SystemExit(f"bench: {self.name} does not answer; its log:\n{f.read()[-2000:]}")

    def stop(self):
        if self.process is None:
            return
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sig)
            except ProcessLookupError:
                break
            try:
                self.process.wait(5)
                break
            except subprocess.TimeoutExpired:
                continue
        self.process = None

    def pids(self):
        """The server and its descendants."""
        found = [self.process.pid]
        for pid in found:
            for path in glob.glob(f"/proc/{pid}/task/*/children"):
                with open(path) as f:
                    found += map(int, f.read().split())
        return found

    def resident_mb(self):
        """Resident memory, of all its processes, shared pages once."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        return total / 1024

    def processor_s(self):
        """Processor time used so far."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat") as f:
                total += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
        return total / os.sysconf("SC_CLK_TCK")

    def reload(self):
        os.kill(self.process.pid, self.reload_signal)

    def reload_s(self):
        """What the longest reload took, where the server says it; else None."""
        return None


class Limit(Server):
    name, unchecked = "limit", ["-xx"]
    version = "canned reply"

    def command(self):
        return [f"{self.world.build}/tests/bench/limit", self.net.server, str(self.port),
                str(w.ANSWERS)]

    def start(self, question=None):
        return super().start(None)


class Dnsd(Server):
    name = "dnsd"
    pools = 1

    def reload_s(self):
        with open(f"{self.folder}/log") as f:
            return max((float(s) for s in re.findall(r"in service: .* built in ([\d.]+) s",
                                                     f.read())), default=0.0)

    def zones(self):
        return [("example.org", "steered.zone"), ("big.example", "big.zone")]

    def command(self):
        text = \
            f'here = "fra"\nlisten = {{ "{self.net.server}@{self.port}" }}\n' \
            f'threads = {self.workers}\n'
        text += f'run-dir = "{self.folder}"\n'
        for name, file in self.zones():
            text += f'zone "{name}" {{ file = "{self.world.folder}/{file}" }}\n'
        text += f'geo {{ city = "{self.world.mmdb}" }}\n'
        for name, lat, lon in w.SITES:
            text += f'site "{name}" {{ location = {{ {lat}, {lon} }} }}\n'
        for pool in range(self.pools):
            text += f'pool "mirrors{pool or ""}" {{\n\tanswers = {w.ANSWERS}\n'
            for s, (site, *_) in enumerate(w.SITES):
                if pool != 0 and s == pool % len(w.SITES):
                    continue    # pools of different sites: nothing to share
                for k in range(w.SERVERS):
                    text += (f'\tserver "{site}{k}-{pool}" {{ site = "{site}"  '
                             f'address = {{ "{w.v4(s, k)}", "{w.v6(s, k)}" }} }}\n')
            text += "}\n"
        return [f"{self.world.build}/dnsd", "-c", self.write("nearcast.conf", text)]


class Gdnsd(Server):
    name, version = "gdnsd", "3.8 geoip"

    def command(self):
        sites = "".join(f"{n} => [ {lat}, {lon} ]\n" for n, lat, lon in w.SITES)
        names = ", ".join(n for n, *_ in w.SITES)
        here = [f"{n} => {{ addrs_v4 => [ {', '.join(w.v4(s, k) for k in range(w.ANSWERS))} ], "
                f"addrs_v6 => [ {', '.join(w.v6(s, k) for k in range(w.ANSWERS))} ] }}"
                for s, (n, *_) in enumerate(w.SITES)]
        self.write("etc/config", f"""options => {{
	listen => {self.net.server}:{self.port}
	udp_threads => {self.workers}, tcp_threads => {self.workers}
	run_dir => {self.folder}/run
	state_dir => {self.folder}/state
	edns_client_subnet => true
	tcp_clients_per_thread => 20000
}}
plugins => {{
 geoip => {{
	maps => {{ m => {{
		geoip2_db => {self.world.mmdb}
		datacenters => [ {names} ]
		auto_dc_coords => {{ {sites} }}
		auto_dc_limit => 3
	}} }}
	resources => {{
		dl => {{ map => m, service_types => up, dcmap => {{ {chr(10).join(here)} }} }}
	}}
}} }}
""")
        self.write("etc/zones/example.org", w.STATIC + "dl 60 DYNA geoip!dl\n")
        with open(f"{self.world.folder}/big.zone") as f:
            self.write("etc/zones/big.example", f.read())
        for d in ("run", "state"):
            os.makedirs(f"{self.folder}/{d}", exist_ok=True)
        return ["gdnsd", "-c", f"{self.folder}/etc", "start"]

    def reload(self):
        subprocess.run(self.net.in_server(["gdnsdctl", "-c", f"{self.folder}/etc", "reload-zones"]),
                       check=True, capture_output=True)


class Knot(Server):
    name, version, unchecked = "knot", "3.2 static", ["-x"]
    big = "big.zone"

    def module(self):
        return "", ""

    def command(self):
        module, use = self.module()
        os.makedirs(f"{self.folder}/run", exist_ok=True)
        return ["knotd", "-c", self.write("knot.conf", f"""server:
    listen: {self.net.server}@{self.port}
    rundir: {self.folder}/run
    udp-workers: {self.workers}
    tcp-workers: {self.workers}
    background-workers: 1
    tcp-max-clients: 20000
    tcp-reuseport: on
    version: ""
    identity: ""
database:
    storage: {self.folder}
log:
  - target: stderr
    any: error
{module}template:
  - id: default
    storage: {self.world.folder}
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
    zonefile-load: whole
zone:
  - domain: example.org
    file: static.zone
{use}  - domain: big.example
    file: {self.big}
""")]


class KnotGeo(Knot):
    name, version, unchecked = "knot-geo", "3.2 geoip", []

    def module(self):
        text, seen = "dl.example.org:\n", set()
        for (country, *_), site in zip(self.world.places, self.world.sites_of):
            if country in seen:
                continue
            seen.add(country)
            text += f'  - geo: "{country}"\n' \
                    f'    A: [{", ".join(w.v4(site, k) for k in range(w.ANSWERS))}]\n'
            text += f'    AAAA: [{", ".join(w.v6(site, k) for k in range(w.ANSWERS))}]\n'
        geo = self.write("geo.conf", text)
        return (f"mod-geoip:\n  - id: geo\n    config-file: {geo}\n    ttl: 60\n    mode: geodb\n"
                f"    geodb-file: {self.world.mmdb}\n    geodb-key: [ country/iso_code ]\n",
                "    module: mod-geoip/geo\n")

    def command(self):
        command = super().command()
        with open(command[-1]) as f:
            text = f.read().replace('    identity: ""\n',
                                    '    identity: ""\n    edns-client-subnet: on\n')
        self.write("knot.conf", text)
        return command


class Nsd(Server):
    name, version, unchecked = "nsd", "4.6 static", ["-x"]

    def command(self):
        return ["nsd", "-d", "-c", self.write("nsd.conf", f"""server:
    ip-address: {self.net.server}@{self.port}
    server-count: {self.workers}
    username: ""
    chroot: ""
    zonesdir: {self.world.folder}
    pidfile: {self.folder}/pid
    zonelistfile: {self.folder}/zone.list
    xfrdfile: {self.folder}/xfrd.state
    xfrdir: {self.folder}
    database: ""
    hide-version: yes
    minimal-responses: yes
    rrl-ratelimit: 0
    tcp-count: 20000
    round-robin: no
    verbosity: 0
remote-control:
    control-enable: no
zone:
    name: example.org
    zonefile: static.zone
zone:
    name: big.example
    zonefile: big.zone
""")]


class Pdns(Server):
    name, version = "pdns", "4.7 geoip"
    kinds = {"plain", "sources", "ecs4", "ecs6", "do"}    # its slowest rows say enough

    def command(self):
        text = "domains:\n- domain: example.org\n  ttl: 60\n  records:\n    example.org:\n"
        text += "      - soa: ns1.example.org hostmaster.example.org 1 7200 900 1209600 300\n" \
                "      - ns: ns1.example.org\n"
        text += "    ns1.example.org:\n      - a: 198.18.200.1\n    mail.example.org:\n" \
                "      - a: 198.18.200.3\n"
        seen = set()
        for (country, *_), site in zip(self.world.places, self.world.sites_of):
            if country in seen:
                continue
            seen.add(country)
            text += f"    {country.lower()}.dl.example.org:\n"
            for k in range(w.ANSWERS):
                text += f"      - a: {w.v4(site, k)}\n      - aaaa: {w.v6(site, k)}\n"
        text += "  services:\n    dl.example.org: '%cc.dl.example.org'\n"
        zones = self.write("geo.yaml", text)
        self.write("pdns.conf", f"""launch=geoip
geoip-database-files=mmdb:{self.world.mmdb}
geoip-zones-file={zones}
edns-subnet-processing=yes
local-address={self.net.server}
local-port={self.port}
socket-dir={self.folder}
receiver-threads={self.workers}
distributor-threads={self.workers}
reuseport=yes
loglevel=0
disable-syslog=yes
version-string=anonymous
""")
        return ["pdns_server", f"--config-dir={self.folder}", "--daemon=no", "--guardian=no"]


ALL = [Limit, Dnsd, Gdnsd, Nsd, Knot, KnotGeo, Pdns]
