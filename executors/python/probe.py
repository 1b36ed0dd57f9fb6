"""Tells what files this interpreter needs in a cell. Run once by the evaluator, outside cells."""

import glob
import json
import os
import sys
import sysconfig

paths = {name: sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
libraries = sorted(set(paths.values()))
extensions = [f for d in libraries for f in glob.glob(d + "/lib-dynload/*.so")]
# Parts of a standard library's folder that no handler needs, and what is not part of it.
hidden = [
    os.path.join(d, name)
    for d in libraries
    for name in ("site-packages", "dist-packages", "test", "idlelib", "ensurepip")
]
executable = os.path.realpath(sys.executable)
print(
    json.dumps(
        {
            "version": "%d.%d.%d" % sys.version_info[:3],
            "executable": executable,
            # Bound as they are, with the shared libraries that the programs among them load.
            "programs": [executable] + extensions,
            "folders": libraries + ["/usr/share/zoneinfo"],
            "hidden": [d for d in hidden if os.path.isdir(d)],
        }
    )
)
