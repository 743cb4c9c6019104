# Proa: one Makefile for everything, output under $(BUILD) only.
#
#   make                 build/{proa,proa-image,proa-services,init}
#   make unit            build and run the unit tests (SANITIZE=1: with ASan and UBSan)
#   make install DESTDIR=…
#   make run             an interactive machine (after scripts/demo)
#
# A room's sources are found by their folder: a new .c file needs no line here.

BUILD   ?= build
PREFIX  ?= /usr
DESTDIR ?=
CC      ?= cc
VERSION := $(shell cat VERSION)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Werror
CFLAGS_ALL := -std=gnu11 -O2 -g $(WARN) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-DPROA_VERSION='"$(VERSION)"' -I. -fstack-protector-strong -D_FORTIFY_SOURCE=3 $(CFLAGS)
LDFLAGS_ALL := -Wl,-z,relro,-z,now $(LDFLAGS)
ifdef SANITIZE
override BUILD := $(BUILD)/sanitize
CFLAGS_ALL := $(filter-out -D_FORTIFY_SOURCE=3,$(CFLAGS_ALL)) \
	-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_ALL += -fsanitize=address,undefined
ASAN_DEFAULTS = $(BUILD)/obj/tests/unit/support/asan.o
endif
# CC=clang LIBFUZZER=1: fuzzers that look for inputs, in place of programs that replay them.
ifdef LIBFUZZER
override BUILD := $(BUILD)/libfuzzer
CFLAGS_ALL := $(filter-out -D_FORTIFY_SOURCE=3,$(CFLAGS_ALL)) \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_ALL += -fsanitize=fuzzer,address,undefined
ASAN_DEFAULTS = $(BUILD)/obj/tests/unit/support/asan.o
else
FUZZ_MAIN = $(BUILD)/obj/tests/fuzz/replay.o
endif

# Rooms (DESIGN §1: who may use whom). The libraries are archives: a program
# links the objects that it refers to and no others, so PID 1 stays small.
LIB        := $(wildcard lib/*.c lib/format/*.c lib/config/*.c lib/docker/*.c)
BOOTLOADER := $(wildcard bootloader/*.c)
INSTALLER  := $(wildcard installer/*.c)
UPGRADER   := $(wildcard upgrader/*.c)
IMAGES     := $(wildcard images/*.c)
INIT       := $(wildcard init/*.c init/boot/*.c init/supervise/*.c)
SERVICES   := $(wildcard init/services/*.c)
CLI        := $(wildcard cli/*.c)

obj  = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
sobj = $(patsubst %.c,$(BUILD)/static/%.o,$(1))

# An image links this one statically: the shared one would bring libxml2 and ICU, 40 MB.
LIBARCHIVE    ?= -larchive
LIBS_PROA     := -lparted -lblkid -luuid $(LIBARCHIVE) -lzstd -lcurl -lyaml -ljansson -lcrypto -lpthread
LIBS_IMAGE    := -larchive -lzstd -ljansson -lcrypto -lpthread
LIBS_SERVICES := -lcrypt -lz -lcurl -lyaml -ljansson -lcrypto -lpthread
# What libcrypto.a needs of its own differs: Debian 13 built it with zlib and zstd.
LIBS_INIT     := -lblkid -luuid $(shell pkg-config --static --libs libcrypto) -lpthread

PROGRAMS := $(BUILD)/proa $(BUILD)/proa-image $(BUILD)/proa-services $(BUILD)/init

.PHONY: all unit install run clean programs
all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -fPIE -MMD -MP -c $< -o $@

# PID 1 is static, and built without PIE: fewer pages are written at start-up.
$(BUILD)/static/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -ffunction-sections -fdata-sections -MMD -MP -c $< -o $@

$(BUILD)/libproa.a: $(call obj,$(LIB))
$(BUILD)/libbootloader.a: $(call obj,$(BOOTLOADER))
$(BUILD)/libservices.a: $(call obj,$(filter-out %/main.c,$(SERVICES)))
$(BUILD)/libproa-static.a: $(call sobj,$(LIB))
$(BUILD)/libbootloader-static.a: $(call sobj,$(BOOTLOADER))
%.a:
	@rm -f $@
	ar rcs $@ $^

# status, report, reboot … live with the services: each program takes only its objects.
$(BUILD)/proa: $(call obj,$(CLI) $(INSTALLER) $(UPGRADER)) $(BUILD)/libservices.a \
		$(BUILD)/libbootloader.a $(BUILD)/libproa.a
	$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ $(LIBS_PROA)

$(BUILD)/proa-image: $(call obj,$(IMAGES)) $(BUILD)/libbootloader.a $(BUILD)/libproa.a
	$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ $(LIBS_IMAGE)

$(BUILD)/proa-services: $(call obj,init/services/main.c) $(BUILD)/libservices.a \
		$(BUILD)/libbootloader.a $(BUILD)/libproa.a
	$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ $(LIBS_SERVICES)

$(BUILD)/init: $(call sobj,$(INIT)) $(BUILD)/libbootloader-static.a $(BUILD)/libproa-static.a
	$(CC) -static $(filter-out -fsanitize%,$(LDFLAGS_ALL)) -Wl,--gc-sections -o $@ $^ $(LIBS_INIT)

# Unit tests: tests/unit/ROOM_test.c is one program; it may name any room's code.
# A room's main() stays out: sources called main.c are not in the test archive.
TESTABLE := $(filter-out %/main.c,$(INSTALLER) $(UPGRADER) $(IMAGES) $(SERVICES) $(INIT) $(CLI))
TESTS := $(wildcard tests/unit/*_test.c)
$(BUILD)/libtestable.a: $(call obj,$(TESTABLE) $(wildcard tests/unit/support/*.c))
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(ASAN_DEFAULTS) $(BUILD)/libtestable.a $(BUILD)/libbootloader.a $(BUILD)/libproa.a
	@mkdir -p $(@D)
	$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ $(LIBS_PROA) -lcrypt -lz -lcmocka

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(TESTS))
unit: $(UNIT)
	@failed=0; for t in $(UNIT); do $$t || failed=1; done; exit $$failed
.PHONY: unit-programs
unit-programs: $(UNIT)

# Fuzz targets, one for each reader of bytes from outside (tests/fuzz/run).
FUZZ := $(patsubst tests/fuzz/%_fuzz.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%_fuzz.o $(FUZZ_MAIN) $(ASAN_DEFAULTS) \
		$(BUILD)/libtestable.a $(BUILD)/libbootloader.a $(BUILD)/libproa.a
	@mkdir -p $(@D)
	$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ $(LIBS_PROA) -lcrypt -lz
.PHONY: fuzz-programs
fuzz-programs: $(FUZZ)

# What tests/system/test_grub_table.py asks for the model's answers.
$(BUILD)/tests/grub_table: $(BUILD)/obj/tests/system/grub_table.o $(BUILD)/libbootloader.a $(BUILD)/libproa.a
	@mkdir -p $(@D)
	$(CC) -pie $(LDFLAGS_ALL) -o $@ $^ -lcrypto -lpthread

MAN := $(wildcard docs/man/*.[1-8])
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/proa
	install -m 0755 $(BUILD)/proa $(BUILD)/proa-image $(DESTDIR)$(PREFIX)/bin/
	install -m 0755 $(BUILD)/proa-services $(BUILD)/init $(DESTDIR)$(PREFIX)/lib/proa/
	for page in $(MAN); do \
		section=$${page##*.}; \
		install -D -m 0644 $$page $(DESTDIR)$(PREFIX)/share/man/man$$section/$${page##*/}; \
	done

run:
	scripts/machine run

clean:
	rm -rf $(BUILD)/obj $(BUILD)/static $(BUILD)/tests $(BUILD)/*.a $(PROGRAMS)

-include $(shell find $(BUILD)/obj $(BUILD)/static -name '*.d' 2>/dev/null)
