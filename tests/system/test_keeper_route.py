"""healthd's keeper and a real BGP session: what makes the route come and go, and how fast."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from conftest import BUILD, nearctl
from keeper_net import NEEDS_BIRD, ANYCAST, PREFIX4, PREFIX6, Net, Site, run

pytestmark = NEEDS_BIRD


@pytest.fixture(scope="module")
def net():
    n = Net()
    yield n
    n.close()


@pytest.fixture
def make(net):
    sites = []

    def start(**options):
        site = Site(net, **options)
        sites.append(site)
        assert net.states() == {"down"}, "down until proven up"
        site.healthd_start()
        net.wait("serving")
        return site

    yield start
    for site in sites:
        site.close()
    net.wait("down")


def capabilities(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(re.findall(r"^(Cap\w+|NoNewPrivs):\s+(\w+)", f.read(), re.M))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_privileges_are_separated(make):
    site = make()
    keeper, prober = capabilities(site.healthd.pid), capabilities(site.prober_pid())
    assert int(keeper["CapEff"], 16) == int(keeper["CapPrm"], 16) == int(keeper["CapBnd"],
                                                                         16) == 1 << 12
    assert [int(prober[c], 16) for c in ("CapEff", "CapPrm", "CapBnd", "CapAmb")] == [0, 0, 0, 0]
    assert keeper["NoNewPrivs"] == prober["NoNewPrivs"] == "1"
    fds = {os.readlink(f"/proc/{site.prober_pid()}/fd/{fd}")
           for fd in os.listdir(f"/proc/{site.prober_pid()}/fd")}
    assert not any("healthd.lock" in fd for fd in fds)


def test_status_of_bird_is_read(make, net):
    site = make()
    text = site.wait_posture("bird", "exported4=1/1 exported6=1/1 draining=0 sessions=1/1")
    assert text.startswith("known=1")
    assert site.posture()["alarms"] == []
    assert PREFIX4 and PREFIX6 and net.state() == "serving"


def test_dnsd_hung_withdraws_within_a_second_and_returns(make, net):
    make()
    net.kill(net.dnsd, signal.SIGSTOP)
    assert net.wait("down", 3) < 1.0
    net.kill(net.dnsd, signal.SIGCONT)
    assert 0.3 < net.wait("serving", 5)


@pytest.mark.parametrize("mode", ["servfail", "garbage"])
def test_dnsd_answering_nonsense_withdraws_within_a_second(make, net, mode):
    make()
    net.dnsd_mode(mode)
    assert net.wait("down", 3) < 1.0


def test_an_address_that_is_gone_is_not_answered_by_the_next_site(make, net):
    site = make()
    run("ip", "-n", net.site, "route", "add", "default", "via", "10.99.1.2")
    run("ip", "-n", net.router, "addr", "add", "192.0.2.53/32", "dev", "lo")
    run("ip", "-n", net.router, "addr", "add", "2001:db8:53::53/128", "dev", "lo", "nodad")
    other = net.spawn("dnsd", net.mode, *ANYCAST, namespace=net.router)
    try:
        run("ip", "-n", net.site, "addr", "del", "192.0.2.53/32", "dev", "lo")
        assert net.wait_one(PREFIX4, "down", 3) < 1.0
        site.wait_posture("dnsd", "192.0.2.53@53: the address is not on this machine")
        assert net.state(PREFIX6) == "serving", "one prefix's fault is not another's"
    finally:
        other.kill()
        other.wait()
        run("ip", "-n", net.site, "addr", "add", "192.0.2.53/32", "dev", "lo")
        run("ip", "-n", net.site, "route", "del", "default")
    net.wait("serving", 5)


def test_one_prefix_lost_leaves_the_other(make, net):
    site = make()
    run("ip", "-n", net.site, "addr", "del", "2001:db8:53::53/128", "dev", "lo")
    try:
        assert net.wait_one(PREFIX6, "down", 3) < 1.0
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert net.state(PREFIX4) == "serving" and net.state(PREFIX6) == "down"
        assert "penalty=0.0" in site.wait_posture(PREFIX4, "^serving")
        site.wait_posture(PREFIX6, r"^down .*penalty=(99|1000).*exported=|^down .*exported=0")
        assert site.posture()["posture"].startswith("serving")
        text = site.nearctl("status", check=False)
        assert re.search(r"2001:db8:53::/48 +down", text) and \
            re.search(r"192\.0\.2\.0/24 +serving", text), text
    finally:
        run("ip", "-n", net.site, "addr", "add", "2001:db8:53::53/128", "dev", "lo", "nodad")
    net.wait("serving", 5)


def test_flushed_markers_are_put_back_at_once(make, net):
    site = make()
    longest = 0.0
    for _ in range(4):
        # they go on, and complain, while addresses come back
        flushing = [subprocess.Popen(["ip", "-n", net.site, family, "addr", "flush", "dev", "lo",
                                      "to", to], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    for family, to in (("-4", "169.254.53.0/24"), ("-6", "fd53:5300::/64"))]
        start = good = time.monotonic()
        while time.monotonic() < start + 0.6:
            if net.states() == {"serving"}:
                longest = max(longest, time.monotonic() - good)
                good = time.monotonic()
        for process in flushing:
            process.wait(5)
        net.wait("serving", 0.1)
    assert longest < 0.25, "the longest time without a route, and a round of questions"
    flushed = len(re.findall("was removed by somebody else: put back at once", site.log()))
    assert flushed >= 16
    site.wait_posture("markers", f"meddled={flushed}")
    site.wait_posture("alarms", f"{flushed} times somebody else removed or added a marker")
    assert len(re.findall("posture of", site.log())) == 2, "no posture has changed"
    # neighbours have seen withdrawals: flushes are counted, one a second, but not their rounds
    penalty = float(re.search(r"penalty=([\d.]+)", site.posture()["damping"]).group(1))
    assert 1900 < penalty <= 4000, site.posture()["damping"]


def test_a_marker_that_somebody_adds_announces_nothing(make, net):
    site = make()
    net.dnsd_mode("servfail")
    net.wait("down", 3)
    for marker in ("169.254.53.1/30", "169.254.53.5/30", "169.254.53.9/30", "fd53:5300::5/126"):
        run("ip", "-n", net.site, "addr", "add", marker, "dev", "lo")
        site.wait_log(f"marker {marker} was added by somebody else: removed at once")
    net.stays("down", 0.3)
    assert "169.254.53" not in run("ip", "-n", net.site, "addr", "show", "dev", "lo")
    site.wait_posture("markers", "meddled=4")


def test_an_address_around_the_markers_announces_nothing(make, net):
    """One that has no lifetime, and that BIRD's next hops would be reached by."""
    site = make()
    around = ["169.254.53.1/24", "fd53:5300::99/64"]
    for address in around:
        run("ip", "-n", net.site, "addr", "add", address, "dev", "lo")
    try:
        net.dnsd_mode("servfail")
        net.wait("down", 3)
        net.stays("down", 0.5)
        net.dnsd_mode("ok")
        net.wait("serving", 5)
        net.kill(site.healthd)
        net.wait("down", 4)
    finally:
        for address in around:
            run("ip", "-n", net.site, "addr", "del", address, "dev", "lo")


def test_what_healthd_removes_itself_is_no_flush(make, net):
    site = make()
    net.dnsd_mode("servfail")
    net.wait("down", 3)
    net.dnsd_mode("ok")
    net.wait("serving", 5)
    site.nearctl("force-down", "fra")
    net.wait("down", 3)
    site.nearctl("clear", "fra")
    net.wait("serving", 3)
    time.sleep(0.3)
    assert "by somebody else" not in site.log()
    assert site.posture()["markers"] == "meddled=0"


def test_a_withdrawal_while_healthd_is_away_is_counted(make, net):
    site = make()
    site.healthd.kill()
    site.healthd.wait()
    net.wait("down", 4)
    site.healthd_start()
    site.wait_log("was serving when healthd ended, and is not announced any more")
    net.wait("serving", 5)
    assert re.search("penalty=(9[89]|1000)", site.posture()[PREFIX4])


def test_the_operators_word_is_heard_in_a_shared_hold(make, net):
    site = make(two_sites=True)
    net.kill(net.cache)
    net.kill(net.far_cache)
    site.wait_posture("verdict", "^hold")
    net.stays("serving", 0.3)
    site.nearctl("drain", "fra")
    net.wait("draining", 1)
    site.nearctl("undrain", "fra")
    net.wait("serving", 1)
    site.nearctl("force-down", "fra", "--for", "1s")
    net.wait("down", 1)
    net.wait("serving", 3)
    site.nearctl("force-down", "fra")
    net.wait("down", 1)
    site.nearctl("clear", "fra")
    net.wait("serving", 1)
    site.wait_posture("verdict", "^hold")
    site.wait_posture("alarms", "shared cause")
    # dnsd's own fault is still a fault, and its end is the end of it
    net.dnsd_mode("servfail")
    net.wait("down", 2)
    net.dnsd_mode("ok")
    net.wait("serving", 5)
    net.cache_start()


def test_a_site_is_not_raised_in_a_shared_hold(make, net):
    site = make(two_sites=True, hold="1500ms")
    net.kill(net.cache)
    net.wait("down", 3)
    net.cache_start()
    site.wait_posture(PREFIX4, "hold-down before announcing")
    net.kill(net.cache)
    net.kill(net.far_cache)
    site.wait_posture("verdict", "^hold", 3)
    net.stays("down", 2)
    site.wait_posture(PREFIX4, "nothing is raised")
    net.cache_start()
    net.wait("serving", 8)


def test_a_cache_that_flaps_beside_a_drained_one_is_paid_for(net):
    site = Site(net, two_sites=True, hold="400ms")
    with open(site.conf) as f:
        text = f.read().replace('"nyc1" { site = "nyc"', '"fra2" { site = "fra"')
    with open(site.conf, "w") as f:
        f.write(text)
    try:
        site.healthd_start()
        net.wait("serving")
        site.nearctl("drain", "fra1")
        site.wait_log("server fra1: drain")
        before, after = sum(net.updates()), len(site.log())
        for _ in range(8):
            net.kill(net.far_cache)
            site.wait_log("server fra2: down", after)
            after = len(site.log())
            net.far_cache_start()
            site.wait_log("server fra2: up", after)
            after = len(site.log())
            time.sleep(0.5)
        # nobody has said a word: 16 changes were asked for, in each of two families
        assert sum(net.updates()) - before <= 12
        assert re.search(r"penalty=[12]\d\d\d", site.posture()[PREFIX4])
        net.wait("serving", 15)
        # the operator's own word waits for nothing
        site.nearctl("drain", "fra2")
        net.wait("draining", 2)
        site.nearctl("undrain", "fra2")
        net.wait("serving", 1)
    finally:
        site.close()
        net.wait("down")


def test_a_reload_takes_a_prefix_away_and_brings_another(make, net):
    site = make()
    with open(site.conf) as f:
        both = f.read()
    one = both.replace(', "2001:db8:53::/48" }', " }")
    assert one != both
    with open(site.conf, "w") as f:
        f.write(one)
    site.healthd.send_signal(signal.SIGHUP)
    net.wait_one(PREFIX6, "down", 4)
    site.wait_log("prefixes of `announce` have changed: make BIRD's configuration anew")
    assert net.state(PREFIX4) == "serving"
    end = time.monotonic() + 2
    while PREFIX6 in site.posture():
        assert time.monotonic() < end
    with open(site.conf, "w") as f:
        f.write(both)
    site.healthd.send_signal(signal.SIGHUP)
    net.wait("serving", 5)
    assert "meddled=0" in site.wait_posture("markers", "meddled")


def test_a_prefix_that_becomes_another_size_stays_announced(make, net):
    site = make()
    time.sleep(1.2)
    before, after = net.updates(), len(site.log())
    with open(site.conf) as f:
        text = f.read()
    with open(site.conf, "w") as f:
        f.write(text.replace("192.0.2.0/24", "192.0.2.0/23").replace("db8:53::/48", "db8:50::/44"))
    site.healthd.send_signal(signal.SIGHUP)
    site.wait_log("configuration read again", after)
    net.stays("serving", 1)
    assert net.updates() == before, "BIRD's configuration is another matter"
    assert site.wait_posture("192.0.2.0/23", "^serving")


def test_flap_budget_holds_down_and_says_so(make, net):
    site = make(extra="damping { suppress = 2000 }")
    for _ in range(2):
        net.wait("serving", 5)
        net.dnsd_mode("servfail")
        net.wait("down", 2)
        net.dnsd_mode("ok")
    net.stays("down", 1)
    assert "flap budget" in site.wait_posture("alarms", "flap budget")
    penalty = float(re.search(r"penalty=([\d.]+)", site.posture()["damping"]).group(1))
    assert 1900 < penalty < 2000
    # a restart does not launder it
    site.healthd.terminate()
    site.healthd.wait(5)
    site.healthd_start()
    net.stays("down", 1)
    assert "suppressed=1" in site.wait_posture("damping", "suppressed=1")
    # the operator's word wins; and wins again when said again
    site.nearctl("force-up", "fra")
    net.wait("serving", 2)
    net.dnsd_mode("servfail")
    net.wait("down", 2)
    net.dnsd_mode("ok")
    site.wait_posture("damping", "suppressed=1")
    site.nearctl("force-up", "fra")
    net.wait("serving", 2)
    # an old word does not, also not after a restart
    net.dnsd_mode("servfail")
    net.wait("down", 2)
    net.dnsd_mode("ok")
    site.healthd.terminate()
    site.healthd.wait(5)
    site.healthd_start()
    net.stays("down", 1.5)
    assert site.posture()["override"].startswith("force-up id=")


def test_keeper_killed_is_gone_within_the_lease(make, net):
    site = make()
    prober = site.prober_pid()
    net.kill(site.healthd)
    assert net.wait("down", 4) < 2.0 + 0.1
    assert not alive(prober), "the prober ends with its keeper"


def test_keeper_stopped_is_gone_within_the_lease_and_comes_back(make, net):
    site = make()
    net.kill(site.healthd, signal.SIGSTOP)
    assert net.wait("down", 4) < 2.0 + 0.1
    net.kill(site.healthd, signal.SIGCONT)
    net.wait("serving", 5)
    assert "stood still" in " ".join(site.posture()["alarms"])
    assert "penalty=99" in site.posture()["damping"] or "penalty=1000" in site.posture()["damping"]


def test_keeper_stopped_shortly_changes_nothing(make, net):
    site = make(lease="5s")
    before = net.updates()
    net.kill(site.healthd, signal.SIGSTOP)
    time.sleep(1)
    net.kill(site.healthd, signal.SIGCONT)
    net.stays("serving", 1)
    assert net.updates() == before


def test_restart_within_the_lease_changes_nothing(make, net):
    site = make(lease="5s")
    before = net.updates()
    for how, status in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
        site.healthd.send_signal(how)
        assert site.healthd.wait(5) == status
        site.healthd_start()
        net.stays("serving", 1)
    assert net.updates() == before
    assert re.search("in force already", site.log())


def test_prober_hung_changes_nothing(make, net):
    site = make()
    before, prober = net.updates(), site.prober_pid()
    os.kill(prober, signal.SIGSTOP)
    site.wait_posture("alarms", "prober silent", 6)
    site.wait_posture("prober", r"pid=(?!%d|0)\d+ restarts=1" % prober)
    net.stays("serving", 0.3)
    assert net.updates() == before


def test_prober_killed_over_and_over_changes_nothing(make, net):
    site = make()
    before, killed = net.updates(), set()
    while len(killed) < 4:
        pid = site.prober_pid()
        if pid not in killed and alive(pid):
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.02)
    site.wait_posture("alarms", "prober killed by signal 9")
    site.wait_posture("prober", "restarts=4")
    net.stays("serving", 0.3)
    assert net.updates() == before


def test_caches_down_withdraws_and_returns(make, net):
    site = make()
    net.kill(net.cache)
    assert net.wait("down", 3) < 1.0
    net.cache_start()
    net.wait("serving", 5)


def test_caches_down_may_drain(make, net):
    site = make(extra='on-caches-down = "drain"')
    net.kill(net.cache)
    net.wait("draining", 3)
    text = net.bird.ask(f"show route {PREFIX4} all")
    assert "BGP.med: 1000" in text and "65001 65001 65001" in text
    site.wait_posture("bird", "draining=2")
    net.cache_start()
    net.wait("serving", 5)
    # two changes of attributes that nobody asked for, paid for like any flap
    assert re.search("penalty=(99|1000)", site.wait_posture(PREFIX4, "^serving.*draining=0"))
    assert site.posture()["alarms"] == []


def test_configure_and_restart_of_bird_announce_no_dead_site(make, net):
    site = make()
    net.kill(net.dnsd)
    net.wait("down", 3)
    before = net.updates()
    for _ in range(3):
        net.site_bird.ask("configure")
        net.stays("down", 0.3)
    assert net.updates() == before
    net.site_bird.stop()
    net.site_bird.start()
    net.session()
    net.stays("down", 1)


def test_configure_and_restart_of_bird_lose_no_living_site(make, net):
    site = make()
    before = net.updates()
    net.site_bird.ask("configure")
    net.stays("serving", 0.5)
    assert net.updates() == before
    net.site_bird.stop()
    net.site_bird.start()
    net.wait("serving", 10)
    site.wait_log("BIRD was restarted")


def test_bird_not_exporting_is_an_alarm(make, net):
    site = make()
    net.site_bird.ask('disable "anycast4_1"')
    net.site_bird.ask('disable "anycast4_1_drain"')
    site.wait_posture("alarms", "BIRD does not export what is wanted", 6)
    net.site_bird.ask('enable "anycast?_1"')
    net.site_bird.ask('enable "anycast?_1_drain"')
    net.wait("serving", 5)


def test_sighup_with_a_broken_file_keeps_the_old(make, net):
    site = make()
    before = net.updates()
    with open(site.conf) as f:
        good = f.read()
    with open(site.conf, "w") as f:
        f.write(good + "\nanounce { }\n")
    after = len(site.log())
    site.healthd.send_signal(signal.SIGHUP)
    site.wait_log(r"reload: .*nearcast.conf:\d+: .*old configuration stays", after)
    site.wait_posture("alarms", "reload refused")
    with open(site.conf, "w") as f:
        f.write(good.replace("run\"", "elsewhere\""))
    site.healthd.send_signal(signal.SIGHUP)
    site.wait_log("restart needed: run-dir", after)
    with open(site.conf, "w") as f:
        f.write(good)
    site.healthd.send_signal(signal.SIGHUP)
    site.wait_log("configuration read again", after)
    net.stays("serving", 0.5)
    assert "refused" not in " ".join(site.posture()["alarms"])
    assert net.updates() == before


def test_garbage_and_no_room_in_the_run_dir_lose_nothing(make, net):
    site = make(lease="5s")
    before = net.updates()
    site.healthd.terminate()
    site.healthd.wait(5)
    for name in ("posture", "health"):
        with open(f"{site.run}/{name}", "wb") as f:
            f.write(os.urandom(3000))
    os.mkdir(site.run + "/posture.new")  # the next one cannot be written
    site.healthd_start()
    site.wait_log("flap penalty starts at 0")
    site.wait_log("alarm: .*posture.new")
    net.stays("serving", 0.5)
    os.rmdir(site.run + "/posture.new")
    site.wait_posture("posture", "^serving", 3)
    assert net.updates() == before


def test_a_second_healthd_is_refused(make, net):
    site = make()
    second = subprocess.run(["ip", "netns", "exec", net.site, os.path.join(BUILD, "healthd"), "-c",
                             site.conf],
                            capture_output=True, text=True, timeout=10, check=False)
    assert second.returncode == 1 and "running here already" in second.stderr
    net.stays("serving", 0.3)


def test_without_the_capability_it_says_so(make, net):
    site = make()
    site.healthd.terminate()
    site.healthd.wait(5)
    os.chmod(net.folder, 0o755)
    done = subprocess.run(["setpriv", "--bounding-set", "-net_admin", "ip", "netns", "exec",
                           net.site,
                           "setpriv", "--bounding-set", "-all", "--inh-caps", "-all",
                           os.path.join(BUILD, "healthd"),
                           "-c", site.conf], capture_output=True, text=True, timeout=10,
                           check=False)
    assert done.returncode == 1 and "CAP_NET_ADMIN" in done.stderr


def test_a_reader_of_logs_that_hangs_stops_nothing(make, net):
    site = make()
    site.healthd.terminate()
    site.healthd.wait(5)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 512)
    except BlockingIOError:
        os.set_blocking(writer, True)
    try:
        site.healthd = subprocess.Popen(
            ["ip", "netns", "exec", net.site, os.path.join(BUILD, "healthd"), "-d", "-c",
             site.conf],
            stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
        net.stays("serving", 2.5)
        net.kill(net.cache)
        net.wait("down", 2)
    finally:
        os.close(reader)
        os.close(writer)


FLOOD = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
print("ready", flush=True)
while True:
    c = s.accept()[0]
    try:
        while True:
            c.sendall(b"1000-x\\n" * 20000)
    except OSError:
        c.close()
"""


def test_a_bird_socket_that_floods_costs_little(net):
    site = Site(net)
    flood = site.folder + "/flood.ctl"
    with open(site.conf) as f:
        text = f.read().replace(net.folder + "/site.ctl", flood)
    with open(site.conf, "w") as f:
        f.write(text)
    bird = subprocess.Popen([sys.executable, "-c", FLOOD, flood], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True)
    try:
        assert bird.stdout.readline() == "ready\n"
        site.healthd_start()
        net.wait("serving")
        before, start = cpu_seconds(site.healthd.pid), time.monotonic()
        net.stays("serving", 4)
        used = cpu_seconds(site.healthd.pid) - before
        assert used < 0.05 * (time.monotonic() - start)
        site.wait_posture("alarms", "a reply without end")
        net.dnsd_mode("servfail")
        assert net.wait("down", 3) < 1.0
    finally:
        bird.kill()
        bird.wait()
        site.close()
        net.wait("down")


@pytest.mark.skipif(not os.path.exists(os.path.join(BUILD, "dnsd")), reason="needs dnsd")
class TestRealDnsd:
    @pytest.fixture
    def site(self, make, net):
        site = make()
        net.dnsd.kill()
        net.dnsd.wait()
        self.start(site)
        while not re.search(r"\bready\b", self.log(site)):
            assert self.dnsd.poll() is None, self.log(site)
            time.sleep(0.01)
        net.wait("serving", 8)
        yield site
        self.dnsd.send_signal(signal.SIGCONT)
        self.dnsd.kill()
        self.dnsd.wait()

    def start(self, site):
        with open(site.folder + "/dnsd.log", "ab") as log:
            self.dnsd = subprocess.Popen(
                ["ip", "netns", "exec", site.net.site, os.path.join(BUILD, "dnsd"), "-c",
                 site.conf],
                stdin=subprocess.DEVNULL, stderr=log)

    @staticmethod
    def log(site):
        with open(site.folder + "/dnsd.log", errors="replace") as f:
            return f.read()

    @pytest.mark.parametrize("how", ["killed", "stopped"])
    def test_dead_or_hung(self, site, net, how):
        net.kill(self.dnsd, signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        assert net.wait("down", 3) < 1.0

    def test_status_knows_both(self, site):
        time.sleep(0.3)
        status = json.loads(site.nearctl("status", "--json"))
        assert status["errors"] == [] and status["route"]["posture"] == "serving"
        assert status["healthd"]["servers"][0]["name"] == "fra1"
        assert status["dnsd"]["zones_loaded"] == 1
        text = site.nearctl("status")
        for part in ("route       serving", "fra1", "zones       1 of 1"):
            assert part in text
        assert len(site.nearctl("watch", "--json", "--count", "1").splitlines()) >= 1

    def test_reload_reaches_both(self, site, net):
        with open(site.conf) as f:
            text = f.read()
        with open(site.conf, "w") as f:
            f.write(text.replace('  server "fra1"',
                                 '  server "fra2" { site = "fra"  address = { "127.0.0.2" } }\n'
                                 '  server "fra1"'))
        site.nearctl("reload")
        site.wait_log("configuration read again")
        site.wait_log(r"probing 2 targets")
        net.stays("serving", 0.5)
        with open(site.conf, "w") as f:
            f.write(text + "nonsense")
        broken = nearctl(site.conf, "reload")
        assert broken.returncode == 1 and "nearcast.conf:" in broken.stderr
        with open(site.conf, "w") as f:
            f.write(text)

    def test_status_without_daemons(self, site):
        site.healthd.terminate()
        site.healthd.wait(5)
        assert '"who":"healthd"' in site.nearctl("status", "--json", check=False)
        assert "healthd     " in site.nearctl("status", check=False)

    def test_drain_and_undrain(self, site, net):
        before = net.updates()
        site.nearctl("drain", "fra")
        net.wait("draining", 3)
        site.nearctl("undrain", "fra")
        net.wait("serving", 3)
        after = net.updates()
        assert after[1::2] == before[1::2], "never withdrawn in between"
