#!/bin/bash
# Makes up what a run of 64 nodes and an hour would leave. usage: tests/pages/hour.sh DIR
set -eu
mkdir -p "$1"
awk 'BEGIN {
    print "t_s,node,epoch_agreed,epoch_executed,confirmed_bytes,confirmed_tx,rx_votes,rx_dispersal," \
        "rx_retrieval,tx_votes,tx_dispersal,tx_retrieval,rate_in,rate_out,lag_bytes,cpu_s,rss_bytes," \
        "rx_clients,tx_clients,height,peers,state,accusers,latency_p50_ms,latency_p95_ms"
    srand(1)
    for (t = 0; t < 3600; t++)
        for (i = 0; i < 64; i++) {
            rate = 600000 + 4000 * i + int(200000 * rand())
            bytes[i] += rate
            printf "%d.000,%d,%d,%d,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%d,%d,%.0f,%.3f,%d,%.0f,%.0f,%d,63,%d,0,%.1f,%.1f\n", \
                t, i, 5 * t, 5 * t - (64 - i) * t / 900, bytes[i], bytes[i] / 1000, \
                bytes[i] / 20, bytes[i] / 10, bytes[i], bytes[i] / 20, bytes[i] / 10, bytes[i], 1000000, \
                1000000, (64 - i) * t * 200, t / 10, 90000000 + 1000 * t, bytes[i] / 64, bytes[i] / 90, \
                300 * t, i < 32, 400 + 300 * rand(), 900 + 500 * rand()
        }
}' >"$1/series.csv"
