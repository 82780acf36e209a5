"""A dnsd to be watched by the keeper: answers, reports and misbehaves as a JSON file says.

    keeper_dnsd.py STATE-FILE RUN-DIR ADDRESS...

The file, of which all members may be missing, is read anew whenever it is another one:

    server   what CH TXT site.nearcast gets: "ok" (the default) or a word as below
    zones    {"b.example": word, "*": word}: ok, servfail, refused, nxdomain, nodata, referral,
             truncated, garbage, silent
    silent   addresses at which nothing is answered over UDP, or "all"
    drop     this share of the questions is not answered, between 0 and 1
    cookies  true: without a server cookie of ours BADCOOKIE, or TC=1 if there is no cookie at all
    tcp      "ok", "refused" (nobody listens), "silent"
    listen   addresses reported; default: those given
    report   "moving" (the default), "frozen", "none" (watchers are told nothing), "stopped" (no
             more, the connection stays), "nonsense", "flood", "cut", "away" (no control socket)

stdout says "ready".  Every question that had a cookie of ours is counted in STATE-FILE.seen.
"""
import json
import os
import random
import selectors
import socket
import sys
import time

SECRET = b"sixteen octets!!"
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


class Fake:
    def __init__(self, path, run_dir, addresses):
        self.path, self.control_path, self.addresses = path, run_dir + "/dnsd.sock", addresses
        self.selector = selectors.DefaultSelector()
        self.state, self.version = {}, None
        self.watchers, self.listeners, self.control = [], [], None
        self.seen = self.moved = 0
        self.answered = dict.fromkeys(addresses, 0)
        self.received = dict.fromkeys(addresses, 0)
        for address in addresses:
            s = socket.socket(self.family(address), socket.SOCK_DGRAM)
            s.bind((address, 53))
            self.selector.register(s, selectors.EVENT_READ, (self.on_udp, address))
        self.look()

    @staticmethod
    def family(address):
        return socket.AF_INET6 if ":" in address else socket.AF_INET

    def look(self):
        """Another file: what it says of sockets is done at once."""
        stat = os.stat(self.path)
        if (stat.st_ino, stat.st_mtime_ns) == self.version:
            return
        self.version = (stat.st_ino, stat.st_mtime_ns)
        with open(self.path) as f:
            self.state = json.load(f)
        self.listen_tcp(self.state.get("tcp", "ok") != "refused")
        self.listen_control(self.state.get("report") != "away")

    def listen_tcp(self, wanted):
        if wanted and not self.listeners:
            for address in self.addresses:
                s = socket.socket(self.family(address))
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((address, 53))
                s.listen(16)
                self.selector.register(s, selectors.EVENT_READ, (self.on_tcp, address))
                self.listeners.append(s)
        elif not wanted:
            for s in self.listeners:
                self.selector.unregister(s)
                s.close()
            self.listeners = []

    def listen_control(self, wanted):
        if wanted and self.control is None:
            os.makedirs(os.path.dirname(self.control_path), exist_ok=True)
            if os.path.exists(self.control_path):
                os.unlink(self.control_path)
            self.control = socket.socket(socket.AF_UNIX)
            self.control.bind(self.control_path)
            self.control.listen(16)
            self.selector.register(self.control, selectors.EVENT_READ, (self.on_control, None))
        elif not wanted and self.control is not None:
            self.selector.unregister(self.control)
            self.control.close()
            os.unlink(self.control_path)
            self.control = None
            for s in self.watchers:
                s.close()
            self.watchers = []

    # answers

    @staticmethod
    def name_of(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        return ".".join(labels), at + 5

    def cookie_of(self, query, end):
        """The cookie in the query, without looking left or right."""
        option = query[end + 11:]
        if query[11] == 0 or option[:2] != b"\0\x0a":
            return b""
        return option[4:4 + option[3]]

    def word(self, name, query, end):
        if query[end - 2:end] == b"\0\3":
            return self.state.get("server", "ok")
        zones = self.state.get("zones", {})
        for zone, word in zones.items():
            if name == zone or name.endswith("." + zone):
                return word
        return zones.get("*", "ok")

    def reply(self, query, udp):
        name, end = self.name_of(query)
        word, cookie = self.word(name, query, end), self.cookie_of(query, end)
        rcode, flags, records, more = NOERROR, 0x84, b"", b""
        opt = b""
        if cookie:
            good = cookie[8:] == SECRET
            self.count_seen(good)
            opt = b"\0\0\x29\x04\xd0%s\0\0\0\0\x1c\0\x0a\0\x18" + cookie[:8] + SECRET
        if udp and self.state.get("cookies") and (not cookie or not good):
            if not cookie:
                word = "truncated"
            else:
                return self.message(query, end, 0x80, 7, b"", b"", opt.replace(b"%s", b"\1"))
        if word == "garbage":
            return os.urandom(len(query))
        if word in ("silent", None):
            return None
        if word == "truncated":
            flags = 0x86
        elif word == "referral":
            flags, more = 0x80, b"\xc0\x0c\0\2\0\1\0\0\0\x3c\0\2\xc0\x0c"
        elif word in ("servfail", "refused", "nxdomain"):
            rcode = {"servfail": SERVFAIL, "refused": REFUSED, "nxdomain": NXDOMAIN}[word]
        elif word == "ok":
            records = b"\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x16" + b"\0" * 22
        return self.message(query, end, flags, rcode, records, more, opt.replace(b"%s", b"\0"))

    @staticmethod
    def message(query, end, flags, rcode, records, more, opt):
        head = query[:2] + bytes([flags, rcode]) + b"\0\1" + bytes([0, bool(records), 0, bool(more),
                                                                  0, bool(opt)])
        return head + query[12:end] + records + more + opt

    def count_seen(self, good):
        if good:
            self.seen += 1
            if self.seen in (1, 20):
                with open(self.path + ".seen", "w") as f:
                    f.write(str(self.seen))

    def on_udp(self, s, address):
        query, client = s.recvfrom(4096)
        silent = self.state.get("silent", [])
        self.received[address] += 1
        if silent == "all" or address in silent or random.random() < self.state.get("drop", 0):
            return
        answer = self.reply(query, True)
        if answer is not None:
            self.answered[address] += 1
            s.sendto(answer, client)

    def on_tcp(self, s, _):
        connection, _ = s.accept()
        if self.state.get("tcp") == "silent":
            self.watchers_of_nothing = connection
            return
        connection.settimeout(1)
        try:
            query = b""
            while len(query) < 2 or len(query) < 2 + int.from_bytes(query[:2], "big"):
                more = connection.recv(4096)
                if not more:
                    raise OSError("it left before it had asked")
                query += more
            answer = self.reply(query[2:], False)
            connection.sendall(len(answer).to_bytes(2, "big") + answer)
            connection.recv(1)
        except OSError:
            pass
        connection.close()

    # reports

    def on_control(self, s, _):
        connection, _ = s.accept()
        connection.recv(1024)
        connection.setblocking(False)
        self.watchers.append(connection)
        self.tell(connection, "ok\n")
        self.report()

    def tell(self, s, text):
        try:
            s.sendall(text.encode())
        except OSError:
            s.close()
            self.watchers.remove(s)

    def report(self):
        how = self.state.get("report", "moving")
        if how in ("none", "stopped", "away"):
            return
        if how == "moving":
            self.moved += 1000
        lines = ["serving generation=1 digest=- zones=3/3"]
        lines += [f"address {a}@53 received={self.received.get(a, 0) + self.moved} "
                  f"answered={self.answered.get(a, 0) + self.moved}"
                  for a in self.state.get("listen", self.addresses)]
        text = "\n".join(lines) + "\n\n"
        if how == "nonsense":
            text = "serving nonsense\naddress where=there\n\0\n\n"
        elif how == "flood":
            text = "address 192.0.2.53@53 received=1 answered=1\n" * 10000
        elif how == "cut":
            text = text[:-10]
        for s in list(self.watchers):
            self.tell(s, text)

    def run(self):
        due = time.monotonic()
        while True:
            for key, _ in self.selector.select(max(0, min(0.02, due - time.monotonic()))):
                self.look()
                call, arg = key.data
                if key.fileobj.fileno() >= 0:
                    call(key.fileobj, arg)
            self.look()
            if time.monotonic() >= due:
                due = time.monotonic() + 0.25
                self.report()


fake = Fake(sys.argv[1], sys.argv[2], sys.argv[3:])
print("ready", flush=True)
fake.run()
