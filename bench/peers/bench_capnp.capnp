# bench_capnp.capnp - the benchmark's service, for Cap'n Proto.

@0xd2a1c5e0b7f34a96;

interface Bench {
  add @0 (a :Int32, b :Int32) -> (sum :Int32);
  echo @1 (data :Data) -> (data :Data);
}
