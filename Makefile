# unitls: the library, its backends, the daemon and their tests. `make help` lists the targets.
#
# Non-recursive; everything made goes below $(BUILDDIR). What a packager sets uses ?=. Flags and libraries are probed by
# tests/tools/probe and kept in $(BUILDDIR)/config.mk; a change of any flag rebuilds what depends on it.

VERSION := 0.1.0
SONAME := libunitls.so.0
EVENT_SONAME := libunitls-event.so.0

BUILD ?= release
BUILDDIR ?= build/$(BUILD)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/unitls
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
BACKENDDIR ?= $(LIBDIR)/unitls/backends
DESTDIR ?=

# Where BoringSSL or AWS-LC was installed as static libraries; empty: Debian's android-libboringssl.
BORINGSSL_PREFIX ?=

INSTALL ?= install
PYTHON ?= python3
CLANG_FORMAT ?= clang-format
MANDOC ?= mandoc

# How long each fuzz target runs, and how many test programs run at once.
FUZZ_SECONDS ?= 10
TEST_JOBS ?= $(shell nproc 2>/dev/null || echo 1)

ifneq ($(filter $(BUILD),release asan tsan fuzz),$(BUILD))
$(error BUILD=$(BUILD) is none of release, asan, tsan, fuzz)
endif

ifeq ($(origin CC),default)
ifeq ($(BUILD),fuzz)
CC := clang
else
CC := gcc
endif
endif

ifeq ($(V),1)
Q :=
say := @:
else
Q := @
say := @printf '  %-8s %s\n'
endif

TOOLS := tests/tools

.PHONY: all help clean packages packages-build packages-bench packages-aws-lc install uninstall format check-format check-layers check-symbols \
	check-banned check-man check check-run check-unit check-contract check-full check-full-run check-integration \
	check-instructions check-systemd check-sanitized check-libraries check-backend check-trixie check-aws-lc fuzz fuzz-run demo demo-run map \
	backends-table bench bench-run bench-counts bench-counts-run bench-growth bench-growth-run bench-programs tests

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

# ---- What does not need a configured build -----------------------------------------------------------------------

help:
	@echo "make                  the library, the backends found, unitlsd, unitlsctl and unitls, in $(BUILDDIR)"
	@echo "make demo             installs packages, builds, and shows unitlsd in front of a plaintext server"
	@echo "make demo ONCE=1      the same, ends after one fetch; status 0 only if the bytes came through unharmed"
	@echo "make check            installs packages, builds and runs all tests"
	@echo "make check-full       the same with every cut of the stream for every pair of backends (long)"
	@echo "make check-trixie     the tests in a Debian trixie made for it: newer TLS libraries and compilers (needs root)"
	@echo "make check-aws-lc     fetches AWS-LC, builds it and the backend boringssl with it, and tests that (long)"
	@echo "make check-unit | check-contract | check-instructions | check-integration | check-systemd"
	@echo "make check-backend BACKEND=NAME    what concerns one backend"
	@echo "make check-layers | check-symbols | check-banned | check-man | check-format"
	@echo "make fuzz-run         each fuzz target for FUZZ_SECONDS (default 10) seconds"
	@echo "make install          DESTDIR and PREFIX as usual; make uninstall takes it away"
	@echo "make bench            installs hitch, haproxy, nginx and stunnel and measures unitlsd beside them; QUICK=1: under 3 minutes"
	@echo "make bench-counts     instructions and system calls of one unit of work, for all of them; no clock, so any machine will do"
	@echo "make bench-growth     how cost grows with names, idle connections, reloads and workers; QUICK=1: under a minute"
	@echo "make packages         installs the Debian packages that the tests need, if any is missing"
	@echo "make format | map     lays out the C files | writes the version maps in lib/ from the headers"
	@echo "make backends-table   writes the table in docs/backends.md, from what unitls backends says"
	@echo "make clean            removes $(BUILDDIR)"
	@echo
	@echo "BUILD=release|asan|tsan|fuzz  CC=gcc|clang  BUILDDIR=DIR  BORINGSSL_PREFIX=DIR  WERROR=1  V=1  TEST_JOBS=N"

packages:
	@$(TOOLS)/packages all

packages-build:
	@$(TOOLS)/packages build

packages-bench:
	@$(TOOLS)/packages bench

packages-aws-lc:
	@$(TOOLS)/packages aws-lc

clean:
	rm -rf --one-file-system $(BUILDDIR)

C_FILES = $(shell find lib common daemon tool tests docs -name '*.[ch]' 2>/dev/null)

format:
	$(CLANG_FORMAT) -i $(C_FILES)

check-format:
	@$(TOOLS)/check-format $(CLANG_FORMAT)

check-layers:
	@$(TOOLS)/check-layers

check-banned:
	@$(TOOLS)/check-banned

check-man:
	@$(TOOLS)/check-man $(MANDOC)

map:
	@$(TOOLS)/make-map >lib/unitls.map.new && mv lib/unitls.map.new lib/unitls.map
	@$(TOOLS)/make-map --event >lib/unitls-event.map.new && mv lib/unitls-event.map.new lib/unitls-event.map

# These first see that the packages are there, then start make again, which then finds what was installed.
demo: packages-build
	@+$(MAKE) --no-print-directory demo-run

bench bench-counts bench-growth: packages-bench
	@+$(MAKE) --no-print-directory $@-run

check: packages
	@+$(MAKE) --no-print-directory check-run

check-full: packages
	@+$(MAKE) --no-print-directory check-full-run

check-trixie: packages
	@$(TOOLS)/trixie

check-aws-lc: packages-aws-lc
	@$(TOOLS)/aws-lc

ifneq ($(BUILD),fuzz)
fuzz-run:
	@+$(MAKE) --no-print-directory BUILD=fuzz CC=clang BUILDDIR=build/fuzz fuzz-run
endif

# ---- Configuration ------------------------------------------------------------------------------------------------

GOALS := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out help packages packages-build clean format check-format check-layers check-banned check-man map \
	demo bench bench-counts bench-growth packages-bench packages-aws-lc check check-full check-trixie check-aws-lc,$(GOALS)),)

# The key names the compiler and the libraries present; when it changes, everything is probed again.
PROBE_KEY := $(strip $(CC) $(shell $(CC) -dumpfullversion -dumpversion -dumpmachine 2>&1 | head -n 3) \
	$(shell for p in nettle libevent_core inih libcares jansson cmocka openssl mbedtls gnutls wolfssl; do \
		pkg-config --modversion $$p 2>/dev/null || echo no-$$p; done) \
	$(wildcard /usr/include/mbedtls/ssl.h /usr/include/bearssl.h /usr/include/android/openssl/base.h) $(shell cksum <$(TOOLS)/probe) \
	$(if $(BORINGSSL_PREFIX),$(shell cksum $(BORINGSSL_PREFIX)/lib*/libssl.a $(BORINGSSL_PREFIX)/lib*/libcrypto.a 2>&1)))
CONFIG := $(BUILDDIR)/config.mk
ifneq ($(file <$(BUILDDIR)/config.key),$(PROBE_KEY))
$(shell mkdir -p $(BUILDDIR) && BORINGSSL_PREFIX="$(BORINGSSL_PREFIX)" $(TOOLS)/probe "$(CC)" $(CONFIG) && echo '$(PROBE_KEY)' >$(BUILDDIR)/config.key)
endif
include $(CONFIG)

ifeq ($(BUILD),release)
CFLAGS ?= -O2 -g
SANITIZE :=
HARDEN := $(FORTIFY) $(HARDENING)
else ifeq ($(BUILD),asan)
CFLAGS ?= -O1 -g
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN :=
else ifeq ($(BUILD),tsan)
CFLAGS ?= -O1 -g
SANITIZE := -fsanitize=thread -fno-omit-frame-pointer
HARDEN :=
else
CFLAGS ?= -O1 -g
SANITIZE := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN :=
endif

ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

CPPFLAGS ?=
LDFLAGS ?=
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE $(CFLAGS) $(SANITIZE) $(HARDEN) $(WARNINGS)
ALL_CPPFLAGS := -Ilib/include $(CPPFLAGS)
ALL_LDFLAGS := $(CFLAGS) $(SANITIZE) $(LDFLAGS) $(LINK_HARDENING)

DEFINES_CORE := -DUNITLS_BACKEND_DIR='"$(BACKENDDIR)"' -DUNITLS_VERSION='"$(VERSION)"'
DEFINES_DAEMON := -DUNITLS_VERSION='"$(VERSION)"' -DUNITLS_SYSCONFDIR='"$(SYSCONFDIR)"'
DEFINES_TEST := -DUNITLS_VERSION='"$(VERSION)"' -DTEST_SOURCE_DIR='"$(CURDIR)"' \
	-DTEST_BUILD_DIR='"$(abspath $(BUILDDIR))"' -DTEST_BACKEND_DIR='"$(abspath $(BUILDDIR))/lib/unitls/backends"'

# A file that changes only when a flag does; every object depends on it.
FLAGS_STAMP := $(BUILDDIR)/flags.stamp
FLAGS_TEXT := $(strip $(CC) $(ALL_CFLAGS) $(ALL_CPPFLAGS) $(ALL_LDFLAGS) $(DEFINES_CORE) $(DEFINES_DAEMON))
ifeq ($(NOBUILD),)
ifneq ($(file <$(FLAGS_STAMP)),$(FLAGS_TEXT))
$(shell mkdir -p $(BUILDDIR))
$(file >$(FLAGS_STAMP),$(FLAGS_TEXT))
endif
endif

# ---- Sources ------------------------------------------------------------------------------------------------------

OBJ := $(BUILDDIR)/obj
LIB := $(BUILDDIR)/lib
BIN := $(BUILDDIR)/bin
TST := $(BUILDDIR)/tests
MODULES := $(LIB)/unitls/backends

objects = $(patsubst %.c,$(OBJ)/%.o,$(1))
upper = $(shell printf '%s' '$(1)' | tr a-z- A-Z_)

CORE_OBJ := $(call objects,$(wildcard lib/core/*.c))
ifneq ($(CORE_OBJ),)
LIBS_MADE := $(LIB)/libunitls.a $(LIB)/$(SONAME) $(LIB)/libunitls.so
endif

# The bufferevent: the one part of the library that knows libevent, in a library of its own.
EVENT_OBJ := $(call objects,$(wildcard lib/event/*.c))
EVENT_LIBS_MADE := $(LIB)/libunitls-event.a $(LIB)/$(EVENT_SONAME) $(LIB)/libunitls-event.so
LIBS_MADE += $(EVENT_LIBS_MADE)

# libssl is no backend: what OpenSSL and BoringSSL do alike, compiled into each of the two against its own headers.
BACKENDS_ALL := $(filter-out libssl,$(sort $(patsubst lib/backends/%/,%,$(dir $(wildcard lib/backends/*/*.c)))))
LIBSSL_USERS := boringssl openssl
BACKENDS := $(foreach b,$(BACKENDS_ALL),$(if $(HAVE_BACKEND_$(call upper,$(b))),$(b)))
BACKENDS_MISSING := $(filter-out $(BACKENDS),$(BACKENDS_ALL))
MODULES_MADE := $(BACKENDS:%=$(MODULES)/%.so)

DAEMON_SRC := $(wildcard daemon/*.c)
CTL_SRC := $(wildcard daemon/ctl/*.c)
DAEMON_OBJ := $(call objects,$(filter-out daemon/main.c,$(DAEMON_SRC)) $(wildcard common/*.c))
DAEMON_A := $(if $(DAEMON_OBJ),$(BUILDDIR)/obj/daemon.a)
ifneq ($(wildcard daemon/main.c),)
BINARIES += $(BIN)/unitlsd
endif
ifneq ($(CTL_SRC),)
BINARIES += $(BIN)/unitlsctl
endif
DAEMON_LIBS := $(EVENT_LIBS) $(INIH_LIBS) $(CARES_LIBS) $(NETTLE_LIBS)

# What the daemon and the tool share.
COMMON_OBJ := $(call objects,$(wildcard common/*.c))
TOOL_OBJ := $(call objects,$(wildcard tool/*.c))
ifneq ($(HAVE_JANSSON),)
BINARIES += $(BIN)/unitls
else
PROGRAMS_MISSING += unitls
endif

# A unit test or fuzz target that includes a header of the daemon is linked with the daemon's objects; other files in
# tests/unit (not test_*) are support code that is linked where it is used.
uses_daemon = $(if $(1),$(shell grep -lE '"daemon/' $(1)))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_DAEMON := $(call uses_daemon,$(UNIT_SRC)) $(wildcard tests/unit/test_daemon_*.c)
# Those of the bufferevent are linked with that and with evhttp.
UNIT_EVENT := $(wildcard tests/unit/test_event*.c)
UNIT_SUPPORT := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
UNIT_SUPPORT_A := $(if $(UNIT_SUPPORT),$(OBJ)/tests/unit/support.a)
UNIT_TESTS := $(UNIT_SRC:tests/unit/%.c=$(TST)/%)

# What a library costs alone, without anything of ours: a program for each of these.
FLOORS := $(filter boringssl gnutls openssl,$(BACKENDS))
FLOOR_PROGRAMS := $(FLOORS:%=$(TST)/bench/floor-%)

# Where a program that has the core in itself finds the modules "beside the library".
TEST_MODULES := $(TST)/unitls

CONTRACT_OBJ := $(call objects,$(wildcard tests/contract/*.c))
CONTRACT_TEST := $(if $(CONTRACT_OBJ),$(TST)/contract)
# The peer that breaks the protocol on purpose is a module too: the suite itself links no TLS library.
CONTRACT_PEER := $(if $(filter openssl,$(BACKENDS)),$(TST)/contract-peer.so)
# So is libevent's own bufferevent for OpenSSL, with which ours is compared.
EVENT_PEER := $(if $(HAVE_EVENT_OPENSSL),$(if $(filter openssl,$(BACKENDS)),$(TST)/event-peer.so))
# The suite in a program that has a TLS library of its own.
CONTRACT_LINKED := $(if $(and $(CONTRACT_OBJ),$(filter openssl,$(BACKENDS))),$(TST)/contract-with-openssl)

# The fixed work whose instructions are counted; callgrind's header is needed to mark what counts.
INSTRUCTION_WORK := $(if $(wildcard /usr/include/valgrind/callgrind.h),$(if $(SANITIZE),,$(TST)/bench/work))

FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_DAEMON := $(call uses_daemon,$(FUZZ_SRC))
FUZZ_SUPPORT := $(filter-out $(FUZZ_SRC),$(wildcard tests/fuzz/*.c))
FUZZ_SUPPORT_A := $(if $(FUZZ_SUPPORT),$(OBJ)/tests/fuzz/support.a)
FUZZ_TARGETS := $(FUZZ_SRC:tests/fuzz/%.c=$(TST)/%)

# The load generator and the server of the benchmark.
BENCH_PROGRAMS := $(TST)/bench/load $(TST)/bench/upstream
BENCH_SUPPORT := $(filter-out %/load.c %/upstream.c %/names.c,$(wildcard tests/bench/*.c))
BENCH_SUPPORT_A := $(OBJ)/tests/bench/support.a
# Makes many certificates.
NAMES_PROGRAM := $(if $(filter openssl,$(BACKENDS)),$(TST)/bench/names)

INTEGRATION_TESTS := $(sort $(wildcard tests/integration/test_*.py))
SYSTEMD_TESTS := $(sort $(wildcard tests/systemd/test_*.py))
INSTALL_TESTS := $(sort $(wildcard tests/install/test_*.py))

ifeq ($(BUILD),fuzz)
all: $(LIBS_MADE) $(MODULES_MADE) $(FUZZ_TARGETS)
else
all: $(LIBS_MADE) $(MODULES_MADE) $(BINARIES)
endif
	@$(BACKENDS_MISSING:%=echo "backend % left out: its TLS library was not found";) :
	@$(PROGRAMS_MISSING:%=echo "program % left out: jansson was not found";) :

tests: all $(UNIT_TESTS) $(CONTRACT_TEST) $(CONTRACT_LINKED) $(INSTRUCTION_WORK) bench-programs

bench-programs: all $(BENCH_PROGRAMS) $(FLOOR_PROGRAMS) $(NAMES_PROGRAM)

$(TEST_MODULES):
	@mkdir -p $(TST)
	$(Q)ln -sfn ../lib/unitls $@

# ---- Rules --------------------------------------------------------------------------------------------------------

# What differs between the parts. All is hidden but what a header marks UNITLS_API; lib/unitls.map gives that its version.
$(OBJ)/lib/core/%.o: PART := -Ilib -fPIC -fvisibility=hidden $(INTERPOSITION) $(NETTLE_CFLAGS) $(DEFINES_CORE)
$(OBJ)/lib/event/%.o: PART := -Ilib -fPIC -fvisibility=hidden $(INTERPOSITION) $(EVENT_CFLAGS)
$(OBJ)/lib/backends/%.o: PART = -Ilib -fPIC -fvisibility=hidden $(BACKEND_$(call upper,$(word 4,$(subst /, ,$(@:$(OBJ)/%=x/%))))_CFLAGS)
$(OBJ)/common/%.o: PART := -I. -fPIE -fvisibility=hidden
$(OBJ)/tool/%.o: PART := -I. -fPIE -fvisibility=hidden $(JANSSON_CFLAGS) -DUNITLS_VERSION='"$(VERSION)"'
$(OBJ)/daemon/%.o: PART := -I. -fPIE -fvisibility=hidden $(EVENT_CFLAGS) $(INIH_CFLAGS) $(CARES_CFLAGS) $(DEFINES_DAEMON)
$(OBJ)/tests/%.o: PART := -Ilib -I. -fPIE $(CMOCKA_CFLAGS) $(EVENT_CFLAGS) $(DEFINES_TEST)
$(OBJ)/tests/contract/peer/%.o: PART = -I. -fPIC -fvisibility=hidden $(BACKEND_OPENSSL_CFLAGS)
$(OBJ)/tests/event/%.o: PART = -I. -fPIC -fvisibility=hidden $(EVENT_CFLAGS) $(BACKEND_OPENSSL_CFLAGS)
$(OBJ)/tests/fuzz/%.o: PART := -Ilib -I. -fPIE -Wno-missing-prototypes $(EVENT_CFLAGS) $(DEFINES_TEST)

define compile
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(PART) -MMD -MP -c $< -o $@
endef

$(OBJ)/%.o: %.c $(FLAGS_STAMP)
	$(compile)

define archive
	@mkdir -p $(@D)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

$(LIB)/libunitls.a: $(CORE_OBJ)
	$(archive)
$(LIB)/libunitls-event.a: $(EVENT_OBJ)
	$(archive)
$(OBJ)/daemon.a: $(DAEMON_OBJ)
	$(archive)
$(OBJ)/tests/unit/support.a: $(call objects,$(UNIT_SUPPORT))
	$(archive)
$(OBJ)/tests/bench/support.a: $(call objects,$(BENCH_SUPPORT))
	$(archive)
$(OBJ)/tests/fuzz/support.a: $(call objects,$(FUZZ_SUPPORT))
	$(archive)

$(LIB)/$(SONAME): $(CORE_OBJ) lib/unitls.map
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) -shared $(ALL_LDFLAGS) $(LINK_SHARED) $(if $(SANITIZE),,$(LINK_DEFS)) -Wl,-soname,$(SONAME) \
		-Wl,--version-script,lib/unitls.map -o $@ $(CORE_OBJ) $(NETTLE_LIBS) -ldl

$(LIB)/libunitls.so: $(LIB)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

# A module's own objects, and those of the folder that it shares: these lie in a folder of its own, so that its flags are in force.
module_objects = $(call objects,$(wildcard lib/backends/$(1)/*.c)) $(if $(filter $(1),$(LIBSSL_USERS)),\
	$(patsubst lib/backends/%.c,$(OBJ)/lib/backends/$(1)/%.o,$(wildcard lib/backends/libssl/*.c)))

define libssl_rule
$(OBJ)/lib/backends/$(1)/libssl/%.o: lib/backends/libssl/%.c $(FLAGS_STAMP)
	$$(compile)
endef
$(foreach b,$(LIBSSL_USERS),$(eval $(call libssl_rule,$(b))))

$(LIB)/$(EVENT_SONAME): $(EVENT_OBJ) lib/unitls-event.map $(LIB)/$(SONAME) $(LIB)/libunitls.so
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) -shared $(ALL_LDFLAGS) $(LINK_SHARED) $(if $(SANITIZE),,$(LINK_DEFS)) -Wl,-soname,$(EVENT_SONAME) \
		-Wl,--version-script,lib/unitls-event.map -o $@ $(EVENT_OBJ) -L$(LIB) -lunitls $(EVENT_LIBS)

$(LIB)/libunitls-event.so: $(LIB)/$(EVENT_SONAME)
	$(Q)ln -sf $(EVENT_SONAME) $@

# A module is not linked with libunitls.so: its core functions come from whatever loaded it (docs/building.md).
define module_rule
$(MODULES)/$(1).so: $(call module_objects,$(1)) $(FLAGS_STAMP)
	@mkdir -p $$(@D)
	$$(say) LD $$@
	$$(Q)$$(CC) -shared $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(BACKEND_$(call upper,$(1))_LIBS)
endef
$(foreach b,$(BACKENDS),$(eval $(call module_rule,$(b))))

$(BIN)/unitlsd: $(OBJ)/daemon/main.o $(DAEMON_A) $(LIB)/$(SONAME) $(LIB)/libunitls.so
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' -o $@ $(OBJ)/daemon/main.o $(DAEMON_A) \
		-L$(LIB) -lunitls $(DAEMON_LIBS)

$(BIN)/unitlsctl: $(call objects,$(CTL_SRC)) $(DAEMON_A) $(LIBS_MADE)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' -o $@ $(call objects,$(CTL_SRC)) $(DAEMON_A) \
		-L$(LIB) -lunitls $(DAEMON_LIBS)

$(BIN)/unitls: $(TOOL_OBJ) $(COMMON_OBJ) $(LIBS_MADE)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' -o $@ $(TOOL_OBJ) $(COMMON_OBJ) -L$(LIB) -lunitls \
		$(JANSSON_LIBS)

# Unit tests reach internal functions, so they are linked with the core's objects, all of them, and export them to the
# modules they load.
$(UNIT_TESTS): $(TST)/%: $(OBJ)/tests/unit/%.o $(CORE_OBJ) $(UNIT_SUPPORT_A) | $(TEST_MODULES)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -rdynamic -o $@ $< $(UNIT_SUPPORT_A) $(filter %/daemon.a %/libunitls-event.a,$^) \
		$(CORE_OBJ) $(NETTLE_LIBS) $(UNIT_LIBS) $(DAEMON_LIBS) $(CMOCKA_LIBS) -ldl -lpthread
$(patsubst tests/unit/%.c,$(TST)/%,$(sort $(UNIT_DAEMON))): $(DAEMON_A)
$(UNIT_EVENT:tests/unit/%.c=$(TST)/%): $(LIB)/libunitls-event.a
$(TST)/test_event_openssl: | $(EVENT_PEER)
$(UNIT_EVENT:tests/unit/%.c=$(TST)/%): UNIT_LIBS := -levent_extra -levent_pthreads

$(TST)/contract $(TST)/contract-with-openssl: $(CONTRACT_OBJ) $(OBJ)/tests/unit/alloc_fail.o $(OBJ)/tests/unit/crash.o \
	$(LIBS_MADE) | $(CONTRACT_PEER)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' -o $@ $(filter %.o,$^) -L$(LIB) -lunitls \
		$(PROGRAM_LIBS) -ldl -lpthread
$(TST)/contract-with-openssl: PROGRAM_LIBS = -Wl,--no-as-needed $(BACKEND_OPENSSL_LIBS) -Wl,--as-needed

$(TST)/bench/work: $(OBJ)/tests/bench/work.o $(LIBS_MADE)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $(filter %.o,$^) -L$(LIB) -lunitls

$(TST)/contract-peer.so: $(call objects,$(wildcard tests/contract/peer/*.c))
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) -shared $(ALL_LDFLAGS) -o $@ $^ $(BACKEND_OPENSSL_LIBS)

$(TST)/event-peer.so: $(call objects,$(wildcard tests/event/*.c))
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) -shared $(ALL_LDFLAGS) -o $@ $^ -levent_openssl $(EVENT_LIBS) $(BACKEND_OPENSSL_LIBS)

$(BENCH_PROGRAMS): $(TST)/%: $(OBJ)/tests/%.o $(BENCH_SUPPORT_A) $(LIBS_MADE)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $< $(BENCH_SUPPORT_A) -L$(LIB) -lunitls \
		$(EVENT_LIBS)

$(TST)/bench/names: $(OBJ)/tests/bench/names.o
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(LINK_PIE) $(ALL_LDFLAGS) -o $@ $^ $(BACKEND_OPENSSL_LIBS)

$(FUZZ_TARGETS): $(TST)/%: $(OBJ)/tests/fuzz/%.o $(CORE_OBJ) $(FUZZ_SUPPORT_A) | $(TEST_MODULES)
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -rdynamic -o $@ $< $(FUZZ_SUPPORT_A) $(filter %/daemon.a,$^) \
		$(CORE_OBJ) $(NETTLE_LIBS) $(DAEMON_LIBS) -ldl -lpthread
$(patsubst tests/fuzz/%.c,$(TST)/%,$(sort $(FUZZ_DAEMON))): $(DAEMON_A)

# The objects of each lie in a folder of its own, compiled against its library's headers.
define floor_rule
$(OBJ)/tests/bench/floor/$(1)/%.o: PART = -I. -fPIE $$(BACKEND_$(call upper,$(1))_CFLAGS)
$(OBJ)/tests/bench/floor/$(1)/%.o: tests/bench/floor/%.c $(FLAGS_STAMP)
	$$(compile)
$(TST)/bench/floor-$(1): $(OBJ)/tests/bench/floor/$(1)/main.o \
		$(OBJ)/tests/bench/floor/$(1)/$(if $(filter $(1),$(LIBSSL_USERS)),libssl,$(1)).o
	@mkdir -p $$(@D)
	$$(say) LD $$@
	$$(Q)$$(CC) $$(LINK_PIE) $$(ALL_LDFLAGS) -o $$@ $$^ $$(BACKEND_$(call upper,$(1))_LIBS)
endef
$(foreach b,$(FLOORS),$(eval $(call floor_rule,$(b))))

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# ---- Tests --------------------------------------------------------------------------------------------------------

RUN := BUILDDIR=$(abspath $(BUILDDIR)) SOURCEDIR=$(CURDIR) CC="$(CC)" $(PYTHON) $(TOOLS)/run-tests --jobs $(TEST_JOBS)
STATIC_CHECKS := check:$(TOOLS)/check-layers check:$(TOOLS)/check-banned check:$(TOOLS)/check-format \
	check:$(TOOLS)/check-man check:$(TOOLS)/check-symbols
RUN_UNIT := $(UNIT_TESTS:%=cmocka:%)
RUN_CONTRACT := $(if $(CONTRACT_TEST),$(foreach part,1 2 3 4,'counted:$(CONTRACT_TEST) --part $(part)/4'))
RUN_INSTRUCTIONS := $(foreach b,$(BACKENDS),'counted:tests/bench/instructions --backend $(b)')

check-unit: $(LIBS_MADE) $(MODULES_MADE) $(UNIT_TESTS)
	@$(RUN) $(RUN_UNIT)

check-contract: $(LIBS_MADE) $(MODULES_MADE) $(CONTRACT_TEST)
	@$(RUN) $(RUN_CONTRACT)

check-integration: all $(CONTRACT_TEST) $(CONTRACT_LINKED) $(BENCH_PROGRAMS) $(NAMES_PROGRAM)
	@$(RUN) $(INTEGRATION_TESTS:%=python:%)

check-instructions: $(LIBS_MADE) $(MODULES_MADE) $(INSTRUCTION_WORK)
	@$(RUN) $(RUN_INSTRUCTIONS)

check-systemd: all
	@$(RUN) $(SYSTEMD_TESTS:%=python:%)

check-symbols: $(LIBS_MADE)
	@$(TOOLS)/check-symbols $(LIB)

check-run: tests
	@$(RUN) $(STATIC_CHECKS) $(RUN_UNIT) $(RUN_CONTRACT) $(RUN_INSTRUCTIONS) $(INSTALL_TESTS:%=python:%) $(INTEGRATION_TESTS:%=python:%) \
		$(SYSTEMD_TESTS:%=python:%)

# What depends on the libraries of the machine: neither checks of the sources nor systemd.
check-libraries: tests
	@$(RUN) $(RUN_UNIT) $(RUN_CONTRACT) $(RUN_INSTRUCTIONS) $(INSTALL_TESTS:%=python:%) $(INTEGRATION_TESTS:%=python:%)

# What concerns one backend: the unit tests but for those of others, the pairs of the contract suite that it is in, and the integration
# tests that go through the backends.
UNIT_OTHERS = $(foreach b,$(filter-out $(BACKEND),$(BACKENDS_ALL)),$(TST)/test_backend_$(b) $(TST)/test_backend_$(b)_%)
RUN_BACKEND = check:$(TOOLS)/check-symbols $(patsubst %,cmocka:%,$(filter-out $(UNIT_OTHERS),$(UNIT_TESTS))) \
	$(if $(CONTRACT_TEST),$(foreach part,1 2 3 4,'counted:$(CONTRACT_TEST) --backend $(BACKEND) --part $(part)/4')) \
	$(patsubst %,python:%,$(shell grep -l 'harness\.backends()' $(INTEGRATION_TESTS)))

check-backend: tests
	$(if $(filter $(BACKENDS),$(BACKEND)),,$(error BACKEND=$(BACKEND) is none of those built: $(BACKENDS)))
	@$(RUN) $(RUN_BACKEND)

check-full-run: tests
	@UNITLS_CONTRACT_FULL=1 $(RUN) --time-limit 14400 $(STATIC_CHECKS) $(RUN_UNIT) $(RUN_CONTRACT) $(RUN_INSTRUCTIONS) \
		$(INSTALL_TESTS:%=python:%) $(INTEGRATION_TESTS:%=python:%) $(SYSTEMD_TESTS:%=python:%)

# What runs under the sanitizers: no real clients, no systemd.
check-sanitized: $(LIBS_MADE) $(MODULES_MADE) $(UNIT_TESTS) $(CONTRACT_TEST)
	@$(RUN) $(RUN_UNIT) $(RUN_CONTRACT)

ifeq ($(BUILD),fuzz)
fuzz: all
fuzz-run: all
	@$(TOOLS)/run-fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)
endif

backends-table: all
	@$(TOOLS)/backends-table $(BIN)/unitls

demo-run: all
	@$(TOOLS)/demo $(BUILDDIR) $(if $(ONCE),--once) $(if $(BACKEND),--backend $(BACKEND))

# ONLY and CASE are lists with commas: make bench ONLY=nginx,boringssl CASE=full,echo ROUNDS=3
bench-run: all bench-programs
	@BUILDDIR=$(abspath $(BUILDDIR)) $(PYTHON) tests/bench/bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) \
		$(if $(CASE),--case $(CASE)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-counts-run: all bench-programs
	@BUILDDIR=$(abspath $(BUILDDIR)) $(PYTHON) tests/bench/counts $(if $(ONLY),--only $(ONLY)) $(if $(CASE),--case $(CASE))

bench-growth-run: all bench-programs
	@BUILDDIR=$(abspath $(BUILDDIR)) $(PYTHON) tests/bench/growth $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) \
		$(if $(BACKEND),--backend $(BACKEND))

# ---- Installing ---------------------------------------------------------------------------------------------------

substitute = sed -e 's|@prefix@|$(PREFIX)|g' -e 's|@bindir@|$(BINDIR)|g' -e 's|@libdir@|$(LIBDIR)|g' \
	-e 's|@includedir@|$(INCLUDEDIR)|g' -e 's|@sysconfdir@|$(SYSCONFDIR)|g' -e 's|@version@|$(VERSION)|g' -e 's|@backenddir@|$(BACKENDDIR)|g'
HEADERS := $(wildcard lib/include/unitls/*.h)
# The contract, for backends outside of this tree, and the name by which those include it.
CONTRACT_HEADER := lib/core/backend.h
CONTRACT_INSTALLED := unitls/backend/module.h
MAN_PAGES := $(wildcard man/*.[1-9])

define INSTALLED
$(HEADERS:lib/include/%=$(INCLUDEDIR)/%) $(INCLUDEDIR)/$(CONTRACT_INSTALLED)
$(LIBDIR)/$(SONAME) $(LIBDIR)/libunitls.so $(LIBDIR)/libunitls.a $(PKGCONFIGDIR)/unitls.pc
$(LIBDIR)/$(EVENT_SONAME) $(LIBDIR)/libunitls-event.so $(LIBDIR)/libunitls-event.a $(PKGCONFIGDIR)/unitls-event.pc
$(BACKENDS:%=$(BACKENDDIR)/%.so) $(BINARIES:$(BIN)/%=$(BINDIR)/%)
$(foreach m,$(MAN_PAGES),$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))
$(UNITDIR)/unitlsd.service $(UNITDIR)/unitlsd.socket $(SYSUSERSDIR)/unitls.conf $(TMPFILESDIR)/unitls.conf
$(DOCDIR)/unitlsd.conf
endef

# NOBUILD=1 installs what is there, whatever flags it was built with.
install: $(if $(NOBUILD),,all)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(sort $(dir $(INSTALLED)))) $(DESTDIR)$(SYSCONFDIR)/unitls
	$(INSTALL) -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)/unitls
	$(INSTALL) -m 644 $(CONTRACT_HEADER) $(DESTDIR)$(INCLUDEDIR)/$(CONTRACT_INSTALLED)
	$(INSTALL) -m 755 $(LIB)/$(SONAME) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libunitls.so
	$(INSTALL) -m 644 $(LIB)/libunitls.a $(DESTDIR)$(LIBDIR)/libunitls.a
	$(substitute) unitls.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/unitls.pc
	$(INSTALL) -m 755 $(LIB)/$(EVENT_SONAME) $(DESTDIR)$(LIBDIR)/$(EVENT_SONAME)
	ln -sf $(EVENT_SONAME) $(DESTDIR)$(LIBDIR)/libunitls-event.so
	$(INSTALL) -m 644 $(LIB)/libunitls-event.a $(DESTDIR)$(LIBDIR)/libunitls-event.a
	$(substitute) unitls-event.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/unitls-event.pc
	$(if $(MODULES_MADE),$(INSTALL) -m 755 $(MODULES_MADE) $(DESTDIR)$(BACKENDDIR))
	$(if $(BINARIES),$(INSTALL) -m 755 $(BINARIES) $(DESTDIR)$(BINDIR))
	$(foreach m,$(MAN_PAGES),$(INSTALL) -m 644 $(m) $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/ &&) :
	$(substitute) systemd/unitlsd.service >$(DESTDIR)$(UNITDIR)/unitlsd.service
	$(substitute) systemd/unitlsd.socket >$(DESTDIR)$(UNITDIR)/unitlsd.socket
	$(substitute) systemd/sysusers.conf >$(DESTDIR)$(SYSUSERSDIR)/unitls.conf
	$(substitute) systemd/tmpfiles.conf >$(DESTDIR)$(TMPFILESDIR)/unitls.conf
	$(if $(wildcard conf/unitlsd.conf),$(INSTALL) -m 644 conf/unitlsd.conf $(DESTDIR)$(DOCDIR)/unitlsd.conf)
	$(if $(wildcard conf/unitlsd.conf),test -e $(DESTDIR)$(SYSCONFDIR)/unitls/unitlsd.conf || \
		$(INSTALL) -m 640 conf/unitlsd.conf $(DESTDIR)$(SYSCONFDIR)/unitls/unitlsd.conf)

# The configuration in $(SYSCONFDIR) stays: it may have been edited.
uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	-rmdir $(DESTDIR)$(dir $(INCLUDEDIR)/$(CONTRACT_INSTALLED)) $(DESTDIR)$(INCLUDEDIR)/unitls $(DESTDIR)$(BACKENDDIR) $(DESTDIR)$(LIBDIR)/unitls $(DESTDIR)$(DOCDIR) 2>/dev/null

endif
