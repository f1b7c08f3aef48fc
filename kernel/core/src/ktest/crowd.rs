//! Tests with many kernel threads, with exact counts. The later tests continue with the threads of the first.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use super::runner::Fixture;
use super::{Outcome, ensure, spawn, storm, tests};
use crate::thread::kthread::{self, Kthread};
use crate::time::tick;

const THREADS: u32 = 100;
/// Timeout in ticks for all threads to start, and for all to stop.
const PATIENCE: u64 = 5000;

/// Number of cycles in one test; there are five such tests.
const CYCLES: u32 = 10;
/// Ticks that a cycle's thread lives after its start.
const LIFE: u64 = 10;

tests! {
    "kthread_stress_test", "kthread_stress":
    start,
    stop,
    join,
    cycles_10 => cycles,
    cycles_20 => cycles,
    cycles_30 => cycles,
    cycles_40 => cycles,
    cycles_50 => cycles,
    random_1 => |fixture| storm::run(fixture, 1),
    random_2 => |fixture| storm::run(fixture, 2),
    random_3 => |fixture| storm::run(fixture, 3),
    random_4 => |fixture| storm::run(fixture, 4),
}

/// Threads that park until they are stopped.
#[derive(Default)]
pub struct Crowd {
    threads: Vec<Arc<Kthread>>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    started: AtomicU32,
    stopped: AtomicU32,
}

impl Crowd {
    fn add(&mut self) -> Result<Arc<Kthread>, String> {
        let counters = self.counters.clone();
        let thread = spawn("crowd", move || {
            counters.started.fetch_add(1, Ordering::Relaxed);
            while !kthread::should_stop() {
                kthread::park();
            }
            counters.stopped.fetch_add(1, Ordering::Relaxed);
            0
        })?;
        self.threads.push(thread.clone());
        Ok(thread)
    }

    fn started(&self) -> u32 {
        self.counters.started.load(Ordering::Relaxed)
    }

    fn stopped(&self) -> u32 {
        self.counters.stopped.load(Ordering::Relaxed)
    }
}

fn start(fixture: &mut Fixture) -> Outcome {
    let crowd = &mut fixture.crowd;
    for _ in 0..THREADS {
        crowd.add()?;
    }
    let all = tick::wait_until(PATIENCE, || crowd.started() == THREADS);
    ensure!(all, "{} of {THREADS} started within {PATIENCE} ticks", crowd.started());
    ensure!(kthread::count() == THREADS as usize, "{} of {THREADS} live", kthread::count());
    ensure!(crowd.stopped() == 0, "{} stopped unasked", crowd.stopped());
    Ok(format!("{THREADS} started"))
}

fn stop(fixture: &mut Fixture) -> Outcome {
    let crowd = &fixture.crowd;
    let errors = crowd.threads.iter().filter(|thread| thread.stop().is_err()).count();
    ensure!(errors == 0, "{errors} of {THREADS} could not be stopped");
    let all = tick::wait_until(PATIENCE, || crowd.stopped() == THREADS);
    ensure!(all, "{} of {THREADS} stopped within {PATIENCE} ticks", crowd.stopped());
    Ok(format!("{THREADS} stopped"))
}

fn join(fixture: &mut Fixture) -> Outcome {
    let crowd = core::mem::take(&mut fixture.crowd);
    let wrong = crowd.threads.iter().filter(|thread| thread.join() != 0).count();
    ensure!(wrong == 0, "{wrong} of {THREADS} exit codes are not 0");
    let (started, stopped) = (crowd.started(), crowd.stopped());
    ensure!((started, stopped) == (THREADS, THREADS), "{started} started, {stopped} stopped");
    ensure!(kthread::count() == 0, "{} live on", kthread::count());
    Ok(format!("{THREADS} joined"))
}

/// Repeatedly starts a thread, lets it live for a moment, stops and joins it.
fn cycles(_: &mut Fixture) -> Outcome {
    let mut crowd = Crowd::default();
    for cycle in 1..=CYCLES {
        let thread = crowd.add()?;
        let started = tick::wait_until(PATIENCE, || crowd.started() == cycle);
        ensure!(started, "cycle {cycle}: it did not start within {PATIENCE} ticks");
        tick::sleep(LIFE);
        let alive = (crowd.started(), crowd.stopped());
        ensure!(alive == (cycle, cycle - 1), "cycle {cycle}: started and stopped: {alive:?}");
        ensure!(thread.stop().is_ok(), "cycle {cycle}: it was stopped already");
        let code = thread.join();
        ensure!(code == 0, "cycle {cycle}: exit code {code}");
        ensure!(crowd.stopped() == cycle, "cycle {cycle}: {} stopped", crowd.stopped());
    }
    ensure!(kthread::count() == 0, "{} live on", kthread::count());
    Ok(format!("{CYCLES} started, stopped and joined"))
}
