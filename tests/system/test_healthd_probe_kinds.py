"""Checks of kind tcp, dns, command; content with origin, quorum, seed and digest."""
import hashlib
import os
import re
import socket
import struct
import subprocess
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from probe_world import Http, Server, World, reply

SPEED = 'interval = "150ms"  timeout = "140ms"  rise = 2  fall = 2'


def test_tcp(world):
    good, refuses = Server(lambda c: c.recv(10)), Server(lambda c: None)
    refuses.close()
    w = world({"good": ("fra", good.where), "refuses": ("fra", refuses.where),
               "nowhere": ("nyc", "192.0.2.1@9")},
              check=f'kind = "tcp"  port = 7  {SPEED}')
    w.wait("good", "up")
    assert w.wait("refuses", "down")["reason"].startswith("connect: Connection refused")
    w.wait("nowhere", "down")
    good.close()
    w.wait("good", "down")
    refuses.back()
    w.wait("refuses", "up")


class Dns:
    """A DNS server over UDP and TCP; .answer(query) gives a message, bytes, several bytes, or
    None."""

    def __init__(self, answer, address="127.0.0.1"):
        self.answer, self.address = answer, address
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((address, 0))
            self.port = self.udp.getsockname()[1]
            try:
                self.tcp = Server(self.talk, address=address, port=self.port)
                break
            except OSError:
                self.udp.close()
        threading.Thread(target=self.run, daemon=True).start()

    @property
    def where(self):
        return f"{self.address}@{self.port}"

    def replies(self, wire, tcp):
        r = self.answer(dns.message.from_wire(wire), tcp)
        for one in r if isinstance(r, (list, tuple)) else [r]:
            if one is not None:
                yield one if isinstance(one, bytes) else one.to_wire()

    def run(self):
        while True:
            wire, peer = self.udp.recvfrom(65535)
            for r in self.replies(wire, False):
                self.udp.sendto(r, peer)

    def talk(self, c):
        size = c.recv(2)
        wire = c.recv(struct.unpack("!H", size)[0])
        for r in self.replies(wire, True):
            c.sendall(struct.pack("!H", len(r)) + r)


def answering(rdata="192.0.2.7", rcode=dns.rcode.NOERROR, flags=0, rdtype="A"):
    def answer(query, tcp=False):
        r = dns.message.make_response(query)
        r.set_rcode(rcode)
        r.flags |= flags
        if rdata:
            r.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", rdtype,
                                                *([rdata] if isinstance(rdata, str) else rdata)))
        return r
    return answer


def other_id(query, tcp=False):
    r = answering()(query)
    r.id ^= 1
    return r


def spoofed_first(query, tcp=False):
    evil = answering("192.0.2.66")(query)
    evil.id ^= 0x5555
    other = dns.message.make_response(dns.message.make_query("other.example.org", "A", id=query.id))
    return [b"x", os.urandom(40), evil, other, answering()(query)]


def truncated(query, tcp):
    return answering()(query) if tcp else answering(None, flags=dns.flags.TC)(query)


def test_dns(world):
    cases = {
        "good": (answering(["192.0.2.1", "192.0.2.7"]), "up", ""),
        "spoofed": (spoofed_first, "up", ""),
        "truncated": (truncated, "up", ""),
        "wrong": (answering("192.0.2.8"), "down", "answer"),
        "empty": (answering(None), "down", "answer"),
        "servfail": (answering(None, dns.rcode.SERVFAIL), "down",
                     "rcode: SERVFAIL, NOERROR was expected"),
        "mute": (lambda q, tcp: None, "down", "timeout"),
        "otherid": (other_id, "down", "timeout"),
        "garbage": (lambda q, tcp: q.to_wire()[:2] +
                    b"\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\xc0\x0c", "down", "protocol"),
    }
    servers = {name: ("fra", Dns(answer).where) for name, (answer, _, _) in cases.items()}
    w = world(servers,
              check=f'kind = "dns"  question = "www.example.org A"  answer = "192.0.2.7"  {SPEED}')
    for name, (_, state, reason) in cases.items():
        assert w.wait(name, state)["reason"].startswith(reason), name


def test_dns_rcode_and_text(world):
    texts = {"nx": answering(None, dns.rcode.NXDOMAIN), "found": answering("192.0.2.1")}
    w = world({n: ("fra", Dns(a).where) for n, a in texts.items()},
              check=f'kind = "dns"  question = "no.example.org A"  rcode = "NXDOMAIN"  {SPEED}')
    w.wait("nx", "up")
    assert w.wait("found", "down")["reason"] == "rcode: NOERROR, NXDOMAIN was expected"


def many_records(query, rdtype, owner, rdata):
    """64 KiB of records of one kind behind the question."""
    head = bytearray(query.to_wire())
    del head[12 + len(query.question[0].name.to_wire()) + 4:]
    record = owner + struct.pack("!HHIH", rdtype, 1, 60, len(rdata)) + rdata
    n = (65000 - len(head)) // len(record)
    head[2:4], head[6:12] = b"\x84\x00", struct.pack("!HHH", n, 0, 0)
    return bytes(head) + record * n


def pointers(query, tcp):
    """Each record's name is a pointer to a pointer to a pointer ..., thousands of them."""
    if not tcp:
        return answering(None, flags=dns.flags.TC)(query)
    wire = bytearray(many_records(query, 10, b"\0", b""))
    at = 12 + len(query.question[0].name.to_wire()) + 4
    del wire[at:]
    start = at + 11
    chain = b"".join(struct.pack("!H", 0xc000 | (12 if p == start else p - 2))
                     for p in range(start, 16300, 2))
    wire += b"\0" + struct.pack("!HHIH", 10, 1, 60, len(chain)) + chain
    last = struct.pack("!H", 0xc000 | (len(wire) - 2))
    record = last + struct.pack("!HHIH", 15, 1, 60, 4) + b"\0\1" + last
    n = (65000 - len(wire)) // len(record)
    wire[6:8] = struct.pack("!H", n + 1)
    return bytes(wire) + record * n


def strings(query, tcp):
    if not tcp:
        return answering(None, flags=dns.flags.TC)(query)
    return many_records(query, 16, b"\0", b"\0" * 60000)


@pytest.mark.parametrize("question, answer, hostile", [
    ("www.example.org MX", "10 mail.example.org.", pointers),
    ("www.example.org TXT", "ready", strings), ("www.example.org TXT", None, strings)])
def test_dns_answer_of_64_kib_stops_nothing(world, question, answer, hostile):
    rdtype = question.split()[1]
    good = Dns(answering(answer or "ready", rdtype=rdtype))
    more = f'answer = "{answer}"' if answer else ""
    w = world({"good": ("fra", good.where), "bad": ("fra", Dns(hostile).where)},
              check=f'kind = "dns"  question = "{question}"  {more}  {SPEED}')
    w.wait("good", "up")
    w.wait("bad", "down" if answer else "up")
    pid = w.prober_pid()

    def cpu():
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    began = cpu()
    time.sleep(1.5)			# ten checks
    assert w.prober_pid() == pid and cpu() - began < 0.3


def test_dns_without_answer_wants_one(world):
    """NOERROR with nothing in it is what a server says of a zone that lost its records."""
    servers = {"empty": answering(None), "full": answering("192.0.2.1"),
               "alias": answering("www.example.net.", rdtype="CNAME"),
               "other": answering("2001:db8::1", rdtype="AAAA")}
    w = world({n: ("fra", Dns(a).where) for n, a in servers.items()},
              check=f'kind = "dns"  question = "www.example.org A"  {SPEED}')
    w.wait("full", "up")
    w.wait("alias", "up")
    for name in ("empty", "other"):
        assert w.wait(name, "down")["reason"] == "answer: no record in the answer"


@pytest.mark.parametrize("more, message", [
    ('answer = "192.0.2.300"', "192.0.2.300"),
    ('question = "m.example MX"  answer = "70000 mail."', "70000 mail"),
    ('question = "s.example SRV"  answer = "1 2 65537 a."', "65537"),
    ('question = "c.example CAA"  answer = "256 issue \\"a\\""', "256 issue"),
    ('question = "h.example HTTPS"  answer = "1 . port=65536"', "0 to 65535"),
    ('question = "d.example DS"  answer = "1 8 2 00"', "digest"),
    ('question = "e.example MX"  answer = "10"', "too soon"),
    ('question = "t.example TXT"  answer = "a\\nb"', "line"),
    ('rcode = "NOSUCH"', "NOSUCH"),
    ('question = "www.example.org NOSUCH"', "NOSUCH")])
def test_dns_mistakes_are_found_before_anything_runs(tmp_path, more, message):
    question = "" if "question" in more else 'question = "www.example.org A"'
    w = World(tmp_path, {"a1": ("fra", "127.0.0.1")},
              check=f'kind = "dns"  {question}  {more}  {SPEED}')
    p = subprocess.run([*w.daemon.argv, "-t"], capture_output=True, text=True)
    assert p.returncode == 1 and message in p.stderr and re.search(r"nearcast.conf:\d+: ",
                                                                   p.stderr), p.stderr


def test_command(world, tmp_path):
    """Exit status, environment, its own time and process group."""
    script = tmp_path / "check.sh"
    script.write_text(f"""#!/bin/sh
env | sort > {tmp_path}/env.$NEARCAST_SERVER
case $NEARCAST_SERVER in
good) exit 0 ;;
bad) echo noise; echo noise >&2; exit 3 ;;
slow) sh -c 'echo $$ > {tmp_path}/grandchild; exec sleep 60' & wait ;;
killed) kill -9 $$ ;;
esac
""")
    script.chmod(0o755)
    w = world({n: ("fra", "127.0.0.1") for n in ("good", "bad", "slow", "killed")},
              check=f'kind = "command"  command = {{ "{script}", "arg" }}  interval = "400ms"  '
                    'timeout = "300ms"  rise = 2  fall = 2')
    w.wait("good", "up")
    assert w.wait("bad", "down")["reason"] == "exit: exit status 3: noise"
    assert w.wait("slow", "down")["reason"].startswith("timeout: killed after 300 ms")
    assert w.wait("killed", "down")["reason"] == "exit: killed by signal 9"
    env = dict(line.split("=", 1) for line in (tmp_path / "env.good").read_text().splitlines())
    assert env["NEARCAST_ADDRESS"] == "127.0.0.1" and env["NEARCAST_SITE"] == "fra"
    assert not [k for k in env if k not in ("NEARCAST_ADDRESS", "NEARCAST_SITE", "NEARCAST_SERVER",
                                            "PATH", "PWD", "OLDPWD", "SHLVL", "_")]
    w.stop()
    pid = int((tmp_path / "grandchild").read_text())
    w.until(lambda: not os.path.exists(f"/proc/{pid}") or
            "Z" in open(f"/proc/{pid}/stat").read().split(")")[1][:3],
            "the end of the whole group")


@pytest.mark.parametrize("prints, reason", [
    ("echo first; echo disk is full >&2; echo", "exit status 1: disk is full"),
    ("printf 'no newline'", "exit status 1: no newline"),
    ("printf 'a\\tb\\001\\377c\\n'", "exit status 1: a?b??c"),
    ("head -c 5000000 /dev/zero | tr '\\0' x", "exit status 1: " + "x" * 38),
    ("{ echo long; exec sleep 9; } & sleep 0.3; kill -TERM $$", "killed by signal 15: long"),
    (":", "exit status 1")])
def test_last_line_of_a_failing_command_is_the_reason(world, tmp_path, prints, reason):
    script = tmp_path / "check.sh"
    script.write_text(f"#!/bin/sh\n{prints}\nexit 1\n")
    script.chmod(0o755)
    w = world({"a1": ("fra", "127.0.0.1"), "b1": ("nyc", "127.0.0.1")},
              check=f'kind = "command"  command = {{ "{script}" }}  interval = "1s"  timeout '
                    '= "950ms"  rise = 2  fall = 2')
    found = w.until(lambda: (c := w.status()["servers"][0]["checks"][0])["detail"] and c, "it")
    assert re.fullmatch(re.escape(reason).replace(r"\?", "."), found["detail"]), found


def test_command_that_floods_costs_little(world, tmp_path):
    script = tmp_path / "check.sh"
    script.write_text("#!/bin/sh\nexec yes\n")
    script.chmod(0o755)
    w = world({f"a{i}": ("fra", "127.0.0.1") for i in range(8)},
              check=f'kind = "command"  command = {{ "{script}" }}  interval = "1s"  timeout '
                    '= "900ms"  rise = 2  fall = 2')
    pid = w.prober_pid()

    def cpu():
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    began = cpu()
    time.sleep(3)
    assert w.prober_pid() == pid and cpu() - began < 0.9
    assert w.wait("a0", "down")["reason"] == "timeout: killed after 900 ms: y"


def test_command_inherits_nothing(world, tmp_path):
    """No socket of ours, the one to the keeper least of all; no privilege."""
    script = tmp_path / "check.sh"
    script.write_text(f"""#!/bin/sh
mkdir {tmp_path}/fds 2>/dev/null || exit 0
for fd in /proc/$$/fd/*; do readlink $fd > {tmp_path}/fds/${{fd##*/}}; done
grep Cap /proc/$$/status > {tmp_path}/caps
""")
    script.chmod(0o755)
    w = world({"a1": ("fra", "127.0.0.1")},
              check=f'kind = "command"  command = {{ "{script}" }}  interval = "500ms"  timeout '
                    '= "450ms"  rise = 2  fall = 2')
    w.wait("a1", "up")
    w.until(lambda: os.path.exists(tmp_path / "caps") and os.path.getsize(tmp_path / "caps"),
            "the command's notes")
    held = {fd: (tmp_path / "fds" / fd).read_text().strip() for fd in os.listdir(tmp_path / "fds")}
    assert not [what for what in held.values() if what.startswith(("socket:", "anon_inode:"))], held
    assert all(int(line.split()[1], 16) == 0
               for line in (tmp_path / "caps").read_text().splitlines())


def test_command_that_is_not_there(world, tmp_path):
    """Our own fault: nobody is blamed, an alarm says so."""
    script = tmp_path / "check.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    w = world({"a1": ("fra", "127.0.0.1")},
              check=f'kind = "command"  command = {{ "{script}" }}  interval = "200ms"  timeout '
                    '= "150ms"  rise = 2  fall = 2')
    w.wait("a1", "up")
    script.unlink()
    w.until(lambda: any("cannot be checked" in a["text"] for a in w.status()["alarms"]), "an alarm")
    w.stays("a1", "up", 0.6)


# --- content ---

def content(more=""):
    return f'kind = "content"  url = "http://www.example.org/set"  {SPEED}  {more}'


def test_content_by_origin(world):
    origin = Http(reply(200, b"", X_Set_Id="s1"))
    a, b, c = (Http(reply(200, b"", X_Set_Id="s1")) for _ in range(3))
    w = world({"a": ("fra", a.where), "b": ("fra", b.where), "c": ("nyc", c.where)},
              check=content(f'origin = "http://127.0.0.1:{origin.port}/current"'))
    assert w.wait("a", "up")["set"] == "s1"
    c.answer = reply(200, b"", X_Set_Id="s0")
    stale = w.wait("c", "stale")
    assert stale["set"] == "s0" and "current is s1" in stale["reason"]
    origin.answer = reply(200, b"", X_Set_Id="s2")
    w.wait("a", "stale")
    assert w.status()["verdict"] == "up"	# stale servers are alive: the route stays
    a.answer = reply(200, b"", X_Set_Id="s2")
    began = time.monotonic()
    w.wait("a", "up", set="s2")
    assert time.monotonic() - began < 1	# at once, not after `rise`
    origin.close()			# unreachable: what was current, is
    w.stays("a", "up", 0.5)
    w.stays("b", "stale", 0.2)
    origin.back()
    b.answer = c.answer = reply(200, b"", X_Set_Id="s2")
    w.wait("b", "up")
    w.wait("c", "up")


def test_origin_that_fails_is_an_alarm(world):
    origin, a1, b1 = (Http(reply(200, b"", X_Set_Id="s1")) for _ in range(3))
    w = world({"a1": ("fra", a1.where), "b1": ("nyc", b1.where)},
              check=content(f'origin = "http://127.0.0.1:{origin.port}/"'))
    w.wait("a1", "up", set="s1")
    origin.answer = reply(500, b"")
    w.until(lambda: [a for a in w.status()["alarms"]
                     if a["text"].startswith("origin of check c") and "HTTP 500" in a["text"]],
            "an alarm")
    assert w.health()["a1"]["state"] == "up"
    origin.answer = a1.answer = reply(200, b"", X_Set_Id="s2")
    w.until(lambda: not w.status()["alarms"], "the end of the alarm")
    assert "pool p: set s2 is current" in w.ctl("status", ok=False).stdout


def test_notify(world):
    origin = Http(reply(200, b"", X_Set_Id="s1"))
    a = Http(reply(200, b"", X_Set_Id="s1"))
    w = world({"a": ("fra", a.where)}, check=content(f'origin = "http://127.0.0.1:{origin.port}/"'))
    w.wait("a", "up", set="s1")
    assert "s2" in w.ctl("notify", "p", "s2").stdout
    w.wait("a", "stale", seconds=2)
    a.answer = reply(200, b"", X_Set_Id="s2")
    w.wait("a", "up")
    assert w.ctl("notify", "nopool", "s2", ok=False).returncode == 1
    assert w.ctl("notify", "p", 'a"b', ok=False).returncode == 2


def test_content_by_quorum_from_the_body(world):
    servers = [Http(reply(200, b" set-1 \n")) for _ in range(3)]
    w = world({f"a{i}": ("fra", s.where) for i, s in enumerate(servers)},
              check=content('set-header = ""  quorum = 2'))
    assert w.wait("a0", "up")["set"] == "set-1"
    servers[0].answer = reply(200, b"set-2")	# ahead, not behind
    w.wait("a0", "up", set="set-2")
    w.stays("a1", "up", 0.3)
    servers[1].answer = reply(200, b"set-2")
    w.wait("a2", "stale")
    servers[2].answer = reply(200, b"two words")
    assert w.wait("a2", "down")["reason"].startswith("set")
    servers[2].answer = reply(200, b"")
    w.until(lambda: w.status()["servers"][2]["checks"][0]["detail"] == "no set id in the answer",
            "the reason")
    servers[2].answer = reply(200, b"x" * 64)
    w.until(lambda: "63" in w.status()["servers"][2]["checks"][0]["detail"], "the reason")
    servers[2].answer = reply(200, b"set-2")
    w.wait("a2", "up")


def test_seed(world):
    servers = [Http(reply(200, b"", X_Set_Id="s1")) for _ in range(4)]
    w = world({"seed": ("fra", servers[0].where, "seed = yes"), "a1": ("fra", servers[1].where),
               "b1": ("nyc", servers[2].where), "b2": ("nyc", servers[3].where)}, check=content())
    for name in ("seed", "a1", "b1", "b2"):
        w.wait(name, "up")
    servers[0].answer = reply(200, b"", X_Set_Id="s2")
    w.wait("seed", "up", set="s2")
    w.wait("a1", "stale")
    assert w.health()["b1"]["state"] == "up"	# the other site has no seed
    servers[1].answer = reply(200, b"", X_Set_Id="s2")
    w.wait("a1", "up")


def test_sets_switching_all_the_time_flap_nothing(world):
    """Every half second another set; nobody is ever down and the verdict never moves."""
    n = [0]
    origin = Http(lambda r: reply(200, b"", X_Set_Id=f"s{n[0]}"))
    servers = [Http(lambda r, lag=lag: reply(200, b"", X_Set_Id=f"s{max(0, n[0] - lag)}"))
               for lag in (0, 0, 1)]
    w = world({f"a{i}": ("fra", s.where) for i, s in enumerate(servers)},
              check=content(f'origin = "http://127.0.0.1:{origin.port}/"'))
    w.wait("a0", "up")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        n[0] += 1
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            assert all(s["state"] in ("up", "stale") for s in w.health().values())
            time.sleep(0.02)
    verdicts = [line for line in w.log().splitlines() if "verdict:" in line and "healthd:" in line]
    assert not [v for v in verdicts if "caches-down" in v or "hold" in v], verdicts


def test_digest(world):
    good, other = b"object " * 5000, b"another" * 5000
    objects = {"a": good, "b": good}

    def serve(name):
        def answer(request):
            if request.split()[1] == b"/object":
                return reply(200, objects[name]) if objects[name] is not None else reply(404)
            return reply(200, b"", X_Set_Id="s1")
        return answer

    a, b = Http(serve("a")), Http(serve("b"))
    sha = hashlib.sha256(good).hexdigest()
    w = world({"a": ("fra", a.where), "b": ("fra", b.where)}, check=content(
        f'digest "http://www.example.org/object" {{ sha256 = "{sha}"  size = {len(good)} }}'))
    w.wait("a", "up")
    w.until(lambda: any(b"/object" in r for r in b.requests), "a look at the object")
    w.stays("a", "up", 0.5)
    w.stop()
    for bad in (other, good + b"x", good[:-1], None):
        objects["b"] = bad
        w.start()
        found = w.wait("b", "stale")
        assert found["reason"].startswith("digest: http://www.example.org/object"), found
        assert w.health()["a"]["state"] == "up"
        if bad is None:
            objects["b"] = good
            w.wait("b", "up")
        w.stop()
    w.start()
