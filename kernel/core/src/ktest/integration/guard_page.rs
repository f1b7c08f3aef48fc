//! Guard pages: nothing is mapped below a kernel stack, and the panic names a thread whose stack overflows.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hint::black_box;

use parity_arch::kernel_pages;
use parity_arch::{Access, FaultKind, VirtAddr, exception};

use crate::exceptions::caught;
use crate::kprintln;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ensure, spawn, tests};
use crate::mm::{PAGE, frame};
use crate::sync::SpinLock;
use crate::thread::kthread::{self, Kthread};
use crate::thread::stack::STACK_BYTES;
use crate::thread::{Thread, scheduler};
use crate::time::tick;

tests! {
    "boot_tests", "guard_page":
    below_every_stack,
    below_boot_stack,
    stack_given_back,
    ; alone: overflow, overflow_with_lock
}

/// Checks that a thread's stack is mapped and its guard is not.
pub fn check_stack(thread: &Thread) -> Result<(), String> {
    let top = thread.stack_top();
    let page = |number: u64| top - (number + 1) * PAGE as u64;
    let pages = STACK_BYTES / PAGE as u64;
    for number in 0..pages {
        ensure!(
            kernel_pages::lookup(page(number)).is_some(),
            "page {number} of {}'s stack is missing",
            thread.name
        );
    }
    for number in pages..2 * pages {
        let guard = page(number);
        ensure!(kernel_pages::lookup(guard).is_none(), "{guard} below {}'s stack is mapped", thread.name);
        check_unmapped(guard)?;
    }
    Ok(())
}

/// Checks that an access to the address faults.
fn check_unmapped(address: VirtAddr) -> Result<(), String> {
    let fault =
        caught(|| exception::read_at(address.as_u64() as usize)).map(|fault| (fault.kind, fault.address));
    let expected = FaultKind::Page { access: Access::Read, mapped: false };
    ensure!(fault == Some((expected, address)), "reading {address} gave {fault:?}");
    Ok(())
}

/// Threads that have checked their own stacks and wait to be stopped.
pub struct Parked {
    threads: Vec<Arc<Kthread>>,
    /// Ends of their stacks.
    pub tops: Vec<VirtAddr>,
}

impl Parked {
    pub fn start(count: usize) -> Result<Self, String> {
        let tops = Arc::new(SpinLock::new(Vec::with_capacity(count)));
        let start = |number: usize| {
            let tops = tops.clone();
            spawn(&format!("guarded {number}"), move || {
                let me = scheduler::current();
                let checked = check_stack(&me);
                if let Err(complaint) = &checked {
                    kprintln!("{complaint}");
                }
                tops.lock().push(me.stack_top());
                while !kthread::should_stop() {
                    kthread::park();
                }
                i32::from(checked.is_err())
            })
        };
        let threads: Vec<_> = (0..count).map(start).collect::<Result<_, _>>()?;
        let parked = tick::wait_until(PATIENCE, || threads.iter().all(|thread| thread.is_parked()));
        ensure!(parked, "some of {count} threads do not start and park");
        let tops = core::mem::take(&mut *tops.lock());
        Ok(Self { threads, tops })
    }

    /// Stops all threads and checks that each found its stack correct.
    pub fn stop(self) -> Result<(), String> {
        for thread in &self.threads {
            ensure!(thread.stop().is_ok(), "a thread was stopped already");
        }
        let wrong = self.threads.iter().filter(|thread| thread.join() != 0).count();
        ensure!(wrong == 0, "{wrong} of {} threads have no guard below their stack", self.threads.len());
        Ok(())
    }
}

fn below_every_stack(_: &mut Fixture) -> Outcome {
    check_stack(&scheduler::current())?;
    Parked::start(20)?.stop()?;
    Ok(format!("{STACK_BYTES} bytes below each of 21 stacks"))
}

fn below_boot_stack(fixture: &mut Fixture) -> Outcome {
    let stack = &fixture.boot.boot_stack;
    check_unmapped(stack.start - 8)?;
    check_unmapped(stack.start - PAGE as u64)?;
    let there = caught(|| exception::read_at(stack.start.as_u64() as usize));
    ensure!(there.is_none(), "the lowest word of the boot stack: {there:?}");
    Ok(String::new())
}

/// When a thread ends, its stack is unmapped and its frames are freed.
fn stack_given_back(_: &mut Fixture) -> Outcome {
    let turn = || Parked::start(10)?.stop();
    turn()?;
    // The last thread leaves its stack slightly after its join.
    tick::sleep(2);
    let before = frame::counts().free;
    for _ in 0..10 {
        turn()?;
    }
    let back = tick::wait_until(PATIENCE, || frame::counts().free >= before);
    ensure!(back, "{} of {before} free frames are gone with 100 threads", before - frame::counts().free);
    Ok(String::new())
}

/// Overflows the stack.
#[expect(unconditional_recursion, reason = "the stack ends it")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let kept = black_box([depth; 8]);
    black_box(recurse(depth + 1)) + kept[7]
}

fn overflow(_: &mut Fixture) -> Outcome {
    Err(format!("the kernel goes on with {}", recurse(0)))
}

/// A value whose formatting overflows the stack, while the console's lock is held.
struct Bottomless;

impl fmt::Display for Bottomless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", recurse(0))
    }
}

fn overflow_with_lock(_: &mut Fixture) -> Outcome {
    kprintln!("{Bottomless}");
    Err("the kernel goes on".into())
}
