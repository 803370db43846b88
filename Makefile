# Copyright (C) the nginx-rtmp-recording-module authors
#
# The usual ways to use it on Debian:
#
#   make demo                          show what the module does
#   make demo-s3                       the same, with delivery to a bucket
#   make test                          run all tests
#   make deps && make                  build the module
#   make console                       build its web page
#   sudo make install                  install it for Debian's nginx
#
#   make test TESTS="t/hls.t"          run some tests
#   make test PROVE_FLAGS="-v -j1"     pass options to prove
#   make fuzz FUZZ_TIME=600            feed the parsers with anything
#   make bench BENCH_STREAMS=100       what recording costs; its options are
#                                      in t/bench/bench.pl
#   make bench-catalogue               what its catalogue costs, with a
#                                      million rows
#   make bench-api                     and a page of the API among them
#   make bench-upload                  what delivery to a bucket costs
#   make bench-early                   how long it takes after the end of what
#                                      is delivered while it is recorded
#   make players                       play recordings with other programs
#   make screenshots                   the picture of the console in docs/
#   make soak SOAK_ROUNDS=1000         kills and signals, over and over
#   make mutants                       whether tests see what is broken
#   make vectors                       sign requests with AWS's own signer
#   make swift                         deliver to another server of S3
#
# Everything that is made goes to build/.  docs/install.md is about systems
# other than Debian, where nginx's own configure builds the module.


NAME = ngx_rtmp_recording_module

BUILD = $(CURDIR)/build

# the headers of nginx: of the package nginx-dev if it is installed, else
# unpacked from it

NGINX_VERSION := $(shell dpkg-query -W -f '$${source:Version}' nginx \
	2>/dev/null)
NGINX_SRC := $(patsubst %/conf_flags,%,$(firstword \
	$(wildcard /usr/share/nginx/src/conf_flags) \
	$(BUILD)/nginx-dev-$(NGINX_VERSION)/usr/share/nginx/src/conf_flags))

# the module; the command; the demo, beside these; the tests, beside all

BUILD_PACKAGES = gcc libc6-dev make dpkg-dev nginx libnginx-mod-rtmp \
	libavformat-dev libavcodec-dev libavutil-dev libsqlite3-dev \
	libjansson-dev libexpat1-dev libssl-dev libpcre2-dev zlib1g-dev \
	ca-certificates xz-utils
RUN_PACKAGES = curl perl
DEMO_PACKAGES = ffmpeg sqlite3
TEST_PACKAGES = ceph-common ceph-mon ceph-osd chromium-headless-shell clang \
	e2fsprogs jq libclang-rt-dev libio-socket-ssl-perl libjson-xs-perl \
	mount nginx-dev openssl procps radosgw rclone s3cmd xfsprogs

# what t/players.t plays with, beside the npm packages in t/players

PLAYER_PACKAGES = chromium-headless-shell gstreamer1.0-libav \
	gstreamer1.0-plugins-bad gstreamer1.0-plugins-base \
	gstreamer1.0-plugins-good gstreamer1.0-tools mpv vlc-bin vlc-plugin-base

# the other server of S3, and what is tested with both

SWIFT_PACKAGES = memcached swift-account swift-container swift-object \
	swift-proxy
STORAGE_TESTS = t/gateway.t t/fault_proxy.t t/deliver.t t/deliver_faults.t \
	t/deliver_early_hls.t t/deliver_early_mp4.t t/deliver_early_resume.t

# those that leave something to chance, which make soak does not
FULL_TESTS = t/deliver_early_mp4.t t/deliver_early_power.t t/deliver_faults.t \
	t/deliver_kill.t t/exact.t t/faults.t t/long.t t/mp4_killed.t \
	t/power.t t/power_finish.t

# tests run side by side, many more than there are processors, as they wait most
# of their time; in which order is in t/testrules.yml

TESTS = t/
PROVE_FLAGS =
PROCESSORS = $(shell nproc 2>/dev/null || echo 1)
JOBS = $(shell expr $(PROCESSORS) \* 5)

# what is made for tests, side by side as well
MAKE_ALL = $(MAKE) --no-print-directory \
	$(if $(filter -j%,$(MAKEFLAGS)),,-j$(PROCESSORS))

DESTDIR =
MODULES_DIR = /usr/lib/nginx/modules
CONSOLE_DIR = /usr/share/ngx-rtmp-recording-module/console
AVAILABLE_DIR = /usr/share/nginx/modules-available
ENABLED_DIR = /etc/nginx/modules-enabled
BIN_DIR = /usr/local/bin
MAN_DIR = /usr/local/share/man/man1

# what the module is made of; a change of the list means a new configure

SOURCES = $(sort $(wildcard src/*.c src/*/*.c src/*/*.h))


all: $(BUILD)/$(NAME).so console

.PHONY: all console screenshots deps test-deps demo demo-s3 test test-asan unit fuzzers fuzz fuzz-corpus \
	load bench bench-api bench-catalogue bench-upload bench-early mutants \
	players vectors swift soak static asan install uninstall clean FORCE
.DELETE_ON_ERROR:
.PRECIOUS: $(BUILD)/%/tree/objs/Makefile


deps:
	@t/tools/deps.sh $(BUILD_PACKAGES) $(RUN_PACKAGES)

test-deps:
	@t/tools/deps.sh $(BUILD_PACKAGES) $(RUN_PACKAGES) $(DEMO_PACKAGES) \
	    $(TEST_PACKAGES)


# build/ keeps itself out of the repository

$(BUILD)/.gitignore:
	@mkdir -p $(BUILD)
	@echo '*' > $@


# sources of nginx-rtmp (its headers are in no package) and nginx (its
# package has only headers), one after the other: apt's directory is the same

$(BUILD)/src/nginx-rtmp/config: | $(BUILD)/.gitignore
	@echo "fetching nginx-rtmp's headers"
	@t/tools/fetch.sh $(BUILD)/apt libnginx-mod-rtmp $(BUILD)/src/nginx-rtmp
	@touch $@

$(BUILD)/src/nginx/configure: | $(BUILD)/src/nginx-rtmp/config
	@echo "fetching nginx's source"
	@t/tools/fetch.sh $(BUILD)/apt nginx $(BUILD)/src/nginx
	@touch $@


# changes only when a source comes or goes, or with another nginx

$(BUILD)/configured: FORCE | $(BUILD)/.gitignore $(NGINX_SRC)/conf_flags
	@{ echo $(SOURCES); cat $(NGINX_SRC)/conf_flags 2>/dev/null; \
	   echo $(NGINX_SRC); \
	   dpkg-query -W nginx nginx-dev 2>/dev/null; } > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi


$(BUILD)/nginx-dev-%/usr/share/nginx/src/conf_flags: | $(BUILD)/.gitignore
	@echo "fetching nginx's headers"
	@t/tools/headers.sh "$(NGINX_VERSION)" \
	    $(BUILD)/nginx-dev-$(NGINX_VERSION)

# the module for Debian's nginx, built as Debian builds its own modules

FLAGS = $$(dpkg-buildflags --get $(1))

$(BUILD)/debian/Makefile: config $(BUILD)/configured \
		$(BUILD)/src/nginx-rtmp/config
	@mkdir -p $(BUILD)/debian
	@echo "configuring for Debian's nginx"
	@cd $(NGINX_SRC) \
	&& export NGX_RTMP_PATH="$(BUILD)/src/nginx-rtmp" \
	          CFLAGS_="$(call FLAGS,CFLAGS) $(call FLAGS,CPPFLAGS) -fPIC" \
	          LDFLAGS_="$(call FLAGS,LDFLAGS) -fPIC" \
	&& bash -c '. ./conf_flags && exec ./configure \
	       --with-cc-opt="$$CFLAGS_" --with-ld-opt="$$LDFLAGS_" \
	       "$${NGX_CONF_FLAGS[@]}" --builddir="$(BUILD)/debian" \
	       --add-dynamic-module="$(CURDIR)"' \
	       > $(BUILD)/debian/configure.log 2>&1 \
	|| { rm -f $@; tail -n 5 $(BUILD)/debian/configure.log >&2; exit 1; }
	@touch $@

$(BUILD)/$(NAME).so: $(BUILD)/debian/Makefile $(SOURCES)
	@echo "building the module"
	@$(MAKE) --no-print-directory -C $(NGINX_SRC) -f $< modules \
	    > $(BUILD)/debian/make.log
	@install -m 755 $(BUILD)/debian/$(NAME).so $@


# the web page: plain files, and libraries from npm, which its lock file names;
# without npm it is made without them, and says so

CONSOLE = $(wildcard src/console/*)

console: $(BUILD)/npm/complete

$(BUILD)/npm/complete: $(CONSOLE) t/tools/console.sh | $(BUILD)/.gitignore
	@t/tools/console.sh $(CURDIR)/src/console $(@D) $(BUILD)/console

# the picture of the documentation, of the real page

screenshots: test-deps
	@command -v npm > /dev/null || t/tools/deps.sh npm
	@$(MAKE) --no-print-directory all
	@perl -I t/lib t/console/screenshots.pl docs/console.png


# a plain nginx with nginx-rtmp linked statically

static: $(BUILD)/static/nginx
asan: $(BUILD)/asan/$(NAME).so $(BUILD)/asan/keep.so

$(BUILD)/asan/keep.so: t/tools/keep.c
	@mkdir -p $(@D)
	@$(CC) -W -Wall -Werror -fPIC -shared -o $@ $<

$(BUILD)/%/tree/objs/Makefile: config t/tools/nginx.sh $(BUILD)/configured \
		$(BUILD)/src/nginx/configure $(BUILD)/src/nginx-rtmp/config
	@echo "configuring a plain nginx in build/$*"
	@t/tools/nginx.sh $(BUILD)/$* $*

$(BUILD)/%/nginx: $(BUILD)/%/tree/objs/Makefile
	@echo "building a plain nginx in build/$*"
	@$(MAKE) --no-print-directory -C $(BUILD)/$*/tree build > /dev/null
	@cp $(BUILD)/$*/tree/objs/nginx $@.new
	@mv $@.new $@

$(BUILD)/asan/nginx: $(SOURCES)

$(BUILD)/asan/$(NAME).so: $(BUILD)/asan/nginx
	@install -m 755 $(BUILD)/asan/tree/objs/$(NAME).so $@


# C unit tests: t/unit/name.c becomes build/unit/name.  It takes what it calls
# of the folders up to format from an archive, which is compiled once for all
# of them and the fuzz targets; its first lines say what else there is:
#
#   /* cflags: -O2 -fno-sanitize=all */       then the archive is `plain`
#   /* link: src/a.c src/b.c */               of later folders
#   /* libs: -lavformat */

UNIT = $(patsubst t/unit/%.c,$(BUILD)/unit/%,$(wildcard t/unit/*.c))
# one compiler for unit tests and fuzz targets, as they share an archive
CHECKED_CC = clang
UNIT_CFLAGS = -g -O1 -W -Wall -Wpointer-arith -Wno-unused-parameter -Werror \
	-fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
UNIT_INCS = $(addprefix -I ,$(sort $(dir $(SOURCES)))) -I t/unit \
	-I $(BUILD)/debian -I $(BUILD)/src/nginx-rtmp \
	$(addprefix -I $(NGINX_SRC)/src/,core event event/modules event/quic \
	os/unix http http/modules http/v2 http/v3)

UNIT_PLAIN = $(patsubst t/unit/%.c,$(BUILD)/unit/%,$(shell \
	grep -l 'cflags:.*-fno-sanitize' t/unit/*.c))

unit: $(UNIT)

$(UNIT): LIB = checked
$(UNIT_PLAIN): LIB = plain
$(UNIT_PLAIN): $(BUILD)/lib/plain.a
$(filter-out $(UNIT_PLAIN),$(UNIT)): $(BUILD)/lib/checked.a

$(BUILD)/unit/%: t/unit/%.c $(SOURCES) $(wildcard t/unit/*.h)
	@mkdir -p $(@D)
	@echo "building unit/$*"
	@$(CHECKED_CC) $(UNIT_CFLAGS) $(UNIT_INCS) -o $@ $< \
	    $$(sed -n 's|^/\* *cflags: *\(.*\)\*/.*|\1|p' $<) \
	    $$(sed -n 's|^/\* *link: *\(.*\)\*/.*|\1|p' $<) \
	    $(BUILD)/lib/$(LIB).a \
	    $$(sed -n 's|^/\* *libs: *\(.*\)\*/.*|\1|p' $<)


# the archives: the folders that know no catalogue, what is pure of net, and
# what these need of nginx; `checked` has the sanitizers, and what a fuzzer
# wants, and `plain` the module's own objects

LIB_NGINX = $(patsubst %,ngx_%.o,md5 sha1 string inet palloc alloc http_parse)
LIB_FILES = $(patsubst src/%.c,%.o,$(wildcard $(patsubst %,src/%/*.c,core media \
	store format)) $(addprefix src/net/ngx_recording_,address.c url.c \
	http_answer.c hmac.c sigv4.c tc3.c xml.c))
LIB_checked = $(CHECKED_CC) $(FUZZ_CFLAGS)
LIB_plain = $(CHECKED_CC) $(UNIT_CFLAGS) -O2 -fno-sanitize=all

define archive
$(BUILD)/lib/$(1).a: $(addprefix $(BUILD)/lib/$(1)/,$(LIB_NGINX) terminate.o)
	@rm -f $$@
	@$(AR) rcs $$@ $$(filter %.o,$$^) $(2)

$(addprefix $(BUILD)/lib/$(1)/,$(LIB_NGINX)): $(BUILD)/debian/Makefile \
		| $(BUILD)/src/nginx/configure
	@mkdir -p $$(@D)
	@$$(LIB_$(1)) $$(UNIT_INCS) -c -o $$@ \
	    $$$$(find $(BUILD)/src/nginx/src -path '*/win32' -prune \
	         -o -name $$(basename $$(@F)).c -print)

$(BUILD)/lib/$(1)/terminate.o: t/tools/terminate.c
	@mkdir -p $$(@D)
	@$$(LIB_$(1)) -c -o $$@ $$<
endef

$(eval $(call archive,checked))
$(eval $(call archive,plain,$(addprefix $(BUILD)/debian/addon/,$(LIB_FILES))))

$(BUILD)/lib/checked.a: $(addprefix $(BUILD)/lib/checked/,$(LIB_FILES))
$(BUILD)/lib/plain.a: $(BUILD)/$(NAME).so

$(BUILD)/lib/checked/%.o: src/%.c $(filter %.h,$(SOURCES)) \
		$(BUILD)/debian/Makefile
	@mkdir -p $(@D)
	@$(LIB_checked) $(UNIT_INCS) -c -o $@ $<


# fuzz targets, in the same way: t/fuzz/name.c becomes build/fuzz/name.  A
# corpus grows in build/fuzz/corpus, from the one in t/fuzz/corpus, and what
# breaks a target is left beside it.

FUZZ = $(patsubst t/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard t/fuzz/*.c))
FUZZ_CFLAGS = -g -O1 -W -Wall -Wno-unused-parameter -Werror \
	-fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined
FUZZ_TIME = 60

fuzzers: $(FUZZ)

$(BUILD)/fuzz/%: t/fuzz/%.c $(SOURCES) t/fuzz/fuzz.h \
		$(wildcard t/unit/*.h) \
		$(BUILD)/lib/checked.a
	@mkdir -p $(@D)
	@echo "building fuzz/$*"
	@$(CHECKED_CC) $(FUZZ_CFLAGS) -I t/fuzz $(UNIT_INCS) -o $@ $< \
	    $$(sed -n 's|^/\* *link: *\(.*\)\*/.*|\1|p' $<) \
	    $(BUILD)/lib/checked.a \
	    $$(sed -n 's|^/\* *libs: *\(.*\)\*/.*|\1|p' $<)

fuzz: test-deps
	@$(MAKE) --no-print-directory fuzzers
	@for f in $(notdir $(FUZZ)); do \
	    echo "fuzzing $$f for $(FUZZ_TIME) s"; \
	    t/fuzz/corpus.pl unpack $$f $(BUILD)/fuzz/corpus/$$f || exit 1; \
	    $(BUILD)/fuzz/$$f -max_total_time=$(FUZZ_TIME) -timeout=10 \
	        -max_len=4096 -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/fuzz/$$f- $(BUILD)/fuzz/corpus/$$f \
	    || exit 1; \
	done


# what fuzzing has found is what it begins with from now on

fuzz-corpus: fuzzers
	@for f in $(notdir $(FUZZ)); do \
	    rm -rf $(BUILD)/fuzz/least/$$f; \
	    mkdir -p $(BUILD)/fuzz/least/$$f; \
	    $(BUILD)/fuzz/$$f -merge=1 -max_len=600 -verbosity=0 \
	        $(BUILD)/fuzz/least/$$f $(BUILD)/fuzz/corpus/$$f \
	    && t/fuzz/corpus.pl pack $$f $(BUILD)/fuzz/least/$$f || exit 1; \
	done


# the benchmark and its load generator

BENCH_STREAMS = 50
BENCH_TIME = 10
BENCH_ROUNDS = 3

load: $(BUILD)/bench/rtmp_load

$(BUILD)/bench/rtmp_load: t/bench/rtmp_load.c | $(BUILD)/.gitignore
	@mkdir -p $(@D)
	$(CC) -g -O2 -W -Wall -Werror -o $@ $<

bench: test-deps
	@$(if $(BENCH_COUNT),t/tools/deps.sh valgrind)
	@$(MAKE) --no-print-directory all load
	@BENCH_STREAMS=$(BENCH_STREAMS) BENCH_TIME=$(BENCH_TIME) \
	BENCH_ROUNDS=$(BENCH_ROUNDS) perl -I t/lib -I t/bench t/bench/bench.pl

# and what the catalogue costs those who wait for it, with many rows in it

BENCH_ROWS = 1000000

bench-catalogue: test-deps
	@$(MAKE) --no-print-directory all load
	@BENCH_ROWS=$(BENCH_ROWS) perl -I t/lib t/bench/catalogue.pl

# and a page of the API, with many rows to look for it

bench-api: test-deps
	@$(MAKE) --no-print-directory all
	@BENCH_ROWS=$(BENCH_ROWS) perl -I t/lib t/bench/api.pl

# and what delivery costs, http and https

BENCH_UPLOAD = 1024

bench-upload: test-deps
	@$(MAKE) --no-print-directory all
	@BENCH_UPLOAD=$(BENCH_UPLOAD) perl -I t/lib t/bench/upload.pl

# and how soon it is done with what it began to deliver as it grew

BENCH_EARLY = 1024
BENCH_HOURS = 12

bench-early: test-deps
	@$(MAKE) --no-print-directory all
	@BENCH_EARLY=$(BENCH_EARLY) BENCH_HOURS=$(BENCH_HOURS) \
	perl -I t/lib t/bench/early.pl


# each step in its turn, as the packages must be there before a make reads
# what depends on them

test: test-deps
	@$(MAKE_ALL) all unit fuzzers load static
	prove -r -j$(JOBS) -I t/lib $(PROVE_FLAGS) $(TESTS)

# the same under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer

test-asan: test-deps
	@$(MAKE_ALL) all unit fuzzers load asan
	ASAN_OPTIONS=detect_leaks=1:detect_odr_violation=0 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/t/tools/leaks:print_suppressions=0 \
	TEST_SLOW=3 \
	TEST_NGINX_PRELOAD="$$($(CC) -print-file-name=libasan.so) $(BUILD)/asan/keep.so" \
	TEST_NGINX_BINARY=$(BUILD)/asan/nginx TEST_RTMP_MODULE= \
	TEST_RECORDING_MODULE=$(BUILD)/asan/$(NAME).so \
	prove -r -j$(JOBS) -I t/lib $(PROVE_FLAGS) $(TESTS)

# players, which nothing else needs: make test skips those that are not there;
# npm may be there without Debian's package

players: test-deps
	@t/tools/deps.sh $(PLAYER_PACKAGES)
	@command -v npm > /dev/null || t/tools/deps.sh npm
	@$(MAKE) --no-print-directory all $(BUILD)/players/package.json
	prove -v -I t/lib $(PROVE_FLAGS) t/players.t

# the tests of storage with OpenStack's Swift, which is strict where Ceph is
# not; it takes longer to start and more memory

swift: test-deps
	@t/tools/deps.sh $(SWIFT_PACKAGES)
	@$(MAKE) --no-print-directory all
	TEST_FULL=1 TEST_STORAGE=Swift prove -I t/lib $(PROVE_FLAGS) $(STORAGE_TESTS)

# signatures of AWS's own signer, which those of the module and of the tests'
# client are compared with: the requests are in t/vectors/vectors.js

vectors:
	@command -v npm > /dev/null || t/tools/deps.sh npm
	@$(MAKE) --no-print-directory $(BUILD)/vectors/package.json
	@NODE_PATH=$(BUILD)/vectors/node_modules node t/vectors/vectors.js \
	    > $(BUILD)/vectors/signature.txt
	@cp $(BUILD)/vectors/signature.txt t/unit

$(BUILD)/players/package.json $(BUILD)/vectors/package.json: \
		$(BUILD)/%/package.json: t/%/package.json | $(BUILD)/.gitignore
	@mkdir -p $(@D)
	@cp $< $@
	@npm install --prefix $(@D) --no-package-lock --no-audit --no-fund \
	    --ignore-scripts > $(@D)/npm.log 2>&1 \
	|| { rm -f $@; tail -n 5 $(@D)/npm.log >&2; exit 1; }

# kills and signals at random moments: more of them than make test has the
# time for, and every file is decoded

SOAK_ROUNDS = 100

soak: test-deps
	@$(MAKE) --no-print-directory all load
	TEST_ROUNDS=$(SOAK_ROUNDS) \
	prove -v -I t/lib $(PROVE_FLAGS) t/kill.t t/signals.t
	TEST_ROUNDS=$(SOAK_ROUNDS) TEST_STREAMS=150 \
	prove -v -I t/lib $(PROVE_FLAGS) t/crowd.t
	TEST_FULL=1 prove -v -I t/lib $(PROVE_FLAGS) $(FULL_TESTS)
	TEST_STREAMS=1000 TEST_DELAY=1 \
	prove -v -I t/lib $(PROVE_FLAGS) t/notify_many.t

# one change after the other that a test must see; MUTANTS='names' are some

MUTANTS =

mutants: test-deps
	@$(MAKE) --no-print-directory all load
	@t/mutants/run.pl $(BUILD) $(MUTANTS)

demo:
	@t/tools/deps.sh $(BUILD_PACKAGES) $(RUN_PACKAGES) $(DEMO_PACKAGES)
	@$(MAKE) --no-print-directory all
	@t/demo/demo.sh $(BUILD)

demo-s3: test-deps
	@$(MAKE) --no-print-directory all
	@perl t/demo/s3.pl


# Debian's load line for nginx-rtmp is 50-mod-rtmp.conf, this one must come
# after it

install: $(BUILD)/$(NAME).so console
	install -d $(DESTDIR)$(MODULES_DIR) $(DESTDIR)$(AVAILABLE_DIR) \
	    $(DESTDIR)$(ENABLED_DIR) $(DESTDIR)$(BIN_DIR) $(DESTDIR)$(MAN_DIR) \
	    $(DESTDIR)$(CONSOLE_DIR)/vendor
	install -m 644 $< $(DESTDIR)$(MODULES_DIR)
	echo 'load_module modules/$(NAME).so;' \
	    > $(DESTDIR)$(AVAILABLE_DIR)/60-mod-rtmp-recording.conf
	ln -sf $(AVAILABLE_DIR)/60-mod-rtmp-recording.conf \
	    $(DESTDIR)$(ENABLED_DIR)/60-mod-rtmp-recording.conf
	find $(BUILD)/console -maxdepth 1 -type f \
	    -exec install -m 644 {} $(DESTDIR)$(CONSOLE_DIR) \;
	find $(BUILD)/console/vendor -type f \
	    -exec install -m 644 {} $(DESTDIR)$(CONSOLE_DIR)/vendor \;
	install -m 755 src/recordings $(DESTDIR)$(BIN_DIR)
	install -m 644 docs/recordings.1 $(DESTDIR)$(MAN_DIR)
	@echo 'now: nginx -t && systemctl restart nginx'

uninstall:
	rm -f $(DESTDIR)$(ENABLED_DIR)/60-mod-rtmp-recording.conf \
	    $(DESTDIR)$(AVAILABLE_DIR)/60-mod-rtmp-recording.conf \
	    $(DESTDIR)$(MODULES_DIR)/$(NAME).so \
	    $(DESTDIR)$(BIN_DIR)/recordings $(DESTDIR)$(MAN_DIR)/recordings.1
	rm -rf $(DESTDIR)$(CONSOLE_DIR)
	[ ! -d $(DESTDIR)$(dir $(CONSOLE_DIR)) ] || rmdir \
	    --ignore-fail-on-non-empty $(DESTDIR)$(dir $(CONSOLE_DIR))


clean:
	rm -rf $(BUILD)
