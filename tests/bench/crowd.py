#!/usr/bin/python3
"""What others notice of a crowd on TCP: many connections of one host that ask without pause,
or read nothing.

    tests/bench/crowd.py            prints the table, from the dnsd of $B (default build)
    crowd.py pipeline|stall|ask|change ...   what it runs in the clients' namespace

One TCP worker on one core, the crowd on the other, in namespaces over veth.  `ask` is another
client, which asks one question over a new connection, the next over one that it keeps, every
5 ms.  Health changes every 50 ms; how long one takes is seen over UDP.
"""
import os
import re
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "system")]
sys.dont_write_bytecode = True
import steer_world       # noqa: E402

PORT, SMALL, BIG = 5399, "www.example.org A", "big.example.org TXT"
TYPES = {"A": 1, "TXT": 16}
CROWD, OTHER = "10.9.0.3", "10.9.0.4"
ZONE = """$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
dl IN A 198.51.100.1
_steer.dl IN TXT "pool=mirrors"
""" + "".join(f"big IN TXT \"{i:04d}{'x' * 200}\"\n" for i in range(300))
CONF = """listen = {{ "{server}@{port}" }}
threads = 1
run-dir = "{folder}/run"
state-dir = "{folder}/state"
here = "fra"
ttl-min = "5s"
tcp {{ idle-timeout = "30s" }}
site "fra" {{ location = {{ 50.1, 8.7 }} }}
check "image" {{ kind = "tcp" }}
pool "mirrors" {{
  check = "image"  answers = 1
  server "a" {{ site = "fra"  address = "198.51.100.1" }}
  server "b" {{ site = "fra"  address = "198.51.100.2" }}
}}
zone "example.org" {{ file = "example.org.zone" }}
"""


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def write_health(folder, number):
    """One of the two servers is up, the other one each time; the address of the one that is."""
    up = number % 2
    write(folder, "run/health", steer_world.health_text(
        {x: "up" if x == "ab"[up] else "down" for x in "ab"}, generation=number))
    return f"198.51.100.{up + 1}"


# ---- in the clients' namespace ----

def question(text):
    name, rdtype = text.split()
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    packet = struct.pack(">6H", 1, 0, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, TYPES[rdtype],
                                                                        1)
    return struct.pack(">H", len(packet)) + packet


def connect(server, source):
    s = socket.socket()
    s.bind((source, 0))
    s.connect((server, PORT))
    return s


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def read_answer(s):
    return read_exactly(s, int.from_bytes(read_exactly(s, 2), "big"))


def pipeline(server, n, text):
    """Keeps n connections full of questions and reads what comes, until killed."""
    message = question(text)
    blob = message * (65536 // len(message))
    poll = selectors.DefaultSelector()
    for _ in range(n):
        s = connect(server, CROWD)
        s.setblocking(False)
        poll.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE, [0])
    print("there", flush=True)
    into = bytearray(1 << 20)
    while True:
        for key, what in poll.select():
            s, at = key.fileobj, key.data
            try:
                if what & selectors.EVENT_READ and s.recv_into(into) == 0:
                    raise ConnectionError
                if what & selectors.EVENT_WRITE:
                    at[0] = (at[0] + s.send(blob[at[0]:])) % len(blob)
            except BlockingIOError:
                pass
            except ConnectionError:
                poll.unregister(s)


def stall(server, n, text):
    """n connections read some answers, for which buffers grow, then ask as long as they can, and
    read nothing."""
    message = question(text)
    blob = message * (65536 // len(message))
    held = []
    for _ in range(n):
        s = connect(server, CROWD)
        for _ in range(20):
            s.sendall(message * 4)
            for _ in range(4):
                read_answer(s)
        s.setblocking(False)
        held.append([s, 0])
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for one in held:
            try:
                one[1] = (one[1] + one[0].send(blob[one[1]:])) % len(blob)
            except (BlockingIOError, ConnectionError):
                pass
        time.sleep(0.01)
    print("there", flush=True)
    time.sleep(3600)


def ask(server, seconds):
    """Milliseconds of each answer, over new connections and a kept one in turn."""
    message, took, failed = question(SMALL), [], 0
    kept, end = None, time.monotonic() + seconds
    while time.monotonic() < end:
        for fresh in (True, False):
            start = time.monotonic()
            try:
                s = connect(server, OTHER) if fresh or kept is None else kept
                s.settimeout(20)
                s.sendall(message)
                read_answer(s)
                took.append((time.monotonic() - start) * 1000)
                if fresh:
                    s.close()
                else:
                    kept = s
            except OSError:
                failed, kept = failed + 1, None if not fresh else kept
        time.sleep(0.005)
    took.sort()
    print(*[f"{took[min(len(took) - 1, int(len(took) * q))]:.2f}" for q in (0.5, 0.99, 1)]
          if took else [0, 0, 0], len(took), failed)


def change(server, folder, seconds):
    """Milliseconds until each of many health changes is seen by who asks over UDP."""
    query, took, number = question("dl.example.org A")[2:], [], 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((OTHER, 0))
        s.connect((server, PORT))
        s.settimeout(5)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            number += 1
            want, start = socket.inet_aton(write_health(folder, number)), time.monotonic()
            answer = b""
            while not answer.endswith(want) and time.monotonic() < start + 10:
                s.send(query)
                answer = s.recv(512)
                time.sleep(0.0005)
            took.append((time.monotonic() - start) * 1000)
            time.sleep(0.05)
    print(statistics.median(took), max(took))


# ---- the table ----

class Dnsd:
    """One worker on core 0, in the server's namespace."""

    def __init__(self, net, folder, build):
        write(folder, "example.org.zone", ZONE)
        write(folder, "nearcast.conf", CONF.format(server=net.server, port=PORT, folder=folder))
        os.makedirs(f"{folder}/run", exist_ok=True)
        write_health(folder, 1)
        command = ["taskset", "-c", "0", f"{build}/dnsd", "-c", f"{folder}/nearcast.conf"]
        self.log = open(f"{folder}/log", "w")
        self.process = subprocess.Popen(net.in_server(command), stdout=self.log, stderr=self.log)
        while "ready" not in open(f"{folder}/log").read():
            if self.process.poll() is not None:
                raise SystemExit("bench: dnsd: " + open(f"{folder}/log").read())
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def kernel_mb(net):
    """What the server's TCP sockets hold in the kernel, both ways."""
    out = subprocess.run(net.in_server(["ss", "-tmnH", "state", "all"]), capture_output=True,
                         text=True).stdout
    return sum(int(n) for n in re.findall(r"(?:skmem:\(r|,w)(\d+)", out)) / 2**20


def row(net, build, crowd, seconds):
    """One crowd; its row of the table as figures."""
    me = ["taskset", "-c", "1", sys.executable, os.path.abspath(__file__)]
    with tempfile.TemporaryDirectory(prefix="nearcast-crowd-") as folder:
        dnsd, process = Dnsd(net, folder, build), None
        try:
            if crowd:
                process = subprocess.Popen(net.in_client([*me, crowd[0], net.server, *crowd[1:]]),
                                           stdout=subprocess.PIPE, text=True)
                process.stdout.readline()
                time.sleep(0.5)
            # they share their core with the crowd, for which they must not have to wait
            others = [subprocess.Popen(net.in_client(["nice", "-n", "-20", *me, *words,
                                                      str(seconds)]),
                                       stdout=subprocess.PIPE, text=True)
                      for words in (("ask", net.server), ("change", net.server, folder))]
            asked, changed = [[float(x) for x in p.communicate()[0].split()] for p in others]
            held = kernel_mb(net)
        finally:
            if process:
                process.kill()
                process.wait()
            dnsd.stop()
    names = ("p50", "p99", "max", "asked", "failed", "change", "change_max", "kernel_mb")
    return dict(zip(names, [*asked, *changed, held]))


def table(build, net, seconds=4):
    """Prints all rows; the figures by label."""
    print("\n## A crowd on TCP, one worker: another client's answers, and health changes\n\n"
          "| crowd | answer ms p50 | p99 | max | failed | health change ms p50 | max | "
          "kernel MB |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    figures = {}
    for label, crowd in (
            ("none", None),
            ("250 connections, small answers", ["pipeline", "250", SMALL]),
            ("250 connections, answers of 60 KB", ["pipeline", "250", BIG]),
            ("900 connections, small answers", ["pipeline", "900", SMALL]),
            ("40 that read nothing, 60 KB", ["stall", "40", BIG]),
            ("900 that read nothing, 60 KB", ["stall", "900", BIG])):
        f = figures[label] = row(net, build, crowd, seconds)
        print(f"| {label} | {f['p50']:.1f} | {f['p99']:.1f} | {f['max']:.1f} | {f['failed']:.0f} | "
              f"{f['change']:.1f} | {f['change_max']:.1f} | {f['kernel_mb']:.1f} |", flush=True)
    return figures


def main():
    words = sys.argv[1:]
    if not words:
        import net as nets
        build = os.path.abspath(os.environ.get("B", os.path.join(HERE, "../../build")))
        with nets.Veth() as net:
            table(build, net)
    elif words[0] == "ask":
        ask(words[1], float(words[2]))
    elif words[0] == "change":
        change(words[1], words[2], float(words[3]))
    else:
        {"pipeline": pipeline, "stall": stall}[words[0]](words[1], int(words[2]), words[3])


if __name__ == "__main__":
    main()
