# The files of node/ that are the core, without .c and .h: a pattern.
# shellcheck disable=SC2034 # For who includes it.
core='ahead|block|checkpoint|checkpoints|defer|delivery|dispersal|epoch|event|fetch|history|instances|link|message|mode|node|pace|propose|retrieval|snapshot|stages|status|times|window|witness'
