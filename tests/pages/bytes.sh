#!/bin/bash
# What nodes counted as received, by purpose, and 66 bytes for each packet (Ethernet, IP, TCP) are
# what the kernel counted on their links, within 3 %. Clients are on the node's own machine.
# usage: tests/pages/bytes.sh SERIES
awk -F, '
    NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
    $at["interface_rx"] != "" {
        node = $2
        if (++lines[node] > most) most = lines[node]
        payload = $at["rx_votes"] + $at["rx_dispersal"] + $at["rx_retrieval"]
        counted[node] = payload + 66 * $at["interface_rx_packets"]
        kernel[node] = $at["interface_rx"]
        if (!(node in from)) { from[node] = counted[node]; kernel_from[node] = kernel[node] }
    }
    END {
        for (node in kernel) {
            if (lines[node] < most) continue
            nodes++
            off = (counted[node] - from[node]) / (kernel[node] - kernel_from[node]) - 1
            if (off < 0) off = -off
            if (off > worst) worst = off
        }
        printf "%d nodes, off by at most %.1f %%\n", nodes, 100 * worst
        exit !(nodes > 2 && worst <= 0.03)
    }' "$1"
