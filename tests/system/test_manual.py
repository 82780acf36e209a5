"""The manual page knows every option and block that the tables of conf_schema.c know."""
import os
import re

from conftest import ROOT


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


def test_every_option_is_in_nearcast_conf_5():
    schema = read("common", "conf", "conf_schema.c") + \
        read("common", "conf", "conf_schema_redirect.c")
    options = set(re.findall(r'\{ "([a-z0-9-]+)", CONF_', schema)) | \
        set(re.findall(r'\.name = "([a-z-]+)"', schema))
    assert len(options) > 80
    page = read("dnsd", "nearcast.conf.5")
    heads = " ".join(re.findall(r"^\.(?:It Ic|Ss|It Xo Ic) (.*)$", page, re.M)).split()
    # shown within the head of their block
    inside = {"sites", "address", "as", "sha256", "size"}
    assert not sorted(o for o in options - inside if o not in heads)
    assert all(re.search(rf"\b{o} = ", page) for o in inside)


def alarms():
    """The text of every alarm that the daemons and nearctl can raise, but for those handed on."""
    for room in ("healthd/route", "healthd/prober", "ctl"):
        for name in sorted(os.listdir(os.path.join(ROOT, room))):
            for call in re.findall(r"\b(?:keeper_alarm|alarm_raise|add_alarm)\(([^;]*?)\);",
                                   read(room, name), re.S):
                text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call))
                text = re.sub(r"(?<=[a-z])%s", "s", text)
                if re.search("[a-z]{6}", re.sub(r"%[.*0-9]*l*[a-z]", "", text)):
                    yield text


def test_every_alarm_is_in_the_runbook():
    page = " ".join(read("deploy", "RUNBOOK.md").split())
    quoted = [q for q in re.findall(r"`([^`]+)`", page) if len(q) > 3]
    found = sorted(set(alarms()))
    assert len(found) > 25
    assert not [text for text in found if not any(q in text for q in quoted)]
