"""An origin, sites with a cache and a tracker, and endpoints that take releases, each machine in
a network namespace of its own, with the configurations of deploy/ as they are shipped: only
paths, ports and addresses are replaced.

    w = World(sites=2, endpoints=3)
    w.start()
    ident = w.release(tree)                 # publish-set and make-release at the origin
    w.wait_current(ident)
    w.close()

Every site's LAN has the same addresses, as every site's steered names lead to its own machines:
10.77.0.1 is the site's machine (cache, tracker), 10.77.0.11 and so on are its endpoints; they have
fd77::1 and fd77::11 and so on too.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from conftest import ROOT
from origin_world import manifest_of

sys.path.insert(0, os.path.join(ROOT, "tests", "lab"))
from net import Net, run, wait_for  # noqa: E402

DEPLOY = os.path.join(ROOT, "deploy")
HERE = os.path.join(DEPLOY, "distribute")
PROGRAMS = ("aria2c", "mktorrent", "opentracker", "nginx", "ip", "curl")
NEEDS = pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)),
                           reason="needs root, " + ", ".join(PROGRAMS))
DOWNLOAD, TRACKER = "http://10.77.0.1", "http://10.77.0.1:6969/announce"
ORIGIN = "10.70.0.1"
PUBLISH = os.path.join(DEPLOY, "origin", "publish-set")


def call(*argv, expect=0, **options):
    p = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120,
                       stdin=subprocess.DEVNULL, **options)
    assert expect is None or p.returncode == expect, (argv, p.returncode, p.stdout + p.stderr)
    return p


def shipped(path, *replaced):
    """A configuration of deploy/ with words replaced; every word must be there."""
    with open(os.path.join(DEPLOY, path)) as f:
        text = f.read()
    for old, new in replaced:
        assert old in text, f"{path}: no {old!r}"
        text = text.replace(old, str(new))
    return text


def set_id(tree):
    return manifest_of(tree)[1]


def fill(tree, files):
    """Random files by {name: octets}."""
    for name, size in files.items():
        path = os.path.join(tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(os.urandom(size))
    return str(tree)



class World:
    def __init__(self, sites=1, endpoints=1, folder=None):
        # memory, for what the disk is busy with is not this test's; others than root read it.
        # NEARCAST_DISK is a folder of a disk that is to be measured.
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        folder = folder or os.environ.get("NEARCAST_DISK") or memory
        self.folder = tempfile.mkdtemp(prefix="nd", dir=folder)
        os.chmod(self.folder, 0o755)
        self.sites = [f"s{n}" for n in range(1, sites + 1)]
        self.endpoints = {s: [f"{s}e{n}" for n in range(1, endpoints + 1)] for s in self.sites}
        self.all = [e for s in self.sites for e in self.endpoints[s]]
        self.net = Net(f"nd{os.getpid() % 100000}-", self.folder)
        self.root = f"{self.folder}/origin"
        self.publish_set = PUBLISH
        self.options = ["--stall", "15", "--interval", "1"]

    # ---- machines and cables

    def cables(self):
        net = self.net
        net.add("o", *self.sites, *self.all)
        net.ip("o", f"addr add {ORIGIN}/32 dev lo")
        for n, site in enumerate(self.sites, 1):
            net.link("o", site, f"10.70.{n}", f"fd70:{n}")
            net.ip(site, f"route add {ORIGIN}/32 via 10.70.{n}.1")
            net.ip(site, "link add lan type bridge")
            net.ip(site, "addr add 10.77.0.1/24 dev lan")
            net.ip(site, "addr add fd77::1/64 dev lan nodad")
            net.ip(site, "link set lan up")
            for m, endpoint in enumerate(self.endpoints[site], 11):
                run("ip", "link", "add", f"to-{endpoint}", "netns", net.ns(site),
                    "type", "veth", "peer", "name", "lan", "netns", net.ns(endpoint))
                net.ip(site, f"link set to-{endpoint} master lan up")
                net.ip(endpoint, f"addr add 10.77.0.{m}/24 dev lan")
                net.ip(endpoint, f"addr add fd77::{m}/64 dev lan nodad")
                net.ip(endpoint, "link set lan up")

    def start(self, endpoints=True):
        try:
            self.cables()
            self.origin()
            for site in self.sites:
                self.cache(site)
                self.tracker(site)
            if endpoints:
                for endpoint in self.all:
                    self.take(endpoint)
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        self.net.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, machine, name=""):
        return os.path.join(self.folder, machine, name)

    # ---- what runs on them

    def nginx(self, machine, conf):
        folder = self.path(machine)
        with open(f"{folder}/nginx.conf", "w") as f:
            f.write(conf)
        self.net.start(machine, "nginx", "nginx", "-p", folder, "-c", f"{folder}/nginx.conf",
                       "-g", "daemon off;")

    def origin(self):
        folder = self.path("o")
        self.nginx("o", shipped(
            "origin/nginx.conf", ("user www-data", "user root"),
            ("/run/nearcast-origin/", f"{folder}/"), ("/var/log/nearcast-origin/", f"{folder}/"),
            ("/srv/origin", self.root),
            ("listen 80 ", f"listen {ORIGIN}:80 "), ("listen [::]:80 ", "listen [::1]:80 ")))

    def cache(self, site, origin=ORIGIN):
        folder = self.path(site)
        for name, words in (
                ("site.conf", (("192.0.2.10:80", origin), ("/var/cache/nearcast", folder),
                               ("min_free=20g", "min_free=1m"), ("min_free=10g", "min_free=1m"))),
                ("listen.conf", (("listen 80 ", "listen 10.77.0.1:80 "),))):
            with open(f"{folder}/{name}", "w") as f:
                f.write(shipped("cache/" + name, *words))
        self.nginx(site, shipped(
            "cache/nginx.conf", ("user www-data", "user root"),
            ("/run/nearcast-cache/", f"{folder}/")))

    def fresh_cache(self, site):
        """The site's cache, with nothing in it."""
        self.net.stop(site, "nginx")
        for name in ("obj", "meta"):
            shutil.rmtree(self.path(site, name), ignore_errors=True)
        self.cache(site)
        assert wait_for(lambda: self.get(site, DOWNLOAD + "/healthz")[0])

    def tracker(self, site):
        folder = self.path(site, "tracker")
        os.makedirs(folder, exist_ok=True)
        with open(self.path(site, "opentracker.conf"), "w") as f:
            f.write(shipped("distribute/opentracker.conf", ("/var/lib/nearcast-tracker", folder),
                            ("0.0.0.0:6969", "10.77.0.1:6969"), ("127.0.0.1", "10.77.0.1")))
        shutil.chown(folder, "nobody")
        self.net.start(site, "tracker", "setpriv", "--reuid=nobody", "--regid=nogroup",
                       "--clear-groups", f"{HERE}/run-tracker", "--interval", "1", DOWNLOAD,
                       self.path(site, "opentracker.conf"))

    def take(self, endpoint, *options, url=DOWNLOAD):
        self.net.start(endpoint, "take", f"{HERE}/take-release", *self.options, *options,
                       url, self.path(endpoint, "srv"))

    def stop(self, endpoint, sig=signal.SIGTERM):
        self.net.stop(endpoint, "take", sig)

    def killed(self, endpoint, *options):
        """take-release is killed and begun again as its unit does it: until what it had started,
        a curl or so, is gone too and with it the lock (75)."""
        self.stop(endpoint, signal.SIGKILL)
        for _ in range(30):
            self.take(endpoint, *options)
            p = self.net.processes[endpoint, "take"]
            if wait_for(lambda: p.poll() is not None, 1) is None or p.returncode != 75:
                return
            time.sleep(1)
        raise AssertionError(f"{endpoint}: the lock is held for 30 s")

    def wipe(self, endpoint):
        """Ends what runs on an endpoint, and deletes what it has."""
        self.stop(endpoint)
        for pid in run("ip", "netns", "pids", self.net.ns(endpoint)).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.path(endpoint, "srv"), ignore_errors=True)

    def serve(self, endpoint):
        folder = self.path(endpoint)
        self.nginx(endpoint, shipped(
            "distribute/endpoint.conf", ("user www-data", "user root"),
            ("/run/nearcast-endpoint/", f"{folder}/"), ("/srv/nearcast", f"{folder}/srv")))
        assert wait_for(lambda: self.get(endpoint, "http://127.0.0.1/healthz")[0])

    def pids(self, machine, word):
        """Processes of a machine whose command line has a word."""
        found = []
        for pid in run("ip", "netns", "pids", self.net.ns(machine)).stdout.split():
            try:
                with open(f"/proc/{pid}/cmdline") as f:
                    words = f.read().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if any(os.path.basename(w) == word for w in words[:3]):
                found.append(int(pid))
        return found

    def kept(self, endpoint, ident):
        """What of a set lies in incoming."""
        return [n for n in os.listdir(self.path(endpoint, "srv/incoming")) if ident in n]

    # ---- releases

    def publish(self, tree):
        return call(PUBLISH, "--no-notify", tree, self.root).stdout.split()[-1]

    def make(self, tree, *options, expect=0):
        """What make-release said."""
        p = call(f"{HERE}/make-release", "--download", DOWNLOAD, "--tracker", TRACKER, *options,
                 tree, f"{self.root}/releases", expect=expect)
        return p.stdout.strip() if expect == 0 else p.stderr

    def release(self, tree):
        ident = self.make(tree)
        self.publish(tree)
        return ident

    # ---- what is seen

    def current(self, endpoint):
        """The id, when `current` is whole and what its name says; None before the first."""
        link = self.path(endpoint, "srv/release/current")
        try:
            ident = os.path.basename(os.readlink(link))
        except FileNotFoundError:
            return None
        assert set_id(link) == ident, f"{endpoint}: current is not {ident}"
        return ident

    def named(self, endpoint):
        """The id that current names, without a look at the files."""
        try:
            return os.path.basename(os.readlink(self.path(endpoint, "srv/release/current")))
        except FileNotFoundError:
            return None

    def wait_current(self, ident, endpoints=None, seconds=30):
        endpoints = endpoints or self.all
        began = time.monotonic()
        done = wait_for(lambda: all(self.named(e) == ident for e in endpoints), seconds)
        assert done, {e: (self.named(e), self.status(e), self.net.log(e, "take")[-600:])
                      for e in endpoints}
        return time.monotonic() - began

    def status(self, endpoint):
        try:
            with open(self.path(endpoint, "srv/status")) as f:
                return dict(line.rstrip("\n").split(" ", 1) for line in f)
        except FileNotFoundError:
            return {}

    def wait_status(self, endpoint, pattern, seconds=20):
        found = wait_for(lambda: re.search(pattern, "{state} {detail}".format(
            **{"state": "", "detail": "", **self.status(endpoint)})), seconds)
        assert found, (pattern, self.status(endpoint), self.net.log(endpoint, "take")[-2000:])

    def sent(self):
        """Octets that left the origin, by the counters of its interfaces."""
        total = 0
        for site in self.sites:
            out = self.net.call("o", "cat", f"/sys/class/net/to-{site}/statistics/tx_bytes").stdout
            total += int(out)
        return total

    def get(self, machine, url):
        """(status, headers) of a GET in a machine's namespace."""
        p = self.net.call(machine, "curl", "-s", "-m", "5", "-o", "/dev/null", "-D", "-", url)
        head = p.stdout.replace("\r", "").splitlines()
        if not head:
            return None, {}
        return int(head[0].split()[1]), {
            k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if ": " in line)}
