"""What the keeper makes of a dnsd that protects itself, was told otherwise, is overloaded, or is
dead: a route is withdrawn when nothing answers, and never otherwise."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from conftest import BUILD, HERE
from keeper_net import NEEDS_BIRD, ANYCAST, PREFIX4, PREFIX6, Net, Site, run

pytestmark = NEEDS_BIRD

SECOND = "192.0.2.54"			# a further address of the IPv4 prefix
ADDRESSES = [*ANYCAST, SECOND]
FAST = 0.75 + 0.15			# the promise, and BIRD with its neighbour


@pytest.fixture(scope="module")
def net():
    n = Net()
    run("ip", "-n", n.site, "addr", "add", SECOND + "/32", "dev", "lo")
    yield n
    n.close()


class Watched:
    """A site whose dnsd is the one of keeper_dnsd.py."""

    def __init__(self, net, listen=None, question="", first="example.org", extra="", **state):
        self.net, self.site, self.dnsd = net, Site(net, extra=extra), None
        self.path = self.site.folder + "/dnsd-state"
        self.conf(listen or ADDRESSES, question, first)
        net.kill(net.dnsd)
        self.set(**state)
        self.start()

    def conf(self, listen, question="", first="example.org"):
        with open(self.site.conf) as f:
            text = f.read()
        zones = "".join(f'zone "{z}" {{ file = "example.org.zone" }}\n'
                        for z in (first, "b.example", "c.example"))
        text = re.sub(r'(zone "[^\n]*\n)+', lambda _: zones, text)
        text = re.sub(r"listen = [^\n]*", "listen = { %s }" % ", ".join(
            f'"{a}"' for a in listen), text)
        text = re.sub(r'  question = "[^"]*"\n', "", text)
        if question:
            text = text.replace("announce {\n", f'announce {{\n  question = "{question}"\n')
        with open(self.site.conf, "w") as f:
            f.write(text)

    def set(self, **state):
        with open(self.path + ".new", "w") as f:
            json.dump(state, f)
        os.rename(self.path + ".new", self.path)

    def start(self):
        self.dnsd = subprocess.Popen(
            ["ip", "netns", "exec", self.net.site, sys.executable, HERE + "/keeper_dnsd.py",
             self.path, self.site.run, *ADDRESSES],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.dnsd.stdout.readline() == "ready\n"

    def serving(self):
        self.site.healthd_start()
        self.net.wait("serving")
        return self

    def reload(self):
        after = len(self.site.log())
        self.site.healthd.send_signal(signal.SIGHUP)
        self.site.wait_log("configuration read again", after)

    def stays(self, seconds=1.5):
        """Serving, and not one update from the neighbour's point of view."""
        before = self.net.updates()
        self.net.stays("serving", seconds)
        assert self.net.updates() == before

    def alarm(self, pattern, seconds=5):
        return self.site.wait_posture("alarms", pattern, seconds)

    def close(self):
        self.dnsd.send_signal(signal.SIGCONT)
        self.dnsd.kill()
        self.dnsd.wait()
        self.site.close()


@pytest.fixture
def watched(net):
    made = []

    def make(*args, **options):
        made.append(Watched(net, *args, **options))
        return made[-1]

    yield make
    for w in made:
        w.close()
    net.wait("down")


# ---- what protects dnsd is not its death

def test_cookies_required(watched):
    w = watched(cookies=True).serving()
    w.stays()
    with open(w.path + ".seen") as f:
        assert int(f.read()) == 20, "the server's cookie is echoed"


def test_cookies_required_by_a_reload_of_dnsd(watched):
    w = watched().serving()
    w.set(cookies=True)
    w.stays()


def test_truncated_answers_of_a_rate_limit(watched):
    w = watched().serving()
    w.set(zones={"*": "truncated"}, server="truncated")
    w.stays()


def test_truncated_answers_from_the_start(watched):
    watched(zones={"*": "truncated"}, server="truncated").serving()


def test_rate_limit_that_drops_most(watched):
    w = watched().serving()
    w.set(drop=0.6, report="frozen")
    w.stays(5)


# ---- what a reload says is not its death

@pytest.mark.parametrize("word", ["refused", "nxdomain", "nodata", "referral"])
def test_all_zones_answered_so(watched, word):
    w = watched().serving()
    w.set(zones={"*": word})
    w.stays()
    w.alarm("dnsd" if word == "refused" else "dnsd says to example.org SOA")


def test_healthd_reloaded_before_dnsd(watched):
    w = watched(zones={"new.example": "refused"}).serving()
    w.conf(ADDRESSES, first="new.example")
    w.reload()
    w.stays(1.5)
    w.alarm("dnsd and healthd differ: dnsd says REFUSED to new.example SOA")
    w.set()
    w.site.wait_log("alarm over: dnsd and healthd differ")


def test_dnsd_restarted_with_zones_that_healthd_does_not_know(watched, net):
    w = watched().serving()
    net.kill(w.dnsd)
    net.wait("down", 3)
    w.set(zones={"*": "refused"})
    w.start()
    net.wait("serving", 5)
    w.alarm("dnsd and healthd differ: dnsd says REFUSED")


def test_broken_new_first_zone(watched):
    w = watched(zones={"new.example": "servfail"}).serving()
    w.conf(ADDRESSES, first="new.example")
    w.reload()
    w.stays(1.5)
    w.alarm("new.example SOA: SERVFAIL")


def test_question_that_is_not_there(watched):
    w = watched(zones={"nosuch.example.org": "nxdomain"}).serving()
    w.conf(ADDRESSES, question="nosuch.example.org A")
    w.reload()
    w.stays(1.5)
    w.alarm("nosuch.example.org A: NXDOMAIN")
    # and a site that boots with it comes up by its zones
    w.site.healthd.terminate()
    w.site.healthd.wait(5)
    w.net.wait("down")
    w.serving()


@pytest.mark.skipif(not os.path.exists(os.path.join(BUILD, "dnsd")), reason="needs dnsd")
@pytest.mark.parametrize("question, says", [
    ("nosuch.example.org A", "NXDOMAIN"), ("ns.example.org AAAA", "no record of this type"),
    ("ns.example.org A", None), ("example.org SOA", None)])
def test_question_is_looked_up_by_t(tmp_path, question, says):
    (tmp_path / "zone").write_text("$TTL 60\n@ SOA ns admin 1 3600 900 604800 60\n@ NS ns\n"
                                   "ns A 192.0.2.53\n")
    conf = tmp_path / "nearcast.conf"
    conf.write_text('listen = "192.0.2.53"\nrun-dir = "%s"\n'
                    'zone "example.org" { file = "zone" }\nannounce {\n'
                    '  prefix = "192.0.2.0/24"\n  question = "%s"\n}\n' % (tmp_path, question))
    done = subprocess.run([os.path.join(BUILD, "dnsd"), "-t", "-c", str(conf)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    warning = re.search(r"nearcast.conf:6: announce: question .*", done.stderr)
    assert (says is None) == (warning is None), done.stderr
    assert says is None or (says in warning.group() and question in warning.group())


def test_new_address_that_dnsd_does_not_have(watched):
    w = watched(listen=ANYCAST).serving()
    w.conf(ANYCAST + ["192.0.2.77"])
    w.reload()
    w.stays(1.5)
    w.alarm("does not listen on what our configuration says")


def test_new_address_without_reports(watched):
    w = watched(listen=ANYCAST, report="none").serving()
    w.conf(ANYCAST + ["192.0.2.77"])
    w.reload()
    w.stays(1.5)
    w.alarm(r"192.0.2.77@53: the address is not on this machine \(it has not answered yet\)")


def test_listen_list_shrinks(watched):
    w = watched().serving()
    w.set(listen=ANYCAST, silent=[SECOND])
    w.stays(2)
    assert w.site.wait_posture("dnsd", "answering=2/2")


def test_listen_list_grows_beyond_ours(watched):
    w = watched(listen=ANYCAST).serving()
    w.site.wait_posture("dnsd", "answering=3/3")
    w.stays(1)


def test_some_zones_fail(watched):
    w = watched().serving()
    w.set(zones={"example.org": "servfail", "b.example": "servfail"})
    w.stays(1.5)
    w.alarm("example.org SOA: SERVFAIL")


@pytest.mark.parametrize("server", ["ok", "servfail"])
def test_all_zones_fail(watched, net, server):
    w = watched().serving()
    w.set(zones={"*": "servfail"}, server=server)
    assert net.wait("down", 3) < FAST


def test_all_zones_garbage(watched, net):
    w = watched().serving()
    w.set(zones={"*": "garbage"})
    assert net.wait("down", 3) < FAST


def test_only_the_server_itself_answers(watched, net):
    w = watched().serving()
    w.set(zones={"*": "silent"}, report="frozen")
    assert net.wait("down", 3) < FAST + 0.25


# ---- overload is not its death

def test_overload_is_held(watched, net):
    w = watched().serving()
    w.set(silent="all")
    w.stays(4)
    w.alarm("overload: silent to us, but it answers others")
    w.site.wait_posture("dnsd", r"held=[1-9]")
    w.set()
    w.stays(1)
    w.site.wait_log("alarm over: .*overload")


def test_hung_under_overload(watched, net):
    w = watched().serving()
    w.set(silent="all")
    w.stays(1.5)
    w.set(silent="all", report="frozen")
    assert net.wait("down", 3) < FAST


@pytest.mark.parametrize("report", ["frozen", "none", "stopped", "nonsense", "cut", "flood",
                                    "away"])
def test_silent_without_proof_of_overload(watched, net, report):
    w = watched().serving()
    w.set(silent="all", report=report)
    assert net.wait("down", 3) < FAST + 0.25	# the report before may have shown movement


@pytest.mark.parametrize("report", ["none", "nonsense", "cut", "flood", "away"])
def test_reports_of_no_use_harm_nobody(watched, report):
    w = watched(report=report).serving()
    w.stays(1.5)


def test_a_flood_of_reports_costs_little(watched):
    w = watched(report="flood").serving()

    def used():
        with open(f"/proc/{w.site.healthd.pid}/stat") as f:
            return sum(int(n) for n in f.read().rsplit(")", 1)[1].split()[11:13]) / 100

    before = used()
    w.stays(1.5)
    assert used() - before < 3 * 0.05


def test_stopped(watched, net):
    w = watched().serving()
    time.sleep(0.4)
    net.kill(w.dnsd, signal.SIGSTOP)
    assert net.wait("down", 3) < FAST


def test_killed(watched, net):
    w = watched().serving()
    net.kill(w.dnsd)
    assert net.wait("down", 3) < FAST


# ---- one prefix's fault is not another's

def test_one_address_of_two_in_a_prefix(watched):
    w = watched().serving()
    w.set(silent=[SECOND], report="frozen")
    w.stays(1.5)
    w.alarm("192.0.2.54@53: no answer within 150 ms")


def test_one_family_silent(watched, net):
    w = watched().serving()
    w.set(silent=["2001:db8:53::53"], report="frozen")
    assert net.wait_one(PREFIX6, "down", 3) < FAST + 0.25
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert net.state(PREFIX4) == "serving"
        time.sleep(0.02)
    w.set()
    net.wait("serving")


# ---- over TCP as well

@pytest.mark.parametrize("tcp", ["refused", "silent"])
def test_tcp_dead_is_an_alarm(watched, tcp):
    w = watched().serving()
    time.sleep(0.5)			# it has answered over TCP
    w.set(tcp=tcp)
    w.alarm("TCP", 8)
    w.stays(2)
    w.set()
    w.site.wait_log("alarm over: .*TCP")


def test_tcp_dead_drains_if_told_so(watched, net):
    w = watched(extra='\n  on-tcp-down = "drain"').serving()
    time.sleep(0.5)
    w.set(tcp="refused")
    net.wait("draining", 8)
    w.set()
    net.wait("serving", 15)


def test_tcp_that_never_answered(watched, net):
    w = watched(extra='\n  on-tcp-down = "drain"', tcp="refused").serving()
    w.alarm("nobody listens on TCP", 15)
    assert net.states() == {"serving"}


# ---- what was known outlives healthd

def test_dnsd_dead_when_healthd_starts(watched, net):
    w = watched().serving()
    time.sleep(1.2)			# the posture file says what answered
    w.site.healthd.kill()
    w.site.healthd.wait()
    net.kill(w.dnsd, signal.SIGSTOP)
    w.site.healthd_start()
    assert net.wait("down", 3) < 1.5
    w.site.wait_log("does not answer")


# ---- a further address of an interface

def test_a_secondary_address_is_on_this_machine(watched, net):
    run("ip", "-n", net.site, "addr", "add", "192.0.2.60/24", "dev", "lo")
    run("ip", "-n", net.site, "addr", "add", "192.0.2.61/24", "dev", "lo")
    run("ip", "-n", net.site, "addr", "del", SECOND + "/32", "dev", "lo")
    run("ip", "-n", net.site, "addr", "add", SECOND + "/24", "dev", "lo")
    try:
        shown = run("ip", "-n", net.site, "-o", "addr", "show", "dev", "lo")
        assert re.search(r"192\.0\.2\.54/24 scope global secondary", shown), shown
        w = watched().serving()
        w.site.wait_posture("dnsd", 'answering=3/3 held=0 reason=""')
    finally:
        for a in ("192.0.2.60/24", "192.0.2.61/24", SECOND + "/24", SECOND + "/32"):
            subprocess.run(["ip", "-n", net.site, "addr", "del", a, "dev", "lo"],
                           capture_output=True, check=False)
        run("ip", "-n", net.site, "addr", "add", SECOND + "/32", "dev", "lo")
