//! The console, a 16550 serial port, and the result channel, QEMU's `isa-debugcon`: a port that takes a byte with
//! one instruction, in any state of the machine.

use core::hint::spin_loop;

use parity_inventory::inventory;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::{IER, LSR, MCR, offsets};
use uart_16550::{Config, Uart16550};
use x86_64::instructions::port::Port;

use super::cpu;

inventory!("driver", "console: 16550");
inventory!("driver", "channel: isa-debugcon");

/// First I/O port of the first serial port, and its interrupt, as on every PC.
const CONSOLE: u16 = 0x3F8;
const CONSOLE_IRQ: u32 = 4;

const CHANNEL: u16 = 0xE9;
/// What the channel's port gives when it is read.
const CHANNEL_ANSWER: u8 = 0xE9;

/// Sets up the console.
pub(super) fn init() {
    let config = Config { interrupts: IER::empty(), ..Config::default() };
    // It fails without a port, and then nobody reads what is written.
    let _ = console().init(config);
}

/// Writes bytes to the console, a carriage return before each newline; returns when the port has taken
/// them. No lock: a panic may interrupt another write.
pub fn console_write(bytes: &[u8]) {
    let mut port = console();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                port.send_bytes_exact(text);
                port.send_bytes_exact(b"\r\n");
            }
            None => port.send_bytes_exact(line),
        }
    }
}

/// The interrupt that says that [`console_read`] has something, if the console has one.
pub const fn console_irq() -> Option<u32> {
    Some(CONSOLE_IRQ)
}

/// Lets the console interrupt when a byte has come.
pub fn console_listen() {
    console().enable_interrupts(IER::DATA_READY);
}

/// The next byte that has come, if any. Reading all of them silences the interrupt.
pub fn console_read() -> Option<u8> {
    console().try_receive_byte().ok()
}

/// Writes bytes to the result channel as they are; does nothing without one. No lock.
pub fn channel_write(bytes: &[u8]) {
    for &byte in bytes {
        // SAFETY: the port is the channel's, or nobody's.
        unsafe { Port::new(CHANNEL).write(byte) };
    }
}

/// Whether the machine has a result channel.
pub fn channel_present() -> bool {
    // SAFETY: as above; reading changes nothing.
    unsafe { Port::<u8>::new(CHANNEL).read() == CHANNEL_ANSWER }
}

/// Puts bytes, at most 16, into the console's receiver as if somebody had typed them: the port hears itself
/// meanwhile. For tests of the way that input takes; what it writes then may be seen outside, or not.
pub fn console_loop_back(bytes: &[u8]) {
    let mut port = console();
    let state = cpu::irq_save();
    while !port.lsr().contains(LSR::TRANSMITTER_EMPTY) {
        spin_loop();
    }
    let before = port.mcr();
    set_control(before | MCR::LOOP_BACK);
    port.send_bytes_exact(bytes);
    while !port.lsr().contains(LSR::TRANSMITTER_EMPTY) {
        spin_loop();
    }
    set_control(before);
    cpu::irq_restore(state);
}

/// Sets the console's modem control register, which crate `uart_16550` only reads.
fn set_control(value: MCR) {
    // SAFETY: the port is the console's, or nobody's.
    unsafe { Port::new(CONSOLE + offsets::MCR as u16).write(value.bits()) };
}

fn console() -> Uart16550<PioBackend> {
    // SAFETY: the ports are the console's, or nobody's. Two instances at once (a panic during a write) mix their
    // bytes, nothing worse.
    unsafe { Uart16550::new_port(CONSOLE) }.expect("eight ports follow the first one")
}
