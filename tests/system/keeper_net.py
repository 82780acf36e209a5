"""A site and its upstream router, each in a network namespace of its own, with real BIRD
on both (eBGP, BFD 3 x 100 ms), for the tests of healthd's keeper.

    net = Net()                  # namespaces, links, BIRD on both sides, fakes
    site = Site(net)             # a nearcast.conf with folders of its own
    site.healthd_start()
    net.wait("serving")
    site.close(); net.close()

The site's BIRD runs what `nearctl bird-config` made; it and the fakes live as long as the net.

Everything is ended by its process id and deleted by close(), also after a failure.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from conftest import BUILD, HERE, REPORT, nearctl

NEEDS_BIRD = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("bird") is None or shutil.which("ip") is None or
    not os.path.exists(os.path.join(BUILD, "healthd")),
    reason="needs root, BIRD, iproute2 and healthd")

PREFIX4, PREFIX6 = "192.0.2.0/24", "2001:db8:53::/48"
ANYCAST = ["192.0.2.53", "2001:db8:53::53"]
DRAINED = re.compile(r"\(65535,0\)")

ROUTER = """
router id 10.99.1.2;
protocol device { }
protocol bfd { interface "*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }; }
protocol bgp site { local as 65100; neighbor 10.99.1.1 as 65001; bfd on; graceful restart off;
  connect delay time 1; connect retry time 1; error wait time 1,2;
  ipv4 { import all; export none; }; ipv6 { import all; export none; }; }
"""

CONF = """
here = "fra"
listen = { "192.0.2.53", "2001:db8:53::53"%(listen)s }
run-dir = "%(folder)s/run"
state-dir = "%(folder)s/state"
zone "example.org" { file = "example.org.zone" }
site "fra" { location = { 50.11, 8.68 } }
check "tcp" { kind = "tcp"  port = 8080  interval = "100ms"  timeout = "100ms"  rise = 2  fall = 2 }
pool "mirrors" {
  check = "tcp"
  server "fra1" { site = "fra"  address = { "127.0.0.1" } }
  %(servers)s
}
%(sites)s
announce {
  prefix = { "192.0.2.0/24", "2001:db8:53::/48"%(prefixes)s }
  lease = "%(lease)s"
  hold-down = "%(hold)s"
  router-id = "10.99.1.1"
  bird-socket = "%(net)s/site.ctl"
  %(extra)s
  neighbor "rt" { address = "10.99.1.2"  as = 65100 }
}
"""

# what fails here and there together is a shared cause
SECOND_SITE = 'site "nyc" { location = { 40.71, -74.01 } }'
SECOND_SERVER = 'server "nyc1" { site = "nyc"  address = { "127.0.0.2@8081" } }'

ZONE = """$TTL 60
@ SOA ns admin 1 3600 900 604800 60
@ NS ns
ns A 192.0.2.53
"""


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def ended(process, seconds=3):
    """Ends a process that we started; kills it if it will not."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Bird:
    """A BIRD in a namespace, and its control socket."""

    def __init__(self, namespace, folder, name, text):
        self.argv = ["ip", "netns", "exec", namespace, "bird", "-f", "-c", f"{folder}/{name}.conf",
                     "-s", f"{folder}/{name}.ctl", "-P", f"{folder}/{name}.pid"]
        self.control, self.conf = f"{folder}/{name}.ctl", f"{folder}/{name}.conf"
        with open(self.conf, "w") as f:
            f.write(text.replace("log syslog all", 'log "%s/%s.log" all' % (folder, name)))
        self.process = self.socket = None

    def start(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + 5
        while True:
            try:
                self.ask("show status")
                return self
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def ask(self, command):
        if self.socket is None:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(5)
            try:
                s.connect(self.control)
                self.read(s)
            except OSError:
                s.close()
                raise
            self.socket = s
        self.socket.sendall(command.encode() + b"\n")
        return self.read(self.socket)

    @staticmethod
    def read(s):
        text = b""
        while not re.search(rb"(^|\n)[0-9]{4} [^\n]*\n$", text):
            got = s.recv(65536)
            if not got:
                raise OSError("BIRD closed the connection")
            text += got
        return text.decode()

    def stop(self, how=signal.SIGTERM):
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(5)
        if os.path.exists(self.control):
            os.unlink(self.control)


class Net:
    """`extra` goes into the announce block of every site; `more` are prefixes of IPv4 besides, and
    an address in each: {prefix: address}."""

    def __init__(self, extra="", more=None):
        self.extra, self.more = extra, more or {}
        self.folder = tempfile.mkdtemp(prefix="nc-keeper-")
        self.site, self.router = f"nc{os.getpid()}-s", f"nc{os.getpid()}-r"
        self.mode = self.folder + "/mode"
        self.bird = self.site_bird = self.dnsd = self.cache = self.far_cache = None
        try:
            self.build()
        except BaseException:
            self.close()
            raise

    def build(self):
        for namespace in (self.site, self.router):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "link", "add", "up0", "netns", self.site, "type", "veth", "peer", "name", "down0",
            "netns", self.router)
        for namespace, link, v4, v6 in ((self.site, "up0", "10.99.1.1/30", "fd99::1/64"),
                                        (self.router, "down0", "10.99.1.2/30", "fd99::2/64")):
            run("ip", "-n", namespace, "addr", "add", v4, "dev", link)
            run("ip", "-n", namespace, "addr", "add", v6, "dev", link, "nodad")
            run("ip", "-n", namespace, "link", "set", link, "up")
        run("ip", "-n", self.site, "addr", "add", "192.0.2.53/32", "dev", "lo")
        run("ip", "-n", self.site, "addr", "add", "2001:db8:53::53/128", "dev", "lo", "nodad")
        for address in self.more.values():
            run("ip", "-n", self.site, "addr", "add", f"{address}/32", "dev", "lo")
        self.bird = Bird(self.router, self.folder, "router", ROUTER).start()
        text = Site(self).nearctl("bird-config")
        self.site_bird = Bird(self.site, self.folder, "site", text).start()
        self.mend()
        self.session()

    def close(self):
        ended(self.dnsd)
        ended(self.cache)
        ended(self.far_cache)
        for bird in (self.bird, self.site_bird):
            if bird is not None:
                bird.stop()
        for namespace in (self.site, self.router):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def mend(self):
        """What a test has broken works again; the markers are gone."""
        for marker in ("fd53:5300::1/126", "fd53:5300::5/126",
                       *(f"169.254.53.{4 * k + 1}/30" for k in range(2 + 2 * len(self.more)))):
            subprocess.run(["ip", "-n", self.site, "addr", "del", marker, "dev", "lo"],
                           capture_output=True, check=False)
        if "bird-socket" in self.extra:
            self.site_bird.ask('disable "anycast*"')
        for fake, start in ((self.dnsd, self.dnsd_start), (self.cache, self.cache_start),
                            (self.far_cache, self.far_cache_start)):
            if fake is not None and fake.poll() is None:
                fake.send_signal(signal.SIGCONT)
            else:
                start()
        self.dnsd_mode("ok")

    def spawn(self, *argv, namespace=None):
        process = subprocess.Popen(["ip", "netns", "exec", namespace or self.site, sys.executable,
                                    HERE + "/keeper_fakes.py", *argv],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        return process

    def dnsd_mode(self, mode):
        with open(self.mode + ".new", "w") as f:
            f.write(mode)
        os.rename(self.mode + ".new", self.mode)

    def dnsd_start(self):
        self.dnsd_mode("ok")
        self.dnsd = self.spawn("dnsd", self.mode, *ANYCAST, *self.more.values())

    def cache_start(self):
        self.cache = self.spawn("cache", "127.0.0.1", "8080")

    def far_cache_start(self):
        self.far_cache = self.spawn("cache", "127.0.0.2", "8081")

    @staticmethod
    def kill(process, how=signal.SIGKILL):
        process.send_signal(how)
        if how == signal.SIGKILL:
            process.wait()

    # what the neighbour sees

    def state(self, prefix=PREFIX4):
        text = self.bird.ask(f"show route {prefix} all")
        if "unicast" not in text:
            return "down"
        return "draining" if DRAINED.search(text) else "serving"

    def states(self):
        return {self.state(prefix) for prefix in (PREFIX4, PREFIX6, *self.more)}

    def wait(self, state, seconds=10):
        """Waits until both prefixes are so; how long it took."""
        start = time.monotonic()
        while self.states() != {state}:
            assert time.monotonic() - start < seconds, \
                f"{self.states()} instead of {state} for {seconds} s"
            time.sleep(0.01)
        return time.monotonic() - start

    def wait_one(self, prefix, state, seconds=10):
        """The same for one prefix."""
        start = time.monotonic()
        while self.state(prefix) != state:
            assert time.monotonic() - start < seconds, \
                f"{prefix} {self.state(prefix)} instead of {state} for {seconds} s"
            time.sleep(0.005)
        return time.monotonic() - start

    def stays(self, state, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.states() == {state}
            time.sleep(0.02)

    def updates(self):
        """BGP updates and withdrawals received from the site, ever."""
        text = self.bird.ask("show protocols all site")
        return [int(n) for n in re.findall(r"Import (?:updates|withdraws): +(\d+)", text)]

    def session(self, seconds=15):
        end = time.monotonic() + seconds
        while "Established" not in self.bird.ask("show protocols site"):
            assert time.monotonic() < end, "no BGP session"
            time.sleep(0.05)


class Site:
    def __init__(self, net, lease="2s", hold="300ms", extra="", two_sites=False):
        self.net = net
        self.folder = tempfile.mkdtemp(prefix="site-", dir=net.folder)
        self.run = self.folder + "/run"
        self.conf = self.folder + "/nearcast.conf"
        self.log_path = self.folder + "/healthd.log"
        self.healthd = None
        with open(self.conf, "w") as f:
            f.write(CONF % {"folder": self.folder, "net": net.folder, "lease": lease, "hold": hold,
                            "extra": net.extra + extra,
                            "listen": "".join(f', "{a}"' for a in net.more.values()),
                            "prefixes": "".join(f', "{p}"' for p in net.more),
                            "sites": SECOND_SITE if two_sites else "",
                            "servers": SECOND_SERVER if two_sites else ""})
        with open(self.folder + "/example.org.zone", "w") as f:
            f.write(ZONE)

    def close(self):
        runs = self.healthd is not None and self.healthd.poll() is None
        ended(self.healthd)
        self.net.mend()
        assert not runs or self.healthd.returncode == 0, self.log()
        assert not REPORT.search(self.log()), self.log()

    def nearctl(self, *words, check=True):
        done = nearctl(self.conf, *words)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def healthd_start(self, wait=True):
        after = len(self.log())
        with open(self.log_path, "ab") as log:
            self.healthd = subprocess.Popen(
                ["ip", "netns", "exec", self.net.site, os.path.join(BUILD, "healthd"), "-c",
                 self.conf],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_log(r"ready", after)
        return self

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, after=0, seconds=10):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.log()[after:]):
            assert self.healthd.poll() is None, self.log()
            assert time.monotonic() < end, f"no {pattern!r} in\n" + self.log()
            time.sleep(0.01)

    def posture(self):
        """RUN-DIR/posture as {line's first word: the rest}, alarms as a list; the line of a prefix
        under its name."""
        items = {"alarms": []}
        with open(self.run + "/posture") as f:
            for line in f:
                word, _, rest = line.strip().partition(" ")
                if word == "alarm":
                    items["alarms"].append(rest)
                elif word == "prefix":
                    name, _, rest = rest.partition(" ")
                    items[name] = rest
                else:
                    items[word] = rest
        return items

    def wait_posture(self, key, pattern, seconds=10):
        end = time.monotonic() + seconds
        while True:
            try:
                items = self.posture()
            except UnicodeDecodeError:
                items = {"alarms": []}
            text = " ".join(items["alarms"]) if key == "alarms" else items.get(key, "")
            if re.search(pattern, text):
                return text
            assert time.monotonic() < end, f"{key}: no {pattern!r} in {items}\n" + self.log()
            time.sleep(0.02)

    def prober_pid(self):
        """Of the prober that lives; never 0, which kill(2) takes for everybody."""
        return int(re.search(r"pid=([1-9]\d*)", self.wait_posture("prober", r"pid=[1-9]")).group(1))


@pytest.fixture
def site(net):
    """A healthd that serves on the test's own `net`, down again at the end."""
    s = Site(net)
    assert net.states() == {"down"}, "down until proven up"
    s.healthd_start()
    net.wait("serving")
    yield s
    s.close()
    net.wait("down")
