//! Ring buffers of trace events and their descriptions; [`parity_abi::trace`] defines the layout.
//!
//! The code allocates nothing, waits for nothing and takes no lock, so it works in interrupts and in a panic. A ring
//! has one writer at a time (its processor, with interrupts masked) and any number of readers, on other processors
//! and outside the machine.
#![no_std]

#[cfg(all(loom, test))]
extern crate std;

mod describe;
#[cfg(all(loom, test))]
mod model;
mod ring;

pub use describe::{Counter, Probe, Provider, Text, at as describe_at};
pub use ring::{Event, Ring};
