//! Canaries that send false or damaged records on the result channel.

use parity_abi::record::FRAME_MAX;
use parity_arch::console::channel_write;
use parity_arch::{cpu, power};
use parity_record::{Reason, Record, TestStatus};

use crate::drivers::channel;

/// A program that never runs.
const FORGED: &[u8] = b"/bin/init";

/// Sends a second hello record; the boot continues.
pub fn second_hello() {
    channel::send(Record::Hello { arch: 0, cpus: 0, features: b"" });
}

/// Sends bytes that are no record; the boot continues.
pub fn damage() {
    channel_write(b"PR, but no record");
}

/// Sends a panic record with one flipped bit, so that its checksum is wrong; the boot continues.
pub fn wrong_checksum() {
    let mut frame = [0; FRAME_MAX];
    let length = Record::Panic { cpu: 0, message: b"canary: never happened" }.encode(&mut frame).len();
    frame[length - 1] ^= 1;
    channel_write(&frame[..length]);
}

/// Panics in the middle of a record.
pub fn panic_in_record() -> ! {
    half_a_record();
    panic!("canary: in the middle of a record")
}

/// Sends all the records of a success, and then hangs.
pub fn success() -> ! {
    channel::send(Record::ProcStart { pid: 1, ppid: 0, program: FORGED });
    channel::send(Record::ProcEnd { pid: 1, ppid: 0, status: 0, survivor: false, program: FORGED });
    channel::send(Record::Shutdown { reason: Reason::InitEnded });
    cpu::halt()
}

/// Sends all the records of a successful test run instead of starting a program.
pub fn tests_instead() -> ! {
    tests();
    channel::send(Record::Shutdown { reason: Reason::TestsDone });
    power::power_off()
}

/// Sends the records of a successful test and then starts the program.
pub fn tests() {
    let name = b"canary";
    channel::send(Record::TestPlan { count: 1 });
    channel::send(Record::TestStart { name });
    channel::send(Record::TestEnd { status: TestStatus::Ok, name, message: b"" });
}

/// Powers off in the middle of the last record.
pub fn cut_shutdown() -> ! {
    half_a_record();
    power::power_off()
}

/// Sends the first half of a record.
pub fn half_a_record() {
    let mut frame = [0; FRAME_MAX];
    let record = Record::Shutdown { reason: Reason::InitEnded }.encode(&mut frame);
    channel_write(&record[..record.len() / 2]);
}
