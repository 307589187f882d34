# SPDX-License-Identifier: MIT
#
#   make             the library, static and shared, into build/
#   make demo        builds and runs the demos; needs a C compiler and make only
#   make check       builds and runs the tests; needs libcheck and pkg-config
#   make deps        installs those two where they are missing
#   make install     into PREFIX, by way of DESTDIR; make uninstall takes it back
#   make check-all   the tests on every backend, compiler and sanitizer (see test/matrix)
#   make fuzz        the fuzzers in test/fuzz, FUZZ_SECONDS each, 10 unless told
#   make bench       builds the benchmarks into build/test/bench/
#   make conformance holds the loop against CPython's asyncio, event by event (see test/conformance/SPEC.md)
#   make conformance-faults  sees that it would find faults: plants them in copies of the library
#   make format      has clang-format lay out the sources; make format-check only looks
#   make clean       removes build/
#
# Variables: CC CFLAGS CPPFLAGS LDFLAGS, BUILD (the directory for all that is made), and
#
#   CONTEXT=name     how stacks are switched: ucontext, setjmp, or a CPU with a file of its own
#   SANITIZE=list    address, thread, undefined; or address,undefined
#   URING=           without io_uring, though liburing be there
#   TLS=             without libcoro-tls, though OpenSSL be there

BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CFLAGS ?= -O2 -g
SANITIZE ?=
PKG_CONFIG ?= pkg-config
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy 2>/dev/null)
INSTALL ?= install
LDCONFIG ?= ldconfig

version := $(shell sed -n 's/^.define CORO_VERSION_[A-Z]* //p' include/coro/base.h)
version := $(word 1,$(version)).$(word 2,$(version)).$(word 3,$(version))
soname := libcoro.so.$(firstword $(subst ., ,$(version)))
tls_soname := $(soname:libcoro%=libcoro-tls%)

# The CPU's own file where there is one, else setjmp.
machine := $(shell $(CC) -dumpmachine 2>/dev/null)
cpu := $(firstword $(subst -, ,$(machine)))
CONTEXT ?= $(if $(findstring linux,$(machine)),$(if $(wildcard lib/core/context/$(cpu).S),$(cpu),setjmp),setjmp)

# Not empty: with TLS, as a library of its own.
ifeq ($(origin TLS),undefined)
TLS := $(shell $(PKG_CONFIG) --exists 'openssl >= 1.1.1' 2>/dev/null && echo yes)
endif
libraries := coro $(if $(TLS),coro-tls)

all: $(foreach library,$(libraries),$(BUILD)/lib$(library).a $(BUILD)/lib$(library).so $(BUILD)/$(library).pc)

# ---- flags ----

# $(call accepts,flag), $(call links,flag): the flag, if the compiler takes it, compiling or linking
accepts = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo $(1))
links = $(shell $(CC) -r -nostdlib $(1) -x c /dev/null -o /dev/null 2>/dev/null && echo $(1))

warnings := -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wvla -Wno-missing-field-initializers
# Sizes of files and times have 64 bits on every system: users get the same by coro.pc. Where long has
# 64, they have them anyway.
large := $(if $(shell $(CC) $(CPPFLAGS) $(CFLAGS) -dM -E -x c /dev/null 2>/dev/null | grep __LP64__),,\
	-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64)
common := $(large) -std=gnu11 -pthread -MMD -MP -Iinclude $(warnings)

# Not empty: with the poller that uses liburing, which the library then needs.
ifeq ($(origin URING),undefined)
URING := $(shell $(PKG_CONFIG) --exists 'liburing >= 2.3' 2>/dev/null && echo yes)
endif
uring_cflags := $(if $(URING),-DCORO_URING $(shell $(PKG_CONFIG) --cflags liburing))
uring_libs := $(if $(URING),$(shell $(PKG_CONFIG) --libs liburing))

tls_cflags := $(if $(TLS),$(shell $(PKG_CONFIG) --cflags openssl))
tls_libs := $(if $(TLS),$(shell $(PKG_CONFIG) --libs openssl))

lib_flags := $(common) -D_GNU_SOURCE -Ilib -fPIC -fvisibility=hidden \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings \
	$(call accepts,-fno-semantic-interposition) $(uring_cflags)
test_flags := $(common) -D_GNU_SOURCE -Itest -Ilib -Wno-unused-parameter $(uring_cflags)
demo_flags := $(common) -Wno-unused-parameter

sanitize := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)

# The thread-exit and signal handlers must outlive a dlclose, hence nodelete.
# A sanitizer's run-time is in the program only, so its names stay undefined here.
# $(call so_flags,soname,map)
so_flags = -shared -Wl,-soname,$(1) -Wl,--version-script=$(2) \
	-Wl,-z,relro,-z,now,-z,nodelete -Wl,--as-needed $(if $(SANITIZE),,-Wl,-z,defs)

# ---- sources ----

# A backend is a file. A CPU's is joined by ucontext under other names, for systems with shadow stacks.
ifeq ($(CONTEXT),ucontext)
context := ucontext
else ifeq ($(CONTEXT),setjmp)
context := setjmp birth
else ifneq ($(wildcard lib/core/context/$(CONTEXT).S),)
context := $(CONTEXT) birth ucontext_fallback
else
$(error CONTEXT=$(CONTEXT): there is no lib/core/context/$(CONTEXT).S)
endif

obj := $(BUILD)/obj
context_objs := $(context:%=$(obj)/core/context/%.o)
# What the loop can wait for fds with.
pollers := $(if $(findstring linux,$(machine)),epoll) poll $(if $(URING),uring)
poller_objs := $(patsubst lib/%.c,$(obj)/%.o,$(wildcard $(pollers:%=lib/io/poller/%*.c)))
objs := $(patsubst lib/%.c,$(obj)/%.o,$(filter-out lib/tls/%,$(wildcard lib/*/*.c))) \
	$(context_objs) $(poller_objs)
tls_objs := $(if $(TLS),$(patsubst lib/%.c,$(obj)/%.o,$(wildcard lib/tls/*.c)))
headers := $(filter-out $(if $(TLS),,%/tls.h),$(wildcard include/coro/*.h))

# Tests of the rings reach for internals and are linked with the objects; the rest with the library.
rings := base core loop sync io debug $(if $(TLS),tls)
test_helpers := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/*.c))
unit_tests := $(patsubst %.c,$(BUILD)/%,$(wildcard $(rings:%=test/%/*_test.c)))
api_tests := $(patsubst %.c,$(BUILD)/%,$(wildcard test/conformance/*_test.c))
tests := $(unit_tests) $(api_tests)
tls_tests := $(filter $(BUILD)/test/tls/%,$(tests))
bench := $(patsubst %.c,$(BUILD)/%,$(wildcard test/bench/*.c))
tls_bench := $(BUILD)/test/bench/tls
bench := $(filter-out $(if $(TLS),,$(tls_bench)),$(bench))
# Servers of others that echo is run beside: those for which there is what they need.
peers := $(if $(filter bench,$(MAKECMDGOALS)),echo.py $(shell command -v go >/dev/null && echo go) \
	$(shell $(PKG_CONFIG) --exists libuv && echo uv) $(shell $(PKG_CONFIG) --exists st && echo st))
peers := $(peers:%=$(BUILD)/test/bench/peers/%)
# What test/check-soak runs.
soak := $(if $(findstring linux,$(machine)),$(BUILD)/test/bench/soak)
fuzzers := $(patsubst %.c,$(BUILD)/%,$(filter-out %/main.c,$(wildcard test/fuzz/*.c)))
aio := $(BUILD)/test/conformance/aio
aio_objs := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %_test.c,$(wildcard test/conformance/*.c)))

# million last: it is the longest.
demos := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard demo/*.c)))
demos := $(filter-out %/million,$(demos)) $(filter %/million,$(demos))
# Those that are built only where OpenSSL is.
tls_demos := $(BUILD)/demo/https_get $(BUILD)/demo/https_server
demos := $(filter-out $(if $(TLS),,$(tls_demos)),$(demos))

# ---- the library ----

# Each of these files holds a text, and is written when the text is another: what depends on the file is
# then made anew. $(call changed,file,text) is FORCE in that case.
changed = $(if $(subst x$(strip $(2)),,x$(strip $(shell cat $(1) 2>/dev/null))),FORCE)
comma := ,
quote = '$(subst ','\'',$(1))'
remember = @mkdir -p $(@D); rm -f $@; printf '%s\n' $(call quote,$(1)) >$@

flags := $(CC) $(lib_flags) $(CPPFLAGS) $(CFLAGS) $(sanitize) $(LDFLAGS)
$(BUILD)/flags: $(call changed,$(BUILD)/flags,$(flags))
	$(call remember,$(flags))

$(BUILD)/objects: $(call changed,$(BUILD)/objects,$(objs) $(tls_objs))
	$(call remember,$(objs) $(tls_objs))

plain :=
# To sanitizers and FORTIFY a jump to another stack is a fault; -Wp, because distributions set it by that.
# What getcontext is feared to clobber on its second return is safe: it has none here.
$(context_objs): sanitize :=
$(context_objs): plain := -fno-sanitize=all -U_FORTIFY_SOURCE -Wp,-U_FORTIFY_SOURCE \
	$(call accepts,-Wno-clobbered)

# The outermost frame of each stack ends the chains of frame pointers.
$(obj)/core/entry.o: plain := -fno-omit-frame-pointer

$(obj)/%.o: lib/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(lib_flags) $(more_cflags) $(CPPFLAGS) $(CFLAGS) $(sanitize) $(plain) -c -o $@ $<

$(obj)/%.o: lib/%.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(lib_flags) $(CPPFLAGS) $(CFLAGS) $(plain) -c -o $@ $<

# Beside a CPU's own file the names of context.h are taken.
fallback := $(foreach name,make switch room,-Dcontext_$(name)=context_$(name)_ucontext)
$(obj)/core/context/ucontext_fallback.o: lib/core/context/ucontext.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(lib_flags) $(fallback) $(CPPFLAGS) $(CFLAGS) $(plain) -c -o $@ $<

# One object in the archive, its internal names made local, so that none clashes with a user's. Under -flto
# it must be told to hold machine code; and 32-bit x86 has functions in groups, of which others' would be taken.
relocatable = -r -nostdlib $(call links,-Wl$(comma)--force-group-allocation) $(if $(findstring -flto,$(CFLAGS)),$(call links,-flinker-output=nolto-rel))
# $(call archive,objects)
define archive
	rm -f $@
	$(CC) $(CFLAGS) $(relocatable) -o $(@:%.a=%.o) $(1)
	$(OBJCOPY) --localize-hidden $(@:%.a=%.o)
	$(AR) rcs $@ $(@:%.a=%.o)
endef
ifeq ($(shell command -v $(OBJCOPY)),)
define archive
	rm -f $@
	$(AR) rcs $@ $(1)
endef
endif
$(BUILD)/libcoro.a: $(objs) $(BUILD)/objects
	$(call archive,$(objs))

$(BUILD)/libcoro.so.$(version): $(objs) $(BUILD)/objects lib/coro.map
	$(CC) $(CFLAGS) $(sanitize) -pthread $(call so_flags,$(soname),lib/coro.map) $(LDFLAGS) -o $@ $(objs) $(uring_libs)

$(BUILD)/$(soname): $(BUILD)/libcoro.so.$(version)
	ln -sf $(<F) $@

$(BUILD)/libcoro.so: $(BUILD)/$(soname)
	ln -sf $(<F) $@

$(tls_objs): more_cflags = $(tls_cflags)
$(BUILD)/libcoro-tls.a: $(tls_objs) $(BUILD)/objects
	$(call archive,$(tls_objs))

$(BUILD)/libcoro-tls.so.$(version): $(tls_objs) $(BUILD)/objects lib/coro-tls.map $(BUILD)/libcoro.so
	$(CC) $(CFLAGS) $(sanitize) -pthread $(call so_flags,$(tls_soname),lib/coro-tls.map) $(LDFLAGS) -o $@ $(tls_objs) \
		-L$(BUILD) -lcoro $(tls_libs)

$(BUILD)/$(tls_soname): $(BUILD)/libcoro-tls.so.$(version)
	ln -sf $(<F) $@

$(BUILD)/libcoro-tls.so: $(BUILD)/$(tls_soname)
	ln -sf $(<F) $@

# Paths under PREFIX are given by way of it, so that the file can be moved with its tree.
under_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
paths := $(PREFIX) $(LIBDIR) $(INCLUDEDIR) $(version) $(uring_libs) $(large)
$(BUILD)/paths: $(call changed,$(BUILD)/paths,$(paths))
	$(call remember,$(paths))

$(BUILD)/coro.pc: coro.pc.in
$(BUILD)/coro-tls.pc: lib/tls/coro-tls.pc.in
$(BUILD)/%.pc: $(BUILD)/paths
	rm -f $@
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call under_prefix,$(LIBDIR))|' \
		-e 's|@INCLUDEDIR@|$(call under_prefix,$(INCLUDEDIR))|' -e 's|@VERSION@|$(version)|' \
		-e 's|@LIBS@|$(uring_libs)|' -e 's|@CFLAGS@|$(strip $(large))|' -e 's| *$$||' $(filter %.pc.in,$^) >$@

# ---- tests and demos ----

# $(call link_shared,where the library is, seen from the program)
link_shared = $(CC) $(CFLAGS) $(sanitize) -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) \
	-L$(BUILD) $(more_libs) -lcoro -Wl,-rpath,'$$ORIGIN/$(1)'
check_cflags = $(shell $(PKG_CONFIG) --cflags check)
check_libs = $(shell $(PKG_CONFIG) --libs check)

# Loops of others, by which a test drives ours: those that are installed.
hosts = $(foreach host,libuv glib-2.0,$(shell $(PKG_CONFIG) --exists $(host) && echo $(host)))
host_names = $(if $(filter libuv,$(hosts)),-DHOST_LIBUV) $(if $(filter glib-2.0,$(hosts)),-DHOST_GLIB)
host_cflags = $(host_names) $(if $(hosts),$(shell $(PKG_CONFIG) --cflags $(hosts)))
host_libs = $(if $(hosts),$(shell $(PKG_CONFIG) --libs $(hosts)))
$(BUILD)/test/io/guest_test.o: more_cflags = $(host_cflags)
$(BUILD)/test/io/guest_test: more_libs = $(host_libs)

$(tls_tests): $(tls_objs)
$(tls_demos) $(tls_bench): $(BUILD)/libcoro-tls.so
$(tls_tests:=.o) $(tls_demos:=.o) $(tls_bench:=.o): more_cflags = $(tls_cflags)
$(tls_tests): more_libs = $(tls_libs)
$(tls_demos) $(tls_bench): more_libs = -lcoro-tls $(tls_libs)

$(BUILD)/demo/%.o: demo/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(demo_flags) $(more_cflags) $(CPPFLAGS) $(CFLAGS) $(sanitize) -c -o $@ $<

$(demos): %: %.o $(BUILD)/libcoro.so
	$(call link_shared,..)

$(BUILD)/test/bench/%.o: test/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(demo_flags) -D_GNU_SOURCE -Itest $(more_cflags) $(CPPFLAGS) $(CFLAGS) $(sanitize) -c -o $@ $<

$(bench): %: %.o $(BUILD)/libcoro.so
	$(call link_shared,../..) -lm

$(BUILD)/test/bench/peers/%: test/bench/peers/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE $(CFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --cflags --libs $(patsubst uv,libuv,$*))

$(BUILD)/test/bench/peers/go: test/bench/peers/echo.go
	@mkdir -p $(@D)
	CGO_ENABLED=0 GO111MODULE=off GOCACHE=$(abspath $(@D))/cache go build -o $@ $<

$(BUILD)/test/bench/peers/%.py: test/bench/peers/%.py
	@mkdir -p $(@D)
	cp $< $@

# Driven by clang's fuzzer where that is asked for, else by one of our own.
$(BUILD)/test/fuzz/%.o: test/fuzz/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(demo_flags) -D_GNU_SOURCE -Ilib $(CPPFLAGS) $(CFLAGS) $(sanitize) -c -o $@ $<

fuzzer := $(if $(findstring fuzzer,$(SANITIZE)),-fsanitize=fuzzer)
$(fuzzers): %: %.o $(if $(fuzzer),,$(BUILD)/test/fuzz/main.o) $(objs) $(BUILD)/objects
	$(CC) $(CFLAGS) $(sanitize) $(fuzzer) -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) $(uring_libs)

$(aio_objs): $(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(demo_flags) $(CPPFLAGS) $(CFLAGS) $(sanitize) -c -o $@ $<

$(aio): $(aio_objs) $(BUILD)/libcoro.so
	$(call link_shared,../..)

$(BUILD)/test/%.o: test/%.c $(BUILD)/flags | need-check
	@mkdir -p $(@D)
	$(CC) $(test_flags) $(check_cflags) $(more_cflags) $(CPPFLAGS) $(CFLAGS) $(sanitize) -c -o $@ $<

# They are called by sanitizers themselves, before what these put into functions may run.
$(BUILD)/test/fail_call.o $(BUILD)/test/fail_uring.o: sanitize :=

# The calls that test/fail_*.c take the place of.
wrap := $(patsubst %,-Wl$(comma)--wrap=%,$(shell sed -n -e 's/^WRAP[A-Z_]*.\([a-z0-9_]*\),.*/\1/p' \
	-e 's/^int __real_\([a-z0-9_]*\).*/\1/p' test/fail_*.c))

$(unit_tests): %: %.o $(test_helpers) $(objs) $(BUILD)/objects
	$(CC) $(CFLAGS) $(sanitize) -pthread $(LDFLAGS) $(wrap) -o $@ $(filter %.o,$^) $(uring_libs) $(check_libs) $(more_libs)

$(api_tests): %: %.o $(test_helpers) $(BUILD)/libcoro.so
	$(call link_shared,../..) $(wrap) $(uring_libs) $(check_libs)

# make -j deps check: only once deps is done
need-check: $(filter deps,$(MAKECMDGOALS))
	@$(PKG_CONFIG) --exists check || { echo "libcheck or pkg-config is missing: run 'make deps'" >&2; exit 1; }

# What the scripts in test/ are told.
export BUILD CC CXX CPPFLAGS CFLAGS LDFLAGS CONTEXT SANITIZE PKG_CONFIG MAKE TLS
export CK_DEFAULT_TIMEOUT ?= 60
export TAILCALLS ?= coro_resume coro_yield coro_next coro_send coro_task_yield \
	coro_channel_send coro_channel_receive
export POLLERS ?= $(pollers)
export CORO_LIBRARY := $(abspath $(BUILD))/$(soname)

# The scripts that check runs; CHECKS= for none.
CHECKS ?= $(sort $(wildcard test/check-*))
CHECK_DEMOS ?= $(filter-out million,$(basename $(notdir $(wildcard demo/*.out))))

check: all $(tests) $(fuzzers) $(demos) $(soak)
	$(if $(TLS),,@echo 'left out: test/tls and demo/https_*, for want of OpenSSL')
	@test/run $(tests) $(fuzzers) $(CHECKS) $(filter $(CHECK_DEMOS:%=$(BUILD)/demo/%),$(demos))

demo: all $(demos)
	@test/demos $(demos)

check-all:
	@test/matrix

fuzzers: $(fuzzers)

fuzz:
	@test/fuzz/run

bench: all $(bench) $(peers)

# The folder in which test/conformance/get-python puts what it gets.
pythons := $(BUILD)/python

conformance: all $(aio)
	@PYTHONS=$(pythons) test/conformance/run $(aio)

# FAULTS="words of some headings" in faults.txt; all without.
conformance-faults:
	@python=$$(test/conformance/get-python $(pythons)) && $$python test/conformance/faults $(FAULTS)

# ---- the rest ----

# $(call install_library,name,soname)
define install_library
	$(INSTALL) -m 755 $(BUILD)/lib$(1).so.$(version) "$(DESTDIR)$(LIBDIR)"
	ln -sf lib$(1).so.$(version) "$(DESTDIR)$(LIBDIR)/$(2)"
	ln -sf $(2) "$(DESTDIR)$(LIBDIR)/lib$(1).so"
	$(INSTALL) -m 644 $(BUILD)/lib$(1).a "$(DESTDIR)$(LIBDIR)"
	$(INSTALL) -m 644 $(BUILD)/$(1).pc "$(DESTDIR)$(LIBDIR)/pkgconfig"
endef

install: all
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)/coro"
	$(call install_library,coro,$(soname))
ifneq ($(TLS),)
	$(call install_library,coro-tls,$(tls_soname))
endif
	$(INSTALL) -m 644 include/coro.h "$(DESTDIR)$(INCLUDEDIR)"
	$(INSTALL) -m 644 $(headers) "$(DESTDIR)$(INCLUDEDIR)/coro"
	$(refresh)

uninstall:
	rm -f "$(DESTDIR)$(LIBDIR)/libcoro.so.$(version)" "$(DESTDIR)$(LIBDIR)/$(soname)" \
		"$(DESTDIR)$(LIBDIR)/libcoro.so" "$(DESTDIR)$(LIBDIR)/libcoro.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/coro.pc" "$(DESTDIR)$(INCLUDEDIR)/coro.h"
	rm -f "$(DESTDIR)$(LIBDIR)/libcoro-tls.so.$(version)" "$(DESTDIR)$(LIBDIR)/$(tls_soname)" \
		"$(DESTDIR)$(LIBDIR)/libcoro-tls.so" "$(DESTDIR)$(LIBDIR)/libcoro-tls.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/coro-tls.pc"
	rm -rf "$(DESTDIR)$(INCLUDEDIR)/coro"
	$(refresh)

# The system's list of libraries: a program finds a new one in /usr/local/lib only by that.
refresh = @if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then $(LDCONFIG) || :; fi

# sudo only where we are not root; not for brew, which refuses to be it.
deps:
	@if $(PKG_CONFIG) --exists check 2>/dev/null; then exit 0; fi; set -e; \
	has() { command -v "$$1" >/dev/null; }; \
	run() { echo "$$*"; "$$@"; }; \
	as_root() { if [ "$$(id -u)" = 0 ]; then run "$$@"; else run sudo "$$@"; fi; }; \
	if has apt-get; then \
		as_root apt-get update -q; \
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy check pkg-config; \
	elif has dnf; then as_root dnf install -y check-devel pkgconf-pkg-config; \
	elif has apk; then as_root apk add check-dev pkgconf; \
	elif has pacman; then as_root pacman -Sy --needed --noconfirm check pkgconf; \
	elif has brew; then run brew install check pkgconf; \
	else echo "install Check (libcheck) and pkg-config by hand" >&2; exit 1; fi; \
	$(PKG_CONFIG) --exists check

format:
	find lib include demo test -name '*.[ch]' -exec clang-format -i {} +

format-check:
	find lib include demo test -name '*.[ch]' -exec clang-format --dry-run -Werror {} +

clean:
	rm -rf $(BUILD)

.PHONY: all demo check check-all fuzzers fuzz bench conformance conformance-faults deps install uninstall format format-check
.PHONY: clean need-check FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(wildcard $(objs:.o=.d) $(tls_objs:.o=.d) $(test_helpers:.o=.d) $(tests:=.d) $(demos:=.d) $(fuzzers:=.d) $(bench:=.d) $(aio_objs:.o=.d))
