# nearcast: one Makefile, read top to bottom.  `make help` lists the targets.
#
# Every .c of common/, dnsd/, healthd/, redirectd/, ctl/ and their folders belongs to its program;
# adding a file needs no change here.  $(B), build/ by default, holds everything made.

CC       ?= gcc
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LIBS     := ldns libmaxminddb libcurl liburcu-qsbr libssl libcrypto libcap-ng jansson \
            libpcre2-8 libcares libidn2 sqlite3 libmicrohttpd
export B ?= build
OPT      ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Werror
HARDEN   ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
HARDEN_L ?= -pie -Wl,-z,relro,-z,now
SAN      ?=
# asserts say what has been proven; sanitizers and fuzzers run with them, releases without
ASSERT   ?= -DNDEBUG
CPPFLAGS += -I. -D_GNU_SOURCE $(ASSERT) -DVERSION='"$(VERSION)"'
CFLAGS   += -std=c11 $(OPT) $(WARN) $(HARDEN) $(SAN) -pthread \
            $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LDLIBS   += $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lroaring -lm -pthread
LDFLAGS  += -Wl,--as-needed $(HARDEN_L) $(SAN)
PREFIX   ?= /usr/local
CONFDIR  ?= /etc/nearcast

objs      = $(patsubst %.c,$(B)/o/%.o,$(1))	# apart from the programs, build/dnsd being one
PARTS    := common dnsd healthd redirectd ctl
# everything but the mains is a library that programs and tests link
LIBSRC   := $(filter-out %/main.c,$(foreach p,$(PARTS),$(wildcard $(p)/*.c $(p)/*/*.c)))
PROGRAMS := $(if $(wildcard dnsd/main.c),$(B)/dnsd) $(if $(wildcard healthd/main.c),$(B)/healthd) \
            $(if $(wildcard redirectd/main.c),$(B)/redirectd) \
            $(if $(wildcard ctl/main.c),$(B)/nearctl)
UNITS    := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c tests/conf/*.c \
            tests/redirect/*.c))
FUZZERS  := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES  := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
# what tests drive the daemons with, built as they are
TOOLS    := $(B)/tests/bench/load $(B)/tests/bench/events
MANS     := $(wildcard $(PARTS:=/*.[1-8]))

all: $(PROGRAMS)		## builds the programs into build/

$(B)/dnsd: $(B)/o/dnsd/main.o $(B)/libnearcast.a
$(B)/healthd: $(B)/o/healthd/main.o $(B)/libnearcast.a
$(B)/redirectd: $(B)/o/redirectd/main.o $(B)/libnearcast.a
$(B)/nearctl: $(B)/o/ctl/main.o $(B)/libnearcast.a
$(PROGRAMS):
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libnearcast.a: $(call objs,$(LIBSRC))
	@rm -f $@
	ar rcs $@ $^

$(B)/o/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/fuzz/%: $(B)/o/tests/fuzz/%.o $(B)/libnearcast.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

$(B)/tests/%: $(B)/o/tests/%.o $(B)/libnearcast.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS) \
	    $(if $(findstring /unit/,$@),-lcmocka)

$(B)/tests/model/explore: $(call objs,$(wildcard tests/model/*.c))

units: $(UNITS) $(TOOLS) $(B)/tests/model/explore
fuzzers: $(FUZZERS)
benches: $(BENCHES)

deps:				## installs the packages that are missing (Debian, as root)
	@.ci/deps build test lab

# libraries are found when make starts: once more after deps
check: deps			## builds, runs every test; ends with "N passed, N failed"
	@$(MAKE) -s -j$$(nproc) all units
	@tests/run

asan: deps			## the same tests with address and undefined-behaviour sanitizers
	@$(MAKE) -s -j$$(nproc) all units $(ASAN)
	@$(ASAN) tests/run
ASAN = B=build/asan OPT="-O1 -g -fno-omit-frame-pointer" HARDEN= HARDEN_L= ASSERT= \
       SAN="-fsanitize=address,undefined -fno-sanitize-recover=all"

geodb:				## a country database from tor-geoipdb: build/geo.mmdb
	@.ci/deps geodb
	@mkdir -p $(B)
	deploy/mk-geodb $(B)/geo.mmdb

model: units			## every state of the large worlds that healthd decides in: minutes
	$(B)/tests/model/explore -l -v

lab: all			## the lab alone: sites, BIRD, caches and clients in namespaces
	@tests/run lab

fuzz:				## every fuzz target for FUZZ_SECONDS (60) each
	@.ci/deps build lint
	@$(MAKE) -s -j$$(nproc) fuzzers B=build/fuzz CC=clang OPT="-O1 -g" \
	    HARDEN= HARDEN_L= ASSERT= \
	    SAN="-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all"
	@tests/fuzz/run

lint:				## clang's warnings, cppcheck, the manual pages, the rooms' bounds
	@.ci/deps build test lint
	@$(MAKE) -s -j$$(nproc) all units B=build/clang CC=clang
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
	    --suppressions-list=.ci/cppcheck -j$$(nproc) --std=c11 \
	    -I. -D_GNU_SOURCE -DVERSION='""' $(PARTS)
	$(if $(MANS),mandoc -Tlint -Wwarning $(MANS))
	B=build/clang tests/structure

bench:				## dnsd beside its peers and the limit of sockets: twenty minutes
bench-quick:			## the same in two minutes
bench bench-quick:
	@.ci/deps build bench
	@$(MAKE) -s -j$$(nproc) all benches
	tests/bench/run $(if $(findstring quick,$@),quick,full)

demo:			## the whole mission on this machine, then leaves the lab running (root)
	@.ci/deps build test lab
	@$(MAKE) -s -j$$(nproc) all
	@tests/lab/demo

demo-stop:			## removes what the demo left running
	@tests/lab/demo stop

demo-one: all		## one dnsd on 127.0.0.1:5300 with zones/example.org.zone, until Ctrl-C
	@tests/demo-one

install: all			## into $(DESTDIR)$(PREFIX) and $(DESTDIR)/etc/nearcast
	@$(INSTALL)

uninstall:			## removes what install put there; /etc/nearcast and data stay
	@$(INSTALL) -u
INSTALL = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' CONFDIR='$(CONFDIR)' PROGRAMS='$(PROGRAMS)' \
          MANUALS='$(MANS)' deploy/install

clean:				## removes build/
	rm -rf build

help:				## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' Makefile | expand -t14

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all units fuzzers benches deps check asan geodb model lab fuzz lint bench bench-quick \
        demo demo-stop demo-one install uninstall clean help
.SECONDARY:
