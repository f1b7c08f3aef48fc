//! Interrupts: masked and unmasked, from timer, disk and console, and without corruption of registers.

use alloc::format;
use alloc::string::String;
use alloc::vec;

use parity_arch::{cpu, timer};

use super::{keyboard, program};
use crate::drivers::block;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ensure, spawn, tests};
use crate::sync::IrqGuard;
use crate::time::tick;
use crate::trap;

/// Size and number of disk reads: several, so that at least one is not done at its first check.
const PART_BYTES: usize = 16 * 1024;
const PARTS: u64 = 64;

tests! { "boot_tests", "interrupt": masked, guards_nest, disk, console, registers_kept }

/// Spins for so many ticks' time by the processor's counter.
fn spin(ticks: u64, tick_hz: u32) {
    let until = timer::now() + ticks * timer::frequency() / u64::from(tick_hz);
    while timer::now() < until {
        core::hint::spin_loop();
    }
}

/// A thread starts with interrupts unmasked; while they are masked none arrives, and a pending one arrives
/// afterwards.
fn masked(fixture: &mut Fixture) -> Outcome {
    ensure!(cpu::irq_enabled(), "the tests run with interrupts masked");
    let fresh = spawn("fresh", || i32::from(cpu::irq_enabled()))?;
    ensure!(fresh.join() == 1, "a new thread runs with interrupts masked");
    let state = cpu::irq_save();
    let (enabled, before) = (cpu::irq_enabled(), tick::now());
    spin(5, fixture.tick_hz);
    let came = tick::now() - before;
    cpu::irq_restore(state);
    ensure!(!enabled, "interrupts are enabled after having been masked");
    ensure!(came == 0, "{came} ticks came while interrupts were masked");
    ensure!(cpu::irq_enabled(), "interrupts stay masked");
    ensure!(tick::wait_until(PATIENCE, || tick::now() > before), "no tick comes any more");
    Ok(String::new())
}

/// Interrupts stay masked until the last guard is dropped, in any order.
fn guards_nest(fixture: &mut Fixture) -> Outcome {
    let (first, second) = (IrqGuard::new(), IrqGuard::new());
    let before = tick::now();
    drop(first);
    let enabled = cpu::irq_enabled();
    spin(3, fixture.tick_hz);
    let came = tick::now() - before;
    drop(second);
    ensure!(!enabled && came == 0, "a guard was left, and {came} ticks came");
    ensure!(cpu::irq_enabled(), "no guard is left, and interrupts stay masked");
    Ok(String::new())
}

/// The disk's interrupt signals the end of a read and wakes the waiting thread.
fn disk(_: &mut Fixture) -> Outcome {
    let disk = block::disk().ok_or("there is no disk")?;
    let before = trap::device_interrupts();
    let mut part = vec![0; PART_BYTES];
    for number in 0..PARTS {
        disk.read(number * PART_BYTES as u64, &mut part)
            .map_err(|errno| format!("part {number}: {errno}"))?;
    }
    let came = || trap::device_interrupts() - before;
    ensure!(tick::wait_until(PATIENCE, || came() > 0), "{PARTS} parts were read, and no interrupt came");
    Ok(format!("{} interrupts for {PARTS} reads", came()))
}

/// The console's interrupt signals typed input.
fn console(_: &mut Fixture) -> Outcome {
    let before = trap::device_interrupts();
    ensure!(keyboard::typed(b"!\n")? == b"!\n", "something else was read than was typed");
    ensure!(trap::device_interrupts() > before, "what was typed came without an interrupt");
    Ok(String::new())
}

/// A program that is interrupted and preempted keeps all register values.
fn registers_kept(_: &mut Fixture) -> Outcome {
    let other = program::probe("registers")?;
    program::check("registers")?;
    other.end_well()
}
