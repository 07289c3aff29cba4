/* ledger-cli: keys, genesis, and everything that is asked of a cluster from outside. */
#include "node/cli/commands.h"
#include "node/cli/program.h"

static const struct command_entry commands[] = {
    {"genesis", command_genesis, "make a cluster: its keys, its coin, its first balances"},
    {"keygen", command_keygen, "make an account's key pair"},
    {"status", command_status, "where each node is"},
    {"stats", command_stats, "what a node has counted"},
    {"transfer", command_transfer, "send from one account to another"},
    {"submit", command_submit, "give a node transactions made elsewhere, or payloads"},
    {"tx", command_tx, "what became of a transaction"},
    {"receipt", command_receipt, "proof of what became of a transaction"},
    {"holding", command_holding, "proof of what an account holds"},
    {"consistency", command_consistency, "proof that the ledger was only added to"},
    {"verify", command_verify, "check such proofs, without a node"},
    {"balance", command_balance, "what an account holds"},
    {"query", command_query, "what an application of its own says"},
    {"blocks", command_blocks, "the delivered blocks"},
    {"follow", command_follow, "what is executed, as it is"},
    {"load", command_load, "submit transactions at a rate, and measure"},
    {"conformance", command_conformance, "check an application that runs beside a node"},
    {"inspect", command_inspect, "read, verify and compare data directories"},
    {0},
};

int main(int argc, char **argv)
{
    return program_main("ledger-cli", commands,
                        "Exit codes: 0 done; 1 failed, for the reason on stderr; 2 wrong usage; "
                        "3 a comparison\nfound a difference, or what is claimed is not proven.\n",
                        argc, argv);
}
