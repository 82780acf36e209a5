"""Stand-ins that the keeper's tests start inside a namespace.

    keeper_fakes.py dnsd MODE-FILE ADDRESS...   answers DNS as the word in MODE-FILE says
    keeper_fakes.py cache ADDRESS PORT          accepts TCP connections

Modes of dnsd: ok, servfail, garbage, wrong-id, not-authoritative, other-question, empty, silent.
"""
import os
import selectors
import socket
import sys


def reply(mode, query):
    question = query[12:]
    head = bytearray(query[:12])
    if mode == "garbage":
        return os.urandom(len(query))
    if mode == "empty":
        return b""
    head[2] = 0x84
    head[3] = 2 if mode == "servfail" else 0
    if mode == "servfail":
        return bytes(head) + question
    if mode == "wrong-id":
        head[0] ^= 0xFF
    if mode == "not-authoritative":
        head[2] = 0x80
    if mode == "other-question":
        question = question[:1] + bytes([question[1] ^ 1]) + question[2:]
    head[7] = 1
    return bytes(head) + question + b"\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x16" + b"\0" * 22


def dnsd(mode_file, addresses):
    selector = selectors.DefaultSelector()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.bind((address, 53))
        selector.register(s, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            query, client = key.fileobj.recvfrom(4096)
            with open(mode_file) as f:
                mode = f.read().strip()
            if mode != "silent" and len(query) > 16:
                key.fileobj.sendto(reply(mode, query), client)


def cache(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(64)
    print("ready", flush=True)
    while True:
        s.accept()[0].close()


if sys.argv[1] == "dnsd":
    dnsd(sys.argv[2], sys.argv[3:])
else:
    cache(sys.argv[2], int(sys.argv[3]))
