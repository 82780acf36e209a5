#!/usr/bin/python3
"""Events on their way to two collectors while everything fails (root).

    tests/log_faults.py [--seconds 60] [--rate 5000] [--faults kill,cut,stop,fullr,fulls] [--age]

A writer (tests/bench/events, common/spool), two deploy/logs/ship and two rsync daemons with
deploy/logs/rsyncd.conf, in network namespaces of their own.  A run for each fault:

    kill   writer, shippers and collectors are killed (-9) and started again
    cut    a link is down for a while, in half of the cases its collector is killed meanwhile
    stop   SIGSTOP for a while
    fullr  a collector's disk is full for a while
    fulls  the spool's disk is full, since a collector is away; the writer is killed, too
    mixed  all but fulls, in turn
    nginx  the same, while nginx with deploy/logs/nginx-log.conf writes to the spool, too: there are
           as many lines at both collectors as nginx counts requests

Ends with 1 if an event is missing that no `lost` line declares, or is there twice, or a line is
torn; if what a writer was given, by its own count, is more than what is there and what is declared,
unless it was killed and the next one has said that; or if `nearctl logcheck` finds fault with what
a collector has.  --age measures, without faults, how old the newest event at a collector is.
"""
import argparse
import os
import random
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/system"))
sys.dont_write_bytecode = True
import logs_world as lw     # noqa: E402
from conftest import BUILD  # noqa: E402

EVENTS = os.path.join(BUILD, "tests/bench/events")
TMPFS = 12 << 20         # of the spool, in `fulls`


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


class Writer(lw.Group):
    def __init__(self, folder, spool, rate, segment, within):
        self.log = os.path.join(folder, "writer.log")
        self.env = dict(os.environ)
        self.spool, self.rate, self.segment, self.within = spool, rate, segment, within
        self.counts = []

    def run(self, seconds):
        self.counts.append(f"{self.log}.{len(self.counts)}")
        self.argv = [*self.within, EVENTS, self.spool, "events", "h1", str(self.rate),
                     str(seconds), "0", str(self.segment), str(self.segment // 2),
                     self.counts[-1]]
        self.start()

    def given(self):
        """[(boot, how many events, whether it came to its end)] of all its runs."""
        found = []
        for path in self.counts:
            try:
                with open(path, "rb") as f:
                    events, ended, boot = struct.unpack("=QQ64s", f.read(80))
                found.append((boot.rstrip(b"\0").decode(), events, bool(ended)))
            except (OSError, struct.error):
                pass                    # killed before it began
        return found


class Nginx(lw.Group):
    """nginx as deploy/logs has it, and a load on it, in the writer's namespace."""

    def __init__(self, folder, spool, within):
        self.log = os.path.join(folder, "nginx.log")
        self.env = dict(os.environ, TZ="UTC")
        self.within, self.load = within, None
        conf = os.path.join(folder, "nginx.conf")
        log = lw.shipped("nginx-log.conf", ("/var/spool/nearcast/log", spool))
        with open(conf, "w") as f:
            f.write(f"""daemon off; worker_processes 2; pid {folder}/nginx.pid; user root;
events {{ worker_connections 1024; }}
http {{
{log}
server {{ listen 127.0.0.1:8080; root {folder}; location / {{ return 200 "x"; }} }}
}}
""")
        self.argv = [*within, "nginx", "-c", conf, "-p", folder, "-e", "stderr"]

    def run(self, seconds):
        self.start()
        lw.wait(lambda: self.counted() is not None, 10, "no nginx")
        # wrk has no rate of its own: a pause after each request makes one of a few thousand
        with open(self.log + ".lua", "w") as f:
            f.write("function delay() return 5 end\n")
        self.load = subprocess.Popen(
            [*self.within, "wrk", "-t1", "-c32", f"-d{int(seconds)}s", "-s", self.log + ".lua",
             "http://127.0.0.1:8080/"], stdout=subprocess.DEVNULL)

    def counted(self):
        """Requests so far, but for those that ask this."""
        p = subprocess.run([*self.within, "curl", "-s", "http://127.0.0.1:8099/status"],
                           capture_output=True, text=True)
        found = re.search(r"^ \d+ \d+ (\d+)", p.stdout, re.M)
        if found is None:
            return None
        self.asked = getattr(self, "asked", 0) + 1
        return int(found[1]) - self.asked


class World:
    """Namespaces, disks, collectors, shippers, a writer."""

    def __init__(self, rate, segment, disk):
        self.folder = tempfile.mkdtemp(prefix="nearcast-logs-")
        os.chmod(self.folder, 0o755)
        self.id = os.path.basename(self.folder)[-8:]
        self.mounts, self.spaces = [], []
        try:
            self.build(rate, segment, disk)
        except BaseException:
            self.close()
            raise

    def build(self, rate, segment, disk):
        self.spool = self.disk("spool", disk)
        within = self.space("s")
        self.collectors, self.ships = [], []
        for i in (1, 2):
            there = self.space(f"c{i}")
            run("ip", "link", "add", f"v{i}", "netns", f"s-{self.id}", "type", "veth",
                "peer", "name", "v0", "netns", f"c{i}-{self.id}")
            run(*within, "ip", "addr", "add", f"10.98.{i}.1/24", "dev", f"v{i}")
            run(*within, "ip", "link", "set", f"v{i}", "up")
            run(*there, "ip", "addr", "add", f"10.98.{i}.2/24", "dev", "v0")
            run(*there, "ip", "link", "set", "v0", "up")
            self.collectors.append(lw.Collector(
                self.folder, f"c{i}", f"10.98.{i}.2", there, self.disk(f"c{i}", 800 << 20)))
        for i, c in enumerate(self.collectors):
            self.ships.append(lw.Ship(self.folder, c.name, c.url,
                                      [self.collectors[1 - i].name], within, self.spool,
                                      SHIP_PAUSE="1"))
        self.writer = Writer(self.folder, self.spool, rate, segment, within)
        self.within = within
        self.nginx = Nginx(self.folder, self.spool, within)
        for c in self.collectors + self.ships:
            c.start()

    def disk(self, name, size):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path)
        self.mounts.append(path)
        return path

    def space(self, name):
        space = f"{name}-{self.id}"
        run("ip", "netns", "add", space)
        self.spaces.append(space)
        run("ip", "-n", space, "link", "set", "lo", "up")
        return ["ip", "netns", "exec", space]

    def link(self, i, how):
        run(*self.within, "ip", "link", "set", f"v{i + 1}", how)

    def close(self):
        if getattr(self, "nginx", None) is not None and self.nginx.load is not None:
            self.nginx.load.kill()
            self.nginx.load.wait()
        for thing in [*(getattr(self, n, None) for n in ("writer", "nginx")),
                      *getattr(self, "ships", []), *getattr(self, "collectors", [])]:
            if thing is not None:
                thing.stop()
        for path in self.mounts:
            subprocess.run(["umount", "-l", path])
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", space])
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- faults: each takes a moment and leaves everything running ----

def kill(w, left, much):
    thing = random.choice([w.writer, w.writer, w.writer, *w.ships, *w.collectors])
    thing.stop()
    if thing is w.writer:
        thing.run(left())
    else:
        time.sleep(random.uniform(0, 1) * much)
        thing.start()


def cut(w, left, much):
    i = random.randrange(2)
    w.link(i, "down")
    time.sleep(random.uniform(1, 4) * much)
    if random.random() < 0.5:
        w.collectors[i].stop()
    time.sleep(random.uniform(0, 4) * much)
    w.link(i, "up")
    if w.collectors[i].process is None:
        w.collectors[i].start()


def stop(w, left, much):
    thing = random.choice([w.writer, *w.ships, *w.collectors])
    thing.send(signal.SIGSTOP)
    time.sleep(random.uniform(1, 6) * much)
    thing.send(signal.SIGCONT)


def fullr(w, left, much):
    c = random.choice(w.collectors)
    filler = os.path.join(c.data, ".filler")
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=1M"], stderr=subprocess.DEVNULL)
    time.sleep(3 * much)
    if random.random() < 0.3:
        c.stop()
        c.start()
    time.sleep(3 * much)
    os.unlink(filler)


def fulls(w, left, much):
    c = w.collectors[0]
    c.stop()
    lw.wait(lambda: os.statvfs(w.spool).f_bavail < 4 or left() < 2, 600, "not full")
    time.sleep(2 * much)
    if random.random() < 0.3:
        w.writer.stop()
        w.writer.run(left())
    time.sleep(2 * much)
    c.start()
    time.sleep(4 * much + 1)


def mixed(w, left, much):
    random.choice([kill, kill, cut, stop, fullr])(w, left, much)


def nginx(w, left, much):
    mixed(w, left, much)


FAULTS = {f.__name__: f for f in (kill, cut, stop, fullr, fulls, mixed, nginx)}


# ---- a run ----

def in_step(w):
    """True if every octet of the spool is at both."""
    for name in os.listdir(w.spool):
        size = os.path.getsize(os.path.join(w.spool, name))
        for c in w.collectors:
            try:
                if os.path.getsize(os.path.join(c.data, name)) != size:
                    return False
            except OSError:
                return False
    return True


def age(w, end):
    """Ages of the newest event at the first collector, in seconds."""
    ages = []
    while time.monotonic() < end:
        time.sleep(0.1)
        names = w.collectors[0].files()
        if not names:
            continue
        with open(os.path.join(w.collectors[0].data, names[-1]), "rb") as f:
            f.seek(max(0, os.fstat(f.fileno()).st_size - 1000))
            lines = f.read().split(b"\n")
        if len(lines) > 1 and b'"t":' in lines[-2]:
            ages.append(time.time() - float(lines[-2].split(b'"t":')[1].split(b",")[0]))
    return ages[20:]


def undeclared(w, at):
    """Of what the writers were given: events that are neither there nor declared, and events that
    went with writers that were killed, which is declared."""
    missing = cut = 0
    for boot, events, ended in w.writer.given():
        seqs = at.seqs.get(boot, [])
        there = len(seqs) - at.own[boot] + sum(b - a + 1 for x, a, b in at.lost if x == boot)
        gone = max(0, events - there)
        if ended and boot in at.ended:
            missing += gone
        elif not ended and (boot in at.cut or events < w.writer.rate / 5 and not seqs):
            cut += gone
        else:
            missing += max(1, gone)
    return missing, cut


def report(name, w, faults, began):
    wrong = False
    lasted = time.monotonic() - began
    spent = [s.seconds() / lasted * 100 for s in w.ships]
    for c, percent in zip(w.collectors, spent):
        at = lw.Lines(c.data, "events")
        beside = sum(not f.endswith(".log") for f in c.files())
        missing, cut = undeclared(w, at)
        check = subprocess.run([os.path.join(BUILD, "nearctl"), "logcheck", c.data],
                               capture_output=True, text=True)
        print(f"{name:6} {faults:3} faults  {c.name}: {len(at):7} lines of {len(at.seqs):2} "
              f"processes, missing {at.missing}, repeated {at.repeated}, torn {at.torn}, "
              f"declared lost {at.declared}, cut off {cut}, undeclared {missing}, beside {beside}; "
              f"shipper {percent:.1f} %, collector {c.seconds() / lasted * 100:.1f} % of a core")
        if check.returncode != 0:
            print(f"logcheck: {check.returncode} {check.stdout[-2000:]}{check.stderr}")
        wrong |= bool(at.missing or at.repeated or at.torn or missing or check.returncode)
        wrong |= len(at) == 0
    return wrong


def report_nginx(w):
    w.nginx.load.wait(30)
    counted = w.nginx.counted()
    lw.wait(lambda: in_step(w), 60, "nginx: not in step")
    lines = []
    for c in w.collectors:
        at = lw.Lines(c.data, "nginx")
        keys = {(e["w"], e["c"], e["n"]) for e in at.nginx}
        lines.append((len(at.nginx), len(keys), at.torn))
    print(f"nginx: {counted} requests, lines, different ones and torn ones at the collectors "
          f"{lines}")
    return any(x != (counted, counted, 0) for x in lines)


def one_run(name, options):
    much = min(1, options.seconds / 60)
    small = options.seconds < 60
    disk = 800 << 20 if name != "fulls" else 2 << 20 if small else TMPFS
    w = World(options.rate, 512 << 10 if small else TMPFS // 16 if name == "fulls" else 8 << 20,
              disk)
    try:
        began = time.monotonic()
        end = began + options.seconds

        def left():
            return max(0.1, end - time.monotonic())
        if name == "nginx":
            w.nginx.run(options.seconds)
        w.writer.run(options.seconds)
        faults = 0
        if name == "age":
            ages = sorted(age(w, end))
        while name != "age" and left() > 1 + 3 * much:
            time.sleep(random.uniform(0.5, 2.5) * max(much, 0.2))
            FAULTS[name](w, left, max(much, 0.15))
            faults += 1
        w.writer.process.wait(options.seconds + 30)
        lw.wait(lambda: in_step(w), 60, f"{name}: not in step, {w.ships[0].said()}")
        time.sleep(1)
        wrong = report(name, w, faults, began)
        if name == "nginx":
            wrong |= report_nginx(w)
        if name == "age":
            print(f"age of the newest event at a collector: median {statistics.median(ages):.2f}"
                  f" s, p99 {ages[len(ages) * 99 // 100]:.2f} s, max {ages[-1]:.2f} s")
        return wrong
    finally:
        w.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--rate", type=int, default=5000)
    p.add_argument("--faults", default="kill,cut,stop,fullr,fulls")
    p.add_argument("--age", action="store_true")
    p.add_argument("--seed", type=int, default=0)
    options = p.parse_args()
    random.seed(options.seed or None)
    subprocess.run(["make", "-s", "-C", ROOT, os.path.relpath(EVENTS, ROOT)], check=True)
    names = ["age"] if options.age else options.faults.split(",")
    return 1 if any([one_run(name, options) for name in names]) else 0


if __name__ == "__main__":
    sys.exit(main())
