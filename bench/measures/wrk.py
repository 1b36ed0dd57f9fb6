"""Load from wrk, which costs little beside what it measures."""

import json
import os
import shutil
import subprocess
import tempfile

# The last line it prints is JSON. Counting answers by their status costs wrk time, so that is done only
# where it is asked for.
SCRIPT = """
local paths = %(paths)s
local requests = {}
local threads = {}
good, busy, bad = 0, 0, 0

function setup(thread)
  thread:set("seed", #threads + 1)
  table.insert(threads, thread)
end

function init(args)
  math.randomseed(seed)
  wrk.method, wrk.body = "POST", %(body)s
  for _, path in ipairs(paths) do
    requests[#requests + 1] = wrk.format("POST", path)
  end
end

function request()
  return requests[#requests == 1 and 1 or math.random(#requests)]
end
%(extra)s
function done(summary, latency, requests)
  local sums = {good = 0, busy = 0, bad = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
  end
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests":%%d,"us":%%d,"p50":%%f,"p95":%%f,"p99":%%f,"max":%%f,"good":%%d,"busy":%%d,"bad":%%d,' ..
    '"status":%%d,"broken":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000, sums.good, sums.busy, sums.bad, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""

COUNT = """
function response(status, headers, body)
  if status == 200 then
    good = good + 1
  elseif status == 429 and headers["Retry-After"] then
    busy = busy + 1
  else
    bad = bad + 1
  end
end
"""

# Pauses of random length, so that arrivals are spread as those of many callers are.
PAUSE = """
function delay()
  return math.floor(-math.log(1 - math.random()) * %f + 0.5)
end
"""


def why_not():
    return None if shutil.which("wrk") else "wrk is not installed (apt-get install wrk)"


class Load:
    """What one run of wrk saw. Times are ms."""

    def __init__(self, fields):
        self.requests, self.seconds = fields["requests"], fields["us"] / 1e6
        self.per_second = self.requests / self.seconds
        self.p50, self.p95, self.p99, self.max = (fields[k] for k in ("p50", "p95", "p99", "max"))
        self.good, self.busy, self.bad = fields["good"], fields["busy"], fields["bad"]
        # Answers of 400 and above; and connections or requests that came to nothing.
        self.status, self.broken = fields["status"], fields["broken"]


def run(url, paths, seconds, connections, threads=1, body='{"a":1}', count=False, pause_ms=None):
    extra = (COUNT if count else "") + (PAUSE % pause_ms if pause_ms else "")
    script = SCRIPT % {
        "paths": "{" + ",".join(json.dumps(p) for p in paths) + "}", "body": json.dumps(body), "extra": extra}
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as file:
        file.write(script)
    try:
        text = subprocess.run(
            ["wrk", "-t", str(threads), "-c", str(connections), "-d", "%ds" % seconds, "--timeout", "60s",
             "-s", file.name, url], capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    finally:
        os.unlink(file.name)
    return Load(json.loads(text.strip().rsplit("\n", 1)[-1]))
