# A ledger node and its tools. All that is built goes to build/.
#
#   make              build/ledger-node, ledger-cli, ledger-testnet and ledger-dashboard
#   make demo         a cluster of four: 10,000 transfers, a node killed, the ledgers compared
#   make test         unit tests, layers, 20 simulated clusters; installs nothing
#   make check        with warnings as errors: test, 200 simulated clusters, real processes
#   make check-pages  what people look at, in a real Chromium and a real Prometheus
#   make sim          SEEDS=1000 clusters from FIRST_SEED=1 on; N=7 nodes, MODE=hb if given
#   make sim SEED=42  one of them, with its trace; EVERY=1: with a disk that fails at each call
#   make sim-night    new seeds on all cores for HOURS=8
#   make sim-coverage what of the protocol SEEDS=1000 clusters never reach (gcov)
#   make chaos        MINUTES=10 of faults that SEED=1 brings, on real processes (root)
#   make soak         MINUTES=90 of half load: memory stands still, and what grows on disk (root)
#   make once         KILLS=100 of the node that a client talks to: each transaction has one outcome
#   make overload     what a cluster does with twice what it can, and with a greedy client
#   make flood        what floods by strangers and by a lying node cost the others
#   make power        CUTS=200 restarts of nodes whose power was cut under load
#   make fuzz         SECONDS=60 of inputs made up for each decoder (clang)
#   make model        every schedule of small systems; what a search of them must find
#   make ctime        whether time tells a coin share's secret (valgrind)
#   make mutants      each bug of tests/mutants/ must be caught by what `check` runs
#   make bench        the parts and the whole, from binaries as `install` installs them
#   make testnet      eight nodes on shaped links, dl against hb (root)
#   make paper        the paper's experiments, ONLY=spatial,bursty:dl of them, RUNS=3 times (root)
#   make figures      the README's table of them, from what testnet/results.csv keeps
#   make lint         layers, clang-tidy, format; `make format` formats
#   make install      to $(DESTDIR)$(PREFIX)/bin
#   make fresh        the README's commands on a new Debian in build/fresh (root; debootstrap)
#   make clean
#
# demo and check install what the machine lacks (packages.txt). SANITIZE=address,undefined
# before any target builds in a directory of its own, with sanitizers.

PREFIX     ?= /usr/local
SEEDS      ?= 1000
FIRST_SEED ?= 1

# As many jobs as cores, unless the caller says how many. A make inside of make shares them.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

comma    := ,
BUILD    := build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
PACKAGES := libcrypto libsecp256k1 libisal lmdb libzmq libmicrohttpd jansson
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wswitch-enum -Wundef $(if $(CI),-Werror)
ifdef SANITIZE
CFLAGS   ?= -O1 -g
EXTRA    := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LINK     := -fsanitize=$(SANITIZE)
else
CFLAGS   ?= -O2 -g -D_FORTIFY_SOURCE=2
EXTRA    := -fstack-protector-strong -fPIE
LINK     := -pie -Wl,-z,relro,-z,now
endif
LANGUAGE := -std=c17 -I. -D_GNU_SOURCE $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
HASHING  := $(if $(wildcard /usr/include/intel-ipsec-mb.h),-lIPSec_MB)
LDLIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) $(HASHING) -lm -pthread
COMPILE  := $(CC) $(LANGUAGE) -pthread $(WARNINGS) $(EXTRA) $(CPPFLAGS) $(CFLAGS)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
wildcards = $(wildcard $(addsuffix $(2),$(1)))

# One archive holds all but the programs' main files. What names store_memory.o on its command
# line gets that store, since the linker then has no need of the other: the simulator, the tests of
# MEMORIES, and a second time, as test_x_memory, those of TWINS.
FOLDERS  := crypto vid ba node node/cli node/client storage net
MEMORY   := storage/store_memory.c
LIBRARY  := $(filter-out $(MEMORY) node/client/ledger.c node/client/ledger_application.c %/main.c,$(call wildcards,$(FOLDERS),/*.c))
UNITS    := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/test_*.c))
MEMORIES := $(filter $(BUILD)/test_core_% $(BUILD)/test_records,$(UNITS))
TWINS    := $(patsubst %,$(BUILD)/%_memory,test_store test_store_model test_executor test_executor_resume)
TESTNET  := $(filter-out %/main.c,$(wildcard testnet/*.c testnet/dashboard/*.c))
NETTESTS := $(patsubst %,$(BUILD)/test_%,scenario scenario_links command process control cores fields recording)
SIM      := $(wildcard tests/sim/*.c)
BENCH    := $(wildcard tests/bench/*.c)
TARGETS  := $(basename $(notdir $(filter-out %/replay.c,$(wildcard tests/fuzz/*.c))))
REPLAYS  := $(addprefix $(BUILD)/replay_,$(TARGETS))
FUZZERS  := $(addprefix $(BUILD)/fuzz_,$(TARGETS))
HELPERS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/integration/*.c) tests/power/cut.c \
            tests/flood/flood.c tests/chaos/votes.c)
# What a client needs, or an application, and nothing of a node's: node/client/ledger*.h.
CLIENT   := $(wildcard node/client/*.c crypto/*.c) $(addprefix net/,client.c curve.c socket.c) \
            $(addprefix node/,application.c config.c config_cluster.c file.c libraries.c mode.c settings.c transaction.c)
FILES    := $(call wildcards,$(FOLDERS) testnet testnet/dashboard tests tests/*,/*.[ch])
PROGRAMS := $(addprefix $(BUILD)/ledger-,node cli testnet dashboard)
TESTS    := $(sort $(UNITS) $(TWINS) $(REPLAYS)) $(if $(SIM),$(BUILD)/sim)

all: $(PROGRAMS) $(BUILD)/libledger.a

$(BUILD)/ledger-node: $(BUILD)/node/main.o $(BUILD)/ledger.a
$(BUILD)/ledger-cli: $(BUILD)/node/cli/main.o $(BUILD)/ledger.a
$(BUILD)/ledger-testnet: $(BUILD)/testnet/main.o $(BUILD)/testnet.a $(BUILD)/ledger.a
$(BUILD)/ledger-dashboard: $(BUILD)/testnet/dashboard/main.o $(BUILD)/testnet.a $(BUILD)/ledger.a
$(BUILD)/sim: $(call objects,$(SIM) $(MEMORY)) $(BUILD)/ledger.a
$(BUILD)/bench: $(call objects,$(BENCH) $(MEMORY)) $(BUILD)/ledger.a
$(filter-out $(MEMORIES) $(NETTESTS),$(UNITS)): $(BUILD)/%: $(BUILD)/tests/%.o $(BUILD)/ledger.a
$(MEMORIES): $(BUILD)/%: $(BUILD)/tests/%.o $(call objects,$(MEMORY)) $(BUILD)/ledger.a
$(TWINS): $(BUILD)/%_memory: $(BUILD)/tests/%.o $(call objects,$(MEMORY)) $(BUILD)/ledger.a
$(BUILD)/test_ledger_application: $(BUILD)/node/client/ledger_application.o
$(HELPERS): %: %.o $(BUILD)/ledger.a
$(BUILD)/tests/power/cut: $(BUILD)/tests/sim/prng.o
$(NETTESTS): $(BUILD)/%: $(BUILD)/tests/%.o $(BUILD)/testnet.a $(BUILD)/ledger.a
$(NETTESTS) $(BUILD)/ledger-testnet $(BUILD)/ledger-dashboard: LDLIBS += $(shell pkg-config --libs libmnl 2>/dev/null)
$(REPLAYS): $(BUILD)/replay_%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o
$(FUZZERS): $(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/%.o
$(BUILD)/replay_core $(BUILD)/fuzz_core: $(call objects,$(MEMORY))
$(REPLAYS) $(FUZZERS): $(BUILD)/testnet.a $(BUILD)/ledger.a
$(FUZZERS): DRIVER := -fsanitize=fuzzer
$(UNITS) $(TWINS) $(REPLAYS): LDLIBS += -lcmocka
$(PROGRAMS) $(UNITS) $(TWINS) $(REPLAYS) $(FUZZERS) $(HELPERS) $(BUILD)/sim $(BUILD)/bench:
	@echo "  LD  $@"
	@$(CC) $(LINK) $(DRIVER) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/ledger.a: $(call objects,$(LIBRARY))
$(BUILD)/testnet.a: $(call objects,$(TESTNET))
$(BUILD)/ledger.a $(BUILD)/testnet.a:
	@echo "  AR  $@"
	@rm -f $@ && $(AR) rcs $@ $^

# Its own names alone are seen outside.
$(BUILD)/libledger.a: $(call objects,$(CLIENT))
	@echo "  AR  $@"
	@ld -r -o $(@:.a=.o) $^ && objcopy --wildcard --keep-global-symbol='ledger_*' \
	 --localize-symbol=ledger_tables $(@:.a=.o)
	@rm -f $@ && $(AR) rcs $@ $(@:.a=.o)

# Files that are in the programs.
$(BUILD)/testnet/page.o: $(wildcard testnet/page/*)
$(BUILD)/node/api_document.o: node/openapi.json

# A daemon that writes down what it hears, and lies if it is told to (tests/chaos).
$(BUILD)/chaos/ledger-node: $(BUILD)/node/main.o $(call objects,tests/chaos/heard.c tests/chaos/lies.c \
                            tests/sim/liar.c tests/sim/prng.c) $(BUILD)/ledger.a
	@echo "  LD  $@"
	@mkdir -p $(@D)
	@$(CC) $(LINK) -Wl,--wrap=message_decode,--wrap=driver_open,--wrap=transport_send \
	 $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Loaded into a node from outside (tests/power/undo.h).
$(BUILD)/undo.so: tests/power/undo.c tests/power/undo.h $(BUILD)/command
	@echo "  LD  $@"
	@$(COMPILE) -fPIC -shared -o $@ $<

$(BUILD)/%.o: %.c $(BUILD)/command
	@echo "  CC  $<"
	@mkdir -p $(@D)
	@$(COMPILE) -MMD -MP -c -o $@ $<

# How everything here was compiled: it changes when the command does, and all is built again.
$(BUILD)/command: always
	@command -v $(CC) >/dev/null && pkg-config --exists $(PACKAGES) libmnl cmocka || \
	 sh tests/install.sh --check
	@mkdir -p $(@D)
	@echo '$(COMPILE) $(LINK) $(LDFLAGS)' | cmp -s - $@ || \
	 echo '$(COMPILE) $(LINK) $(LDFLAGS)' > $@

test: $(TESTS)
	@bash tests/run.sh test $(BUILD) $(TESTS)

# What scripts that test real processes need.
tools: all $(HELPERS) $(BUILD)/undo.so $(BUILD)/chaos/ledger-node

check:
	@sh tests/install.sh
	@$(MAKE) --no-print-directory CI=1 check-installed

check-installed: tools $(TESTS)
	@bash tests/run.sh check $(BUILD) $(TESTS)

check-pages:
	@sh tests/install.sh
	@LIST=tests/pages/packages.txt sh tests/install.sh
	@$(MAKE) --no-print-directory all
	@bash tests/pages/check.sh $(BUILD)

sim: $(BUILD)/sim
	@$< $(if $(SEED),--seed $(SEED) $(if $(EVERY),--every-call $(EVERY),--trace),--first $(FIRST_SEED) --seeds $(SEEDS)) \
	 $(if $(N),--nodes $(N)) $(if $(MODE),--mode $(MODE))

sim-night: $(BUILD)/sim
	@bash tests/night.sh $(BUILD) $(or $(HOURS),8)

# Nothing inlined: a branch is counted where it is written.
sim-coverage:
	@$(MAKE) --no-print-directory BUILD=build-coverage LDFLAGS=--coverage \
	 CFLAGS='-O1 -g --coverage -fno-inline -fno-early-inlining' build-coverage/sim
	@bash tests/coverage.sh build-coverage $(SEEDS)

chaos: export MINUTES := $(or $(MINUTES),10)
chaos: export SEED := $(or $(SEED),1)
chaos: export CAMPAIGN := 1
chaos: tools
	@bash tests/chaos.sh $(BUILD)

soak: export MINUTES := $(or $(MINUTES),90)
soak: export CAMPAIGN := 1
soak: all
	@bash tests/soak.sh $(BUILD)

flood: tools
	@bash tests/flood.sh $(BUILD)

overload: tools
	@bash tests/overload.sh $(BUILD)

once: export KILLS := $(or $(KILLS),100)
once: export CAMPAIGN := 1
once: tools
	@bash tests/integration/once.sh $(BUILD)

power: export CUTS := $(or $(CUTS),200)
power: export CAMPAIGN := 1
power: tools
	@bash tests/integration/power.sh $(BUILD)

# All schedules of small systems, further than `test` goes (3 GB), and what they must find.
model: $(addprefix $(BUILD)/test_,server_search ba_search ba_attack ba_seven) | $(BUILD)/testnet.a
	@PATCHES=tests/mutants/search SECONDS_MAX=900 bash tests/mutants.sh $(BUILD) $^ \
	 '$(BUILD)/test_ba_search rounds_0_to_3' '$(BUILD)/test_ba_search rounds_0_to_2_with_late_inputs' \
	 '$(BUILD)/test_ba_seven round_0_with_late_inputs' '$(BUILD)/test_ba_seven rounds_0_and_1'

# With valgrind's headers; crypto/group.h says what may be known of secrets.
ctime:
	@$(MAKE) --no-print-directory BUILD=build-ctime CPPFLAGS=-DCTIME build-ctime/ctime
	@bash tests/ctime.sh build-ctime/ctime

build-ctime/ctime: $(BUILD)/tests/ctime.o $(BUILD)/ledger.a
	@echo "  LD  $@"
	@$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(LDLIBS)

figures:
	@bash testnet/figures.sh README.md

mutants: tools $(TESTS)
	@bash tests/mutants.sh $(BUILD) $(TESTS)

# libFuzzer is clang's.
fuzz:
	@$(MAKE) --no-print-directory CC=clang SANITIZE=fuzzer-no-link,address,undefined fuzzers

fuzzers: $(FUZZERS)
	@bash tests/fuzz.sh $(BUILD) $(or $(SECONDS),60) $(FUZZERS)

# Installed beside the build, and found first: what is measured is what is installed.
bench: DESTDIR := $(CURDIR)/$(BUILD)/installed
bench: PREFIX :=
bench: $(if $(BENCH),$(BUILD)/bench) install
	@set -e; PATH="$(DESTDIR)/bin:$$PATH"; $(if $(BENCH),$(BUILD)/bench;) \
	 for script in $(wildcard tests/bench/*.sh); do bash $$script $(BUILD); done

# The analyzer forgets va_start from one file to the next: one file a process.
lint: $(BUILD)/ledger.a
	@bash tests/layers.sh $(BUILD)
	@! grep -nE 'MDB_(NOSYNC|NOMETASYNC|MAPASYNC|WRITEMAP)' $(FILES)
	@clang-format --dry-run -Werror $(FILES)
	@printf '%s\n' $(filter-out tests/%,$(filter %.c,$(FILES))) | xargs -P "$$(nproc)" -I {} \
	 sh -c 'clang-tidy --quiet {} -- $(LANGUAGE) 2>/dev/null'

format:
	@clang-format -i $(FILES)

install: $(PROGRAMS) $(BUILD)/libledger.a
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include lib/pkgconfig)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 node/client/ledger.h node/client/ledger_application.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(BUILD)/libledger.a $(DESTDIR)$(PREFIX)/lib
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: libledger' 'Description: a client of DispersedLedger' \
	 'Version: 1' 'Requires: libzmq libsecp256k1 libcrypto' 'Cflags: -I$${prefix}/include' \
	 'Libs: -L$${prefix}/lib -lledger $(HASHING) -pthread' >$(DESTDIR)$(PREFIX)/lib/pkgconfig/libledger.pc

demo:
	@sh tests/install.sh
	@$(MAKE) --no-print-directory all
	@bash tests/demo.sh $(BUILD)

testnet:
	@sh tests/install.sh
	@$(MAKE) --no-print-directory all
	@out=runs/short-$$(date +%Y%m%d-%H%M%S) && \
	 $(BUILD)/ledger-testnet compare testnet/scenarios/short.conf --modes dl,hb --out $$out && \
	 $(BUILD)/ledger-dashboard export $$out/dl-1 $$out/hb-1 --html $$out/dashboard.html && \
	 echo "what happened, to look at: $$out/dashboard.html"

paper: export RUNS := $(or $(RUNS),1)
paper: export ONLY := $(ONLY)
paper:
	@sh tests/install.sh
	@$(MAKE) --no-print-directory all
	@bash testnet/paper.sh $(BUILD)

fresh:
	@bash tests/fresh.sh build/fresh

clean:
	rm -rf --one-file-system build build-*

.PHONY: all test tools check check-installed check-pages sim sim-night sim-coverage power flood overload chaos soak once fuzz fuzzers ctime model mutants \
        bench lint format install demo testnet paper figures fresh clean always
.DELETE_ON_ERROR:

-include $(patsubst %.c,$(BUILD)/%.d,$(filter %.c,$(FILES)))
