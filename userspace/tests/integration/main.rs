//! The user part of the kernel's integration tests (kernel/core/src/ktest/integration): one action, which the
//! first argument names. It exits with status 1 if a check fails or if the program survives a fault.
#![no_std]
#![no_main]

mod calls;
mod family;
mod mistakes;
mod pressure;

use ulib::abi::time::CLOCK_MONOTONIC;
use ulib::arch::{Counter, Registers};
use ulib::{Args, check, process, time};

/// How long to hold registers: many time slices.
const HELD_NS: i64 = 300_000_000;
/// Iterations of the loop that holds them.
const TURNS: u64 = 2_000_000;

ulib::test!(main);

fn main(args: &Args) {
    let name = args.get(1).unwrap_or_default();
    match name {
        b"registers" => registers(),
        b"family" => family::family(),
        b"child_signals" => family::child_signals(),
        b"call_results" => calls::results(),
        b"bad_descriptors" => calls::bad_descriptors(),
        b"bad_pointers" => calls::bad_pointers(),
        b"partial_buffers" => calls::partial_buffers(),
        b"refused_mappings" => calls::refused_mappings(),
        b"unknown_calls" => calls::unknown(),
        b"blocked_readers" => pressure::blocked_readers(),
        b"exec_arguments" => pressure::exec_arguments(),
        b"fork_and_exec" => pressure::fork_and_exec(),
        b"files_without_memory" => pressure::files_without_memory(),
        b"mappings" => pressure::mappings(),
        b"stack_whole" => mistakes::use_whole_stack(args),
        mistake => mistakes::make(mistake, args),
    }
}

/// All registers keep their values while other programs run.
fn registers() {
    let now = || time::nanoseconds(check::ok("clock", time::clock(CLOCK_MONOTONIC)));
    let (start, pid) = (now(), u64::from(process::pid().unsigned_abs()));
    for round in 0.. {
        let counter = if round % 2 == 0 { Counter::Argument } else { Counter::Preserved };
        let values = Registers::pattern(pid << 16 | round);
        check::equal("registers", values.hold(TURNS, counter), None);
        if now() - start > HELD_NS {
            break;
        }
    }
}
