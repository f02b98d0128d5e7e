// bench_thrift.thrift - the benchmark's service, for Thrift.

namespace c_glib Bench

service Bench {
  i32 Add(1: i32 a, 2: i32 b),
  binary Echo(1: binary data)
}
