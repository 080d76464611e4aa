#!/bin/sh
# The job: the edit distance of two words of the letters a to z, as {"dist":N,"op_history":"…"}.
# The service calls it as: job.sh DESCRIPTION DISTRIBUTOR
# where DESCRIPTION is a file with the description of its own quest, and DISTRIBUTOR the program.
set -u
description=$1
distributor=$2

# Exit code 10 means: stop now, with exit code 0. All else is a failure.
stop() {
    [ $? -eq 10 ] && exit 0
    exit 1
}

# Ends with this distance and these operations.
finish() {
    "$distributor" job finish "{\"dist\":$1,\"op_history\":\"$2\"}" || stop
    exit 0
}

word() { sed -n 's/.*"'"$1"'":"\([a-z]*\)".*/\1/p' "$DISTRIBUTOR_PARAMETERS"; }
each_letter_is() { printf '%s\n' "$2" | sed "s/./$1/g"; }

# The description of the same job for these words.
quest() {
    sed 's/"parameters":"{[^}]*}"/"parameters":"{\\"a\\":\\"'"$1"'\\",\\"b\\":\\"'"$2"'\\"}"/' \
        "$description"
}

"$distributor" job activate || stop

a=$(word a)
b=$(word b)
if [ "$a" = "$b" ]; then
    finish 0 "$(each_letter_is = "$a")"
elif [ -z "$a" ]; then
    finish ${#b} "$(each_letter_is + "$b")"
elif [ -z "$b" ]; then
    finish ${#a} "$(each_letter_is - "$a")"
fi

# What it costs to keep or change the first letter, to remove it, or to add another one before it.
a_rest=${a#?}
b_rest=${b#?}
results=$({
    quest "$a_rest" "$b_rest"
    quest "$a_rest" "$b"
    quest "$a" "$b_rest"
} | "$distributor" job depend --quest -) || stop

same=0
[ "${a%"$a_rest"}" = "${b%"$b_rest"}" ] && same=1
best=$(printf '%s\n' "$results" |
    sed -n 's/.*"dist":\([0-9]*\),"op_history":"\([^"]*\)".*/\1 \2/p' |
    awk -v same="$same" '
        NR == 1 { cost = same ? 0 : 1; operation = same ? "=" : "~" }
        NR == 2 { cost = 1; operation = "-" }
        NR == 3 { cost = 1; operation = "+" }
        NR == 1 || $1 + cost < best { best = $1 + cost; history = operation $2 }
        END { if (NR == 3) print best, history }')
if [ -z "$best" ]; then
    echo "unexpected results: $results" >&2
    exit 1
fi
finish "${best% *}" "${best#* }"
