# make                    build/ledger-node, build/ledger-cli
# make test               unit tests, layers, 20 simulated clusters; installs nothing
# make lint format        layers, clang-tidy; clang-format
# make clean
# SANITIZE=address,undefined before any of them builds and runs with sanitizers.

PREFIX ?= /usr/local
CFLAGS ?= -O2 -g

comma    := ,
BUILD    := build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
PACKAGES := libcrypto libsecp256k1 libisal lmdb libzmq jansson
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wswitch-enum -Wundef $(if $(CI),-Werror)
override CPPFLAGS += -I. -D_GNU_SOURCE $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
override CFLAGS   += -std=c17 -pthread $(WARNINGS) -MMD -MP
LDLIBS            := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm -pthread
ifdef SANITIZE
override CFLAGS   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
override LDFLAGS  += -fsanitize=$(SANITIZE)
endif

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

# One archive holds everything but the programs' main files. The simulator and the tests that
# name store_memory.o on their command line get that store, since the linker then has no need
# of the other.
LIBRARY := $(filter-out storage/store_memory.c,$(wildcard crypto/*.c vid/*.c ba/*.c node/*.c storage/*.c net/*.c))
MEMORY  := $(wildcard storage/store_memory.c)
UNITS   := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/test_*.c))
SOURCES := $(LIBRARY) $(MEMORY) $(wildcard tests/*.c tests/*/*.c node/cli/*.c)

all: $(BUILD)/ledger.a

$(BUILD)/ledger.a: $(call objects,$(LIBRARY))
	@echo "  AR  $@"
	@rm -f $@ && $(AR) rcs $@ $^

$(UNITS): $(BUILD)/%: $(BUILD)/tests/%.o $(call objects,$(wildcard tests/support.c)) $(BUILD)/ledger.a
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(BUILD)/%.o: %.c
	@echo "  CC  $<"
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

test: $(UNITS)
	@set -e; for t in $(sort $(UNITS)); do $$t; done

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build build-*

.PHONY: all test lint format clean
.DELETE_ON_ERROR:

-include $(patsubst %.o,%.d,$(call objects,$(SOURCES)))
