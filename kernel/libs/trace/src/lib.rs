//! Rings of trace events and what describes them; [`parity_abi::trace`] has the layout.
//!
//! Nothing here allocates, waits or takes a lock: it works in interrupts and in a panic. A ring has one writer at
//! a time (its processor, with interrupts masked) and any number of readers, on other processors and outside.
#![no_std]

#[cfg(all(loom, test))]
extern crate std;

mod describe;
#[cfg(all(loom, test))]
mod model;
mod ring;

pub use describe::{Counter, Probe, Provider, Text, at as describe_at};
pub use ring::{Event, Ring};
