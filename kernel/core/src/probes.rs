//! Tracing probes of interrupts.

use parity_abi::trace::{IRQ_ENTRY, IRQ_EXIT, TIMER_TICK};

use crate::trace::{Counter, provider};

#[unsafe(no_mangle)]
pub static IRQ_TOTAL: Counter = Counter::new(2, "IRQ_TOTAL", "interrupts, ticks included");

#[unsafe(no_mangle)]
pub static TIMER_TICK_TOTAL: Counter = Counter::new(4, "TIMER_TICK_TOTAL", "ticks of the timer");

provider! {
    "IRQ_PROVIDER" = 0x01 "irq", on: u64::MAX;
    ENTRY = IRQ_ENTRY, "IRQ_ENTRY" (Number) counted by IRQ_TOTAL, "an interrupt, by its number";
    EXIT = IRQ_EXIT, "IRQ_EXIT" (Number), "the interrupt is handled";
    TICK = TIMER_TICK, "TIMER_TICK" (Number) counted by TIMER_TICK_TOTAL, "a tick, counted from boot";
}
