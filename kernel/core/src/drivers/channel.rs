//! The result channel: records for the host, which programs cannot write.

use parity_arch::console::channel_write;
use parity_record::{FRAME_MAX, Record};

use crate::sync::SpinLock;

/// Buffer for a frame; its lock also keeps frames of several processors separate.
static FRAME: SpinLock<[u8; FRAME_MAX]> = SpinLock::new([0; FRAME_MAX]);

/// Sends a record to the host.
pub fn send(record: Record) {
    let mut frame = FRAME.lock();
    channel_write(record.encode(&mut frame));
}

/// Sends a record without taking the lock, which may be held. The host resynchronises by magic and CRC.
pub fn send_in_panic(record: Record) {
    let mut frame = [0; FRAME_MAX];
    channel_write(record.encode(&mut frame));
}
