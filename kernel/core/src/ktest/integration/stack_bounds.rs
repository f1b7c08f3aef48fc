//! Bounds of kernel and user stacks.

use alloc::format;
use alloc::vec::Vec;
use core::hint::black_box;

use parity_abi::signal::SIGSEGV;
use parity_arch::kernel_pages::REGION;

use super::guard_page::Parked;
use super::program;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, spawn, tests};
use crate::mm::PAGE;
use crate::thread::scheduler;
use crate::thread::stack::STACK_BYTES;

/// Stack available to deep calls: all but the frames of an interrupt and of the test itself.
const DEEP_BYTES: u64 = STACK_BYTES - 6 * 1024;

tests! {
    "boot_tests", "stack_bounds":
    apart,
    deep_calls,
    user_whole,
    user_underflow,
    user_overflow,
    user_heap_end,
}

/// The running thread is on its own stack; stacks and guards do not overlap, and all are inside their region.
fn apart(_: &mut Fixture) -> Outcome {
    const COUNT: usize = 40;
    let own = scheduler::current().stack_top().as_u64();
    let local = black_box(0_u8);
    let here = (&raw const local).addr() as u64;
    ensure!(
        (own - STACK_BYTES..own).contains(&here),
        "a variable is at {here:#x}, the stack ends at {own:#x}"
    );
    let parked = Parked::start(COUNT)?;
    let mut tops: Vec<u64> = parked.tops.iter().map(|top| top.as_u64()).collect();
    parked.stop()?;
    tops.push(own);
    tops.sort_unstable();
    ensure!(tops.len() == COUNT + 1, "{} stacks for {COUNT} threads and this one", tops.len());
    for top in &tops {
        ensure!(top.is_multiple_of(PAGE as u64), "a stack ends at {top:#x}, inside a page");
        let inside = top - 2 * STACK_BYTES >= REGION.start.as_u64() && *top <= REGION.end.as_u64();
        ensure!(inside, "a stack ends at {top:#x}, outside of {REGION:?}");
    }
    let close = tops.windows(2).find(|pair| pair[1] - pair[0] < 2 * STACK_BYTES);
    ensure!(close.is_none(), "two stacks end at {close:#x?}, a stack has {STACK_BYTES} bytes");
    Ok(format!("{} stacks", tops.len()))
}

/// Recurses until so many bytes of stack are used; returns whether all stack frames kept their content.
#[inline(never)]
fn deep(start: u64) -> bool {
    let kept = black_box([start ^ 0x5A; 16]);
    let here = kept.as_ptr().addr() as u64;
    let below = start - here >= DEEP_BYTES || deep(start);
    below && black_box(kept).iter().all(|word| *word == start ^ 0x5A)
}

/// The whole stack is usable while interrupts arrive.
fn deep_calls(_: &mut Fixture) -> Outcome {
    let thread = spawn("deep", || {
        let local = black_box(0_u8);
        let start = (&raw const local).addr() as u64;
        (0..200).filter(|_| !deep(start)).count() as i32
    })?;
    let wrong = thread.join();
    ensure!(wrong == 0, "{wrong} of 200 descents found something else on the stack than they had put there");
    Ok(format!("{DEEP_BYTES} of {STACK_BYTES} bytes"))
}

fn user_whole(_: &mut Fixture) -> Outcome {
    program::check("stack_whole")
}

fn user_underflow(_: &mut Fixture) -> Outcome {
    program::killed("stack_underflow", &[SIGSEGV])
}

fn user_overflow(_: &mut Fixture) -> Outcome {
    program::killed("stack_overflow", &[SIGSEGV])?;
    program::killed("stack_recursion", &[SIGSEGV])
}

fn user_heap_end(_: &mut Fixture) -> Outcome {
    program::killed("heap_end", &[SIGSEGV])
}
