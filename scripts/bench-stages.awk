# SPDX-License-Identifier: Apache-2.0
#
# First file: address and number of samples; second: for each address the stack of inlined
# functions, innermost first. Prints each stage's share of `cycles`.

# The stage that a function belongs to, or nothing when its caller decides.
function stage_of(name) {
    if (name ~ /(LoopState|LoopPort|BufferQueue)/) return "1 receive and transmit (the port)"
    if (name ~ /Lookahead\.|readHeaders|prefetchFrames|TagIndex\.(prefetch|candidate)/)
        return "2 look-ahead: parse, hash, prefetch"
    if (name ~ /ConnectionTable\.(hash|prefetch|candidate)|IPv4Tuple\.hash/)
        return "2 look-ahead: parse, hash, prefetch"
    if (name ~ /ConnectionTable\.(find|search|matches)/) return "3 find: compare the connection"
    if (name ~ /Balancer\.(open|expire|end)|TimerWheel|settleNew|LocalPortPool|ServiceTable/)
        return "5 set-up and expiry"
    if (name ~ /ConnectionTable\.(insert|remove)|TagIndex\.(insert|remove)/)
        return "5 set-up and expiry"
    if (name ~ /Worker\.(settle|forward|emit|resolve|transmit|exceeded)|Balancer\.|rewrite/)
        return "4 decide, rewrite, queue"
    if (name ~ /Worker\.(turn|process|flush|take)|WorkerCounters|Quiescent|Snapshot|Rig\./)
        return "6 the loop around the burst"
    return ""
}

FNR == NR { count[$1] = $2; total += $2; next }
/^0x[0-9a-f]+$/ { settle(); address = $1; stage = ""; line = 0; next }
# GNU style: a line with the function, then one with the place.
++line % 2 == 1 && stage == "" { stage = stage_of($0) }
END {
    settle()
    if (!total) { print "  no samples"; exit 1 }
    for (name in sum)
        printf "  %-40s %7.1f cycles %4.0f %%\n", name, sum[name], sum[name] / cycles * 100 | "sort"
    close("sort")
}

function settle(   name) {
    if (address == "") return
    name = stage == "" ? "7 elsewhere (interrupts, libraries)" : stage
    sum[name] += count[address] / total * cycles
}
