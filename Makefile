# nearcast: one Makefile, read top to bottom.  `make help` lists the targets.
#
# Every .c of common/, dnsd/, healthd/ and ctl/ belongs to its program; adding a
# file needs no change here.  build/ holds everything that is made.

CC       ?= gcc
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LIBS     := libconfuse ldns libmaxminddb libcurl liburcu-qsbr libcrypto
B        ?= build
OPT      ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Werror
HARDEN   ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
HARDEN_L ?= -pie -Wl,-z,relro,-z,now
SAN      ?=
CPPFLAGS += -I. -D_GNU_SOURCE -DVERSION='"$(VERSION)"'
CFLAGS   += -std=c11 $(OPT) $(WARN) $(HARDEN) $(SAN) -pthread $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LDLIBS   += $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lm -pthread
LDFLAGS  += -Wl,--as-needed $(HARDEN_L) $(SAN)

src       = $(wildcard $(1)/*.c)
objs      = $(patsubst %.c,$(B)/o/%.o,$(1))	# apart from the programs, build/dnsd being one
PARTS    := common dnsd healthd ctl
# everything but the mains is a library that programs and tests link
LIBSRC   := $(filter-out %/main.c,$(foreach p,$(PARTS),$(call src,$(p))))
PROGRAMS := $(if $(wildcard dnsd/main.c),$(B)/dnsd) $(if $(wildcard healthd/main.c),$(B)/healthd) \
            $(if $(wildcard ctl/main.c),$(B)/nearctl)
UNITS    := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES  := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/*.c))

all: $(PROGRAMS)

$(B)/dnsd: $(B)/o/dnsd/main.o $(B)/libnearcast.a
$(B)/healthd: $(B)/o/healthd/main.o $(B)/libnearcast.a
$(B)/nearctl: $(B)/o/ctl/main.o $(B)/libnearcast.a
$(PROGRAMS):
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libnearcast.a: $(call objs,$(LIBSRC))
	@rm -f $@
	ar rcs $@ $^

$(B)/o/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/unit/%: $(B)/o/tests/unit/%.o $(B)/libnearcast.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(B)/tests/bench/%: $(B)/o/tests/bench/%.o $(B)/libnearcast.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

units: $(UNITS)
benches: $(BENCHES)

# dnsd beside its peers and the limit of sockets: about twenty minutes, or two
bench: all benches
	tests/bench/run full

bench-quick: all benches
	tests/bench/run quick

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all units benches bench bench-quick clean
