"""Two collectors, and the shippers that keep them in step with a site's spool, as deploy/logs
ships them."""
import os

import hosts
import shipped
from lab import BUILD

COLLECTORS = ("log1", "log2")
PASSWORD = "of the lab"


def spool(lab, site):
    return lab.path(site, "spool")


def held(lab, collector, site):
    """Where a collector has what came from a site."""
    return lab.path(collector, "log", site)


def start_collector(lab, name, site):
    hosts.add(lab, name)
    os.makedirs(held(lab, name, site), exist_ok=True)
    secrets = lab.write(f"{site}:{PASSWORD}\n", name, "secrets")
    os.chmod(secrets, 0o600)
    conf = lab.write(shipped.text(
        "logs/rsyncd.conf", ("address = 127.0.0.1", f"address = {hosts.address(name)}"),
        ("port = 873", f"port = 873\nlock file = {lab.path(name, 'rsyncd.lock')}"),
        ("/srv/log/fra1", held(lab, name, site)), ("[fra1]", f"[{site}]"),
        ("auth users = fra1", f"auth users = {site}"), ("uid = nobody", "uid = root"),
        ("gid = nogroup", "gid = root"), ("/etc/nearcast/collector.secrets", secrets)),
        name, "rsyncd.conf")
    lab.net.start(name, "rsyncd", "rsync", "--daemon", "--no-detach", f"--config={conf}")


def start_shippers(lab, site):
    state = lab.path(site, "ship")
    os.makedirs(state, exist_ok=True)
    for name in COLLECTORS:
        others = [c for c in COLLECTORS if c != name]
        lab.net.start(site, f"ship-{name}", shipped.path("logs", "ship"), name,
                      f"rsync://{site}@{hosts.address(name)}/{site}", spool(lab, site), state,
                      *others, env={"RSYNC_PASSWORD": PASSWORD})


def lines(lab, collector, site):
    folder = held(lab, collector, site)
    count = 0
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            count += f.read().count(b"\n")
    return count


def check(lab, collector, site):
    """logcheck of what a collector has; CompletedProcess."""
    return lab.net.call(collector, f"{BUILD}/nearctl", "logcheck", held(lab, collector, site),
                        timeout=60)


def stop(lab, site):
    for name in COLLECTORS:
        lab.kill(site, f"ship-{name}")
        lab.kill(name, "rsyncd")
