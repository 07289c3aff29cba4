/* How much of what a connection was given the kernel may hold unsent. */
#ifndef NET_UNSENT_H
#define NET_UNSENT_H

enum { UNSENT_BYTES_MAX = 32 << 10 };

/* Bounds it for every TCP connection of this process (TCP_NOTSENT_LOWAT). A kernel takes megabytes for a
 * link of any rate: on a slow one a minute's worth, which can be neither overtaken nor taken back.
 * libzmq has no option for it and does not say which descriptors are its connections; so all are
 * looked at, and connections of later need it to be called again. */
void unsent_bound(void);

#endif
