//! User programs that tests start and wait for, in the role of PID 1.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::{O_RDONLY, O_WRONLY};
use parity_abi::wait::WaitStatus;

use crate::fs::OpenFile;
use crate::fs::pipe::{self, WriteEnd};
use crate::ktest::{Outcome, PATIENCE};
use crate::process::fd_table::FdTable;
use crate::process::{fork, table};
use crate::time::tick;

/// The program that runs the user part of tests, selected by its first argument.
const PROBE: &str = "/bin/integration_probe";

/// A running program.
pub struct Running {
    pub pid: u32,
    output: OpenFile,
}

/// An ended program.
#[derive(Debug)]
pub struct Ended {
    pub status: WaitStatus,
    /// Its output to standard output and error.
    pub output: String,
}

/// Takes the number of PID 1, which no test program may have: its end would power the machine off.
pub fn stand_in_for_init() {
    assert_eq!(table::next_pid(), table::INIT, "the tests come too late to stand in for PID 1");
}

/// Starts a program with empty standard input, and captures its output.
pub fn start(path: &str, arguments: &[&str]) -> Result<Running, String> {
    start_waiting(path, arguments).map(|(running, _)| running)
}

/// As [`start`], but standard input ends when the write end is dropped.
fn start_waiting(path: &str, arguments: &[&str]) -> Result<(Running, WriteEnd), String> {
    let because = |errno: Errno| format!("cannot start {path}: {errno}");
    let (output, writer) = pipe::new();
    let (input, end_of_input) = pipe::new();
    let writer = Arc::new(OpenFile::new(Box::new(writer), O_WRONLY));
    let mut files = FdTable::default();
    files.add(Arc::new(OpenFile::new(Box::new(input), O_RDONLY)), false, 0).map_err(because)?;
    for _ in 0..2 {
        files.add(writer.clone(), false, 0).map_err(because)?;
    }
    drop(writer);
    let arguments: Vec<&str> = core::iter::once(path).chain(arguments.iter().copied()).collect();
    let pid = fork::start(path, &arguments, files, table::INIT, || ()).map_err(because)?;
    Ok((Running { pid, output: OpenFile::new(Box::new(output), O_RDONLY) }, end_of_input))
}

impl Running {
    /// Waits until the program's output is closed, and reaps the program, which must have ended.
    pub fn end(self) -> Result<Ended, String> {
        let (mut output, mut part) = (Vec::new(), [0; 256]);
        loop {
            match self.output.read(&mut part).map_err(|errno| format!("cannot read its output: {errno}"))? {
                0 => break,
                count => output.extend_from_slice(&part[..count]),
            }
        }
        let output = String::from_utf8_lossy(&output).into_owned();
        let mut reaped = Ok(None);
        tick::wait_until(PATIENCE, || {
            reaped = table::reap(table::INIT, Some(self.pid));
            !matches!(reaped, Ok(None))
        });
        match reaped {
            Ok(Some((_, status))) => match WaitStatus::decode(status) {
                Some(status) => Ok(Ended { status, output }),
                None => Err(format!("{status:#x} is no wait status")),
            },
            Ok(None) => Err(format!("process {} closed its output and did not end: {output}", self.pid)),
            Err(errno) => Err(format!("process {} cannot be waited for: {errno}", self.pid)),
        }
    }
}

impl Running {
    /// As [`Running::end`]; all checks of the probe must pass.
    pub fn end_well(self) -> Outcome {
        let ended = self.end()?;
        match ended.status {
            WaitStatus::Exited(0) => Ok(ended.output.trim_end().into()),
            status => Err(format!("{status:?}: {}", ended.output.trim_end())),
        }
    }
}

/// Runs a program to its end.
pub fn run(path: &str, arguments: &[&str]) -> Result<Ended, String> {
    start(path, arguments)?.end()
}

/// Runs checks in the probe, all of which must pass.
pub fn check(what: &str) -> Outcome {
    probe(what)?.end_well().map_err(|complaint| format!("{what}: {complaint}"))
}

/// Runs an action in the probe that must kill it with one of these signals.
pub fn killed(what: &str, signals: &[u8]) -> Outcome {
    let ended = run(PROBE, &[what])?;
    match ended.status {
        WaitStatus::Signaled { signal, .. } if signals.contains(&signal) => Ok(String::new()),
        status => {
            Err(format!("{what}: {status:?} instead of signal {signals:?}: {}", ended.output.trim_end()))
        }
    }
}

/// Starts the probe, which waits for the end of its standard input in the middle of its work.
pub fn probe_waiting(what: &str) -> Result<(Running, WriteEnd), String> {
    start_waiting(PROBE, &[what])
}

/// Starts the probe.
pub fn probe(what: &str) -> Result<Running, String> {
    start(PROBE, &[what])
}
