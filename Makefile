# SPDX-License-Identifier: MIT
#
#   make             the library, static and shared, into build/
#   make demo        builds and runs the demos; needs a C compiler and make only
#   make check       builds and runs the tests; needs libcheck and pkg-config
#   make deps        installs those two where they are missing
#   make install     into PREFIX, by way of DESTDIR; make uninstall takes it back
#   make man         the manual, into build/man; make html, the same for a browser
#   make clean       removes build/
#   make ...         and what the heads of lib/packaging/Makefile and test/Makefile tell
#
# Variables: CC CFLAGS CPPFLAGS LDFLAGS, BUILD (the directory for all that is made), PREFIX BINDIR LIBDIR
# INCLUDEDIR DESTDIR of install, and
#
#   V=1              shows each command as a whole
#   CONTEXT=name     how stacks are switched: ucontext, setjmp, or a CPU with a file of its own
#   SANITIZE=list    address, thread, undefined; or address,undefined
#   URING=           without io_uring, though liburing be there
#   TLS=             without libcoro-tls, though OpenSSL be there
#   POSIX=           without libcoro-posix, which is made on 64-bit Linux with glibc, and not for ThreadSanitizer
#   DW=              coro-ps without elfutils' libdw, though it be there

comma := ,
BUILD ?= build
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CFLAGS ?= -O2 -g
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy 2>/dev/null)
INSTALL ?= install
LDCONFIG ?= ldconfig

numbers := $(shell sed -n 's/^.define CORO_VERSION_[A-Z]* //p' include/coro/base.h)
major := $(firstword $(numbers))
version := $(major).$(word 2,$(numbers)).$(word 3,$(numbers))

# A cross compiler's libraries are known to a pkg-config of its own, if any is.
machine := $(firstword $(shell $(CC) -dumpmachine 2>/dev/null))
PKG_CONFIG ?= $(shell command -v $(or $(machine),no)-pkg-config || echo pkg-config)
preprocess := $(CC) $(CPPFLAGS) $(CFLAGS) -E
# Sizes of files and times have 64 bits on every system: users get the same by coro.pc. Where long has
# 64, they have them anyway.
macros := $(shell $(preprocess) -dM -include stdint.h -x c /dev/null 2>/dev/null | grep -o -w -e __LP64__ -e __GLIBC__)
large := $(if $(filter __LP64__,$(macros)),,-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64)

# The CPU, if it has a file of its own: each refuses other machines. Else setjmp.
cpu = $(eval cpu := $(shell for s in lib/core/context/*.S; do $(preprocess) -Ilib $$s >/dev/null 2>&1 && basename $$s .S; done))$(cpu)
$(if $(CONTEXT),,$(eval CONTEXT := $(or $(cpu),setjmp)))

# Whether the compiler does it, into a file of its own: Zig's would put that in the place of /dev/null. With -g macOS's
# leaves a directory beside it.
cflags = $(filter-out --coverage,$(CFLAGS))
does = $(shell out=`mktemp` && $(1) -o $$out >/dev/null 2>&1 && echo yes; rm -rf $$out $$out.dSYM)
# Whether pkg-config knows it, and it is the compiler's machine's: what pkg-config knows may be the host's.
becomes = $(call does,echo '$(1)' | $(CC) $(cflags) $(LDFLAGS) -x c - $(2))
there = $(if $(shell $(PKG_CONFIG) --exists '$(1)' 2>/dev/null && echo yes),$(call becomes,int main(void) { },`$(PKG_CONFIG) --libs '$(1)'`))
# Not empty: with TLS, as a library of its own; with the poller that uses liburing, which the library then needs.
TLS := $(if $(filter undefined,$(origin TLS)),$(call there,openssl >= 1.1.1),$(TLS))
URING := $(if $(filter undefined,$(origin URING)),$(call there,liburing >= 2.3),$(URING))
DW := $(if $(filter undefined,$(origin DW)),$(call there,libdw),$(DW))
libraries := coro $(if $(TLS),coro-tls)
POSIX := $(if $(filter undefined environment,$(origin POSIX)),$(if $(large)$(findstring thread,$(SANITIZE)),,$(filter __GLIBC__,$(macros))),$(POSIX))

# The flag, if the compiler takes it, compiling or linking.
accepts = $(if $(call does,$(CC) $(cflags) -Wno-unused-command-line-argument -Werror $(1) -c -x c /dev/null),$(1))
links = $(if $(call does,$(CC) $(cflags) -r -nostdlib $(1) -x c /dev/null),$(1))
macho := $(or $(findstring darwin,$(machine)),$(findstring macos,$(machine)))
include lib/packaging/$(if $(macho),macho,elf).mk
all: $(foreach library,$(libraries),$(BUILD)/lib$(library).a $(BUILD)/$(call so,$(library))) $(if $(POSIX),$(BUILD)/libcoro-posix.so)

kqueue := $(strip $(KQUEUE_MODEL) $(macho) $(foreach system,bsd dragonfly,$(findstring $(system),$(machine))))
uring_cflags := $(if $(URING),-DCORO_URING $(shell $(PKG_CONFIG) --cflags liburing))
uring_libs := $(if $(URING),$(shell $(PKG_CONFIG) --libs liburing))
tls_cflags := $(if $(TLS),$(shell $(PKG_CONFIG) --cflags openssl))
tls_libs := $(if $(TLS),$(shell $(PKG_CONFIG) --libs openssl))

warnings := -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wvla -Wno-missing-field-initializers $(call accepts,-Wno-dangling-pointer)
common := $(large) -std=gnu11 -pthread -MMD -MP -Iinclude $(warnings)
lib_flags := $(common) -D_GNU_SOURCE -Ilib -fPIC -fvisibility=hidden $(if $(kqueue),-DCORO_KQUEUE) \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings $(system_flags) $(uring_cflags)
demo_flags := $(common) -Wno-unused-parameter
sanitize := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)

# A backend is a file. A CPU's is joined by ucontext under other names, for systems with shadow stacks, if libc
# has makecontext, which the others need. macOS has it, but deprecated, and no shadow stacks.
portable := $(filter ucontext setjmp,$(CONTEXT))
$(if $(portable)$(wildcard lib/core/context/$(CONTEXT).S),,$(error CONTEXT=$(CONTEXT): there is no such backend))
makecontext := $(if $(and $(macho),$(if $(portable),,yes)),,$(call becomes,void makecontext(void); int main(void) { makecontext(); }))
birth := birth $(if $(makecontext),birth_made $(if $(portable),,ucontext_fallback),birth_written)
context := special $(CONTEXT) $(if $(filter-out ucontext,$(CONTEXT)),$(birth))
context_objs := $(context:%=$(BUILD)/lib/core/context/%.o)

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
# What the loop can wait for fds with.
pollers := $(if $(findstring linux,$(machine)),epoll) poll $(if $(URING),uring) $(if $(kqueue),kqueue)
objs := $(filter-out $(BUILD)/lib/tls/% $(BUILD)/lib/posix/%,$(call objects,lib/*/*.c)) $(context_objs) \
	$(call objects,$(pollers:%=lib/io/poller/%*.c)) $(if $(KQUEUE_MODEL),$(BUILD)/test/io/kqueue/model.o) \
	$(BUILD)/lib/debug/symbol/$(if $(findstring linux,$(machine)),elf,none).o
tls_objs := $(if $(TLS),$(call objects,lib/tls/*.c))
posix_objs := $(if $(POSIX),$(call objects,lib/posix/*.c))
# In the shared library the calls that libcoro-posix defines go by pointers: see lib/posix/Makefile.
so_objs := $(if $(POSIX),$(patsubst %/bind.o,%/bind_wraps.o,$(objs)),$(objs))
headers := $(filter-out $(if $(TLS),,%/tls.h),$(wildcard include/coro/*.h))

# million last: it is the longest.
tls_demos := $(addprefix $(BUILD)/demo/,certificate https_get https_server)
glib_demos := $(BUILD)/demo/embed_glib
demos := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard demo/*.c)))
demos := $(filter-out %/million $(if $(TLS),,$(tls_demos)) $(if $(call there,glib-2.0),,$(glib_demos)) \
	$(if $(and $(POSIX),$(call there,hiredis)),,%/prime_cluster),$(demos)) $(filter %/million,$(demos))

# Commands are not shown, but $(call say,WHAT,file) for each: a line; nothing under make -s.
quiet := $(if $(filter 1,$(V)),,@)
silent := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say = $(if $(quiet),$(if $(silent),@:,@printf '  %-7s %s\n' $(1) $(2)),@:)

# Holds the flags and the names of the objects. Where they are others than last time it is written anew,
# and all that depends on it is made anew.
remembered := $(CC) $(lib_flags) $(CPPFLAGS) $(CFLAGS) $(sanitize) $(LDFLAGS) $(objs) $(tls_objs) $(posix_objs) $(DW)
differs := $(if $(subst x$(strip $(remembered)),,x$(strip $(shell cat $(BUILD)/flags 2>/dev/null))),FORCE)
$(BUILD)/flags: $(differs)
	$(if $(refusal),$(error $(refusal)))
	@mkdir -p $(@D); rm -f $@; printf '%s\n' '$(subst ','\'',$(remembered))' >$@

# The flags of each part, and more_cflags of some files.
$(BUILD)/lib/%.o: flags = $(lib_flags)
$(BUILD)/demo/%.o: flags = $(demo_flags)
$(tls_objs) $(tls_demos:=.o): more_cflags = $(tls_cflags)
$(glib_demos:=.o): more_cflags = $(shell $(PKG_CONFIG) --cflags glib-2.0)

# To sanitizers and FORTIFY a jump to another stack is a fault; -Wp, because distributions set it by that.
# What getcontext is feared to clobber on its second return is safe: it has none here.
# No plt: a switch is short enough for its jumps to count.
plain :=
context_plain := -fno-sanitize=all -U_FORTIFY_SOURCE -Wp,-U_FORTIFY_SOURCE \
	$(call accepts,-Wno-clobbered) $(call accepts,-fno-plt) $(if $(macho),-Wno-deprecated-declarations)
$(context_objs): sanitize :=
$(context_objs): plain := $(context_plain)

# The outermost frame of each stack ends the chains of frame pointers.
$(addprefix $(BUILD)/lib/core/,entry.o context/birth_made.o context/ucontext.o): more_cflags = -fno-omit-frame-pointer
$(BUILD)/lib/debug/offsets.o: more_cflags = -DCONTEXT=CONTEXT_$(CONTEXT)
# Beside a CPU's own file the names of context.h are taken.
fallback := $(BUILD)/lib/core/context/ucontext_fallback.o
$(fallback): more_cflags = -fno-omit-frame-pointer $(foreach name,make switch room,-Dcontext_$(name)=context_$(name)_ucontext)
define compile
$(call say,CC,$<)
$(quiet)mkdir -p $(@D) && $(CC) $(flags) $(more_cflags) $(CPPFLAGS) $(CFLAGS) $(sanitize) $(plain) -c -o $@ $<
endef
$(BUILD)/%.o: %.c $(BUILD)/flags; $(compile)
$(BUILD)/%.o: %.S $(BUILD)/flags; $(compile)
$(fallback): lib/core/context/ucontext.c $(BUILD)/flags; $(compile)

# A program, by the objects among its prerequisites and $(libs); the library is found from where it lies.
define link
$(call say,LINK,$@)
$(quiet)$(CC) $(CFLAGS) $(sanitize) -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) $(libs)
endef
shared = -L$(BUILD) $(more_libs) -lcoro -Wl,-rpath,'$(origin)/$(1)'

$(BUILD)/libcoro.a: $(objs) $(BUILD)/flags
$(BUILD)/libcoro-tls.a: $(tls_objs) $(BUILD)/flags
$(BUILD)/lib%.a:
	$(call say,AR,$@)
	@rm -f $@
	$(quiet)$(archived)

# $(call link_library,name,libraries that it needs)
define link_library
$(call say,LINK,$@)
$(quiet)$(link_shared)
$(quiet)ln -sf $(@F) $(BUILD)/$(call so,$(1),.$(major)) && ln -sf $(call so,$(1),.$(major)) $(BUILD)/$(call so,$(1))
endef
$(BUILD)/$(call so,coro,.$(version)): $(so_objs) $(BUILD)/flags lib/coro.map
	$(call link_library,coro,$(uring_libs) $(bind_wraps))
$(BUILD)/$(call so,coro-tls,.$(version)): $(tls_objs) $(BUILD)/flags lib/coro-tls.map $(BUILD)/$(call so,coro)
	$(call link_library,coro-tls,-L$(BUILD) -lcoro $(tls_libs))
$(BUILD)/$(call so,%): $(BUILD)/$(call so,%,.$(version)) ;

$(demos): libs = $(call shared,..)
$(tls_demos): more_libs = -lcoro-tls $(tls_libs)
$(tls_demos): $(BUILD)/$(call so,coro-tls)
$(glib_demos): more_libs = $(shell $(PKG_CONFIG) --libs glib-2.0)
$(demos): %: %.o $(BUILD)/$(call so,coro); $(link)
demo: all $(demos)
	@test/demos $(demos)

clean:
	rm -rf $(BUILD)

.PHONY: all demo clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:

include lib/base/Makefile lib/debug/ps/Makefile lib/posix/Makefile lib/doc/Makefile lib/packaging/Makefile test/Makefile
-include $(patsubst %.o,%.d,$(so_objs) $(tls_objs) $(posix_objs) $(demos:=.o))
