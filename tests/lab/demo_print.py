"""What the demo prints: chapters, and commands that were really run and can be copied as they
stand, by root, in the repository's root."""
import os
import shlex
import subprocess
import sys

from lab import BUILD, ROOT


def say(text=""):
    print(text, flush=True)


def chapter(title):
    say(f"\n\033[1m== {title}\033[0m" if sys.stdout.isatty() else f"\n== {title}")


def program(name):
    """One of ours, as it is called from the repository's root."""
    return os.path.relpath(os.path.join(BUILD, name), ROOT)


def shipped(*parts):
    return os.path.join("deploy", *parts)


def shown(argv, only=""):
    return shlex.join(argv) + (f" | grep -E {shlex.quote('^(' + only + ')')}" if only else "")


def quietly(*argv):
    """Only what a command prints."""
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL).stdout


def show(*argv, only=""):
    """Prints the command, runs just that, prints what came; its output.  only: an expression, the
    beginning of the lines that matter."""
    command = shown(argv, only)
    say("$ " + command)
    out = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60,
                         stdin=subprocess.DEVNULL)
    for line in (out.stdout + out.stderr).splitlines():
        if line.strip() and not line.startswith(";; WARN"):
            say("    " + line.rstrip())
    return out.stdout
