/* Whether the links are what they should be, by programs that know nothing of them: iperf3 and
 * ping. */
#ifndef TESTNET_CHECK_H
#define TESTNET_CHECK_H

/* Prints targets and measurements. 0; 3 when one is off by more than 1 % or 1 ms; 1 failed. */
int check_links(const char *run, unsigned sites);

#endif
