//! Canaries: ends that the kernel comes to when it is told to, so that the host can prove that it tells them
//! apart.
//!
//! They exist in builds with feature `canaries` alone; `canary=NAME` on the command line chooses one, and
//! `panic_at=STAGE` a panic behind any stage of the boot:
//!
//!     panic_before_hello     before anything else
//!     power_off_at_once      before anything else
//!     reset                  where PID 1 would start, as all until `flood_serial`
//!     spin_irqs_off          a loop with interrupts masked
//!     sleep_forever          waiting for interrupts, which come and change nothing
//!     flood_serial           lines without end
//!     damaged_channel        bytes on the result channel that are no record; the boot goes on
//!     second_hello           a record on the result channel that must not come; the boot goes on
//!     panic_after_success    when PID 1 has ended, before the record of the shutdown
//!     hang_after_success     the same, but silence
//!     panic_after_shutdown   after that record

#[cfg(feature = "canaries")]
mod chosen {
    use parity_arch::console::channel_write;
    use parity_arch::{cpu, power};
    use parity_record::Record;
    use spin::Once;

    use crate::command_line::value_of;
    use crate::drivers::channel;
    use crate::kprintln;

    const KNOWN: &[&str] = &[
        "panic_before_hello",
        "power_off_at_once",
        "reset",
        "spin_irqs_off",
        "sleep_forever",
        "flood_serial",
        "damaged_channel",
        "second_hello",
        "panic_after_success",
        "hang_after_success",
        "panic_after_shutdown",
    ];

    static CHOSEN: Once<&str> = Once::new();
    static PANIC_AT: Once<&str> = Once::new();

    fn chosen() -> &'static str {
        CHOSEN.get().copied().unwrap_or_default()
    }

    /// Reads the command line, and does what must come first. An unknown name is ignored: whoever counts on an
    /// end finds a boot that goes well.
    pub fn choose(command_line: &'static str) {
        if let Some(stage) = value_of(command_line, "panic_at") {
            PANIC_AT.call_once(|| stage);
        }
        let name = value_of(command_line, "canary").unwrap_or_default();
        match KNOWN.iter().find(|known| **known == name) {
            Some(name) => CHOSEN.call_once(|| name),
            None if name.is_empty() => return,
            None => return kprintln!("command line: canary={name}: unknown, ignored"),
        };
        match name {
            "panic_before_hello" => panic!("canary: before the hello"),
            "power_off_at_once" => power::power_off(),
            _ => {}
        }
    }

    /// Called behind every stage of the boot.
    pub fn at_stage(stage: &str) {
        assert!(PANIC_AT.get().is_none_or(|wanted| *wanted != stage), "canary: at stage {stage}");
    }

    /// Called where PID 1 would start.
    pub fn instead_of_init() {
        match chosen() {
            "reset" => power::reset(),
            "spin_irqs_off" => spin(),
            "sleep_forever" => sleep(),
            "flood_serial" => loop {
                kprintln!("canary: a line that is not the last one");
            },
            "damaged_channel" => channel_write(b"PR, but no record"),
            "second_hello" => channel::send(Record::Hello { arch: 0, cpus: 0, features: b"" }),
            _ => {}
        }
    }

    /// Called when PID 1 has ended, before the host is told that this is the end.
    pub fn before_shutdown() {
        match chosen() {
            "panic_after_success" => panic!("canary: after PID 1 has ended"),
            "hang_after_success" => spin(),
            _ => {}
        }
    }

    /// Called when the host was told that this is the end.
    pub fn after_shutdown() {
        assert!(chosen() != "panic_after_shutdown", "canary: after the shutdown record");
    }

    fn spin() -> ! {
        cpu::irq_disable();
        loop {
            core::hint::spin_loop();
        }
    }

    fn sleep() -> ! {
        loop {
            cpu::wait_for_interrupt();
        }
    }
}

#[cfg(feature = "canaries")]
pub use chosen::{after_shutdown, at_stage, before_shutdown, choose, instead_of_init};

#[cfg(not(feature = "canaries"))]
mod nothing {
    pub const fn choose(_command_line: &str) {}
    pub const fn at_stage(_stage: &str) {}
    pub const fn instead_of_init() {}
    pub const fn before_shutdown() {}
    pub const fn after_shutdown() {}
}

#[cfg(not(feature = "canaries"))]
pub use nothing::{after_shutdown, at_stage, before_shutdown, choose, instead_of_init};
