//! The panic handler.

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use parity_abi::record::TEXT_MAX;
use parity_arch::{cpu, power};
use parity_record::Record;

use crate::drivers::{channel, console};
use crate::faults::{Fault, planted};
use crate::trace;

const NO_CPU: usize = 0;

/// `NO_CPU`, or the number of the panicking processor plus 1.
static PANICKING: AtomicUsize = AtomicUsize::new(NO_CPU);

/// Reports the panic on both ports and powers off. Takes no lock and allocates nothing.
#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    cpu::irq_disable();
    let me = cpu::cpu_id() + 1;
    match PANICKING.compare_exchange(NO_CPU, me, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {}
        // A panic during the report: nothing more can be reported.
        Err(first) if first == me => power::power_off(),
        // Another processor is panicking and will power off.
        Err(_) => cpu::halt(),
    }
    if planted(Fault::PanicSilent) {
        power::power_off();
    }
    let mut text = Text { bytes: [0; TEXT_MAX], length: 0 };
    // A message that is too long is cut, which is not an error.
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

/// A text buffer of fixed size; longer text is cut.
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
