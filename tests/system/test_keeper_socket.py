"""via = "bird-socket": protocols of a real BIRD switched on and off by patterns."""
import time

import pytest

from keeper_net import NEEDS_BIRD, Net, site  # noqa: F401 (a fixture)

pytestmark = NEEDS_BIRD


@pytest.fixture(scope="module")
def net():
    n = Net('via = "bird-socket"  ')
    yield n
    n.close()


def test_withdraws_and_returns(site, net):
    net.dnsd_mode("servfail")
    assert net.wait("down", 3) < 1.0
    net.dnsd_mode("ok")
    net.wait("serving", 5)
    site.wait_posture("bird", "exported4=1/1 exported6=1/1 draining=0")


def test_needs_no_capability(site):
    with open(f"/proc/{site.healthd.pid}/status") as f:
        assert "CapEff:\t0000000000000000" in f.read()


def test_what_others_switch_is_switched_back(site, net):
    net.site_bird.ask('disable "anycast?_1"')
    net.site_bird.ask('disable "anycast?_1_drain"')
    time.sleep(0.6)
    net.stays("serving", 0.3)
    net.dnsd_mode("servfail")
    net.wait("down", 3)
    for command in ('enable "anycast?_1"', "configure"):
        net.site_bird.ask(command)
        time.sleep(0.5)
        net.stays("down", 0.3)
    site.wait_log("BIRD was reconfigured")


def test_bird_restarts_in_an_outage_and_in_service(site, net):
    net.dnsd_mode("servfail")
    net.wait("down", 3)
    net.site_bird.stop()
    net.site_bird.start()
    net.session()
    net.stays("down", 1)
    net.dnsd_mode("ok")
    net.wait("serving", 5)
    net.site_bird.stop()
    net.site_bird.start()
    net.wait("serving", 10)


def test_restart_of_healthd_changes_nothing(site, net):
    before = net.updates()
    site.healthd.terminate()
    site.healthd.wait(5)
    net.stays("serving", 0.5)
    site.healthd_start()
    net.stays("serving", 1.2)
    assert net.updates() == before
