//! Random parks, unparks, stops, joins and yields, checked against a model.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use super::random::Random;
use super::runner::Fixture;
use super::{PATIENCE, ended, ensure, spawn};
use crate::thread::kthread::{self, AlreadyStopped, Kthread, Wake};
use crate::thread::scheduler;
use crate::time::tick;

const WORKERS: u64 = 32;
const STEPS: u64 = 2000;
/// Maximum number of yields of a worker before it parks.
const DETOURS: u64 = 4;

/// A thread with its state in the model.
struct Worker {
    thread: Arc<Kthread>,
    wakes: Arc<AtomicU64>,
    unparks: u64,
    stopped: bool,
    code: i32,
}

impl Worker {
    fn start(random: &mut Random) -> Result<Self, String> {
        let wakes = Arc::new(AtomicU64::new(0));
        let code = random.below(256) as i32;
        let (mut detours, counter) = (Random::new(random.draw()), wakes.clone());
        let work = move || loop {
            for _ in 0..detours.below(DETOURS + 1) {
                scheduler::yield_now();
            }
            match kthread::park() {
                Wake::Unparked => counter.fetch_add(1, Ordering::Relaxed),
                Wake::Stopped => return if kthread::should_stop() { code } else { -1 },
            };
        };
        Ok(Self { thread: spawn("storm", work)?, wakes, unparks: 0, stopped: false, code })
    }

    fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    /// Unparks it if it has consumed the last unpark, because two unparks before one park would count as one.
    fn unpark(&mut self) -> bool {
        let counts = !self.stopped && self.wakes() == self.unparks;
        if counts {
            self.unparks += 1;
            self.thread.unpark();
        }
        counts
    }

    /// Stops it; returns whether it was the first stop.
    fn stop(&mut self) -> Result<bool, String> {
        let expected = if self.stopped { Err(AlreadyStopped) } else { Ok(()) };
        let got = self.thread.stop();
        ensure!(got == expected, "stop: {got:?} instead of {expected:?}");
        self.stopped = true;
        Ok(got.is_ok())
    }

    /// Joins it after a stop.
    fn join(&self) -> Result<(), String> {
        ensure!(ended(&self.thread), "a stopped thread lived on for {PATIENCE} ticks{}", self.balance());
        let code = self.thread.join();
        ensure!(code == self.code, "exit code {code} instead of {}", self.code);
        ensure!(self.wakes() == self.unparks, "a wrong number of wake-ups{}", self.balance());
        Ok(())
    }

    fn balance(&self) -> String {
        format!(": unparked {} times, woke {} times", self.unparks, self.wakes())
    }
}

/// Numbers of performed operations.
#[derive(Default)]
struct Done {
    unparks: u64,
    stops: u64,
    refused_stops: u64,
    joins: u64,
    yields: u64,
    sleeps: u64,
}

impl fmt::Display for Done {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        let Self { unparks, stops, refused_stops, joins, yields, sleeps } = self;
        write!(to, "{unparks} unparks, {stops} stops, {refused_stops} refused stops, ")?;
        write!(to, "{joins} joins, {yields} yields, {sleeps} sleeps")
    }
}

/// One storm; its order depends on the run's seed and the storm's number.
pub fn run(fixture: &mut Fixture, number: u64) -> Result<String, String> {
    let before = kthread::count();
    let mut random = Random::new(Random::new(fixture.seed).draw().wrapping_add(number));
    let (mut workers, mut done) = (Vec::new(), Done::default());
    for _ in 0..WORKERS {
        workers.push(Worker::start(&mut random)?);
    }
    for step in 0..STEPS {
        let worker = &mut workers[random.below(WORKERS) as usize];
        take_step(worker, &mut random, &mut done).map_err(|wrong| format!("step {step}: {wrong}"))?;
    }
    for worker in &mut workers {
        let woken = || worker.stopped || worker.wakes() == worker.unparks;
        ensure!(tick::wait_until(PATIENCE, woken), "a wake-up was lost{}", worker.balance());
        if !worker.stopped {
            worker.stop()?;
        }
    }
    for worker in &workers {
        worker.join()?;
    }
    let after = kthread::count();
    ensure!(after == before, "{after} kernel threads live instead of {before}");
    Ok(done.to_string())
}

fn take_step(worker: &mut Worker, random: &mut Random, done: &mut Done) -> Result<(), String> {
    match random.below(64) {
        0..36 => done.unparks += u64::from(worker.unpark()),
        36..54 => {
            scheduler::yield_now();
            done.yields += 1;
        }
        54..59 => match worker.stop()? {
            true => done.stops += 1,
            false => done.refused_stops += 1,
        },
        59..63 if worker.stopped => {
            worker.join()?;
            *worker = Worker::start(random)?;
            done.joins += 1;
        }
        59..63 => {}
        // Let the other threads run.
        _ => {
            tick::sleep(1);
            done.sleeps += 1;
        }
    }
    Ok(())
}
