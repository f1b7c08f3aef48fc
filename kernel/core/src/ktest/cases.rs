//! Single tests of kernel threads.

use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

use super::runner::Fixture;
use super::{Outcome, PATIENCE, ended, ensure, spawn, tests};
use crate::thread::kthread::{self, AlreadyStopped, Kthread, Wake};
use crate::time::tick;

/// Ticks to wait before concluding that a thread stays asleep.
const QUIET: u64 = 20;

tests! {
    "kthread_test_only", "kthread":
    lifecycle, join, exit_code, park_unpark, unpark_before_park, double_stop, should_stop_outside, stop_after_exit,
}

/// Starts a thread that parks until it is stopped and returns `code`. `wakes` counts its returns from park,
/// plus 1 at its start.
fn parker(code: i32, wakes: &Arc<AtomicU32>) -> Result<Arc<Kthread>, String> {
    let wakes = wakes.clone();
    let work = move || {
        wakes.fetch_add(1, Ordering::Relaxed);
        while !kthread::should_stop() {
            kthread::park();
            wakes.fetch_add(1, Ordering::Relaxed);
        }
        code
    };
    spawn("parker", work)
}

fn lifecycle(_: &mut Fixture) -> Outcome {
    let wakes = Arc::new(AtomicU32::new(0));
    let thread = parker(0, &wakes)?;
    ensure!(tick::wait_until(PATIENCE, || thread.is_parked()), "it did not start and park");
    ensure!(kthread::count() == 1, "{} kernel threads live instead of 1", kthread::count());
    ensure!(thread.stop().is_ok(), "a running thread was stopped already");
    ensure!(ended(&thread), "it did not end when stopped");
    let code = thread.join();
    ensure!(code == 0, "exit code {code} instead of 0");
    let wakes = wakes.load(Ordering::Relaxed);
    ensure!(wakes == 2, "it came back from park {} times instead of once", wakes - 1);
    ensure!(kthread::count() == 0, "{} kernel threads live on", kthread::count());
    Ok(String::new())
}

fn join(_: &mut Fixture) -> Outcome {
    let thread = spawn("brief", || 0)?;
    let code = thread.join();
    ensure!(code == 0, "exit code {code} instead of 0");
    ensure!(thread.has_ended(), "joined, but not ended");
    ensure!(thread.join() == 0, "a second join finds another code");
    Ok(String::new())
}

fn exit_code(_: &mut Fixture) -> Outcome {
    let code = spawn("exits", || kthread::exit(42))?.join();
    ensure!(code == 42, "exit code {code} instead of 42");
    Ok(String::new())
}

fn park_unpark(_: &mut Fixture) -> Outcome {
    let wakes = Arc::new(AtomicU32::new(0));
    let thread = parker(7, &wakes)?;
    for round in 1..=3 {
        let parked = || thread.is_parked() && wakes.load(Ordering::Relaxed) == round;
        ensure!(tick::wait_until(PATIENCE, parked), "it did not park for the {round}. time");
        tick::sleep(QUIET);
        ensure!(parked(), "it came back from park {round} without having been unparked");
        thread.unpark();
    }
    let woken = || wakes.load(Ordering::Relaxed) == 4;
    ensure!(tick::wait_until(PATIENCE, woken), "it did not come back from the third park");
    ensure!(thread.stop().is_ok(), "unparking stopped it");
    let code = thread.join();
    ensure!(code == 7, "exit code {code} instead of 7");
    Ok(String::new())
}

fn unpark_before_park(_: &mut Fixture) -> Outcome {
    let thread = spawn("late", || {
        tick::sleep(QUIET);
        i32::from(kthread::park() == Wake::Unparked)
    })?;
    thread.unpark();
    ensure!(ended(&thread), "the unpark was forgotten until the thread parked");
    ensure!(thread.join() == 1, "it came back from park, but not because of the unpark");
    Ok(String::new())
}

fn double_stop(_: &mut Fixture) -> Outcome {
    let thread = parker(0, &Arc::new(AtomicU32::new(0)))?;
    ensure!(thread.stop() == Ok(()), "the first stop found it stopped");
    ensure!(thread.stop() == Err(AlreadyStopped), "the second stop was accepted");
    let code = thread.join();
    ensure!(code == 0, "exit code {code} instead of 0");
    ensure!(thread.stop() == Err(AlreadyStopped), "a stop after the end was accepted");
    Ok(String::new())
}

fn should_stop_outside(_: &mut Fixture) -> Outcome {
    ensure!(!kthread::should_stop(), "a thread that is not a kernel thread is asked to stop");
    let thread = spawn("asks", || i32::from(kthread::should_stop()))?;
    ensure!(thread.join() == 0, "a thread that was not stopped is asked to stop");
    Ok(String::new())
}

fn stop_after_exit(_: &mut Fixture) -> Outcome {
    let thread = spawn("brief", || 3)?;
    ensure!(ended(&thread), "it did not end");
    ensure!(thread.stop() == Err(AlreadyStopped), "a thread that has ended was stopped");
    let code = thread.join();
    ensure!(code == 3, "exit code {code} instead of 3");
    Ok(String::new())
}
