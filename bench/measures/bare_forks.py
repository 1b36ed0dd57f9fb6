"""The floor of fresh calls: a warm interpreter that forks, touches and ends children, and nothing else."""

import json
import os
import subprocess
import tempfile

from . import handlers, programs
from .servers import ROOT, end_with_parent


class BareForks:
    """So many processes that run programs/bare_fork.py side by side."""

    def __init__(self, processes=1):
        self.folder = tempfile.TemporaryDirectory()
        handler = os.path.join(self.folder.name, "index.py")
        with open(handler, "w") as file:
            file.write(handlers.PYTHON)
        self.processes = [subprocess.Popen(
            [programs.PATH_INTERPRETER, "-I", "-S", "-B", "-X", "utf8", ROOT + "/bench/programs/bare_fork.py",
             ROOT + "/executors/python/executor.py", handler],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
            for _ in range(processes)]

    def run(self, times):
        """Each forks so often. A list of CPU and wall time of a fork in ms, one for each process."""
        return self.ask(forks=times)

    def at_random(self, per_second, seconds):
        """The times in ms from random moments, so many a second in all, to their forks' results."""
        answers = self.ask(perSecond=per_second / len(self.processes), seconds=seconds)
        return [time for answer in answers for time in answer["times"]]

    def ask(self, **command):
        for process in self.processes:
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in self.processes]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stdin.close()
            process.wait()
            process.stdout.close()
        self.folder.cleanup()
