"""The fault runs of tests/log_faults.py in their short form: every event is at both collectors,
once, or declared lost.  NEARCAST_LONG=1 runs them as long as they are meant to."""
import os
import subprocess

import pytest
from conftest import BUILD, ROOT

LONG = os.environ.get("NEARCAST_LONG") == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for namespaces")
@pytest.mark.skipif("san" in os.path.basename(BUILD), reason="events are counted, not code")
def test_no_event_is_missing():
    p = subprocess.run([os.path.join(ROOT, "tests/log_faults.py"), "--seconds",
                        "60" if LONG else "6", "--rate", "5000" if LONG else "4000", "--faults",
                        "kill,cut,stop,fullr,fulls" if LONG else "mixed,fulls"],
                       capture_output=True, text=True, timeout=900)
    assert p.returncode == 0, p.stdout + p.stderr
