#!/bin/sh
# A graph that grows while it runs, driven with nothing but curl. First start a service:
#   distributor serve --config examples/j02/distributors.cfg
# then run this with its URL. It asks for one quest; its job asks for six others, those for more, until
# there are 50. At the end it prints how many attempts have finished, and the value of the first.
set -eu
server=${1:-http://127.0.0.1:8650}
here=$(dirname "$0")

call() { # METHOD, and the request on standard input
    curl --fail-with-body --silent --show-error --data-binary @- \
        --header 'Content-Type: application/json' --header 'Accept: application/json' \
        "$server/prpc/dm.Deps/$1" | tail -n +2 # the first line guards against browsers
}

quest=$(call EnsureGraphData <"$here/request.json" |
    sed 's/.*"questIds":\[{"id":"\([^"]*\)"}\].*/\1/')
echo "asked for quest $quest" >&2

# All that the attempt depends on, and itself.
walk="{\"query\": {\"attemptList\": {\"to\": {\"$quest\": {\"nums\": [1]}}}},
    \"limit\": {\"maxDepth\": \"-1\"},
    \"include\": {\"attempt\": {\"data\": true, \"result\": true}}}"
tries=0
while :; do
    graph=$(echo "$walk" | call WalkGraph)
    finished=$(echo "$graph" | grep -o '"finished":' | wc -l | tr -d ' ')
    # The first attempt ends last, and only its value is larger than a compile's.
    value=$(echo "$graph" | grep -o 'value\\":\\"[0-9]*' | grep -o '[0-9]*$' | sort -n | tail -n 1)
    case $graph in *'"hadMore":true'* | *'"hadErrors":true'*) finished=0 ;; esac
    if [ "$finished" -ge 50 ]; then
        break
    fi
    tries=$((tries + 1))
    if [ "$tries" -gt 600 ]; then
        echo "only $finished attempts have finished" >&2
        exit 1
    fi
    sleep 0.1
done
echo "$finished attempts finished, root value $value"
