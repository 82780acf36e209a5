"""Several prefixes of a family, by the lease and over BIRD's socket: one is not another's fault."""
import os
import subprocess
import time

import pytest

from conftest import BUILD
from keeper_net import NEEDS_BIRD, PREFIX4, PREFIX6, Net, run, site  # noqa: F401 (a fixture)

pytestmark = NEEDS_BIRD

MORE = {"198.51.100.0/24": "198.51.100.53", "203.0.113.0/24": "203.0.113.53"}
SECOND = "198.51.100.0/24"


@pytest.fixture(scope="module", params=["lease", "bird-socket"])
def net(request):
    n = Net(f'via = "{request.param}"  ', MORE)
    yield n
    n.close()


def test_the_second_of_three_goes_alone(site, net):
    run("ip", "-n", net.site, "addr", "del", MORE[SECOND] + "/32", "dev", "lo")
    try:
        assert net.wait_one(SECOND, "down", 3) < 1.0
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert {net.state(p) for p in (PREFIX4, PREFIX6, "203.0.113.0/24")} == {"serving"}
            assert net.state(SECOND) == "down"
        site.wait_posture(SECOND, "^down .*exported=0")
        site.wait_posture("bird", "exported4=2/3 exported6=1/1")
        site.wait_posture("damping", "penalty=(99|1000)")
        assert "penalty=0.0" in site.posture()[PREFIX4]
        site.wait_posture("alarms", f"{SECOND} is down while {PREFIX4} is serving: dnsd does not")
    finally:
        run("ip", "-n", net.site, "addr", "add", MORE[SECOND] + "/32", "dev", "lo")
    net.wait("serving", 5)
    site.wait_log("alarm over: .* is down while")


def test_a_drain_is_all_of_them(site, net):
    site.nearctl("drain", "fra")
    net.wait("draining", 3)
    site.wait_posture("bird", "draining=4")
    site.nearctl("undrain", "fra")
    net.wait("serving", 3)


def test_a_restart_keeps_each_as_it_was(site, net):
    run("ip", "-n", net.site, "addr", "del", MORE[SECOND] + "/32", "dev", "lo")
    try:
        net.wait_one(SECOND, "down", 3)
        before = net.updates()
        site.healthd.terminate()
        site.healthd.wait(5)
        site.healthd_start()
        time.sleep(1.2)
        assert net.updates() == before and net.state(SECOND) == "down"
        assert "penalty=0.0" in site.wait_posture(PREFIX4, "^serving")
        assert "penalty=9" in site.wait_posture(SECOND, "^down")
    finally:
        run("ip", "-n", net.site, "addr", "add", MORE[SECOND] + "/32", "dev", "lo")
    net.wait("serving", 5)


def test_markers_of_all_are_put_back(site, net):
    if "lease" not in net.extra:
        pytest.skip("no markers")
    for marker in ("169.254.53.9/30", "169.254.53.13/30", "169.254.53.17/30"):
        run("ip", "-n", net.site, "addr", "del", marker, "dev", "lo")
        site.wait_log(f"marker {marker} was removed by somebody else: put back at once")
    net.wait("serving", 0.2)
    site.wait_posture("markers", "meddled=3")


def test_status_has_a_line_for_each(site):
    shown = subprocess.run([os.path.join(BUILD, "nearctl"), "-c", site.conf, "status"],
                           capture_output=True, text=True, timeout=10, check=False).stdout
    for prefix in (PREFIX4, PREFIX6, *MORE):
        line = next(line for line in shown.splitlines() if line.startswith(f"prefix      {prefix}"))
        assert " serving for " in line and "penalty 0 of 6000: ok" in line, line
