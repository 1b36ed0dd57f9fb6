import ExecutorSupervisor

extension CauseExample {
    /// In the order of the page. What takes the service down with it comes last of its cause.
    static let all: [CauseExample] = [
        CauseExample(
            cause: .handlerError, function: "paint", lead: "An event that was not thought of:",
            source: """
                COLOURS = {"red": "#f00", "green": "#0f0"}

                def handler(event, context):
                    return COLOURS[event["colour"]]
                """, event: #"{"colour": "blurple"}"#),
        CauseExample(
            cause: .handlerError, function: "fetch",
            lead: "A handler that does what a cell may not do; the record says what was refused:",
            source: """
                import urllib.request

                def handler(event, context):
                    return urllib.request.urlopen("http://192.0.2.1/").read().decode()
                """),
        CauseExample(
            cause: .initError, function: "report", lead: "A package that is not in the bundle:",
            source: """
                import requests

                def handler(event, context):
                    return requests.get(event["url"]).json()
                """),
        CauseExample(
            cause: .outOfMemory, function: "matrix",
            lead: "One gigabyte for a function with 128 MB:",
            source: """
                def handler(event, context):
                    table = bytearray(1 << 30)
                    return len(table)
                """),
        CauseExample(
            cause: .cpuLimit, function: "keys",
            lead: "24 threads that never rest, with `timeoutMs` 10000 and `memoryMB` 512:",
            source: """
                import hashlib
                from concurrent.futures import ThreadPoolExecutor

                def derive(number):
                    return hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 10**9).hex()

                def handler(event, context):
                    with ThreadPoolExecutor(24) as pool:
                        return list(pool.map(derive, range(24)))
                """, settings: ["timeoutMs": 10_000, "memoryMB": 512], provocation: .compute),
        CauseExample(
            cause: .wallTimeout, function: "poll", lead: "A call that waits:",
            runtime: "javascript",
            source: """
                exports.handler = async () => {
                  console.log('waiting for the job to end');
                  let isDone = false;
                  while (!isDone) await new Promise((resolve) => setTimeout(resolve, 200));
                };
                """),
        CauseExample(
            cause: .wallTimeout, function: "primes",
            lead: "A call that computes:",
            source: """
                def handler(event, context):
                    n, found = 2, []
                    while len(found) < 10**6:
                        if all(n % p for p in found):
                            found.append(n)
                        n += 1
                    return found[-1]
                """),
        CauseExample(
            cause: .crashed, function: "native", lead: "A wrong address in native code:",
            source: """
                import ctypes

                def handler(event, context):
                    print("reading")
                    return ctypes.string_at(0)
                """),
        CauseExample(
            cause: .exited, function: "script", lead: "A script that was made a handler:",
            source: """
                import sys

                def handler(event, context):
                    if "input" not in event:
                        print("usage: script INPUT", file=sys.stderr)
                        sys.exit(2)
                """),
        CauseExample(
            cause: .exited, function: "forever",
            lead: "A promise that nothing is left to settle:", runtime: "javascript",
            source: """
                exports.handler = async () => {
                  await new Promise(() => {});
                };
                """),
        CauseExample(
            cause: .responseTooLarge, function: "export", lead: "A result of 7 million letters:",
            runtime: "javascript",
            source: """
                exports.handler = async () => 'x'.repeat(7e6);
                """),
        CauseExample(
            cause: .responseInvalid, function: "orders", lead: "A date, which JSON does not have:",
            source: """
                import datetime

                def handler(event, context):
                    return {"orders": [{"id": 1, "at": datetime.datetime.now()}]}
                """),
        CauseExample(
            cause: .cancelled, function: "long",
            lead: "A call that runs for a minute, and `fnctl cancel` after a moment:",
            runtime: "javascript",
            source: """
                exports.handler = () => new Promise((resolve) => setTimeout(resolve, 60_000));
                """, settings: ["timeoutMs": 120_000], provocation: .cancel),
        CauseExample(
            cause: .expired, function: "import",
            lead: "With `concurrency` 1 and `async.maxAgeMs` 5000, called while another call runs:",
            source: """
                import time

                def handler(event, context):
                    time.sleep(60)
                """, settings: ["timeoutMs": 120_000, "concurrency": 1],
            provocation: .waitTooLong),
        CauseExample(
            cause: .templateLost, function: "wait",
            lead: "Any call that runs when its template is killed:",
            source: """
                import time

                def handler(event, context):
                    time.sleep(60)
                """, settings: ["timeoutMs": 120_000], provocation: .killTemplate),
        CauseExample(
            cause: .evaluatorLost, function: "watch",
            lead: "Any call that runs when the evaluator is killed, seen after its next start:",
            runtime: "javascript",
            source: """
                exports.handler = () => new Promise((resolve) => setTimeout(resolve, 60_000));
                """, settings: ["timeoutMs": 120_000], provocation: .killEvaluator),
    ]
}
