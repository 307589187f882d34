# SPDX-License-Identifier: MIT
#
# Libraries as macOS has them; the Makefile at the top includes this, or elf.mk.

suffix := dylib
# $(call so,name,.version): a shared library's file
so = lib$(1)$(2).dylib
# The directory of the program that is run, for its linker.
origin := @loader_path
LDCONFIG := :

# Its headers have ucontext for X/Open only, and the rest not for that alone.
system_flags := -D_XOPEN_SOURCE=700 -D_DARWIN_C_SOURCE

# The options, if the linker takes them.
dylib_accepts = $(if $(call does,$(CC) $(CFLAGS) $(LDFLAGS) -dynamiclib $(1) -x c /dev/null),$(1))

# What need not be there when all is linked: the run-time of sanitizers and C++, and ucontext beside a CPU's own switch.
absent := $(addprefix __,_asan_addr_is_in_fake_stack _asan_unpoison_memory_region _cxa_get_globals _lsan_register_root_region \
	_lsan_unregister_root_region _sanitizer_finish_switch_fiber _sanitizer_start_switch_fiber) \
	_context_make_ucontext _context_switch_ucontext
system_libs := $(or $(call dylib_accepts,$(absent:%=-Wl$(comma)-U$(comma)%)),-Wl$(comma)-undefined$(comma)dynamic_lookup)

# One object in the archive, its internal names made local, where the linker can join objects.
joins := $(if $(findstring -flto,$(CFLAGS)),,$(call does,$(CC) $(CFLAGS) $(LDFLAGS) -r -nostdlib -x c /dev/null /dev/null))
archived = $(if $(joins),$(CC) $(CFLAGS) -r -nostdlib -o $(@:%.a=%.o) $(filter %.o,$^) && $(AR) rcs $@ $(@:%.a=%.o),$(AR) rcs $@ $(filter %.o,$^))

# The names in a .map, where the linker takes a list of them; else those that the headers make visible.
listed := $(call dylib_accepts,-Wl$(comma)-exported_symbols_list$(comma)/dev/null)
exports = $(if $(listed),-Wl$(comma)-exported_symbols_list$(comma)$(BUILD)/lib$(1).exports)

# $(call dylib,name,directory that it will be found in,file,objects and libraries). A program that was linked with
# a minor version needs that one or a later.
dylib = sed -n 's/^[ 	]*\([a-z_0-9]*\);.*/_\1/p' lib/$(1).map >$(BUILD)/lib$(1).exports && \
	$(CC) $(CFLAGS) $(sanitize) -pthread -dynamiclib -Wl,-install_name,$(2)/$(call so,$(1),.$(major)) \
	-Wl,-current_version,$(version),-compatibility_version,$(major).$(word 2,$(numbers)).0 \
	$(exports) $(system_libs) $(LDFLAGS) -o $(3) $(4)

# $(call link_shared,name,libraries that it needs): in BUILD programs say where it is
link_shared = $(call dylib,$(1),@rpath,$@,$(filter %.o,$^) $(2))

# $(call install_shared,name): linked anew, with the name under which programs find it
install_shared = $(call dylib,$(1),$(LIBDIR),"$(DESTDIR)$(LIBDIR)/$(call so,$(1),.$(version))",$(if $(filter coro,$(1)), \
	$(so_objs) $(uring_libs),$(tls_objs) -L"$(DESTDIR)$(LIBDIR)" -lcoro $(tls_libs)))
