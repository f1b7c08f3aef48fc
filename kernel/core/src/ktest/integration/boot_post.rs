//! Results of the boot: all that it reports as set up works.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::O_RDONLY;

use crate::fs::path::{self, Directory};
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, tests};
use crate::mm::{PAGE, frame};
use crate::stage;

/// Boot stages before the tests.
const STAGES: [&str; 5] = ["memory", "interrupts", "timer", "block", "rootfs"];
/// A file on every test disk, and its content.
const FILE: (&[u8], &[u8]) = (b"/hello.txt", b"Hello from ext2!\n");

tests! { "boot_tests", "boot_post": stages, memory, root_file_system }

fn stages(_: &mut Fixture) -> Outcome {
    let reached = stage::reached();
    let names: Vec<&str> = reached.iter().map(|stage| stage.name).collect();
    ensure!(names == STAGES, "stages {names:?} instead of {STAGES:?}");
    let times: Vec<u64> = reached.iter().map(|stage| stage.milliseconds).collect();
    ensure!(times.is_sorted(), "a stage came before the one before it: {times:?} ms");
    Ok(format!("{times:?} ms"))
}

/// All free memory is managed, except for the allocator's own table.
fn memory(fixture: &mut Fixture) -> Outcome {
    let free = &fixture.boot.free_memory;
    let frames = (free.end - free.start) as usize / PAGE;
    let counts = frame::counts();
    ensure!(counts.total == frames, "{} frames are managed, {frames} were free", counts.total);
    ensure!(counts.free > frames / 2, "{} of {frames} frames are free", counts.free);
    ensure!(counts.free < frames, "all {frames} frames are free, also those in use");
    Ok(format!("{} of {} frames free", counts.free, counts.total))
}

fn root_file_system(_: &mut Fixture) -> Outcome {
    let (path, content) = FILE;
    let open = |path: &[u8]| path::open(Directory::ROOT, path, O_RDONLY);
    let file = open(path).map_err(|errno| format!("cannot open {}: {errno}", path.escape_ascii()))?;
    ensure!(file.stat().size == content.len() as i64, "size {}", file.stat().size);
    let mut found = [0; 64];
    let count = file.read(&mut found).map_err(|errno| format!("cannot read: {errno}"))?;
    ensure!(&found[..count] == content, "it holds {:?}", found[..count].escape_ascii());
    ensure!(file.read(&mut found) == Ok(0), "it does not end where it should");
    let missing = open(b"/no/such/file").map(|_| ());
    ensure!(missing == Err(Errno::ENOENT), "a file that is missing: {missing:?}");
    Ok(String::new())
}
