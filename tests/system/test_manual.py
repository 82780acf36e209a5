"""The manual page knows every option and block that the tables of conf_schema.c know."""
import os
import re

from conftest import ROOT


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


def test_every_option_is_in_nearcast_conf_5():
    schema = read("common", "conf", "conf_schema.c")
    options = set(re.findall(r'\{ "([a-z0-9-]+)", CONF_', schema)) | \
        set(re.findall(r'\.name = "([a-z]+)"', schema))
    assert len(options) > 80
    page = read("dnsd", "nearcast.conf.5")
    heads = " ".join(re.findall(r"^\.(?:It Ic|Ss|It Xo Ic) (.*)$", page, re.M)).split()
    # shown within the head of their block
    inside = {"sites", "address", "as", "sha256", "size"}
    assert not sorted(o for o in options - inside if o not in heads)
    assert all(re.search(rf"\b{o} = ", page) for o in inside)
