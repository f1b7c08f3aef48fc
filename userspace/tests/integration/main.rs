//! What the kernel's integration tests let user code do (kernel/core/src/ktest/integration): one piece of work, which
//! the first argument names. A check that fails, and a mistake that is survived, end with status 1.
#![no_std]
#![no_main]

mod calls;
mod family;
mod mistakes;
mod pressure;

use ulib::abi::time::CLOCK_MONOTONIC;
use ulib::arch::{Counter, Registers};
use ulib::{Args, check, process, time};

/// How long registers are held: many times as long as a program runs before others do.
const HELD_NS: i64 = 300_000_000;
/// Turns of the loop that holds them.
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

/// All registers keep their values while others run.
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
