"""deploy/RUNBOOK.md names alarms in the words that the programs say them in."""
import glob
import os
import re

import pytest

from conftest import ROOT


def sources():
    text = ""
    for part in ("common", "healthd", "ctl"):
        for path in glob.glob(os.path.join(ROOT, part, "**", "*.c"), recursive=True):
            with open(path) as f:
                text += f.read()
    return re.sub(r'"\s*"', "", text).replace("%s", "s")  # strings that go on in the next line


def alarms():
    """What a bullet begins with, in backquotes."""
    with open(os.path.join(ROOT, "deploy", "RUNBOOK.md")) as f:
        for line in f:
            if found := re.match(r"- ((`[^`]*`(, )?)+)", line):
                yield from re.findall(r"`([^`]*)`", found[1])


SOURCES = sources()


@pytest.mark.parametrize("alarm", sorted(set(alarms())))
def test_alarm_is_said(alarm):
    assert alarm in SOURCES


def test_there_are_alarms():
    assert len(list(alarms())) > 12
