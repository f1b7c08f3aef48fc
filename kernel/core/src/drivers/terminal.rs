//! Console input: from interrupts to lines, and requests to the kernel itself (trace/dump.rs). Only kernels
//! with feature `interactive` read lines.

use core::sync::atomic::{AtomicU32, Ordering};

use parity_arch::console::{console_irq, console_listen, console_read};
use parity_arch::intc;
use parity_tty::LineEditor;

use super::console;
use crate::faults::{Fault, planted};
use crate::sync::{SpinLock, Wait, WaitQueue};
use crate::trace::dump;

/// Created by [`init`].
static EDITOR: SpinLock<Option<LineEditor>> = SpinLock::new(None);

static READERS: WaitQueue = WaitQueue::new(Wait::Input);

/// Enables console input, and line input if `interactive`. Called once; no effect on a console without an
/// interrupt.
pub fn init(interactive: bool) {
    let Some(irq) = console_irq() else { return };
    *EDITOR.lock() = interactive.then(LineEditor::default);
    console_listen();
    intc::enable(irq);
}

/// Handles an interrupt if it is the console's; returns whether it was.
pub fn handle_interrupt(irq: u32) -> bool {
    if console_irq() != Some(irq) {
        return false;
    }
    while let Some(byte) = console_read() {
        let Some(byte) = faulty(byte) else { continue };
        if !dump::typed(byte)
            && let Some(editor) = &mut *EDITOR.lock()
        {
            editor.input(byte, console::write);
        }
    }
    if !planted(Fault::TerminalSleeps) {
        READERS.wake_all();
    }
    true
}

/// Reads at most one line into `buffer` and returns its length; 0 is the end of input. Sleeps until there is
/// input.
pub fn read(buffer: &mut [u8]) -> usize {
    READERS.wait_until(|| read_now(buffer))
}

/// As [`read`], but returns `None` instead of sleeping.
pub fn read_now(buffer: &mut [u8]) -> Option<usize> {
    let ended = planted(Fault::TerminalEnds).then_some(0);
    EDITOR.lock().as_mut().map_or(Some(0), |editor| editor.read(buffer).or(ended))
}

/// The typed byte, modified or dropped by planted faults.
fn faulty(byte: u8) -> Option<u8> {
    static TYPED: AtomicU32 = AtomicU32::new(0);
    if planted(Fault::TerminalLosesBytes) && TYPED.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
        return None;
    }
    let is_letter = byte >= b' ' && byte != 0x7f || matches!(byte, b'\n' | b'\r' | b'\t');
    Some(if is_letter || !planted(Fault::TerminalTakesAll) { byte } else { b'?' })
}
