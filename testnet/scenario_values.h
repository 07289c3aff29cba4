/* The values in a scenario's file: readers for tables of settings, and what to give instead. */
#ifndef TESTNET_SCENARIO_VALUES_H
#define TESTNET_SCENARIO_VALUES_H

#include <stdbool.h>

#include "testnet/command.h"

enum { DELAY_MOST_S = 10, SECONDS_MOST = 86400 };

/* Times, as double: seconds. */
bool read_seconds(const char *text, void *field);
bool read_whole_seconds(const char *text, void *field);
bool read_duration(const char *text, void *field);
bool read_delay(const char *text, void *field);
bool read_step(const char *text, void *field);
#define read_seconds_form       "a time up to 86400 s, as 30 s or 2 min"
#define read_whole_seconds_form "whole seconds from 1 s to 86400 s, as 30 s"
#define read_duration_form      "a time from 1 s to 86400 s, as 30 s or 2 min"
#define read_delay_form         "a time up to 10 s, as 100 ms"
#define read_step_form          "a time from 100 ms to 3600 s, as 0.5 s"

/* Shares, as double. */
bool read_share(const char *text, void *field);
bool read_scale(const char *text, void *field);
#define read_share_form "a share from 0 to 1, as 0.5 or 50 %"
#define read_scale_form "a factor from 0.001 to 1, as 0.35"

/* Rates: bytes/s, as uint64_t; a payload's as double. */
bool read_rate(const char *text, void *field);
bool read_limited(const char *text, void *field);
bool read_payload_rate(const char *text, void *field);
#define read_rate_form         RATE_FORM
#define read_limited_form      "a rate from 1kB/s to 4GB/s, as 10 MB/s or 80mbit"
#define read_payload_rate_form read_limited_form

/* Bytes, as uint64_t. */
bool read_block(const char *text, void *field);
bool read_retain(const char *text, void *field);
bool read_payload(const char *text, void *field);
#define read_block_form   "a size from 1KB to 1GiB, as 500KB or 1MB"
#define read_retain_form  "a size from 1MiB to 1GiB, as 64MiB"
#define read_payload_form "a size from 1B to 64KiB, as 250B"

/* Words, as char[16]. */
bool read_mode(const char *text, void *field);
bool read_retrieval(const char *text, void *field);
#define read_mode_form      "dl, dl-coupled, hb-link or hb"
#define read_retrieval_form "lean or all"

#endif
