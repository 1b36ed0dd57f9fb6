"""The interpreters and sandboxes that calls are compared with."""

import os
import shutil
import subprocess


def output(*command):
    """What a program prints, or None where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


# The PATH's may be a shell script that looks for the interpreter, as pyenv's is, and which puts that before
# itself on the PATH: bench/run notes it before.
PATH_PYTHON = os.environ.pop("PATH_PYTHON3", None) or shutil.which("python3")
# What templates run: the interpreter that the evaluator finds on the PATH.
PATH_INTERPRETER = os.path.realpath(output("python3", "-c", "import sys; print(sys.executable)") or "/nowhere")
# What calls and sandboxes are compared with: the distribution's own, wherever there is one. What comes first on
# a PATH differs from machine to machine, and may be a build that starts slowly.
SYSTEM_PYTHON = "/usr/bin/python3"
PYTHON = SYSTEM_PYTHON if os.access(SYSTEM_PYTHON, os.X_OK) else PATH_INTERPRETER
NODE = os.path.realpath(output("node", "-e", "console.log(process.execPath)") or "/nowhere")


def is_script(path):
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def running(*command):
    """Work that runs a program to its end."""
    def work():
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return work


BUBBLEWRAP = ("bwrap", "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "--tmpfs", "/tmp")
FIREJAIL = ("firejail", "--quiet", "--noprofile", "--net=none", "--private-tmp", "--caps.drop=all", "--seccomp")

SANDBOXES = {"bubblewrap": BUBBLEWRAP, "firejail": FIREJAIL}


def why_not(sandbox):
    """Why a sandbox cannot be measured; None when it can."""
    command = SANDBOXES[sandbox]
    if not shutil.which(command[0]):
        package = {"bubblewrap": "bubblewrap", "firejail": "firejail"}[sandbox]
        return "not installed (apt-get install %s)" % package
    if output(*command, "/bin/true") is None:
        return "installed, but it fails here"
    return None


def versions():
    """What was measured with what."""
    texts = {
        "python3, the baseline (%s)" % ("the system's" if PYTHON == SYSTEM_PYTHON else "the PATH's"): output(PYTHON, "--version"),
        "python3 of the PATH, which calls run": output(PATH_INTERPRETER, "--version"), "node": output(NODE, "--version"),
        "swift": (output("swift", "--version") or "").split("\n")[0] or None,
        "wrk": wrk_version(), "bubblewrap": output("bwrap", "--version"),
        "firejail": (output("firejail", "--version") or "").split("\n")[0] or None,
    }
    return {name: text or "missing" for name, text in texts.items()}


def wrk_version():
    if not shutil.which("wrk"):
        return None
    # It says its version and fails.
    text = subprocess.run(["wrk", "--version"], capture_output=True, text=True).stdout
    return text.split("[")[0].strip()
