/* The commands of ledger-dashboard: each returns an exit code. */
#ifndef TESTNET_DASHBOARD_COMMANDS_H
#define TESTNET_DASHBOARD_COMMANDS_H

#include "testnet/recording.h"

int command_serve(int argc, char **argv);
int command_export(int argc, char **argv);

/* What export writes beside the page. To FILE or into a directory. 0, or -1 with errno set. */
int export_csv(const struct recording *const runs[], unsigned count, const char *directory);
int export_svg(const struct recording *const runs[], unsigned count, const char *directory);
int export_grafana(const char *path);
/* Writes a text to a file. 0, or -1 with errno set. */
int export_text(const char *path, const char *text, size_t size);

#endif
