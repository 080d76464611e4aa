#!/bin/sh
# Asks a service for the edit distance of two words of the letters a to z, waits for it, prints it.
# usage: submit.sh WORD WORD [URL]
# DISTRIBUTOR names the program for the jobs, unless it is in the PATH.
set -eu
if [ $# -lt 2 ]; then
    echo "usage: $0 WORD WORD [URL]" >&2
    exit 2
fi
case $1$2 in *[!a-z]*)
    echo "$0: only the letters a to z are known here" >&2
    exit 2
    ;;
esac
server=${3:-${DISTRIBUTOR_SERVER:-http://127.0.0.1:8650}}
here=$(cd "$(dirname "$0")" && pwd)
distributor=$(command -v "${DISTRIBUTOR:-distributor}") || {
    echo "$0: no program ${DISTRIBUTOR:-distributor}; set DISTRIBUTOR to its path" >&2
    exit 2
}
# The jobs run elsewhere.
distributor=$(cd "$(dirname "$distributor")" && pwd)/$(basename "$distributor")

call() { # METHOD, and the request on standard input
    reply=$(curl --fail-with-body --silent --show-error --data-binary @- \
        --header 'Content-Type: application/json' --header 'Accept: application/json' \
        "$server/prpc/dm.Deps/$1") || {
        echo "$reply" >&2
        return 1
    }
    printf '%s\n' "$reply" | tail -n +2 # the first line guards against browsers
}
quoted() { sed 's/[\\"]/\\&/g; s/^/"/; s/$/"/'; } # one line, as a JSON string

parameters=$(printf '{"a":"%s","b":"%s"}\n' "$1" "$2" | quoted)
argv="$(echo "$here/job.sh" | quoted),\"\${DM.QUEST.DATA.DESC:PATH}\",$(echo "$distributor" | quoted)"
command=$(echo "{\"argv\":[\"/bin/sh\",$argv]}" | quoted)
response=$(echo "{\"quest\": [{\"distributor_config_name\": \"local-process\",
        \"parameters\": $parameters, \"distributor_parameters\": $command,
        \"meta\": {\"retry\": {\"crashed\": 2},
            \"timeouts\": {\"start\": \"300s\", \"run\": \"300s\", \"stop\": \"300s\"}}}],
    \"quest_attempt\": [{\"nums\": [1]}]}" |
    call EnsureGraphData)
quest=$(printf '%s\n' "$response" | sed -n 's/.*"questIds":\[{"id":"\([^"]*\)"}\].*/\1/p')
echo "asked for quest $quest" >&2

walk="{\"query\": {\"attemptList\": {\"to\": {\"$quest\": {\"nums\": [1]}}}},
    \"include\": {\"attempt\": {\"data\": true, \"result\": true, \"abnormal\": true}}}"
tries=0
while :; do
    graph=$(echo "$walk" | call WalkGraph)
    case $graph in
    *'"finished":'*) break ;;
    *'"abnormalFinish":'*)
        echo "it failed: $graph" >&2
        exit 1
        ;;
    esac
    tries=$((tries + 1))
    if [ "$tries" -gt 3000 ]; then
        echo "it is not over: $graph" >&2
        exit 1
    fi
    sleep 0.1
done
printf '%s\n' "$graph" | sed -n 's/.*\\"dist\\":\([0-9]*\),\\"op_history\\":\\"\([^\\]*\)\\".*/\1 \2/p'
