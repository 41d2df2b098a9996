# SPDX-License-Identifier: GPL-2.0
# TTP, the Toy Transport Protocol.  "make help" lists what there is.
#
# What is built for a guest's kernel is built inside a cached Debian root, by
# that kernel's own compiler (selftests/vm/root, enter); only `make' itself and
# `make install' use the host's compiler and headers.

ifneq ($(words [$(CURDIR)]),1)
$(error the path '$(CURDIR)' has a blank, which Kbuild cannot take: move the checkout)
endif

# Of the caller's environment these variables count; no other reaches a recipe.
# What is given on make's command line counts, too: make CFLAGS=-O3.
inputs	:= PATH HOME TERM MAKEFLAGS MAKELEVEL TTP_% XDG_CACHE_HOME APT_CONFIG
inputs	+= %_proxy %_PROXY KDIR KERNEL KERNELS T N SHORT CLOCK MODE TWO_VMS
inputs	+= DESTDIR PREFIX SUITE WHO MODULES WITH HOSTS GDB SYMBOLS
others	:= $(foreach v,$(filter-out $(inputs),$(.VARIABLES)),\
	     $(if $(filter environment%,$(origin $v)),$v))
$(foreach v,$(others),$(eval override undefine $v))
export LC_ALL := C.UTF-8

KDIR	?= /lib/modules/$(shell uname -r)/build
PREFIX	?= /usr/local
# Of a distribution's headers include/config/kernel.release may name another.
release	= $(or $(shell cut -sd '"' -f 2 $(KDIR)/include/generated/utsrelease.h \
	       2>/dev/null),$(shell uname -r))

updates	= /lib/modules/$(release)/updates
man7	= $(PREFIX)/share/man/man7

# Directories that install makes if they are not there.  uninstall removes those
# that are empty, but not what every system has.
folders	= $(addprefix $(PREFIX)/,include/linux include bin share/man/man7 share/man \
	  share) $(PREFIX) $(updates)
system	:= $(addprefix /usr,/local /local/bin /local/include /local/share \
	   /local/share/man)
prune	= $(if $(DESTDIR),$(folders),$(filter-out $(system),$(folders)))

vm	:= selftests/vm
# What has run is asked of the kernel that can tell; line numbers in its reports
kbuild-debug := GCOV_PROFILE=y KCOV_INSTRUMENT=y KCFLAGS=-g
kbuild-kcsan := KCFLAGS=-g

# KERNEL and KERNELS are one option: a word or several, or the path of an image,
# whose guests are called "own".  What is not known is refused.
names	:= 6.1 6.12 7.2 debug kcsan tiny bare own
asked	:= $(or $(KERNELS),$(KERNEL))
image	:= $(strip $(foreach k,$(asked),$(if $(findstring /,$k),$k)))
kernels	:= $(if $(image),own,$(asked))
kernel	:= $(or $(firstword $(kernels)),6.12)
comma	:= ,
refuse	= $(if $(strip $(1)),$(error $(2)))

ifneq ($(and $(KERNEL),$(KERNELS)),)
$(call refuse,$(filter-out $(KERNEL),$(KERNELS)) $(filter-out $(KERNELS),$(KERNEL)),\
	KERNEL=$(KERNEL) or KERNELS=$(KERNELS)? They are one option)
endif
$(call refuse,$(filter-out $(names),$(kernels)),no kernel \
	'$(filter-out $(names),$(kernels))': $(names)$(comma) or PATH/bzImage)
$(call refuse,$(and $(image),$(word 2,$(asked))),one kernel at a time if it is an image)
$(call refuse,$(and $(word 2,$(kernels)),$(filter-out test help clean,\
	$(or $(MAKECMDGOALS),all))),one kernel at a time: $(MAKECMDGOALS) KERNEL=6.12)
$(call refuse,$(and $(MODULES),$(if $(image),,$(asked) none)),MODULES= goes with \
	KERNEL=PATH/bzImage)
$(call refuse,$(and $(asked),$(filter lint intree coverage mutants bite,\
	$(MAKECMDGOALS))),$(MAKECMDGOALS) takes no KERNEL=)
# only VARIABLE,WORDS
only	= $(call refuse,$(filter-out $(2),$($(1))),$(1)=$($(1)): say $(1)= one of: $(2))
$(call only,TWO_VMS,1 0)
$(call only,SHORT,1 0)
$(call only,CLOCK,icount wall)
$(call only,MODE,conn sr)

# Inside a kernel tree's build this file is not read; here its own is silent.
MAKEFLAGS += --no-print-directory

# sync FROM... TO: a mirror of the sources, so that no two kernels' objects mix
sync	= mkdir -p $(2) && cp -ruT $(1) $(2)
# In a root there is no jobserver.
jobs	:= -j$(shell nproc)

.PHONY: all help layout modules user programs guest deps demo test vm test-shell lint \
	bench bench-doc profile intree coverage mutants examples bite test-runner \
	cold-start install install-module install-user uninstall clean FORCE

all: ttp.ko user

help:
	@echo 'On this machine:'
	@echo '  make                 ttp.ko for the running kernel, build/host/: programs'
	@echo '  make install         both for good (DESTDIR=, PREFIX=); make uninstall'
	@echo '  make install-user    programs, header and man page alone; install-module'
	@echo 'In virtual machines (KERNEL is 6.1, 6.12, 7.2, debug, kcsan, tiny or bare,'
	@echo 'or PATH/bzImage, with MODULES=DIR and KDIR=DIR):'
	@echo '  make demo            two hosts and a router talk; TWO_VMS=1: two machines'
	@echo '  make test            all tests (KERNEL="6.1 6.12 7.2", T=NAME for one)'
	@echo '  make vm              a shell in a guest with the module (KERNEL=6.12);'
	@echo '                       HOSTS=2: hosts and a router in a tmux, WITH="PACKAGE"...,'
	@echo '                       GDB=1 [SYMBOLS=1]: stop, and say how gdb attaches'
	@echo '  make modules         build/KERNEL/ttp.ko (KERNEL=6.12), or with KDIR='
	@echo 'For those who change it:'
	@echo '  make lint            checkpatch, sparse, W=1, shellcheck, documentation'
	@echo '  make examples        the patches of extending.rst apply and work (KERNEL=6.12)'
	@echo '  make bench           what a datagram costs (KERNEL=6.12, SHORT=1 to gate,'
	@echo '                       CLOCK=wall); make bench-doc puts it in the sources'
	@echo '  make profile         the same by kernel function (KERNEL=6.12,'
	@echo '                       MODE=conn or MODE=sr)'
	@echo '  make layout          structures and cache lines, by pahole (KERNEL=6.12)'
	@echo '  make intree          would it build as net/ttp/, and elsewhere?'
	@echo '  make coverage        what of the module the tests reach'
	@echo '  make mutants         do the tests see a broken module? (N=10: ten of them)'
	@echo '  make test-shell      make vm, and gdb, tried through a terminal'
	@echo '  make bite            do the sanitizers see what is wrong?'
	@echo '  make test-runner     tests of the Makefile and of the runner (T=NAME)'
	@echo '  make cold-start      README on a bare Debian (SUITE=bookworm|trixie|sid,'
	@echo '                       WHO=root or WHO=user)'
	@echo '  make clean           what was built; the cache stays (~/.cache/ttp)'
	@echo 'Any command in any guest: selftests/vm/run --help'

# --- this machine ----------------------------------------------------------

ttp.ko: FORCE
	@test -e $(KDIR)/Makefile || { \
		echo "no kernel headers in $(KDIR):" \
		     "sudo apt-get install linux-headers-$$(uname -r)," \
		     "or say KDIR=" >&2; exit 1; }
	@$(call sync,module,build/kb-host/module)
	@cp Kbuild build/kb-host
	$(MAKE) -C $(KDIR) M=$(CURDIR)/build/kb-host modules
	@cp build/kb-host/module/ttp.ko $@

user:
	@$(MAKE) -C userspace O=$(CURDIR)/build/host

install: install-module install-user

install-module: ttp.ko
	install -D -m 644 ttp.ko $(DESTDIR)$(updates)/ttp.ko
	$(if $(DESTDIR),,depmod $(release))

# Programs, header and man page: needs no kernel headers
install-user: user
	install -D -m 644 Documentation/ttp.7 $(DESTDIR)$(man7)/ttp.7
	@$(MAKE) -C userspace O=$(CURDIR)/build/host PREFIX=$(PREFIX) install

uninstall:
	rm -f $(DESTDIR)$(updates)/ttp.ko $(DESTDIR)$(man7)/ttp.7
	@$(MAKE) -C userspace PREFIX=$(PREFIX) uninstall
	@cd $(or $(DESTDIR),/) && for dir in $(prune:/%=%); do \
		test ! -d $$dir || \
		rmdir $(if $(DESTDIR),-p) --ignore-fail-on-non-empty $$dir; done
	$(if $(DESTDIR),,test ! -d $(dir $(updates)) || depmod $(release))

# --- guests ----------------------------------------------------------------

deps:
	@$(vm)/deps

# KDIR given on the command line or in the environment: that kernel, here.
modules: $(if $(image)$(filter file,$(origin KDIR)),build/$(kernel)/ttp.ko,ttp.ko)

build/%/ttp.ko: FORCE | deps
	@$(call sync,module,build/kb-$*/module)
	@cp Kbuild build/kb-$*
	@mkdir -p build/$*
	@set -e; line=$$($(vm)/kernel $*); set -- $$line; \
	echo "  MODULE  build/$*/ttp.ko ($$1)"; \
	$(vm)/enter $$6 -- make -s $(jobs) -C $$4 M=$(CURDIR)/build/kb-$* W=1 \
		$(kbuild-$*) modules >build/$*/log 2>&1 || { cat build/$*/log >&2; exit 1; }
	@grep -v 'Skipping BTF' build/$*/log >&2 || true
	@cp build/kb-$*/module/ttp.ko $@

# A kernel of one's own, for which the host's compiler builds: in KDIR, or where
# the link leads that modules_install has made; "own" is the last one.
ifneq ($(image),)
own	:= "$(image)" "$(or $(realpath $(MODULES)),$(MODULES))"
own-kdir := $(if $(filter file,$(origin KDIR)),$(realpath $(MODULES)/build),\
	    $(realpath $(KDIR)))
else
last	:= $(file <build/own/kernel)
own	:= $(wordlist 2,3,$(last))
own-kdir := $(word 4,$(last))
endif

build/own/ttp.ko: FORCE | deps
	@test -n '$(own)' || { echo "which kernel? KERNEL=PATH/bzImage" >&2; exit 1; }
	@test -d "$(own-kdir)" || { echo "where was it built?" \
		"KDIR=$(KDIR) is no directory" >&2; exit 1; }
	@mkdir -p build/own
	@$(vm)/kernel $(own) "$(own-kdir)" >build/own/kernel.new
	@cd build && cmp -s own/kernel own/kernel.new || rm -rf kb-own
	@mv build/own/kernel.new build/own/kernel
	@$(call sync,module,build/kb-own/module)
	@cp Kbuild build/kb-own
	@echo "  MODULE  $@ ($$(cut -d ' ' -f 1 build/own/kernel))"
	@$(MAKE) -s -C "$(own-kdir)" M=$(CURDIR)/build/kb-own modules
	@cp build/kb-own/module/ttp.ko $@

# What is laid over a guest's root: programs, and kselftests under /ksft.
programs: | deps
	@echo "  GUEST   build/guest/usr/local"
	@$(vm)/enter bookworm -- $(vm)/build-guest programs

guest: programs
	@echo "  GUEST   build/guest/ksft"
	@$(vm)/enter bookworm -- $(vm)/build-guest tests

demo: build/$(kernel)/ttp.ko programs
	@TWO_VMS=$(TWO_VMS) $(vm)/demo $(kernel)

test: tests := $(or $(kernels),6.1 6.12 7.2)
test: $(patsubst %,build/%/ttp.ko,$(or $(kernels),6.1 6.12 7.2)) guest
	@$(vm)/test $(if $(T),$(T:%=--only %)) $(tests)

vm: build/$(kernel)/ttp.ko programs
	@$(vm)/run --kernel $(kernel) $(if $(HOSTS),--hosts $(HOSTS)) \
		$(if $(WITH),--with "$(WITH)") $(if $(GDB),--gdb) \
		$(if $(SYMBOLS),--symbols)

# What a person does at the guest's shell, and with gdb
test-shell: build/$(kernel)/ttp.ko programs
	@$(vm)/deps python3 python3
	@$(vm)/test-shell $(kernel) $(T)
	@$(vm)/bite 6.12

# --- those who change it ---------------------------------------------------

lint: | deps
	@$(vm)/enter doc -- $(vm)/lint --doc
	@$(vm)/enter bookworm -- $(vm)/lint

examples: guest
	@$(vm)/examples $(kernel)

bench: build/$(kernel)/ttp.ko guest
	@$(vm)/bench $(if $(filter 1,$(SHORT)),--short) $(if $(CLOCK:icount=),--$(CLOCK)) \
		$(kernel)

bench-doc: build/$(kernel)/ttp.ko guest
	@$(vm)/profile $(kernel) conn >Documentation/profile-conn.txt
	@$(vm)/profile $(kernel) sr >Documentation/profile-sr.txt
	@$(vm)/bench --doc $(kernel)

profile: build/$(kernel)/ttp.ko guest
	@$(vm)/profile $(kernel) $(MODE)

layout: build/$(kernel)/ttp.ko
	@$(vm)/enter bookworm -- pahole -F dwarf -C ttp_net,ttp_port,ttp_sock $<

intree: | deps
	@$(vm)/enter cross -- $(vm)/intree

coverage: build/debug/ttp.ko guest
	@$(vm)/coverage

mutants: guest
	@$(vm)/mutants $(N)

bite: guest
	@$(vm)/bite

test-runner: build/6.12/ttp.ko guest
	@$(vm)/test-runner $(T)

SUITE	?= bookworm
cold-start: | deps
	@$(vm)/cold-start $(if $(WHO),--as $(WHO)) $(SUITE)

clean:
	rm -rf build ttp.ko
