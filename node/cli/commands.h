/* The commands of ledger-cli. Each is given its own name as argv[0] and returns the exit code. */
#ifndef NODE_CLI_COMMANDS_H
#define NODE_CLI_COMMANDS_H

int command_genesis(int argc, char **argv);
int command_keygen(int argc, char **argv);
int command_transfer(int argc, char **argv);
int command_submit(int argc, char **argv);
int command_receipt(int argc, char **argv);
int command_holding(int argc, char **argv);
int command_consistency(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_follow(int argc, char **argv);
int command_query(int argc, char **argv);
int command_balance(int argc, char **argv);
int command_tx(int argc, char **argv);
int command_status(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_blocks(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_load(int argc, char **argv);
int command_conformance(int argc, char **argv);

#endif
