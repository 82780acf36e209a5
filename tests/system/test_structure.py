"""Includes go downward, no files call each other in a circle, every file says what it is."""
import os
import subprocess

from conftest import ROOT


def test_bounds():
    script = os.path.join(ROOT, "tests/structure")
    shown = subprocess.run([script, "quick"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout + shown.stderr
