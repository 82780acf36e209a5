#!/usr/bin/python3
"""Clients of one region: they look names up through their resolver, download, and retry
as a browser does, by the second address.  Runs inside the region's namespace.

    load.py --resolver IP --sources 10.1.0.0/16 --direct 192.0.2.53 --name NAME
            --lookups PER_SECOND --downloads PER_SECOND [--direct-every MS]
Until SIGTERM; then one JSON object on stdout: counts, and every event that took long
or failed as [seconds since the start, kind, detail].
"""
import argparse
import asyncio
import ipaddress
import json
import random
import signal
import time

import dns.edns
import dns.message
import dns.rcode

START = time.monotonic()
UNDER_WAY = set()                       # lookups, downloads and questions that have begun
RESULT = {"lookups": 0, "lookups_failed": 0, "lookups_slow": 0, "worst_lookup_ms": 0.0,
          "downloads": 0, "downloads_failed": 0, "downloads_retried": 0, "downloads_again": 0,
          "worst_download_ms": 0.0,
          "direct": 0, "direct_lost": 0, "longest_gap_ms": 0.0, "events": [], "addresses": {}}


def event(kind, detail):
    if len(RESULT["events"]) < 2000:
        RESULT["events"].append([round(time.monotonic() - START, 3), kind, detail])


class Sources:
    """Random client addresses of the region's net."""

    def __init__(self, net):
        self.net = ipaddress.ip_network(net)

    def pick(self):
        return str(self.net[random.randrange(256, self.net.num_addresses - 256)])


class Reply(asyncio.DatagramProtocol):
    def __init__(self, future):
        self.future = future

    def datagram_received(self, data, addr):
        if not self.future.done():
            self.future.set_result(data)

    def error_received(self, exc):
        pass                            # an ICMP error is a loss; the timeout tells


async def ask(server, source, query, timeout):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Reply(future), local_addr=(source, 0), remote_addr=(server, 53))
    try:
        transport.sendto(query.to_wire())
        return dns.message.from_wire(await asyncio.wait_for(future, timeout))
    finally:
        transport.close()


def addresses(message):
    return [r.address for rrset in message.answer for r in rrset if hasattr(r, "address")]


async def lookup(args, source):
    """As a stub resolver does: 1 s, then once more.  The addresses, [] after two failures."""
    begin = time.monotonic()
    found = []
    for attempt in range(3):
        try:
            query = dns.message.make_query(args.name, "A", use_edns=0)
            reply = await ask(args.resolver, source, query, 1.5)
            if reply.rcode() == dns.rcode.NOERROR and addresses(reply):
                found = addresses(reply)
                break
        except (asyncio.TimeoutError, OSError):
            pass
    ms = (time.monotonic() - begin) * 1000
    RESULT["lookups"] += 1
    RESULT["worst_lookup_ms"] = max(RESULT["worst_lookup_ms"], ms)
    if not found:
        RESULT["lookups_failed"] += 1
        event("lookup failed", source)
    elif ms > 1000:
        RESULT["lookups_slow"] += 1
        event("lookup slow", round(ms))
    for a in found[:1]:
        RESULT["addresses"][a] = RESULT["addresses"].get(a, 0) + 1
    return found


async def fetch(args, source, address):
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(address, 80, local_addr=(source, 0)), 1.0)
    try:
        writer.write(f"GET {args.path} HTTP/1.0\r\nHost: {args.name}\r\n\r\n".encode())
        data = await asyncio.wait_for(reader.read(-1), 5.0)
        head, _, body = data.partition(b"\r\n\r\n")
        return b" 200 " in head.split(b"\r\n")[0] and len(body) > 0
    finally:
        writer.close()


async def try_addresses(args, source):
    """The first address, then the second.  (worked, addresses tried)"""
    tried = 0
    for address in (await lookup(args, source))[:2]:
        tried += 1
        try:
            if await fetch(args, source, address):
                return True, tried
        except (asyncio.TimeoutError, OSError):
            pass
    return False, tried


async def download(args, source):
    """As `curl --retry 2` does: all addresses, a second's pause, and from the lookup again."""
    begin = time.monotonic()
    for attempt in range(3):
        done, tried = await try_addresses(args, source)
        if done:
            break
        await asyncio.sleep(1)
    ms = (time.monotonic() - begin) * 1000
    RESULT["downloads"] += 1
    RESULT["downloads_retried"] += done and attempt == 0 and tried > 1
    RESULT["downloads_again"] += done and attempt > 0
    RESULT["worst_download_ms"] = max(RESULT["worst_download_ms"], ms)
    if attempt > 0:
        event("download again" if done else "download failed", source)
    RESULT["downloads_failed"] += not done


async def every(interval, make):
    """Starts make() at a steady rate, whatever the earlier ones do."""
    due = time.monotonic()
    while True:
        task = asyncio.create_task(make())
        UNDER_WAY.add(task)
        task.add_done_callback(UNDER_WAY.discard)
        due += interval
        await asyncio.sleep(max(0, due - time.monotonic()))


async def direct(args, interval):
    """One question after another straight to the anycast address: how long is it silent?"""
    sources = Sources(args.sources)
    last_good = None

    async def once():
        nonlocal last_good
        sent = time.monotonic()
        RESULT["direct"] += 1
        try:
            reply = await ask(args.direct, sources.pick(), dns.message.make_query(args.name, "A"),
                              0.8)
            good = reply.rcode() == dns.rcode.NOERROR and bool(addresses(reply))
        except (asyncio.TimeoutError, OSError):
            good = False
        if not good:
            RESULT["direct_lost"] += 1
            event("direct lost", "")
            return
        if last_good is not None and sent - last_good > 2 * interval:
            gap = (sent - last_good) * 1000
            RESULT["longest_gap_ms"] = max(RESULT["longest_gap_ms"], gap)
        last_good = max(last_good or sent, sent)

    await every(interval, once)


async def main():
    parser = argparse.ArgumentParser()
    for option in ("--resolver", "--sources", "--direct", "--name"):
        parser.add_argument(option, required=True)
    parser.add_argument("--path", default="/file")
    parser.add_argument("--lookups", type=float, default=100)
    parser.add_argument("--downloads", type=float, default=5)
    parser.add_argument("--direct-every", type=float, default=20, help="ms")
    args = parser.parse_args()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sources = Sources(args.sources)
    jobs = [asyncio.create_task(every(1 / args.lookups, lambda: lookup(args, sources.pick()))),
            asyncio.create_task(direct(args, args.direct_every / 1000))]
    if args.downloads:
        jobs.append(asyncio.create_task(every(1 / args.downloads,
                                              lambda: download(args, sources.pick()))))
    print("ready", flush=True)
    await stop.wait()
    for job in jobs:
        job.cancel()
    if UNDER_WAY:                       # they may end
        await asyncio.wait(UNDER_WAY, timeout=6)
    print(json.dumps(RESULT), flush=True)


asyncio.run(main())
