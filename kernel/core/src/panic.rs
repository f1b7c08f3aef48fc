//! The end of the kernel when it finds itself wrong.

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use parity_abi::record::TEXT_MAX;
use parity_arch::{cpu, power};
use parity_record::Record;

use crate::drivers::{channel, console};
use crate::faults::{Fault, planted};
use crate::trace;

const NOBODY: usize = 0;

/// `NOBODY`, or the processor that panics, counted from 1.
static PANICKING: AtomicUsize = AtomicUsize::new(NOBODY);

/// Tells both ports and switches the machine off. Takes no lock and allocates nothing.
#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    cpu::irq_disable();
    let me = cpu::cpu_id() + 1;
    match PANICKING.compare_exchange(NOBODY, me, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {}
        // Telling it went wrong: nothing more can be told.
        Err(first) if first == me => power::power_off(),
        // Another processor panics already, and switches the machine off.
        Err(_) => cpu::halt(),
    }
    if planted(Fault::PanicSilent) {
        power::power_off();
    }
    let mut text = Text { bytes: [0; TEXT_MAX], length: 0 };
    // A message that is too long is cut, which is no failure.
    let _ = match info.location() {
        Some(site) => write!(text, "{site}: {}", info.message()),
        None => write!(text, "{}", info.message()),
    };
    channel::send_in_panic(Record::Panic { cpu: cpu::cpu_id() as u16, message: text.as_bytes() });
    match info.location() {
        Some(site) => console::print_line_in_panic(format_args!("KERNEL PANIC: {site}: {}", info.message())),
        None => console::print_line_in_panic(format_args!("KERNEL PANIC: {}", info.message())),
    }
    trace::dump::in_panic();
    power::power_off()
}

/// As much of a text as fits.
struct Text {
    bytes: [u8; TEXT_MAX],
    length: usize,
}

impl Text {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = (self.length + text.len()).min(TEXT_MAX);
        self.bytes[self.length..end].copy_from_slice(&text.as_bytes()[..end - self.length]);
        self.length = end;
        Ok(())
    }
}
