//! Canaries that say on the result channel what must not be believed.

use parity_abi::record::FRAME_MAX;
use parity_arch::console::channel_write;
use parity_arch::{cpu, power};
use parity_record::{Reason, Record, TestStatus};

use crate::drivers::channel;

/// A program that never ran.
const FORGED: &[u8] = b"/bin/init";

/// A record that must not come; the boot goes on.
pub fn second_hello() {
    channel::send(Record::Hello { arch: 0, cpus: 0, features: b"" });
}

/// Bytes that are no record; the boot goes on.
pub fn damage() {
    channel_write(b"PR, but no record");
}

/// A panic's record with a bit changed on its way, so that it may have been anything; the boot goes on.
pub fn wrong_checksum() {
    let mut frame = [0; FRAME_MAX];
    let length = Record::Panic { cpu: 0, message: b"canary: never happened" }.encode(&mut frame).len();
    frame[length - 1] ^= 1;
    channel_write(&frame[..length]);
}

/// A panic in the middle of a record.
pub fn panic_in_record() -> ! {
    half_a_record();
    panic!("canary: in the middle of a record")
}

/// All the records of a success, and silence.
pub fn success() -> ! {
    channel::send(Record::ProcStart { pid: 1, ppid: 0, program: FORGED });
    channel::send(Record::ProcEnd { pid: 1, ppid: 0, status: 0, survivor: false, program: FORGED });
    channel::send(Record::Shutdown { reason: Reason::InitEnded });
    cpu::halt()
}

/// All the records of a run of tests that end well, where a program was asked for.
pub fn tests_instead() -> ! {
    tests();
    channel::send(Record::Shutdown { reason: Reason::TestsDone });
    power::power_off()
}

/// A test that ends well, where a program was asked for; the boot goes on.
pub fn tests() {
    let name = b"canary";
    channel::send(Record::TestPlan { count: 1 });
    channel::send(Record::TestStart { name });
    channel::send(Record::TestEnd { status: TestStatus::Ok, name, message: b"" });
}

/// The machine ends in the middle of the last record.
pub fn cut_shutdown() -> ! {
    half_a_record();
    power::power_off()
}

/// The first half of a record.
pub fn half_a_record() {
    let mut frame = [0; FRAME_MAX];
    let record = Record::Shutdown { reason: Reason::InitEnded }.encode(&mut frame);
    channel_write(&record[..record.len() / 2]);
}
