# peers.mk - builds the contenders that are not of this project, those whose packages are there.
#
# `make bench` runs this, with SRC (the folder bench of the sources), OUT (where to build), CC, CXX,
# CFLAGS, CXXFLAGS and PROTOC. Nothing of mqcall's depends on it, and what cannot be built is left
# out: the benchmark names it.

HOST_FLAGS = -D_GNU_SOURCE -I$(SRC)
WARN = -Wall -Wextra
# Of generated code, and of headers that are not ours.
QUIET = -w

there = $(shell pkg-config --exists $(1) 2>/dev/null && echo yes)
program = $(shell command -v $(1) 2>/dev/null)
flags = $(shell pkg-config --cflags $(1))
libs = $(shell pkg-config --libs $(1))
header = $(shell printf '\#include <$(1)>\n' | $(CC) $(2) -E -x c - >/dev/null 2>&1 && echo yes)

CONTENDERS =
P = $(OUT)/peers
HOST = $(P)/host.o

all: contenders

$(P)/made:
	@mkdir -p $(P) && touch $@
$(HOST): $(SRC)/host.c $(SRC)/board.h $(SRC)/contender.h $(P)/made
	$(CC) -std=c11 $(HOST_FLAGS) $(CFLAGS) $(WARN) -c -o $@ $<

# ---- libtirpc, by rpcgen

ifneq ($(and $(call there,libtirpc),$(call program,rpcgen)),)
CONTENDERS += tirpc
$(P)/tirpc/bench_rpc.h: $(SRC)/peers/bench_rpc.x $(P)/made
	mkdir -p $(P)/tirpc && cp $< $(P)/tirpc/ && cd $(P)/tirpc && \
		rm -f bench_rpc.h bench_rpc_clnt.c bench_rpc_svc.c bench_rpc_xdr.c && \
		rpcgen -C bench_rpc.x && rm -f bench_rpc_svc.c && rpcgen -C -m -o bench_rpc_svc.c bench_rpc.x
$(OUT)/contender_tirpc: $(SRC)/peers/contender_tirpc.c $(P)/tirpc/bench_rpc.h $(HOST)
	$(CC) -std=gnu11 $(HOST_FLAGS) $(CFLAGS) $(QUIET) -I$(P)/tirpc $(call flags,libtirpc) -o $@ $< \
		$(P)/tirpc/bench_rpc_clnt.c $(P)/tirpc/bench_rpc_svc.c $(P)/tirpc/bench_rpc_xdr.c \
		$(HOST) $(call libs,libtirpc) -lpthread
endif

# ---- sd-bus

ifneq ($(call there,libsystemd),)
CONTENDERS += sdbus
$(OUT)/contender_sdbus: $(SRC)/peers/contender_sdbus.c $(HOST)
	$(CC) -std=gnu11 $(HOST_FLAGS) $(CFLAGS) $(WARN) -Wno-missing-field-initializers \
		$(call flags,libsystemd) -o $@ $< $(HOST) $(call libs,libsystemd) -lpthread
endif

# ---- gRPC

ifneq ($(and $(call there,grpc++),$(call program,grpc_cpp_plugin)),)
CONTENDERS += grpc
$(P)/grpc/bench_grpc.grpc.pb.h: $(SRC)/peers/bench_grpc.proto $(P)/made
	mkdir -p $(P)/grpc && $(PROTOC) --proto_path=$(SRC)/peers --cpp_out=$(P)/grpc \
		--grpc_out=$(P)/grpc --plugin=protoc-gen-grpc=$(call program,grpc_cpp_plugin) $<
$(P)/grpc/%.o: $(P)/grpc/bench_grpc.grpc.pb.h
	$(CXX) -std=c++17 $(CXXFLAGS) $(QUIET) $(call flags,grpc++ protobuf) -I$(P)/grpc -c -o $@ $(@:.o=.cc)
$(OUT)/contender_grpc: $(SRC)/peers/contender_grpc.cc $(P)/grpc/bench_grpc.grpc.pb.o \
		$(P)/grpc/bench_grpc.pb.o $(HOST)
	$(CXX) -std=c++17 $(HOST_FLAGS) $(CXXFLAGS) $(WARN) $(call flags,grpc++ protobuf) -I$(P)/grpc \
		-o $@ $^ $(call libs,grpc++ protobuf) -lpthread
endif

# ---- Cap'n Proto

ifneq ($(and $(call there,capnp-rpc),$(call program,capnp),$(call program,capnpc-c++)),)
CONTENDERS += capnp
$(P)/capnp/bench_capnp.capnp.h: $(SRC)/peers/bench_capnp.capnp $(P)/made
	mkdir -p $(P)/capnp && capnp compile --src-prefix=$(SRC)/peers -oc++:$(P)/capnp $<
$(P)/capnp/bench_capnp.o: $(P)/capnp/bench_capnp.capnp.h
	$(CXX) -std=c++17 $(CXXFLAGS) $(QUIET) $(call flags,capnp-rpc) -c -o $@ $(P)/capnp/bench_capnp.capnp.c++
$(OUT)/contender_capnp: $(SRC)/peers/contender_capnp.cc $(P)/capnp/bench_capnp.o $(HOST)
	$(CXX) -std=c++17 $(HOST_FLAGS) $(CXXFLAGS) $(WARN) $(call flags,capnp-rpc) -I$(P)/capnp \
		-o $@ $^ $(call libs,capnp-rpc) -lpthread
endif

# ---- Thrift, c_glib

ifneq ($(and $(call there,thrift_c_glib),$(call program,thrift)),)
CONTENDERS += thrift
$(P)/thrift/bench_thrift.h: $(SRC)/peers/bench_thrift.thrift $(P)/made
	mkdir -p $(P)/thrift && thrift --gen c_glib -out $(P)/thrift $<
$(OUT)/contender_thrift: $(SRC)/peers/contender_thrift.c $(P)/thrift/bench_thrift.h $(HOST)
	$(CC) -std=gnu11 $(HOST_FLAGS) $(CFLAGS) $(QUIET) $(call flags,thrift_c_glib gobject-2.0) -I$(P)/thrift \
		-o $@ $< $(P)/thrift/*.c $(HOST) $(call libs,thrift_c_glib gobject-2.0) -lpthread
endif

# ---- ZeroMQ

ifneq ($(call there,libzmq),)
CONTENDERS += zeromq
$(OUT)/contender_zeromq: $(SRC)/peers/contender_zeromq.c $(HOST)
	$(CC) -std=gnu11 $(HOST_FLAGS) $(CFLAGS) $(WARN) $(call flags,libzmq) -o $@ $< $(HOST) \
		$(call libs,libzmq)
endif

# ---- nng, which tells pkg-config nothing

ifneq ($(call header,nng/nng.h),)
CONTENDERS += nng
$(OUT)/contender_nng: $(SRC)/peers/contender_nng.c $(HOST)
	$(CC) -std=gnu11 $(HOST_FLAGS) $(CFLAGS) $(WARN) -o $@ $< $(HOST) -lnng -lpthread
endif

# ---- iceoryx, the binding for C; the same

ICEORYX = $(firstword $(wildcard /usr/include/iceoryx/v2* /usr/local/include/iceoryx/v2*) /usr/include)
ifneq ($(and $(call header,iceoryx_binding_c/client.h,-I$(ICEORYX)),$(call program,iox-roudi)),)
CONTENDERS += iceoryx
$(OUT)/contender_iceoryx: $(SRC)/peers/contender_iceoryx.c $(HOST)
	$(CC) -std=gnu11 $(HOST_FLAGS) $(CFLAGS) $(WARN) -I$(ICEORYX) -o $@ $< $(HOST) \
		-liceoryx_binding_c
endif

contenders: $(CONTENDERS:%=$(OUT)/contender_%)

.PHONY: all contenders
