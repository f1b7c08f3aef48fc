//! The result channel: what the host is told, apart from the console and out of programs' reach.

use parity_arch::console::channel_write;
use parity_record::{FRAME_MAX, Record};

use crate::sync::SpinLock;

/// Where frames are put together; its lock also keeps the frames of several processors apart.
static FRAME: SpinLock<[u8; FRAME_MAX]> = SpinLock::new([0; FRAME_MAX]);

/// Tells the host.
pub fn send(record: Record) {
    let mut frame = FRAME.lock();
    channel_write(record.encode(&mut frame));
}

/// Tells the host although somebody may hold the lock: the host finds the next frame by its magic and CRC.
pub fn send_in_panic(record: Record) {
    let mut frame = [0; FRAME_MAX];
    channel_write(record.encode(&mut frame));
}
