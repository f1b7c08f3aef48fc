//! Two PL011 serial ports: the console and the result channel.

use core::hint::spin_loop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arm_pl011_uart::{
    DataBits, Interrupts, LineConfig, PL011Registers, Parity, StopBits, Uart, UniqueMmioPointer,
};
use parity_inventory::inventory;

use super::cpu;
use crate::PhysAddr;
use crate::mem::phys_to_virt;

inventory!("driver", "console: PL011");
inventory!("driver", "channel: PL011");

/// Physical addresses of the ports, 0 for none. The console's address is preset, so that a panic during the
/// parsing of the device tree is visible.
static CONSOLE: AtomicU64 = AtomicU64::new(0x0900_0000);
static CHANNEL: AtomicU64 = AtomicU64::new(0);

/// The console's interrupt, 0 for none (no device has interrupt 0 on this architecture).
static CONSOLE_IRQ: AtomicU32 = AtomicU32::new(0);

/// Line speed and clock of the ports; QEMU ignores both.
const BAUD: u32 = 115_200;
const CLOCK_HZ: u32 = 24_000_000;

/// Offset of the control register, which crate `arm-pl011-uart` does not expose, and its loop-back bit.
const CONTROL: u64 = 0x30;
const LOOP_BACK: u32 = 1 << 7;

/// Sets up the ports that exist.
pub(super) fn init(console: PhysAddr, irq: Option<u32>, channel: Option<PhysAddr>) {
    CONSOLE_IRQ.store(irq.unwrap_or(0), Ordering::Relaxed);
    CONSOLE.store(console.0, Ordering::Relaxed);
    CHANNEL.store(channel.map_or(0, PhysAddr::as_u64), Ordering::Relaxed);
    let line = LineConfig { data_bits: DataBits::Bits8, parity: Parity::None, stop_bits: StopBits::One };
    for mut port in [&CONSOLE, &CHANNEL].into_iter().filter_map(port) {
        // It fails only for speeds that the clock cannot generate.
        let _ = port.enable(line, BAUD, CLOCK_HZ);
    }
}

/// Writes bytes to the console, a carriage return before each newline; returns when the port has taken
/// them. No lock: a panic may interrupt another write.
pub fn console_write(bytes: &[u8]) {
    let Some(mut port) = port(&CONSOLE) else { return };
    for &byte in bytes {
        if byte == b'\n' {
            send(&mut port, b'\r');
        }
        send(&mut port, byte);
    }
}

/// The interrupt for received bytes, if the console has one.
pub fn console_irq() -> Option<u32> {
    Some(CONSOLE_IRQ.load(Ordering::Relaxed)).filter(|irq| *irq != 0)
}

/// Enables the interrupt for received bytes.
pub fn console_listen() {
    if let Some(mut port) = port(&CONSOLE) {
        // RTI covers bytes that stay below RXI's FIFO threshold.
        port.set_interrupt_masks(Interrupts::RXI | Interrupts::RTI);
    }
}

/// Next received byte, if any. Reading all bytes clears the interrupt.
pub fn console_read() -> Option<u8> {
    let mut port = port(&CONSOLE)?;
    while !port.is_rx_fifo_empty() {
        // A byte with a receive error is dropped.
        if let Ok(Some(byte)) = port.read_word() {
            return Some(byte);
        }
    }
    None
}

/// Writes bytes to the result channel unchanged; no effect without a channel. Takes no lock.
pub fn channel_write(bytes: &[u8]) {
    let Some(mut port) = port(&CHANNEL) else { return };
    for &byte in bytes {
        send(&mut port, byte);
    }
}

/// Whether the machine has a result channel.
pub fn channel_present() -> bool {
    CHANNEL.load(Ordering::Relaxed) != 0
}

/// Loops bytes, at most 16, back into the console's receiver, as if they had been typed. For tests of the
/// input path. The bytes may also appear on the output.
pub fn console_loop_back(bytes: &[u8]) {
    let Some(mut port) = port(&CONSOLE) else { return };
    let control = phys_to_virt(PhysAddr(CONSOLE.load(Ordering::Relaxed) + CONTROL)).cast::<u32>();
    let state = cpu::irq_save();
    while port.is_busy() {
        spin_loop();
    }
    // SAFETY: the control register of the port found above; after the setup no other code changes it.
    let before = unsafe { control.read_volatile() };
    // SAFETY: as above.
    unsafe { control.write_volatile(before | LOOP_BACK) };
    for &byte in bytes {
        send(&mut port, byte);
    }
    while port.is_busy() {
        spin_loop();
    }
    // SAFETY: as above.
    unsafe { control.write_volatile(before) };
    cpu::irq_restore(state);
}

fn port(base: &AtomicU64) -> Option<Uart<'static>> {
    let base = base.load(Ordering::Relaxed);
    let registers = phys_to_virt(PhysAddr(base)).cast::<PL011Registers>();
    let registers = NonNull::new(registers).filter(|_| base != 0)?;
    // SAFETY: the device tree gave the port's address, which is mapped as device memory. Two instances at
    // once (a panic during a write) only mix their bytes: after the setup, only data and flag registers are
    // used.
    Some(Uart::new(unsafe { UniqueMmioPointer::new(registers) }))
}

fn send(port: &mut Uart<'_>, byte: u8) {
    while port.is_tx_fifo_full() {
        spin_loop();
    }
    port.write_word(byte);
}
