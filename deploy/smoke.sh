#!/bin/sh
# Asks a server for what its users ask it for, with nothing but curl, and fails where an answer is not as it must be.
#   smoke.sh [URL]                     http://127.0.0.1:8000 where none is given
# With the server's TEST_TOKEN in the environment its lists are not logged; without, they are logged as fetched ahead and
# counted in no figure. `nearset doctor --server URL` looks closer.
set -eu
locale=${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}
export LC_ALL=C

url=${1:-http://127.0.0.1:8000}
url=${url%/}
if [ -n "${TEST_TOKEN:-}" ]; then purpose="X-Test-Token: $TEST_TOKEN"; else purpose='Sec-Purpose: prefetch'; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

ok() {
    echo "ok    $1"
}
fail() {
    echo "FAIL  $1"
    failed=$((failed + 1))
}
# ask PATH: the status; head and body are left in files
ask() {
    printf 'header = "%s"\n' "$purpose" >"$work/asked"
    status=$(curl -sS --max-time 10 --config "$work/asked" -D "$work/head" -o "$work/body" -w '%{http_code}' "$url$1" 2>"$work/error") ||
        status=$(cat "$work/error")
    [ -f "$work/body" ] || : >"$work/body"
}
answers() {
    ask "$1"
    if [ "$status" = "$2" ]; then ok "$1"; else fail "$1: $status"; fi
}
ids() {
    grep -o '"dataset_id":"\{0,1\}[^,"}]*' "$work/body" | sed 's/.*://; s/"//'
}
# list PATH [PAGE]: a list of at least one other dataset, under the id that the head says
list() {
    ask "$1"
    id=$(sed -n 's/.*"request_id":"\(req_[^"]*\)".*/\1/p' "$work/body")
    told=$(tr -d '\r' <"$work/head" | sed -n 's/^[Xx]-[Rr]equest-[Ii][Dd]: //p')
    # the page's own id stands before its list
    items=$(ids | sed "${2:+1d}")
    case $status in
        200)
            if [ -z "$items" ]; then fail "$1: no dataset"
            elif [ -z "$id" ] || [ "$id" != "$told" ]; then fail "$1: request_id $id, X-Request-ID $told"
            elif ! grep -qi '^x-response-time: [0-9.]' "$work/head"; then fail "$1: no X-Response-Time"
            elif [ -n "${2:-}" ] && echo "$items" | grep -qx "$2"; then fail "$1: $2 stands beside itself"
            else ok "$1: $(echo "$items" | wc -l)"; fi
            ;;
        *) fail "$1: $status $(head -c 200 "$work/body")" ;;
    esac
}

answers /health/live 200
answers /health/ready 200
answers /health 200
list '/recommend?user_id=1'
page=$(ids | head -n 1)
if [ -n "$page" ]; then
    list "/similar/$page?top_n=5" "$page"
    list "/recommend/detail/$page?user_id=1&top_n=5" "$page"
fi
answers '/hot/trending?limit=5' 200
answers '/similar/1?top_n=0' 400
# inside PATH WORDS: a proxy may keep it to itself
inside() {
    ask "$1"
    if [ "$status" = 404 ]; then ok "$1: 404, kept by a proxy"
    elif [ "$status" = 200 ] && grep -q "$2" "$work/body"; then ok "$1"
    else fail "$1: $status"; fi
}
inside /openapi.json '/similar/{dataset_id}'
inside /metrics '^recommendation_requests_total{'

case $locale in
    zh*) echo "$url：$failed 项失败" ;;
    *) echo "$url: $failed failed" ;;
esac
[ "$failed" = 0 ]
