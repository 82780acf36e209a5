"""Configurations as deploy/ ships them, with the lab's addresses and paths in them and nothing
else changed."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def path(*parts):
    return os.path.join(ROOT, "deploy", *parts)


def text(name, *changes):
    """deploy/NAME with each (old, new) made; one that is not there any more is a mistake here."""
    with open(path(name)) as f:
        found = f.read()
    for old, new in changes:
        assert old in found, f"deploy/{name} has no {old!r}"
        found = found.replace(old, new)
    return found


def nginx(lab, ns, name, conf, folder=""):
    """nginx in a namespace with the text of a configuration, beside what it includes."""
    written = lab.write(conf, ns, folder, "nginx.conf" if folder else name + ".conf")
    return lab.net.start(ns, name, "nginx", "-p", lab.path(ns), "-c", written, "-g",
                         "daemon off;")
