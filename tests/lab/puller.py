#!/usr/bin/python3
"""Clients of one region that download whole sets by the steered name, and check every octet.

    puller.py --resolver IP --sources 10.1.0.0/16 --name NAME --known FILE --threads N
FILE is JSON, {set id: {path: SHA-256}}, read anew when an id is not in it.  Three kinds of download
take turns until SIGTERM; then one JSON object on stdout.
    pinned    asks a cache for its set id, then takes every file from /sets/ID/
    current   every file by its own name: the set that X-Set-Id names is the one of its octets
    slow      the largest file by its own name, taking some seconds for it
"""
import argparse
import hashlib
import http.client
import ipaddress
import json
import random
import signal
import threading
import time

import dns.resolver

RESULT = {"sets": 0, "files": 0, "slow": 0, "failed": 0, "mixed": 0, "octets": 0, "said": [],
          "first": {}}
LOCK = threading.Lock()
STOP = threading.Event()


def count(key, n=1, said=None):
    with LOCK:
        RESULT[key] += n
        if said and len(RESULT["said"]) < 20:
            RESULT["said"].append(said)


class Known:
    def __init__(self, path):
        self.path, self.sets = path, {}

    def files(self, set_id):
        if set_id not in self.sets:
            with open(self.path) as f:
                self.sets = json.load(f)
        return self.sets[set_id]


class Client:
    """Keeps one connection, to the first address that answers, as a browser does."""

    def __init__(self, args):
        self.args = args
        self.net = ipaddress.ip_network(args.sources)
        self.resolver = dns.resolver.Resolver(configure=False)
        self.resolver.nameservers = [args.resolver]
        self.resolver.timeout, self.resolver.lifetime = 1.5, 5
        self.connection = None

    def source(self):
        return str(self.net[random.randrange(256, self.net.num_addresses - 256)])

    def connect(self):
        source = self.source()
        found = self.resolver.resolve(self.args.name, "A", source=source)
        last = None
        for address in [r.address for r in found]:
            try:
                self.connection = http.client.HTTPConnection(address, 80, timeout=5,
                                                             source_address=(source, 0))
                self.connection.connect()
                return
            except OSError as e:
                last = e
        raise last

    def get(self, path, pause=0.0):
        """(status, X-Set-Id, SHA-256 of the body, its size)."""
        if self.connection is None:
            self.connect()
        try:
            self.connection.request("GET", path, headers={"Host": self.args.name})
            reply = self.connection.getresponse()
            digest, size = hashlib.sha256(), 0
            while part := reply.read(65536):
                digest.update(part)
                size += len(part)
                if pause:
                    time.sleep(pause)
            return reply.status, reply.getheader("X-Set-Id", ""), digest.hexdigest(), size
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def check(known, path, answer, wanted_set=None):
    """A file of exactly the set it says it is of."""
    status, set_id, digest, size = answer
    if status != 200:
        count("failed", said=f"{path}: {status}")
        return
    with LOCK:
        RESULT["first"].setdefault(set_id, time.monotonic())
    files = known.files(set_id)
    if files.get(path) != digest or wanted_set not in (None, set_id):
        count("mixed", said=f"{path}: not of {set_id}")
    count("files")
    count("octets", size)


def pinned(client, known):
    status, set_id = client.get("/healthz")[:2]
    if status not in (200, 204):
        count("failed", said=f"/healthz: {status}")
        return
    for path in known.files(set_id):
        check(known, path, client.get(f"/sets/{set_id}/{path}"), set_id)
    count("sets")


def current(client, known):
    for path in next(iter(known.sets.values()), {}):
        check(known, path, client.get("/" + path))


def slow(client, known):
    if known.sets:
        check(known, client.args.slow, client.get("/" + client.args.slow, 0.04))
        count("slow")


def work(args, n):
    known, turn = Known(args.known), n
    while not STOP.is_set():
        client = Client(args)
        try:
            (pinned, current, slow)[turn % 3](client, known)
        except Exception as e:                      # noqa: BLE001: whatever it is, it failed
            count("failed", said=repr(e))
            time.sleep(0.1)
        client.close()
        turn += 1


def main():
    parser = argparse.ArgumentParser()
    for option in ("--resolver", "--sources", "--name", "--known", "--slow"):
        parser.add_argument(option, required=True)
    parser.add_argument("--threads", type=int, default=3)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    threads = [threading.Thread(target=work, args=(args, n)) for n in range(args.threads)]
    for t in threads:
        t.start()
    print("ready", flush=True)
    while not STOP.wait(0.2):
        pass
    for t in threads:
        t.join(30)
    print(json.dumps(RESULT), flush=True)


if __name__ == "__main__":
    main()
