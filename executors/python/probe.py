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
# What extension modules may count on, whatever the interpreter itself needs: PEP 599 and PEP 600 have the list,
# without what belongs to a display.
PROMISED = """libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libutil.so.1 libresolv.so.2 libnsl.so.1
    libgcc_s.so.1 libstdc++.so.6 libatomic.so.1 libz.so.1 libexpat.so.1""".split()
machine = os.uname().machine
places = ["/lib/%s-linux-gnu" % machine, "/usr/lib/%s-linux-gnu" % machine, "/lib64", "/usr/lib64", "/lib", "/usr/lib"]
promised = [next((f for f in (os.path.join(d, name) for d in places) if os.path.exists(f)), None) for name in PROMISED]
executable = os.path.realpath(sys.executable)
print(
    json.dumps(
        {
            "version": "%d.%d.%d" % sys.version_info[:3],
            "executable": executable,
            # Bound as they are, with the shared libraries that the programs among them load.
            "programs": [executable] + extensions + [f for f in promised if f],
            "folders": libraries + ["/usr/share/zoneinfo"],
            "hidden": [d for d in hidden if os.path.isdir(d)],
        }
    )
)
