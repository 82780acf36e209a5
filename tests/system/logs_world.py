"""Collectors, as deploy/logs ships them, and shippers, for the tests of the logs.

    c = Collector(folder, "c1"); c.start()      # an rsync daemon on a port of its own
    s = Ship(folder, "c1", c.url, others=["c2"]); s.start()
    ...
    s.stop(); c.stop()

Every program is a process group of its own and ended whole: rsync's children outlive it else.
"""
import collections
import glob
import json
import os
import re
import signal
import subprocess
import time

from conftest import ROOT, free_port

SHIP = os.path.join(ROOT, "deploy/logs/ship")
PASSWORD = "test only"


def shipped(name, *replace):
    """A configuration of deploy/logs as it is, but for what `replace` pairs change."""
    with open(os.path.join(ROOT, "deploy/logs", name)) as f:
        text = f.read()
    for old, new in replace:
        assert old in text, old
        text = text.replace(old, new)
    return text


def wait(done, seconds, what=""):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.05)


class Group:
    """A program and all its children."""
    process = None
    spent = 0.0

    def seconds(self):
        """Processor time of it and of its children that have ended, over all its starts."""
        if self.process is None:
            return self.spent
        try:
            with open(f"/proc/{self.process.pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except FileNotFoundError:
            return self.spent
        return self.spent + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def start(self):
        self.process = subprocess.Popen(self.argv, start_new_session=True, env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(self.log, "ab"))

    def send(self, signo):
        try:
            os.killpg(self.process.pid, signo)
        except ProcessLookupError:
            pass

    def stop(self, signo=signal.SIGKILL):
        if self.process is None:
            return
        self.spent = self.seconds()
        self.send(signal.SIGCONT)
        self.send(signo)
        self.process.wait(10)
        self.send(signal.SIGKILL)
        self.process = None

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()


class Collector(Group):
    """deploy/logs/rsyncd.conf, with other folders, port and user."""

    def __init__(self, folder, name, address="127.0.0.1", within=(), data=None):
        self.folder, self.name = str(folder), name
        self.data = data or os.path.join(self.folder, name)
        self.log = os.path.join(self.folder, name + ".log")
        self.env = dict(os.environ, LC_ALL="C")
        self.port = free_port()
        os.makedirs(self.data, exist_ok=True)
        secrets = os.path.join(self.folder, name + ".secrets")
        with open(secrets, "w") as f:
            f.write("fra1:" + PASSWORD + "\n")
        os.chmod(secrets, 0o600)
        self.conf = os.path.join(self.folder, name + ".conf")
        owner = (("uid = nobody", "uid = root"), ("gid = nogroup", "gid = root")) \
            if os.geteuid() == 0 else (("uid = nobody\n", ""), ("gid = nogroup\n", ""))
        with open(self.conf, "w") as f:
            f.write(shipped("rsyncd.conf", ("address = 127.0.0.1", "address = " + address),
                            # rsync counts connections in one file for the whole machine
                            ("port = 873", f"port = {self.port}\nlock file = {self.conf}.lock"),
                            ("/srv/log/fra1", self.data),
                            ("/etc/nearcast/collector.secrets", secrets), *owner))
        self.argv = [*within, "rsync", "--daemon", "--no-detach", "--config=" + self.conf]
        self.url = f"rsync://fra1@{address}:{self.port}/fra1"

    def files(self):
        return sorted(os.path.basename(p) for p in glob.glob(self.data + "/*"))


class Ship(Group):
    def __init__(self, folder, name, url, others=(), within=(), spool=None, **env):
        self.folder, self.name = str(folder), name
        self.spool = spool or os.path.join(self.folder, "spool")
        self.state = os.path.join(self.folder, "state")
        self.log = os.path.join(self.folder, f"ship-{name}.log")
        os.makedirs(self.spool, exist_ok=True)
        self.env = dict(os.environ, RSYNC_PASSWORD=PASSWORD, **{"SHIP_PAUSE": "0.2", **env})
        self.argv = [*within, SHIP, name, url, self.spool, self.state, *others]

    def figures(self):
        """{name: value} of what Prometheus reads."""
        with open(os.path.join(self.state, self.name + ".prom")) as f:
            return {m[0]: float(m[1]) for m in re.findall(
                r'^nearcast_ship_(\w+)\{collector="[^"]*"\} (\S+)$', f.read(), re.M)}


def put_segment(spool, name, lines, mode="w"):
    with open(os.path.join(str(spool), name), mode) as f:
        f.write(lines)


class Lines:
    """What lies at a collector: events by boot, and what is wrong with them."""

    def __init__(self, folder, kind="*"):
        self.seqs, self.lost, self.torn = collections.defaultdict(list), [], 0
        self.nginx, self.own = [], collections.Counter()
        self.ended, self.cut = set(), set()
        for path in sorted(glob.glob(f"{folder}/{kind}-*")):
            with open(path, "rb") as f:
                for line in f:
                    self.add(line)
        self.missing = self.repeated = self.declared = 0
        for boot, seqs in self.seqs.items():
            numbers = set(seqs)
            self.repeated += len(seqs) - len(numbers)
            for b, first, last in self.lost:
                if b == boot:
                    self.declared += last - first + 1
                    numbers.update(range(first, last + 1))
            self.missing += max(seqs) + 1 - len(numbers)

    def add(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            self.torn += 1
            return
        if "seq" not in event:
            self.nginx.append(event)
            return
        self.seqs[event["boot"]].append(event["seq"])
        ev = event.get("ev")
        self.own[event["boot"]] += ev in ("lost", "cut", "end")
        if ev == "end":
            self.ended.add(event["boot"])
        if ev == "cut":
            self.cut.add(event["of"])
        if ev == "lost":
            self.lost.append((event["boot"], event["from"], event["to"]))

    def __len__(self):
        return sum(map(len, self.seqs.values()))
