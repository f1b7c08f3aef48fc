//! Concurrency: kernel threads, and the queues in which they wait.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use parity_abi::trace::{CTX_SWITCH_ENTRY, CTX_SWITCH_EXIT, SCHED_PICK};
use parity_arch::cpu;

use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ended, ensure, spawn, tests};
use crate::sync::{IrqGuard, Mutex, SpinLock, Wait, WaitQueue};
use crate::thread::{Thread, kthread, scheduler};
use crate::time::tick;
use crate::trace::BUFFERS;

const WORKERS: i32 = 8;
/// A number that needs more than 16 bits.
const FAR_NUMBER: u32 = 1 << 16 | 7;

tests! { "boot_tests", "async_executor": runs_work, in_order, wakes_oldest_first, sleepers_do_not_run, excludes,
switches_traced }

/// Work is done, and its result reaches the joining thread.
fn runs_work(_: &mut Fixture) -> Outcome {
    let workers: Vec<_> = (1..=WORKERS)
        .map(|number| spawn("worker", move || (1..=number).product()))
        .collect::<Result<_, _>>()?;
    for (number, worker) in (1..=WORKERS).zip(&workers) {
        let (found, expected) = (worker.join(), (1..=number).product());
        ensure!(found == expected, "worker {number} computed {found} instead of {expected}");
    }
    let left = kthread::count();
    ensure!(left == 0, "{left} workers live on");
    Ok(format!("{WORKERS} results"))
}

/// Threads run in the order in which they became ready.
fn in_order(_: &mut Fixture) -> Outcome {
    let order = Arc::new(SpinLock::new(Vec::new()));
    let workers = {
        // Without ticks: otherwise the first one could run before the last one is started.
        let _irq = IrqGuard::new();
        let start = |number| {
            let order = order.clone();
            spawn("in turn", move || {
                order.lock().push(number);
                0
            })
        };
        (0..WORKERS).map(start).collect::<Result<Vec<_>, _>>()?
    };
    for worker in &workers {
        ensure!(ended(worker), "a worker does not end");
    }
    let found = core::mem::take(&mut *order.lock());
    ensure!(found.is_sorted() && found.len() == WORKERS as usize, "started in order, they ran {found:?}");
    Ok(String::new())
}

/// wake_one wakes the thread that has waited longest, and only that one.
fn wakes_oldest_first(_: &mut Fixture) -> Outcome {
    let (queue, tickets) = (Arc::new(WaitQueue::new(Wait::Queue)), Arc::new(AtomicU32::new(0)));
    let woken = Arc::new(SpinLock::new(Vec::new()));
    let mut sleepers = Vec::new();
    for number in 0..WORKERS {
        let (waiting, tickets, order) = (queue.clone(), tickets.clone(), woken.clone());
        let sleeper = spawn("sleeper", move || {
            let take = || {
                tickets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()
            };
            waiting.wait_until(take);
            order.lock().push(number);
            0
        })?;
        let queued = tick::wait_until(PATIENCE, || queue.waiting() == sleepers.len() + 1);
        ensure!(queued, "sleeper {number} does not queue up");
        sleepers.push(sleeper);
    }
    for number in 0..sleepers.len() {
        tickets.fetch_add(1, Ordering::Relaxed);
        queue.wake_one();
        let came = tick::wait_until(PATIENCE, || woken.lock().len() == number + 1);
        ensure!(came, "{} of {} were woken after {} tickets", woken.lock().len(), sleepers.len(), number + 1);
    }
    let found = core::mem::take(&mut *woken.lock());
    ensure!(found.is_sorted(), "they queued up in order, and were woken {found:?}");
    for sleeper in &sleepers {
        ensure!(ended(sleeper), "a sleeper does not end");
    }
    Ok(String::new())
}

/// A sleeping thread does not run, and a yield lets all ready threads run.
fn sleepers_do_not_run(_: &mut Fixture) -> Outcome {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let sleeper = spawn("asleep", move || {
        while !kthread::should_stop() {
            counted.fetch_add(1, Ordering::Relaxed);
            kthread::park();
        }
        0
    })?;
    ensure!(tick::wait_until(PATIENCE, || sleeper.is_parked()), "it does not park");
    for _ in 0..100 {
        scheduler::yield_now();
    }
    let found = runs.load(Ordering::Relaxed);
    ensure!(found == 1, "it ran {found} times while it slept");
    sleeper.unpark();
    ensure!(tick::wait_until(PATIENCE, || runs.load(Ordering::Relaxed) == 2), "it does not wake up");
    ensure!(sleeper.stop().is_ok() && ended(&sleeper), "it does not stop");
    Ok(String::new())
}

/// A mutex admits one thread at a time, also while its holder sleeps.
fn excludes(_: &mut Fixture) -> Outcome {
    const ROUNDS: u32 = 20;
    let shared = Arc::new(Mutex::new(0_u32));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let shared = shared.clone();
            spawn("adds", move || {
                for _ in 0..ROUNDS {
                    let mut value = shared.lock();
                    let before = *value;
                    scheduler::yield_now();
                    *value = before + 1;
                }
                0
            })
        })
        .collect::<Result<_, _>>()?;
    for worker in &workers {
        worker.join();
    }
    let (found, expected) = (*shared.lock(), WORKERS.unsigned_abs() * ROUNDS);
    ensure!(found == expected, "{expected} additions made {found}");
    Ok(format!("{expected} additions"))
}

/// Context switch events contain full thread numbers, however many threads there were before.
fn switches_traced(_: &mut Fixture) -> Outcome {
    Thread::number_from(FAR_NUMBER);
    let ring = &BUFFERS[cpu::cpu_id()];
    let (begin, number) = (ring.indices().end, Arc::new(AtomicU32::new(0)));
    let told = number.clone();
    let worker = spawn("numbered", move || {
        told.store(scheduler::current().id, Ordering::Relaxed);
        0
    })?;
    ensure!(ended(&worker), "the worker does not end");
    let number = number.load(Ordering::Relaxed);
    ensure!(number >= FAR_NUMBER, "the worker has number {number}");
    let events: Vec<_> = (begin..ring.indices().end).filter_map(|index| ring.read(index)).collect();
    for kind in [SCHED_PICK, CTX_SWITCH_EXIT, CTX_SWITCH_ENTRY] {
        let found = events.iter().filter(|event| event.kind == kind && event.payload == number).count();
        ensure!(found > 0, "no event {kind:#06x} of thread {number} among {}", events.len());
    }
    Ok(format!("thread {number}"))
}
