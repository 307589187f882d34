# SPDX-License-Identifier: MIT
#
# Libraries as Linux and the BSDs have them; the Makefile at the top includes this, or macho.mk.

suffix := so
# What libc lacks: on the BSDs backtrace is in a library of its own.
bsd := $(findstring bsd,$(machine))$(findstring dragonfly,$(machine))
system_libs := $(if $(bsd),$(if $(call becomes,int main(void) { },-lexecinfo),-lexecinfo))
# $(call so,name,.version): a shared library's file
so = lib$(1).so$(2)
# The directory of the program that is run, for its linker.
origin := $$ORIGIN

system_flags := $(call accepts,-fno-semantic-interposition) $(call accepts,-mtls-dialect=gnu2) \
	$(if $(bsd),$(if $(system_libs),,-DCORO_NO_BACKTRACE))

# One object in the archive, its internal names made local, so that none clashes with a user's. Under -flto
# it must be told to hold machine code; and 32-bit x86 has functions in groups, of which others' would be taken.
relocatable = -r -nostdlib $(call links,-Wl$(comma)--force-group-allocation) $(if $(findstring -flto,$(CFLAGS)),$(call links,-flinker-output=nolto-rel))
# MIPS calls no local name by way of the GOT: there they stay global.
hide := $(if $(findstring mips,$(machine)),,--localize-hidden)
localize = $(CC) $(CFLAGS) $(relocatable) -o $(@:%.a=%.o) $(filter %.o,$^) && $(OBJCOPY) $(hide) $(@:%.a=%.o)
has_objcopy := $(shell command -v $(OBJCOPY))
archived = $(if $(has_objcopy),$(localize) && $(AR) rcs $@ $(@:%.a=%.o),$(AR) rcs $@ $(filter %.o,$^))

# The thread-exit and signal handlers must outlive a dlclose, hence nodelete.
# A sanitizer's run-time is in the program only, so its names stay undefined here.
# $(call link_shared,name,libraries that it needs)
link_shared = $(CC) $(CFLAGS) $(sanitize) -pthread -shared -Wl,-soname,lib$(1).so.$(major),--version-script=lib/$(1).map \
	-Wl,-z,relro,-z,now,-z,nodelete,--as-needed$(if $(SANITIZE),,$(comma)-z$(comma)defs) $(LDFLAGS) -o $@ $(filter %.o,$^) $(2) $(system_libs)

# $(call install_shared,name): copies it into LIBDIR
install_shared = $(INSTALL) -m 755 $(BUILD)/$(call so,$(1),.$(version)) "$(DESTDIR)$(LIBDIR)"
