"""What healthd's prober makes of it all: shared causes, memory, the operator's word, the health
file, hooks, other sites, and thousands of targets."""
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

import dns.message
import dns.rrset
import pytest

from conftest import free_port
from probe_world import OK, Http, Server, World, reply
from test_healthd_probe_http import certificate
from test_healthd_probe_kinds import Dns

SPEED = 'interval = "150ms"  timeout = "140ms"  rise = 2  fall = 2'
HTTP = f'kind = "http"  url = "http://www.example.org/"  {SPEED}'


def three_sites():
    servers = {name: Http() for name in ("f1", "f2", "n1", "s1")}
    conf = {"f1": ("fra", servers["f1"].where), "f2": ("fra", servers["f2"].where),
            "n1": ("nyc", servers["n1"].where), "s1": ("sin", servers["s1"].where)}
    return servers, conf


def test_local_cause(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    servers["f1"].close()
    servers["f2"].close()
    began = time.monotonic()
    w.verdict("caches-down")
    assert time.monotonic() - began < 2 * 0.15 + 1.0
    assert w.health()["n1"]["state"] == "up"
    servers["f1"].back()
    w.verdict("up")


def test_others_are_asked_out_of_turn(world):
    """Whose fault it is must not wait for the next check of a far site."""
    servers, conf = three_sites()
    w = world(conf,
              check='kind = "http"  url = "http://www.example.org/"  local-interval = "150ms"  '
                    'remote-interval = "30s"'
              '  timeout = "140ms"  rise = 2  fall = 2')
    w.wait("s1", "up")
    servers["f1"].close()
    servers["f2"].close()
    began = time.monotonic()
    w.verdict("caches-down")
    assert time.monotonic() - began < 2 * 0.15 + 1.0


def test_shared_cause_holds_everything(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    for s in servers.values():
        s.answer = reply(404)		# a check that is broken everywhere
    status = w.verdict("hold")
    assert any("shared" in a["text"] for a in status["alarms"])
    for name in servers:
        w.stays(name, "up", 0.4)
    servers["n1"].answer = OK
    w.wait("f1", "down")		# now it is known that only the others fail
    assert w.health()["n1"]["state"] == "up"
    w.verdict("caches-down")
    assert not [a for a in w.status()["alarms"] if "shared" in a["text"]]


def test_uplink_in_doubt(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    servers["n1"].close()
    servers["s1"].close()
    w.until(lambda: any("uplink" in a["text"] for a in w.status()["alarms"]), "an alarm")
    w.stays("n1", "up", 0.6)
    assert w.status()["verdict"] == "up"
    servers["s1"].back()
    w.wait("n1", "down")
    assert w.health()["s1"]["state"] == "up"


def test_ipv6_has_an_uplink_of_its_own(world):
    """IPv6 transit is broken, IPv4 is fine: IPv6 states of other sites are kept."""
    v4 = {name: Http() for name in ("f1", "n1", "s1")}
    v6 = {name: Http(address="::1") for name in v4}
    w = world({name: (site, v4[name].where, v6[name].where)
               for name, site in (("f1", "fra"), ("n1", "nyc"), ("s1", "sin"))}, check=HTTP)
    for name in v4:
        w.wait(name, "up", v6="up")
    v6["n1"].close()
    v6["s1"].close()
    w.until(lambda: any("uplink of IPv6" in a["text"] for a in w.status()["alarms"]), "an alarm")
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert all(s["v6"] == s["v4"] == "up" for s in w.health().values()), w.health()
        time.sleep(0.02)
    v4["n1"].close()			# which has nothing to do with it
    w.wait("n1", "up", v4="down", v6="up")
    v6["s1"].back()
    w.wait("n1", "down")
    w.wait("s1", "up", v6="up")


def test_a_single_site_has_nobody_to_ask(world):
    a = Http()
    w = world({"a1": ("fra", a.where)}, check=HTTP)
    w.wait("a1", "up")
    a.close()
    w.wait("a1", "down")
    w.verdict("caches-down")


def test_stopped_prober_blames_nobody(world):
    """SIGSTOP for longer than any timeout: late is our own fault."""
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    pid = w.prober_pid()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.6)
    os.kill(pid, signal.SIGCONT)
    w.until(lambda: any("late" in a["text"] for a in w.status()["alarms"]), "an alarm")
    for name in servers:
        w.stays(name, "up", 0.3)
    assert not re.search(r"server \S+: down", w.log())


def test_first_round_before_anything_is_published(world):
    slow = Server(lambda c: time.sleep(3))
    w = world({"a1": ("fra", Http().where), "slow": ("fra", slow.where)}, start=False,
              check='kind = "http"  url = "http://www.example.org/"  interval = "1s"  timeout = '
                    '"800ms"  rise = 2  fall = 2')
    w.start(wait=False)
    assert not os.path.exists(w.health_path)
    assert w.status()["verdict"] == "none"
    w.until(lambda: os.path.exists(w.health_path), "a health file")
    assert w.health()["a1"]["state"] == "up" and w.health()["slow"]["state"] == "down"


def test_memory_is_published_before_the_first_round_is_over(world):
    """A slow server must not leave dnsd without health for as long as its timeout."""
    slow = Http()
    w = world({"a1": ("fra", Http().where), "slow": ("fra", slow.where)},
              check='kind = "http"  url = "http://www.example.org/"  interval = "6s"  timeout = '
                    '"5s"  rise = 2  fall = 2')
    w.wait("slow", "up")
    w.ctl("drain", "a1")
    w.stop()
    os.unlink(w.health_path)
    slow.delay = 10
    began = time.monotonic()
    w.start(wait=False)
    w.until(lambda: os.path.exists(w.health_path), "a health file", 3)
    assert time.monotonic() - began < 3
    assert w.health()["slow"]["state"] == "up" and w.health()["a1"]["state"] == "drain"
    assert w.status()["first_round"] is False


def test_health_file_is_replaced_whole_and_often(world):
    w = world({"a1": ("fra", Http().where)}, check=HTTP)
    inodes, stamps, end = set(), set(), time.monotonic() + 4
    while time.monotonic() < end:
        with open(w.health_path) as f:
            inodes.add(os.fstat(f.fileno()).st_ino)
            text = f.read()
        assert text.startswith("nearcast-health 1 ") and re.search(r"\nend \d+\n\Z", text), text
        stamps.add(float(re.search(r"stamp=([0-9.]+)", text)[1]))
        time.sleep(0.002)
    gaps = [b - a for a, b in zip(sorted(stamps), sorted(stamps)[1:])]
    assert len(stamps) >= 3 and max(gaps) < 5 / 3, gaps
    assert int(w.head()["lease"]) == 5000


def test_restart_remembers(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    for name in servers:
        w.wait(name, "up")
    since = w.health()["f1"]["since"]
    w.ctl("drain", "n1")
    w.stop()
    n = [0]

    def fails_once(request):
        n[0] += 1
        return reply(500) if n[0] == 1 else OK

    servers["f1"].answer = fails_once
    w.start()
    assert w.health()["f1"]["state"] == "up"	# one failed first probe does not mark it down
    w.stays("f1", "up", 0.5)
    assert n[0] > 1 and w.health()["f1"]["since"] == since
    assert w.health()["n1"]["state"] == "drain"


def test_killed_prober_is_back_with_its_state(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    for name in servers:
        w.wait(name, "up")
    w.ctl("drain", "f2", "--for", "1h")
    w.until(lambda: "target f1 v4 up" in open(w.state_path).read(), "the state file")
    generation = int(w.head()["generation"])
    os.kill(w.prober_pid(), signal.SIGKILL)
    w.until(lambda: int(w.head()["generation"]) > generation + 1, "new generations")
    found = w.health()
    assert found["f1"]["state"] == "up" and found["f2"]["state"] == "drain"
    word = [s for s in w.status()["servers"] if s["name"] == "f2"][0]["word"]
    assert word["kind"] == "drain" and 3500 < word["until"] - time.time() <= 3600


@pytest.mark.parametrize("garbage", [b"", b"\0" * 5000, os.urandom(5000),
                                     b"nearcast-state 1 stamp=nan\nend 7\n",
                                     b"x" * (17 << 20), b"directory"],
                         ids=["empty", "zeros", "noise", "head", "huge", "directory"])
def test_garbage_state_file(world, garbage):
    """The words of the file before are used, and it starts all the same."""
    a = Http()
    w = world({"a1": ("fra", a.where), "a2": ("fra", a.where)}, check=HTTP)
    w.wait("a1", "up")
    w.ctl("drain", "a2", "--for", "1h")
    w.ctl("drain", "a2", "--for", "2h")		# so that the file before knows it, too
    w.stop()
    os.unlink(w.state_path)
    if garbage == b"directory":
        os.mkdir(w.state_path)
    else:
        with open(w.state_path, "wb") as f:
            f.write(garbage)
    w.start()
    assert w.wait("a2", "drain")["reason"].startswith("drain by")
    w.wait("a1", "up")
    if garbage == b"directory":
        os.rmdir(w.state_path)


def test_full_disk(world, tmp_path):
    """Neither the state nor the health file can be written: the old ones stand, and it is said."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=1000", "none", str(disk)],
                   check=True)
    try:
        a = Http()
        w = world({"a1": ("fra", a.where), "a2": ("nyc", Http().where)}, check=HTTP, start=False)
        os.mkdir(disk / "run")
        os.mkdir(disk / "state")
        os.symlink(disk / "run", w.folder + "/run")
        os.symlink(disk / "state", w.folder + "/state")
        w.start()
        w.wait("a1", "up")
        w.ctl("drain", "a2")
        state = open(w.state_path).read()
        health = open(w.health_path).read()
        filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(filler, b"x" * 4096):
                pass
        except OSError:
            os.close(filler)
        a.close()
        w.until(lambda: len([x for x in w.status()["alarms"] if "No space" in x["text"]]) >= 1,
                "an alarm")
        assert [s for s in w.status()["servers"] if s["name"] == "a1"][0]["state"] in ("up", "down")
        w.until(lambda: [s for s in w.status()["servers"]
                         if s["name"] == "a1"][0]["state"] == "down", "a1 down")
        assert re.search(r"\nend \d+\n\Z", open(w.health_path).read())
        assert open(w.state_path).read() == state and health
        os.unlink(disk / "filler")
        w.wait("a1", "down")
        w.until(lambda: not [x for x in w.status()["alarms"] if "No space" in x["text"]],
                "the alarm's end", 30)
        w.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


# --- the operator ---

def test_words(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    out = w.ctl("drain", "f*", "--for", "1h").stdout
    assert "2 servers" in out
    assert w.wait("f1", "drain", seconds=1)["v4"] == "up"
    word = w.status()["servers"][0]["word"]
    assert word["kind"] == "drain" and word["by"] and 3500 < word["until"] - time.time() <= 3600
    assert f"drain by {word['by']}" in w.ctl("status", ok=False).stdout
    assert "60m left" in w.ask(b"status").decode()
    w.ctl("undrain", "f1")
    w.wait("f1", "up", seconds=1)
    w.ctl("force-down", "f1")
    w.wait("f1", "down", seconds=1)
    w.ctl("force-up", "n1")
    servers["n1"].close()
    w.stays("n1", "up", 0.5)
    w.ctl("clear", "*")
    w.wait("n1", "down")
    w.wait("f2", "up")
    w.ctl("force-down", "s1", "--for", "1s")	# a drain must last until it is done
    w.wait("s1", "down", seconds=1)
    assert w.health()["s1"]["ttl"] == 1
    w.wait("s1", "up")
    for bad in (["drain"], ["drain", "nobody"], ["drain", "f1", "--for", "soon"], ["notify", "p"],
                ["drain", "f1", "f2"]):
        assert w.ctl(*bad, ok=False).returncode != 0


def test_drain_a_site_and_wait(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP, conf='ttl-min = "1s"\nttl-max = "2s"')
    w.wait("s1", "up")
    began = time.monotonic()
    p = w.ctl("drain", "fra", "--wait")
    took = time.monotonic() - began
    assert 2 <= took < 8 and "drained" in p.stdout
    assert w.status()["verdict"] == "drained"
    assert w.health()["f1"]["state"] == "drain" and w.health()["n1"]["state"] == "up"
    w.ctl("undrain", "fra")
    w.verdict("up")
    w.wait("f1", "up")


def test_a_drain_lasts_as_long_as_answers_may_be_kept(world):
    """Which our own dnsd says; ttl-max would be five minutes."""
    def answer(query, tcp):
        r = dns.message.make_response(query)
        r.answer.append(dns.rrset.from_text("site.nearcast.", 0, "CH", "TXT",
                                            '"fra" "serving" "drain=0" "ttl=1"'))
        return r

    dnsd = Dns(answer, address="127.0.0.2")
    servers, conf = three_sites()
    w = world(conf, check=HTTP, listen=dnsd.where)
    w.wait("s1", "up")
    time.sleep(1.2)
    began = time.monotonic()
    w.ctl("drain", "fra", "--wait")
    assert 1 <= time.monotonic() - began < 10


def test_a_dnsd_that_restarts_does_not_shorten_a_drain(world):
    """It has forgotten the TTLs that it handed out before; healthd has not."""
    ttl = 9

    def answer(query, tcp):
        r = dns.message.make_response(query)
        r.answer.append(dns.rrset.from_text("site.nearcast.", 0, "CH", "TXT",
                                            f'"fra" "serving" "drain=0" "ttl={ttl}"'))
        return r

    dnsd = Dns(answer, address="127.0.0.2")
    servers, conf = three_sites()
    w = world(conf, check=HTTP, listen=dnsd.where)
    w.wait("s1", "up")
    time.sleep(1.2)                                     # it is asked each second
    began, ttl = time.monotonic(), 1
    w.ctl("drain", "fra", "--wait")
    assert time.monotonic() - began > 9


def test_a_drain_begins_anew_when_dnsd_had_lost_it(world):
    """Away for longer than the health file is believed: dnsd handed out what was drained."""
    servers, conf = three_sites()
    w = world(conf, check=HTTP, conf='ttl-min = "1s"\nttl-max = "2s"')
    w.wait("s1", "up")
    w.ctl("drain", "fra")
    w.stop()
    time.sleep(7)
    w.start()
    began = time.monotonic()
    assert w.status()["verdict"] == "drain"
    w.verdict("drained")
    assert time.monotonic() - began > 4


def test_hostile_control_socket(world):
    w = world({"a1": ("fra", Http().where)}, check=HTTP)
    w.wait("a1", "up")
    for line in (b"", b"xyzzy", b"drain", b"drain " + b"a" * 900, b"drain a1 for 99999999999",
                 b"drain [", b"drain a1 by \xff",
                 b"status " * 100, b"notify", b"left", b"\0\0\0"):
        assert w.ask(line).startswith(b"error: "), line
    assert w.health()["a1"]["state"] == "up"


def test_hook(world, tmp_path):
    hook = tmp_path / "hook.sh"
    out = tmp_path / "hook.out"
    hook.write_text(
        "#!/bin/sh\necho \"$NEARCAST_KIND $NEARCAST_SERVER $NEARCAST_SITE $NEARCAST_POOL "
        f"$NEARCAST_OLD_STATE $NEARCAST_STATE $NEARCAST_REASON\" >> {out}\n")
    hook.chmod(0o755)
    a, b = Http(), Http()
    w = world({"a1": ("fra", a.where), "b1": ("nyc", b.where)}, check=HTTP, conf=f'hook = "{hook}"')
    w.until(lambda: out.exists() and "server a1 fra p unknown up ok" in out.read_text(), "the hook")
    a.close()
    w.until(lambda: "server a1 fra p up down connect: Connection refused" in out.read_text(),
            "the hook")
    hook.write_text("#!/bin/sh\nexit 7\n")
    a.back()
    w.until(lambda: any("hook failed: exit status 7" in x["text"] for x in w.status()["alarms"]),
            "an alarm")


# --- other sites ---

def test_other_site_says_it_drains(world):
    """site.nearcast. CH TXT at another site's dnsd."""
    drain = [0]

    def answer(query, tcp):
        assert tcp and query.question[0].to_text() == "site.nearcast. CH TXT"
        r = dns.message.make_response(query)
        r.answer.append(dns.rrset.from_text("site.nearcast.", 0, "CH", "TXT",
                                            f'"nyc" "serving" "drain={drain[0]}"'))
        return r

    peer = Dns(answer)
    a, b = Http(), Http()
    w = world({"a1": ("fra", a.where), "b1": ("nyc", b.where)}, check=HTTP,
              conf='site "fra" { location = { 1.0, 1.0 } }\n'
                   f'site "nyc" {{ location = {{ 2.0, 2.0 }}  sibling = "{peer.where}" }}')
    w.wait("b1", "up")
    drain[0] = 1
    assert w.wait("b1", "drain")["reason"] == "drained at its site"
    peer.tcp.close()
    w.stays("b1", "drain", 0.5)
    drain[0] = 0
    peer.tcp.back()
    w.wait("b1", "up")


def test_drain_of_another_site_outlives_a_restart(world):
    """While the drained dnsd is off; and what its dnsd says of TTLs is bounded to a day."""
    def answer(query, tcp):
        r = dns.message.make_response(query)
        r.answer.append(dns.rrset.from_text("site.nearcast.", 0, "CH", "TXT",
                                            '"nyc" "down" "drain=1" "ttl=4294967295"'))
        return r

    sibling = Dns(answer)
    w = world({"a1": ("fra", Http().where), "b1": ("nyc", Http().where)}, check=HTTP,
              conf='site "fra" { location = { 1.0, 1.0 } }\n'
                   f'site "nyc" {{ location = {{ 2.0, 2.0 }}  sibling = "{sibling.where}" }}')
    w.wait("b1", "drain")
    w.until(lambda: os.path.exists(w.state_path) and
            "sibling nyc drain=1 ttl=86400" in open(w.state_path).read(), "it is kept")
    sibling.tcp.close()
    w.stop()
    w.start()
    w.wait("b1", "drain")
    w.stays("b1", "drain", 1.5)


def test_site_line_says_that_it_drains(world):
    """One server forced up or down at a drained site does not undrain it."""
    servers, conf = three_sites()
    w = world(conf, check=HTTP, conf='ttl-max = "1s"\nttl-min = "1s"')
    w.wait("s1", "up")
    assert re.search(r"^site fra \S+ drain=0 ", open(w.health_path).read(), re.M)
    w.ctl("force-down", "f1")
    w.ctl("drain", "fra", "--wait")
    assert re.search(r"^site fra \S+ drain=1 ", open(w.health_path).read(), re.M)
    w.ctl("force-up", "f1")
    w.wait("f1", "up")
    assert re.search(r"^site fra \S+ drain=1 ", open(w.health_path).read(), re.M)
    w.ctl("undrain", "fra")
    w.until(lambda: re.search(r"^site fra \S+ drain=0 ", open(w.health_path).read(), re.M), "it")


def test_several_checks(world):
    """All of them by default: an HTTP check and a TCP check at another port, which dies alone."""
    http = {name: Http() for name in ("f1", "n1", "s1")}
    tcp = Server(lambda c: time.sleep(0.1))
    w = world({"f1": ("fra", http["f1"].where), "n1": ("nyc", http["n1"].where),
               "s1": ("sin", http["s1"].where)},
              conf=f'check "c" {{ {HTTP} }}\n'
                   f'check "t" {{ kind = "tcp"  port = {tcp.port}  {SPEED} }}',
              pool='check = { "c", "t" }  warm-up = "1h" ')
    text = open(w.conf_path).read()
    for name in http:		# the port of an address goes for all checks: give none
        text = text.replace(http[name].where, f"127.0.0.{2 + list(http).index(name)}")
    for name in http:
        http[name].close()
    answers = {}
    for i, name in enumerate(http):
        answers[name] = Http(address=f"127.0.0.{2 + i}", port=http["f1"].port)
    doors = {name: Server(lambda c: None, address=f"127.0.0.{2 + i}", port=tcp.port)
             for i, name in enumerate(http)}
    text = text.replace("http://www.example.org/", f"http://www.example.org:{http['f1'].port}/")
    w.stop()
    with open(w.conf_path, "w") as f:
        f.write(text)
    w.start()
    for name in http:
        w.wait(name, "up")
    assert [c["check"] for c in w.status()["servers"][0]["checks"]] == ["c", "t"]
    doors["f1"].close()
    assert w.wait("f1", "down")["reason"].startswith("t: connect")
    doors["f1"].back()
    w.wait("f1", "up", weight=10)			# and warms up
    assert w.health()["n1"]["weight"] == 100
    for door in doors.values():			# the check is wrong, or all doors died at once
        door.close()
    w.until(lambda: any("a check" in a["text"] for a in w.status()["alarms"]), "an alarm")
    for name in http:
        w.stays(name, "up", 0.3)
    assert w.status()["verdict"] == "up"


def test_alarm_hook(world, tmp_path):
    """The prober's alarms and the keeper's, also without a prober."""
    out = tmp_path / "told"
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$NEARCAST_KIND $NEARCAST_STATE $NEARCAST_SITE '
                    f'$NEARCAST_REASON" >> {out}\n')
    hook.chmod(0o755)
    out.touch()
    out.chmod(0o666)
    tmp_path.chmod(0o777)
    servers, conf = three_sites()
    w = world(conf, check=HTTP, conf=f'alarm-hook = "{hook}"')
    w.wait("s1", "up")
    for s in servers.values():
        s.close()
    w.until(lambda: "alarm on fra every target everywhere fails" in out.read_text(), "on")
    for s in servers.values():
        s.back()
    w.until(lambda: "alarm over fra every target everywhere fails" in out.read_text(), "over")
    os.kill(w.prober_pid(), signal.SIGSTOP)
    w.until(lambda: re.search("alarm on fra .*prober", out.read_text()), "the keeper's")


# --- commands over the control socket (operator.h) ---

def ask(w, line):
    """(True, text) or (False, reason)"""
    first, _, rest = w.ask(line.encode()).decode().partition("\n")
    return (True, rest) if first == "ok" else (False, first.removeprefix("error: "))


def test_wait_is_told_what_became_of_the_drain(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP, conf='ttl-min = "1s"\nttl-max = "2s"')
    w.wait("s1", "up")
    for then, reason in (("undrain fra by ann", "fra: undrained by ann"),
                         ("clear fra by ann", "fra: the drain was cleared by ann"),
                         ("force-up fra by ann", "fra: force-up by ann took the place")):
        ok, text = ask(w, "drain fra wait by bob")
        assert ok and "1 site" in text
        drain = re.search(r"^id (\d+)$", text, re.M)[1]
        ok, text = ask(w, f"left fra id {drain}")
        assert ok and int(text) > 0
        assert ask(w, then)[0]
        ok, text = ask(w, f"left fra id {drain}")
        assert not ok and text.startswith(reason), text
    assert ask(w, "clear fra")[0]
    ok, text = ask(w, "drain fra for 5 wait")
    assert not ok and "before it is drained" in text
    ok, text = ask(w, "drain fra for 7 wait")
    drain = re.search(r"^id (\d+)$", text, re.M)[1]
    w.until(lambda: ask(w, f"left fra id {drain}") == (True, "0\n"), "drained")
    w.until(lambda: not ask(w, f"left fra id {drain}")[0], "its end")
    assert ask(w, f"left fra id {drain}")[1] == "fra: the drain has expired"


def test_all_at_and_reason(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    ok, text = ask(w, "drain * by ann")
    assert not ok and "--all" in text and w.health()["f1"]["state"] == "up"
    assert ask(w, f"drain f1 at {int(time.time()) + 2} for 3600 by ann reason new disks: 2")[0]
    assert w.health()["f1"]["state"] == "up"
    word = next(s for s in w.status()["servers"] if s["name"] == "f1")["planned"]
    assert word["kind"] == "drain" and word["reason"] == "new disks: 2"
    w.stop()
    w.start()
    assert w.wait("f1", "drain")["reason"] == "drain by ann: new disks: 2"
    ok, text = ask(w, "drain f1 for 60 by bob")
    assert not ok and "by ann" in text
    assert ask(w, "drain * all")[0]
    w.until(lambda: all(s["state"] == "drain" for s in w.health().values()), "all")


def test_drain_is_confirmed_when_dnsd_can_know(world, tmp_path):
    """run-dir is full: an error, and the word is kept."""
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    aside = w.health_path + ".new"		# the writer's own name: a folder is in its way
    w.until(lambda: not os.path.exists(aside), "nobody writes")
    while True:
        try:
            os.mkdir(aside)
            break
        except FileExistsError:
            time.sleep(0.001)
    ok, text = ask(w, "drain f1 by ann")
    assert not ok and "is kept, but dnsd does not know" in text
    assert "word server f1 drain" in open(w.state_path).read()
    assert any("health file" in a["text"] for a in w.status()["alarms"])
    os.rmdir(aside)
    w.wait("f1", "drain")


def test_descriptors_are_kept_for_the_files(world):
    """However many connections are open, the health file and the state file are written."""
    slow = Server(lambda c: time.sleep(30))
    w = world({"a1": ("fra", Http().where), "slow": ("fra", slow.where)}, check=HTTP)
    w.wait("a1", "up")
    pid = w.prober_pid()
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 1, used + 1))
    sockets = []
    for _ in range(8):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(os.path.join(w.folder, "run", "healthd.sock"))
        sockets.append(s)
    time.sleep(0.5)
    stamp = w.head()["stamp"]
    w.until(lambda: w.head()["stamp"] != stamp, "another health file")
    stamp = w.head()["stamp"]
    w.until(lambda: w.head()["stamp"] != stamp, "another health file")
    for s in sockets:
        s.close()
    assert "health file not written" not in w.log()


def test_log(world):
    servers, conf = three_sites()
    w = world(conf, check=HTTP)
    w.wait("s1", "up")
    servers["f1"].close()
    w.wait("f1", "down")
    w.ctl("drain", "f2")
    w.stop()
    w.start()
    ok, text = ask(w, "log f1")
    assert ok and re.search(r'^[0-9.]+ server f1 unknown up "ok"$', text, re.M)
    assert re.search(r'^[0-9.]+ server f1 up down "connect.*"$', text, re.M), text
    assert "f2" not in text
    ok, text = ask(w, "log f2")
    assert ok and re.search(r'^[0-9.]+ word f2 drain "by \S+"$', text, re.M), text
    assert re.search(r"^[0-9.]+ server f2 up drain ", text, re.M)
    assert not ask(w, "log nobody")[0] and not ask(w, "log")[0]


# --- real nginx, and many ---

NGINX = """
daemon off; worker_processes 1; pid %(folder)s/nginx.pid; error_log %(folder)s/error.log;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000; keepalive_timeout 600s;
  client_body_temp_path %(folder)s/t1; proxy_temp_path %(folder)s/t2;
  fastcgi_temp_path %(folder)s/t3; uwsgi_temp_path %(folder)s/t4; scgi_temp_path %(folder)s/t5;
  server { listen 127.0.0.1:%(port)d backlog=8192; server_name www.example.org;
    location = /healthz { add_header X-Load 12; return 200 "fine\\n"; } }
  server { listen 127.0.0.1:%(port)d default_server; return 444; }
}
"""


class Nginx:
    """On a port of its own: one that was free a moment ago may be taken on another address."""
    def __init__(self, folder, conf=NGINX, listen=""):
        path = os.path.join(folder, "nginx.conf")
        self.argv = [shutil.which("nginx") or "/usr/sbin/nginx", "-c", path, "-e",
                     os.path.join(folder, "error.log")]
        for attempt in range(4):
            self.folder, self.port = folder, free_port()
            with open(path, "w") as f:
                f.write(conf % dict(folder=folder, port=self.port, listen=listen))
            self.start()
            if self.process.poll() is None:
                return
        raise AssertionError("nginx does not start: " + open(self.argv[-1]).read())

    def start(self):
        self.process = subprocess.Popen(self.argv, stderr=subprocess.DEVNULL)
        World.until(lambda: self.process.poll() is not None or
                    socket.socket().connect_ex(("127.0.0.1", self.port)) == 0, "nginx")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.mark.skipif(not (shutil.which("nginx") or os.path.exists("/usr/sbin/nginx")),
                    reason="no nginx")
def test_real_nginx(world, tmp_path):
    nginx = Nginx(str(tmp_path))
    try:
        w = world({"a1": ("fra", f"127.0.0.1@{nginx.port}")},
                  check='kind = "http"  url = "http://www.example.org/healthz"  method = "GET"  '
                        f'match-body = "^fine$"  match-header = "Server: nginx"  {SPEED}')
        w.wait("a1", "up")
        assert w.status()["servers"][0]["checks"][0]["load"] == 12
        nginx.stop()
        w.wait("a1", "down")
        nginx.start()
        w.wait("a1", "up")
        w.stop()
        # another Host is not served: the name matters, not the address
        w.check = f'kind = "http"  url = "http://www.example.net/healthz"  {SPEED}'
        w.write()
        w.start()
        assert w.wait("a1", "down")["reason"].startswith("cut")
    finally:
        nginx.stop()


NGINX_H2 = """
daemon off; worker_processes 1; pid %(folder)s/nginx.pid; error_log %(folder)s/error.log;
events { worker_connections 256; }
http {
  log_format proto "$server_protocol $ssl_server_name"; access_log %(folder)s/access.log proto;
  client_body_temp_path %(folder)s/t1; proxy_temp_path %(folder)s/t2;
  fastcgi_temp_path %(folder)s/t3;
  uwsgi_temp_path %(folder)s/t4; scgi_temp_path %(folder)s/t5;
  ssl_certificate %(folder)s/h2.crt; ssl_certificate_key %(folder)s/h2.key;
  server {
    listen 127.0.0.1:%(port)d %(listen)s;
    location / { add_header X-Set-Id s1; return 204; }
  }
}
"""


@pytest.mark.skipif(not (shutil.which("nginx") or os.path.exists("/usr/sbin/nginx")),
                    reason="no nginx")
@pytest.mark.parametrize("scheme, listen, http2, expected", [
    ("https", "ssl http2", "yes", "HTTP/2.0 www.example.org"), ("https", "ssl http2", "no",
                                                                "HTTP/1.1 www.example.org"),
    ("https", "ssl", "yes", "HTTP/1.1 www.example.org"), ("http", "http2", "yes", "HTTP/2.0 -")])
def test_http_versions(world, tmp_path, scheme, listen, http2, expected):
    certificate(tmp_path, "h2", "www.example.org")
    nginx = Nginx(str(tmp_path), NGINX_H2, listen)
    try:
        w = world({"a1": ("fra", f"127.0.0.1@{nginx.port}")},
                  check=f'kind = "http"  url = "{scheme}://www.example.org/"'
                  f'  http2 = {http2}  ca-file = "{tmp_path}/h2.crt"  codes = {{ 204 }}  '
                  'interval = "300ms"  timeout = "290ms"')
        w.wait("a1", "up")
        w.until(lambda: (tmp_path / "access.log").read_text().count(expected) > 8, expected)
        assert "a1: down" not in w.log()	# whether or not connections are used again
    finally:
        nginx.stop()


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.alone
@pytest.mark.skipif(not (shutil.which("nginx") or os.path.exists("/usr/sbin/nginx")),
                    reason="no nginx")
def test_five_thousand_targets(world, tmp_path, capsys):
    """One a millisecond and more, every second, on part of one core."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 16000:
        pytest.skip("too few files allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    nginx = Nginx(str(tmp_path))
    try:
        w = world({f"s{i}": ("fra" if i % 3 else "nyc", f"127.0.0.1@{nginx.port}")
                   for i in range(5000)},
                  check='kind = "http"  url = "http://www.example.org/healthz"  interval = "1s"  '
                        'timeout = "900ms"  rise = 2  fall = 2',
                  start=False)
        w.daemon.start(ready=r"probing 5000 targets", seconds=60)
        w.until(lambda: os.path.exists(w.health_path), "a health file", 60)
        time.sleep(2)
        pid, began, cpu = w.prober_pid(), time.monotonic(), cpu_s(w.prober_pid())
        time.sleep(4)
        used = (cpu_s(pid) - cpu) / (time.monotonic() - began)
        status = w.status()
        ages = sorted(c["age_s"] for s in status["servers"] for c in s["checks"])
        states = {s["state"] for s in status["servers"]}
        with capsys.disabled():
            print(
                f"\n5000 targets at 1 s: {used * 100:.0f} % of one core, oldest result "
                f"{ages[-1]:.2f} s, "
                  f"median {ages[2500]:.2f} s")
        assert states == {"up"}
        assert used < 0.95 and ages[-1] < 3 and ages[2500] < 1.2
    finally:
        nginx.stop()


@pytest.mark.parametrize("how", ["killed", "reload"])
def test_a_warm_up_goes_on_after_a_restart(world, how):
    """A server that was at a tenth of its weight had all of it after a reload."""
    cache = Http()
    w = world({"f1": ("fra", cache.where), "n1": ("nyc", Http().where)}, check=HTTP,
              pool=' warm-up = "10s" ')
    w.wait("f1", "up", weight=100)
    cache.close()
    w.wait("f1", "down")
    cache.open(cache.port)
    w.wait("f1", "up", weight=20)
    time.sleep(0.5)             # the state file is written a moment after a change
    after = len(w.log())
    if how == "killed":
        os.kill(w.prober_pid(), signal.SIGKILL)
    else:
        w.daemon.signal(signal.SIGHUP)
    w.daemon.wait_log("probing 2 targets", after)
    time.sleep(1)
    assert 20 <= w.health()["f1"]["weight"] <= 60
    w.wait("f1", "up", weight=100)
    assert w.health()["n1"]["weight"] == 100
