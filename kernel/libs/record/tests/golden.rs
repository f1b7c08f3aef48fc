//! Frames byte by byte. `golden.bin` and `golden.txt` (a Python literal per frame) have the same frames for the
//! host's decoder; `PARITY_WRITE_GOLDEN=1 cargo test -p parity-record` writes them again.

use parity_record::{ARCH_AARCH64, ARCH_X86_64, FRAME_MAX, Reason, Record, TestStatus};
use std::{env, fs, path::Path};

const LONG: [u8; 1100] = [b'x'; 1100];

fn records() -> Vec<Record<'static>> {
    vec![
        Record::Hello { arch: ARCH_AARCH64, cpus: 1, features: b"testing,boot_tests" },
        Record::Hello { arch: ARCH_X86_64, cpus: 0x1234, features: b"" },
        Record::Stage { name: b"memory" },
        Record::ProcStart { pid: 1, ppid: 0, program: b"/bin/fork_test" },
        Record::ProcStart { pid: 2, ppid: 1, program: b"PR\x03\x00 \"quoted\"\n\xff\x00" },
        Record::ProcEnd { pid: 2, ppid: 1, status: 42 << 8, survivor: false, program: b"/bin/fork_test" },
        Record::ProcEnd { pid: u32::MAX, ppid: 1, status: 9, survivor: true, program: &LONG },
        Record::ProcEnd { pid: 3, ppid: 1, status: -1, survivor: false, program: b"" },
        Record::TestPlan { count: 80 },
        Record::TestStart { name: b"memory:frames" },
        Record::TestEnd { status: TestStatus::Ok, name: b"memory:frames", message: b"" },
        Record::TestEnd { status: TestStatus::Failed, name: &LONG, message: &LONG },
        Record::TestEnd { status: TestStatus::Skipped, name: b"", message: b"no device" },
        Record::Panic { cpu: 3, message: "core/src/main.rs:1:2: größer".as_bytes() },
        Record::Shutdown { reason: Reason::InitEnded },
        Record::Shutdown { reason: Reason::TestsDone },
        Record::Shutdown { reason: Reason::NoInit },
        Record::ExecFailed { errno: 8, program: b"/bin/no_program" },
        Record::ExecFailed { errno: u32::MAX, program: &LONG },
    ]
}

/// The record as a Python dictionary, with texts cut to the format's maximum.
fn python(record: &Record) -> String {
    let text = |text: &[u8], max: usize| format!("b\"{}\"", text[..text.len().min(max)].escape_ascii());
    let rest = |bytes: &[u8]| text(bytes, 1024);
    let fields = match *record {
        Record::Hello { arch, cpus, features } => {
            let features = rest(features);
            format!("1, \"version\": 2, \"arch\": {arch}, \"cpus\": {cpus}, \"features\": {features}")
        }
        Record::Stage { name } => format!("2, \"name\": {}", rest(name)),
        Record::ProcStart { pid, ppid, program } => {
            format!("3, \"pid\": {pid}, \"ppid\": {ppid}, \"program\": {}", rest(program))
        }
        Record::ProcEnd { pid, ppid, status, survivor, program } => {
            let (survivor, program) = (u8::from(survivor), rest(program));
            let process = format!("\"pid\": {pid}, \"ppid\": {ppid}, \"status\": {status}");
            format!("4, {process}, \"survivor\": {survivor}, \"program\": {program}")
        }
        Record::TestPlan { count } => format!("5, \"count\": {count}"),
        Record::TestStart { name } => format!("6, \"name\": {}", rest(name)),
        Record::TestEnd { status, name, message } => {
            let (status, name, message) = (status as u8, text(name, 255), rest(message));
            format!("7, \"status\": {status}, \"name\": {name}, \"message\": {message}")
        }
        Record::Panic { cpu, message } => format!("8, \"cpu\": {cpu}, \"message\": {}", rest(message)),
        Record::Shutdown { reason } => format!("9, \"reason\": {}", reason as u8),
        Record::ExecFailed { errno, program } => {
            format!("10, \"errno\": {errno}, \"program\": {}", rest(program))
        }
    };
    format!("{{\"type\": {fields}}}\n")
}

#[test]
fn frames_equal_the_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let (mut bytes, mut text) = (Vec::new(), String::new());
    for record in records() {
        bytes.extend_from_slice(record.encode(&mut [0xaa; FRAME_MAX]));
        text.push_str(&python(&record));
    }
    if env::var_os("PARITY_WRITE_GOLDEN").is_some() {
        fs::write(folder.join("golden.bin"), &bytes).unwrap();
        fs::write(folder.join("golden.txt"), &text).unwrap();
    }
    assert!(fs::read(folder.join("golden.bin")).unwrap() == bytes, "golden.bin differs");
    assert_eq!(fs::read_to_string(folder.join("golden.txt")).unwrap(), text);
}

/// Frames written by hand; zlib's crc32 computed their checksums.
#[test]
fn frames_by_hand() {
    let mut buffer = [0; FRAME_MAX];
    let shutdown = Record::Shutdown { reason: Reason::InitEnded }.encode(&mut buffer);
    assert_eq!(shutdown, b"PR\x09\x00\x01\x00\x00\x5b\xff\xf0\xca");
    let start = Record::ProcStart { pid: 0x0102, ppid: 1, program: b"sh" }.encode(&mut buffer);
    assert_eq!(start, b"PR\x03\x00\x0a\x00\x02\x01\x00\x00\x01\x00\x00\x00sh\xf9\x60\x44\xd8");
}

#[test]
fn long_texts_are_cut() {
    let mut buffer = [0; FRAME_MAX];
    assert_eq!(Record::Stage { name: &LONG }.encode(&mut buffer).len(), 6 + 1024 + 4);
    let end = Record::TestEnd { status: TestStatus::Failed, name: &LONG, message: &LONG };
    assert_eq!(end.encode(&mut buffer).len(), 6 + 3 + 255 + 1024 + 4);
}
