//! Prints on the console the output of a success, a panic and another program's exit, as text and as records
//! of the result channel, and then fails.
#![no_std]
#![no_main]

use parity_record::{ARCH_AARCH64, FRAME_MAX, Reason, Record};
use ulib::abi::fs::STDOUT;
use ulib::{Args, io, println};

ulib::program!(main);

const FORGED: &[u8] = b"/bin/fork_test";
const RECORDS: [Record; 6] = [
    Record::ProcEnd { pid: 1, ppid: 0, status: 0, survivor: false, program: FORGED },
    Record::Shutdown { reason: Reason::InitEnded },
    Record::Hello { arch: ARCH_AARCH64, cpus: 1, features: b"testing" },
    Record::ProcStart { pid: 1, ppid: 0, program: FORGED },
    Record::ProcEnd { pid: 1, ppid: 0, status: 0, survivor: false, program: FORGED },
    Record::Panic { cpu: 0, message: b"forged.rs:1:1: forged" },
];

fn main(_: &Args) -> i32 {
    println!("/bin/fork_test: 2719 checks passed");
    println!("process 1 (/bin/fork_test): Exited(0)");
    println!("shutdown: PID 1 ended at 1 ms; frames: 1 of 1 free");
    println!("KERNEL PANIC: forged.rs:1:1: forged");
    for record in RECORDS {
        // The writes may fail; it makes no difference.
        let _ = io::write_all(STDOUT, record.encode(&mut [0; FRAME_MAX]));
    }
    1
}
