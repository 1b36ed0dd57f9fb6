# Sourced by scripts that need an evaluator of their own: starts one on a free port and ends it with
# the script. Sets CLOISTER_ENDPOINT.

# start_evaluator BUILD_FOLDER DATA_FOLDER [OPTION…]
start_evaluator() {
    build=$1
    data=$2
    shift 2
    first_line=$(mktemp)
    "$build/evaluator" --port 0 --data-dir "$data" --log-level warning "$@" >"$first_line" &
    evaluator_pid=$!
    tries=0
    until grep -q '^listening on ' "$first_line"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$evaluator_pid" 2>/dev/null; then
            echo "the evaluator did not start" >&2
            rm -f "$first_line"
            return 1
        fi
        sleep 0.1
    done
    CLOISTER_ENDPOINT=$(sed -n 's/^listening on //p' "$first_line")
    export CLOISTER_ENDPOINT
    rm -f "$first_line"
    until curl -fs "$CLOISTER_ENDPOINT/readyz" >/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ]; then
            curl -s "$CLOISTER_ENDPOINT/readyz" >&2
            return 1
        fi
        sleep 0.1
    done
}

stop_evaluator() {
    [ -n "${evaluator_pid:-}" ] || return 0
    kill "$evaluator_pid" 2>/dev/null || true
    wait "$evaluator_pid" 2>/dev/null || true
    evaluator_pid=""
}
