//! Stages of the boot: reported on the console and to the host, and remembered.

use alloc::vec::Vec;

use parity_record::Record;

use crate::drivers::channel;
use crate::faults::{Fault, planted};
use crate::sync::SpinLock;
use crate::{canary, kprintln, time};

static REACHED: SpinLock<Vec<Stage>> = SpinLock::new(Vec::new());

/// A stage that the boot has reached.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub name: &'static str,
    /// Milliseconds since boot.
    pub milliseconds: u64,
}

/// Reports a stage as reached. Needs the heap.
pub fn reach(name: &'static str) {
    let stage = Stage { name, milliseconds: time::since_boot_ms() };
    kprintln!("boot: {name} at {} ms", stage.milliseconds);
    channel::send(Record::Stage { name: name.as_bytes() });
    REACHED.lock().push(stage);
    canary::at_stage(name);
}

/// The stages so far, in order.
pub fn reached() -> Vec<Stage> {
    let mut reached = REACHED.lock().clone();
    if planted(Fault::StageForgotten) {
        reached.pop();
    }
    reached
}
