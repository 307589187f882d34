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

# $(call listing,name,file): writes the names that a library exports
listing = sed -n 's/^[ 	]*\([a-z_0-9]*\);.*/_\1/p' lib/$(1).map >$(2)

# Internal names in the archive must not clash with a user's. Apple's linker joins the objects to one, in which the
# names that are not listed are local. LLVM's joins none: there its tools put "coro." before these names.
lto := $(findstring -flto,$(CFLAGS))
joining = -r -nostdlib -Wl,-exported_symbols_list$(comma)
joins := $(if $(lto),,$(call does,$(CC) $(CFLAGS) $(LDFLAGS) $(joining)/dev/null -x c /dev/null /dev/null))
joined = $(call listing,$*,$(@:%.a=%.listed)) && $(CC) $(CFLAGS) $(LDFLAGS) $(joining)$(@:%.a=%.listed) -o $(@:%.a=%.o) $(filter %.o,$^) && \
	$(AR) rcs $@ $(@:%.a=%.o)
llvm = $(shell command -v "$$($(CC) -print-prog-name=llvm-$(1) 2>/dev/null)")
renames := $(if $(lto)$(joins),,$(and $(call llvm,nm),$(call llvm,objcopy)))
renamed = $(call listing,$*,$(@:%.a=%.listed)) && $(AR) rcs $@ $(filter %.o,$^) && \
	$(call llvm,nm) -g -U -j $@ | grep '^_' | sort -u | grep -v -x -F -f $(@:%.a=%.listed) | sed 's/^_\(.*\)/& _coro.\1/' >$(@:%.a=%.renamed) && \
	$(call llvm,objcopy) --redefine-syms=$(@:%.a=%.renamed) $@
archived = $(if $(joins),$(joined),$(if $(renames),$(renamed),$(AR) rcs $@ $(filter %.o,$^)))

# The names in a .map, where the linker takes a list of them; else those that the headers make visible.
listed := $(call dylib_accepts,-Wl$(comma)-exported_symbols_list$(comma)/dev/null)
exports = $(if $(listed),-Wl$(comma)-exported_symbols_list$(comma)$(BUILD)/lib$(1).exports)

# $(call dylib,name,directory that it will be found in,file,objects and libraries). A program that was linked with
# a minor version needs that one or a later.
dylib = $(call listing,$(1),$(BUILD)/lib$(1).exports) && \
	$(CC) $(CFLAGS) $(sanitize) -pthread -dynamiclib -Wl,-install_name,$(2)/$(call so,$(1),.$(major)) \
	-Wl,-current_version,$(version),-compatibility_version,$(major).$(word 2,$(numbers)).0 \
	$(exports) $(system_libs) $(LDFLAGS) -o $(3) $(4)

# $(call link_shared,name,libraries that it needs): in BUILD programs say where it is
link_shared = $(call dylib,$(1),@rpath,$@,$(filter %.o,$^) $(2))

# $(call install_shared,name): linked anew, with the name under which programs find it
install_shared = $(call dylib,$(1),$(LIBDIR),"$(DESTDIR)$(LIBDIR)/$(call so,$(1),.$(version))",$(if $(filter coro,$(1)), \
	$(so_objs) $(uring_libs),$(tls_objs) -L"$(DESTDIR)$(LIBDIR)" -lcoro $(tls_libs)))
