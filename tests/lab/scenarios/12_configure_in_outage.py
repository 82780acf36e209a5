import time

TITLE = "`birdc configure` and a BIRD restart during an outage"


def run(lab):
    lab.kill("fra", "dnsd")
    lab.time_until(lambda: not lab.announced("fra"))
    conf, ctl = lab.path("fra", "bird.conf"), lab.path("fra", "bird.ctl")
    seen = 0
    for _ in range(3):
        out = lab.net.call("fra", "birdc", "-s", ctl, f'configure "{conf}"').stdout
        assert "econfigur" in out, out
        end = time.monotonic() + 1
        while time.monotonic() < end:
            seen += lab.announced("fra")
    lab.kill("fra", "bird")
    lab.start_bird("fra")
    end = time.monotonic() + 5
    while time.monotonic() < end:
        seen += lab.announced("fra")
        time.sleep(0.02)
    assert seen == 0, "a dead site was announced again"
    return "three times configured, once restarted: never announced"
