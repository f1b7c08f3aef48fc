//! The console, a 16550 serial port, and the result channel, QEMU's `isa-debugcon`: a port that accepts a
//! byte with one instruction, in any state of the machine.

use core::hint::spin_loop;

use parity_inventory::inventory;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::{IER, LSR, MCR, offsets};
use uart_16550::{Config, Uart16550};
use x86_64::instructions::port::Port;

use super::cpu;

inventory!("driver", "console: 16550");
inventory!("driver", "channel: isa-debugcon");

/// First I/O port and interrupt of the first serial port, the same on every PC.
const CONSOLE: u16 = 0x3F8;
const CONSOLE_IRQ: u32 = 4;

const CHANNEL: u16 = 0xE9;
/// Value that the channel's port returns on a read.
const CHANNEL_ANSWER: u8 = 0xE9;

/// Sets up the console.
pub(super) fn init() {
    let config = Config { interrupts: IER::empty(), ..Config::default() };
    // It fails if there is no port; output is then lost.
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

/// The interrupt for received bytes, if the console has one.
pub const fn console_irq() -> Option<u32> {
    Some(CONSOLE_IRQ)
}

/// Enables the interrupt for received bytes.
pub fn console_listen() {
    console().enable_interrupts(IER::DATA_READY);
}

/// Next received byte, if any. Reading all bytes clears the interrupt.
pub fn console_read() -> Option<u8> {
    console().try_receive_byte().ok()
}

/// Writes bytes to the result channel unchanged; no effect without a channel. Takes no lock.
pub fn channel_write(bytes: &[u8]) {
    for &byte in bytes {
        // SAFETY: the port is the channel's; if it is absent, the write has no effect.
        unsafe { Port::new(CHANNEL).write(byte) };
    }
}

/// Whether the machine has a result channel.
pub fn channel_present() -> bool {
    // SAFETY: as above; a read has no side effect.
    unsafe { Port::<u8>::new(CHANNEL).read() == CHANNEL_ANSWER }
}

/// Loops bytes, at most 16, back into the console's receiver, as if they had been typed. For tests of the
/// input path. The bytes may also appear on the output.
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
    // SAFETY: the port is the console's; if it is absent, the write has no effect.
    unsafe { Port::new(CONSOLE + offsets::MCR as u16).write(value.bits()) };
}

fn console() -> Uart16550<PioBackend> {
    // SAFETY: the ports are the console's; if it is absent, accesses have no effect. Two instances at once (a
    // panic during a write) only mix their bytes.
    unsafe { Uart16550::new_port(CONSOLE) }.expect("eight ports follow the first one")
}
