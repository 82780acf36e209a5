"""What all system tests share: the real dnsd in a folder and on a port of its own.

    def test_something(dnsd_factory):
        d = dnsd_factory(zones={"example.org": ZONE}, conf='udp-payload = 1232')
        reply = d.udp("www.example.org", "A")

The build under test is $B (default build).  Every daemon is stopped at the end of its
test, must exit with 0, and must not have left a sanitizer's report.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import time

import dns.flags
import dns.message
import dns.query
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
sys.path.insert(0, HERE)

REPORT = re.compile(
    r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|ThreadSanitizer|runtime error:")


def nearctl(conf, *words, timeout=120):
    """What nearctl made of it; `conf` None = without -c."""
    options = ["-c", str(conf)] if conf else []
    return subprocess.run([os.path.join(BUILD, "nearctl"), *options, *map(str, words)],
                          capture_output=True, text=True, timeout=timeout)


def free_port():
    """A port that is free for UDP and TCP on both loopback addresses."""
    while True:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp6, \
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp4, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp4, \
                socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp6:
            tcp4.bind(("127.0.0.1", 0))
            port = tcp4.getsockname()[1]
            try:
                tcp6.bind(("::1", port))
                udp4.bind(("127.0.0.1", port))
                udp6.bind(("::1", port))
            except OSError:
                continue
            return port


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures time or fills the machine; see tests/run")


# who asks from an address that is listened on is exempt from all limits
STRANGER = "127.0.0.2"


class Daemon:
    """A program in the foreground, its stderr in a file."""

    def __init__(self, folder, program, *args, env=None):
        self.folder = str(folder)
        self.argv = [os.path.join(BUILD, program), *args]
        self.log_path = os.path.join(self.folder, program + ".log")
        self.env = env
        self.process = None

    def start(self, ready=r"\bready\b", seconds=30):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log,
                                            env={**os.environ, **(self.env or {})})
        if ready:
            self.wait_log(ready, seconds=seconds)
        return self

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait_log(self, pattern, after=0, seconds=30):
        """Waits until the log matches behind offset `after`; the match."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.log()[after:])
            if found:
                return found
            if self.process.poll() is not None:
                raise AssertionError(
                    f"{self.argv[0]} ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            if time.monotonic() > end:
                raise AssertionError(f"no {pattern!r} in the log:\n{self.log()[after:][-3000:]}")
            time.sleep(0.01)

    def signal(self, sig):
        self.process.send_signal(sig)

    def stop(self, expect=0):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(
                    f"{self.argv[0]} did not end on SIGTERM:\n{self.log()[-3000:]}")
        code, self.process = self.process.returncode, None
        assert not REPORT.search(self.log()), self.log()[-6000:]
        if expect is not None:
            assert code == expect, f"exit status {code}:\n{self.log()[-3000:]}"


class Dnsd(Daemon):
    def __init__(self, folder, zones=None, conf="", listen=None, threads=2, head=""):
        super().__init__(folder, "dnsd", "-c", os.path.join(str(folder), "nearcast.conf"))
        self.port = free_port()
        self.listen = listen or [f"127.0.0.1@{self.port}", f"::1@{self.port}"]
        self.zones = dict(zones or {})
        self.threads, self.extra, self.head = threads, conf, head
        self.write()

    def write(self, conf=None):
        """Writes the configuration and the zones; `conf` replaces the test's own part."""
        if conf is not None:
            self.extra = conf
        for name, text in self.zones.items():
            self.write_file(name + ".zone", text)
        listen = ", ".join(f'"{a}"' for a in self.listen)
        lines = [self.head, f"listen = {{ {listen} }}", f"threads = {self.threads}",
                 f'run-dir = "{self.folder}/run"',
                 f'state-dir = "{self.folder}/state"', self.extra]
        lines += [f'zone "{name}" {{ file = "{name}.zone" }}' for name in self.zones]
        self.write_file("nearcast.conf", "\n".join(lines) + "\n")

    def write_file(self, name, text):
        path = os.path.join(self.folder, name)
        mode = "wb" if isinstance(text, bytes) else "w"
        with open(path + ".new", mode) as f:
            f.write(text)
        os.rename(path + ".new", path)
        return path

    def query(self, name, rdtype="A", **options):
        options.setdefault("use_edns", False)
        message = dns.message.make_query(name, rdtype, **options)
        message.flags &= ~dns.flags.RD
        return message

    def udp(self, name, rdtype="A", where="127.0.0.1", timeout=5, source=None, **options):
        q = name if isinstance(name, dns.message.Message) else self.query(name, rdtype, **options)
        return dns.query.udp(q, where, timeout=timeout, port=self.port, source=source)

    def tcp(self, name, rdtype="A", where="127.0.0.1", timeout=5, source=None, **options):
        q = name if isinstance(name, dns.message.Message) else self.query(name, rdtype, **options)
        return dns.query.tcp(q, where, timeout=timeout, port=self.port, source=source)

    def raw(self, packet, timeout=2.0, where="127.0.0.1", source=None):
        """A datagram as it is; the answer's bytes, or None."""
        family = socket.AF_INET6 if ":" in where else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(timeout)
            if source:
                s.bind((source, 0))
            s.connect((where, self.port))
            s.send(packet)
            try:
                return s.recv(65535)
            except (socket.timeout, ConnectionError):
                return None

    def reload(self, pattern=r"generation \d+|reload", seconds=30):
        """SIGHUP, and the first line about what became of it."""
        after = len(self.log())
        self.signal(signal.SIGHUP)
        return self.wait_log(pattern, after, seconds)

    def check(self):
        """dnsd -t: (exit status, stderr and stdout)."""
        p = subprocess.run([*self.argv, "-t"], capture_output=True, text=True, timeout=60)
        return p.returncode, p.stdout + p.stderr

    def counters(self):
        """nearctl counters, as a dict by name without its prefix."""
        p = nearctl(self.argv[2], "counters")
        p.check_returncode()
        found = {}
        for line in p.stdout.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(None, 1)
                found[re.sub(r"^nearcast_dnsd_|_total$", "", name)] = float(value)
        return found


@pytest.fixture
def dnsd_factory(tmp_path):
    """Makes and starts daemons; stops them when the test is over."""
    started = []

    def make(*, start=True, name="d", **options):
        folder = tmp_path / f"{name}{len(started)}"
        folder.mkdir()
        d = Dnsd(folder, **options)
        started.append(d)
        return d.start() if start else d

    yield make
    failures = []
    for d in started:
        try:
            d.stop()
        except AssertionError as e:
            failures.append(e)
    if failures:
        raise failures[0]


@pytest.fixture
def world(tmp_path):
    """Makes worlds of healthd (probe_world.World); stops them when the test is over."""
    from probe_world import World
    made = []

    def make(*args, start=True, **options):
        w = World(tmp_path, *args, **options)
        made.append(w)
        return w.start() if start else w

    yield make
    for w in made:
        w.stop()


@pytest.fixture(scope="module")
def module_dnsd(tmp_path_factory, request):
    """One dnsd for a module, from its ZONES and CONF."""
    d = Dnsd(tmp_path_factory.mktemp("dnsd"), zones=request.module.ZONES,
             conf=getattr(request.module, "CONF", ""))
    d.start()
    yield d
    d.stop()
