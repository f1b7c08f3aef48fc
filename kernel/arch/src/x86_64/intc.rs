//! Interrupt controllers: the CPU's local APIC and the devices' I/O APIC.

use parity_inventory::inventory;
use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::ApicBase;

use super::cpu;
use crate::PhysAddr;
use crate::mem::phys_to_virt;

inventory!("driver", "interrupts: APIC, I/O APIC");

/// Vector of device interrupt 0; interrupt n has the vector after it by n.
const FIRST_DEVICE: u8 = 32;
/// The vector of the local timer.
pub(super) const TIMER_VECTOR: u8 = 0xF0;
/// Vector of a spurious interrupt, which went away before the CPU took it; it must not be completed.
const SPURIOUS_VECTOR: u8 = 0xFF;

/// Registers of the local APIC, by byte offset.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(super) enum Local {
    Id = 0x20,
    EndOfInterrupt = 0xB0,
    Spurious = 0xF0,
    Timer = 0x320,
    Line0 = 0x350,
    Line1 = 0x360,
    TimerInitial = 0x380,
    TimerCurrent = 0x390,
    TimerDivider = 0x3E0,
}

/// In a local vector or the lower half of a line's entry: masked.
pub(super) const MASKED: u32 = 1 << 16;
/// In the spurious vector's register: APIC enabled.
const ENABLED: u32 = 1 << 8;

/// Address of the I/O APIC, the same on every PC.
const DEVICES: PhysAddr = PhysAddr(0xFEC0_0000);
/// Its two registers: an index, and a window to the indexed register.
const SELECT: usize = 0x00;
const WINDOW: usize = 0x10;
/// Indexed registers: version, with the highest line in bits 16 to 23, and two for each line.
const VERSION: u32 = 0x01;
const FIRST_LINE: u32 = 0x10;
/// In the lower half of a line's entry: level-triggered. Used for legacy ISA lines too: their devices assert
/// the line until they are served. A masked edge-triggered line would lose its interrupt.
const LEVEL: u32 = 1 << 15;

/// Mask ports of the two legacy PICs.
const PIC_MASKS: [u16; 2] = [0x21, 0xA1];

/// Enables the local APIC and masks all interrupt sources.
pub(super) fn silence() {
    for mask in PIC_MASKS {
        // SAFETY: the ports are the PICs'; if they are absent, the write has no effect. A masked line stays
        // silent.
        unsafe { Port::<u8>::new(mask).write(0xFF) };
    }
    for local in [Local::Timer, Local::Line0, Local::Line1] {
        write(local, MASKED);
    }
    write(Local::Spurious, ENABLED | u32::from(SPURIOUS_VECTOR));
}

/// Sets up the controllers for this CPU, with all interrupts disabled. Call it once, with interrupts masked.
pub fn init() {
    silence();
    for irq in 0..lines() {
        set_line(irq, MASKED);
    }
}

/// Enables interrupt `irq` and routes it to this CPU.
///
/// # Panics
/// When the controller has no such interrupt.
pub fn enable(irq: u32) {
    assert!(irq < lines(), "the controller has no interrupt {irq}");
    set_line(irq, u32::from(FIRST_DEVICE) + irq);
}

/// Disables interrupt `irq`; an interrupt that becomes pending meanwhile arrives after `enable`.
/// `timer::init` restarts a disabled tick.
pub fn disable(irq: u32) {
    if irq == u32::from(TIMER_VECTOR) {
        write(Local::Timer, MASKED | irq);
    }
    if irq < lines() {
        set_line(irq, MASKED);
    }
}

/// Number of the device interrupt with this vector.
pub(super) fn device(vector: u8) -> Option<u32> {
    vector.checked_sub(FIRST_DEVICE).map(u32::from).filter(|irq| *irq < lines())
}

/// Completes the interrupt with this vector.
pub(super) fn complete(vector: u8) {
    if vector != SPURIOUS_VECTOR {
        write(Local::EndOfInterrupt, 0);
    }
}

/// Number of lines of the I/O APIC.
fn lines() -> u32 {
    with_devices(|devices| devices.read(VERSION) >> 16 & 0xFF) + 1
}

/// Sets the lower half of a line's entry, level-triggered, and routes the line to this CPU.
fn set_line(irq: u32, lower: u32) {
    let cpu = read(Local::Id) & 0xFF00_0000;
    with_devices(|devices| {
        let line = FIRST_LINE + 2 * irq;
        devices.write(line, LEVEL | MASKED);
        devices.write(line + 1, cpu);
        devices.write(line, LEVEL | lower);
    });
}

/// The I/O APIC, with interrupts masked: an access to an indexed register takes two steps.
struct Devices;

impl Devices {
    fn read(&self, register: u32) -> u32 {
        let base = phys_to_virt(DEVICES);
        // SAFETY: the registers are mapped as device memory; `with_devices` makes the two steps atomic on
        // this CPU.
        unsafe {
            base.byte_add(SELECT).cast::<u32>().write_volatile(register);
            base.byte_add(WINDOW).cast::<u32>().read_volatile()
        }
    }

    fn write(&self, register: u32, value: u32) {
        let base = phys_to_virt(DEVICES);
        // SAFETY: as above.
        unsafe {
            base.byte_add(SELECT).cast::<u32>().write_volatile(register);
            base.byte_add(WINDOW).cast::<u32>().write_volatile(value);
        }
    }
}

fn with_devices<T>(act: impl FnOnce(&Devices) -> T) -> T {
    let state = cpu::irq_save();
    let result = act(&Devices);
    cpu::irq_restore(state);
    result
}

pub(super) fn read(register: Local) -> u32 {
    // SAFETY: the CPU reports the address of the registers, which are mapped as device memory.
    unsafe { local(register).read_volatile() }
}

pub(super) fn write(register: Local, value: u32) {
    // SAFETY: as above.
    unsafe { local(register).write_volatile(value) }
}

fn local(register: Local) -> *mut u32 {
    let (frame, _) = ApicBase::read();
    phys_to_virt(PhysAddr(frame.start_address().as_u64())).wrapping_byte_add(register as usize).cast()
}
