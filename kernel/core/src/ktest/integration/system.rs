//! The whole system: many programs in sequence and in parallel, and kernel bugs that must be detected.

use alloc::format;
use alloc::vec::Vec;

use parity_abi::wait::WaitStatus;

use super::program;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ensure, tests};
use crate::mm::frame;
use crate::process::table;
use crate::sync::SpinLock;
use crate::thread::scheduler;
use crate::time::tick;

tests! {
    "boot_tests", "system":
    one_after_the_other,
    side_by_side,
    families,
    ; alone: deadlock, lock_given_away
}

static LOCK: SpinLock<()> = SpinLock::new(());

/// A long sequence of programs leaks nothing.
fn one_after_the_other(_: &mut Fixture) -> Outcome {
    const COUNT: usize = 20;
    let turn = || {
        let status = program::run("/bin/hello_world", &[])?.status;
        ensure!(status == WaitStatus::Exited(42), "it ended with {status:?}");
        Ok(())
    };
    turn()?;
    tick::sleep(2);
    let before = frame::counts().free;
    for _ in 0..COUNT {
        turn()?;
    }
    let back = tick::wait_until(PATIENCE, || frame::counts().free >= before);
    ensure!(back, "{} frames are gone with {COUNT} programs", before - frame::counts().free);
    let living = table::next_living(0).map(|(process, _)| process.pid);
    ensure!(living.is_none(), "program {living:?} lives on");
    Ok(format!("{COUNT} programs"))
}

/// Programs that run in parallel have distinct numbers and do not disturb each other.
fn side_by_side(_: &mut Fixture) -> Outcome {
    const COUNT: usize = 6;
    let running: Vec<_> = (0..COUNT).map(|_| program::probe("registers")).collect::<Result<_, _>>()?;
    let mut pids: Vec<u32> = running.iter().map(|program| program.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    ensure!(pids.len() == COUNT, "{COUNT} programs have the numbers {pids:?}");
    for program in running {
        program.end_well()?;
    }
    Ok(format!("{COUNT} programs"))
}

/// Programs fork, exec and wait.
fn families(_: &mut Fixture) -> Outcome {
    program::check("family")
}

fn deadlock(_: &mut Fixture) -> Outcome {
    let _first = LOCK.lock();
    let _second = LOCK.lock();
    Err("a lock was taken twice".into())
}

fn lock_given_away(_: &mut Fixture) -> Outcome {
    let _held = LOCK.lock();
    scheduler::yield_now();
    Err("the kernel goes on".into())
}
