#!/usr/bin/python3
"""Asks a redirector for files over connections that are kept alive, from many addresses.

    asker.py --at IP --sources 10.1.0.0/16 --paths FILE --connections N
FILE has a path a line.  Until SIGTERM; then JSON: how often each host was named, what stayed at
home, and what failed.
"""
import argparse
import http.client
import ipaddress
import json
import random
import signal
import threading
import urllib.parse

STOP = threading.Event()
LOCK = threading.Lock()
RESULT = {"asked": 0, "failed": 0, "home": 0, "hosts": {}, "said": []}


def note(host=None, failed=None):
    with LOCK:
        RESULT["asked"] += 1
        if failed:
            RESULT["failed"] += 1
            RESULT["said"] = (RESULT["said"] + [failed])[:10]
        elif host is None:
            RESULT["home"] += 1
        else:
            RESULT["hosts"][host] = RESULT["hosts"].get(host, 0) + 1


def ask(connection, path):
    connection.request("GET", path, headers={"Host": "mirrors.example.org"})
    reply = connection.getresponse()
    reply.read()
    if reply.status == 302:
        note(urllib.parse.urlsplit(reply.getheader("Location", "")).hostname)
    else:
        note(failed=None if reply.status == 200 else f"{path}: {reply.status}")


def work(args, paths):
    net = ipaddress.ip_network(args.sources)
    source = str(net[random.randrange(256, net.num_addresses - 256)])
    connection = http.client.HTTPConnection(args.at, 80, timeout=5, source_address=(source, 0))
    while not STOP.wait(0.01):
        try:
            ask(connection, random.choice(paths))
        except (OSError, http.client.HTTPException) as e:
            note(failed=repr(e))
            connection.close()


def main():
    parser = argparse.ArgumentParser()
    for option in ("--at", "--sources", "--paths"):
        parser.add_argument(option, required=True)
    parser.add_argument("--connections", type=int, default=8)
    args = parser.parse_args()
    with open(args.paths) as f:
        paths = f.read().split("\n")[:-1]
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    threads = [threading.Thread(target=work, args=(args, paths)) for _ in range(args.connections)]
    for t in threads:
        t.start()
    print("ready", flush=True)
    while not STOP.wait(0.1):
        pass
    for t in threads:
        t.join(10)
    print(json.dumps(RESULT), flush=True)


if __name__ == "__main__":
    main()
