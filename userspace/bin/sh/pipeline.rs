//! Pipelines: programs that run concurrently, each one's output the next one's input.

use core::ffi::CStr;

use ulib::abi::fs::{STDIN, STDOUT};
use ulib::abi::limits::ARG_COUNT_MAX;
use ulib::abi::wait::WaitStatus;
use ulib::io::{self, Fd};
use ulib::process::{self, Fork, Pid};
use ulib::{Errno, Result, eprintln};

use crate::builtin;
use crate::tokens::{PROGRAMS_MAX, Tokens};

/// Statuses of a missing program, of one that cannot be executed, and of one with an unknown end.
const STATUS_MISSING: u8 = 127;
const STATUS_NOT_RUN: u8 = 126;
/// Added to the number of the signal that killed a program.
const STATUS_SIGNAL: u8 = 128;

/// Words of one program; the first is its name.
struct Words<'a> {
    words: [&'a CStr; ARG_COUNT_MAX],
    count: usize,
}

impl<'a> Words<'a> {
    fn new(tokens: &'a Tokens, starts: &[usize]) -> Result<Self> {
        let mut words = [c""; ARG_COUNT_MAX];
        for (number, start) in starts.iter().enumerate() {
            *words.get_mut(number).ok_or(Errno::E2BIG)? = tokens.word_at(*start);
        }
        Ok(Self { words, count: starts.len() })
    }

    fn all(&self) -> &[&'a CStr] {
        &self.words[..self.count]
    }
}

/// Runs a command and returns its last program's status; `None` for an empty command.
pub fn run(tokens: &Tokens, last_status: u8) -> Option<u8> {
    let count = tokens.programs().len();
    let mut programs = tokens.programs();
    let ran = match count {
        0 => return None,
        1 => run_one(tokens, programs.next()?, last_status),
        _ => run_several(tokens, programs, last_status),
    };
    Some(ran.unwrap_or_else(|errno| {
        eprintln!("sh: {errno}");
        STATUS_NOT_RUN
    }))
}

fn run_one(tokens: &Tokens, starts: &[usize], last_status: u8) -> Result<u8> {
    let words = Words::new(tokens, starts)?;
    // In the shell itself: a child could not change the shell's working directory.
    if let Some(status) = builtin::run(words.all(), last_status) {
        return Ok(status);
    }
    wait(start(&words, &[], &[], last_status)?)
}

fn run_several<'a>(
    tokens: &Tokens,
    programs: impl ExactSizeIterator<Item = &'a [usize]>,
    last_status: u8,
) -> Result<u8> {
    let last = programs.len() - 1;
    let mut pids: [Option<Pid>; PROGRAMS_MAX] = [None; PROGRAMS_MAX];
    let mut input = None;
    let mut started = Ok(());
    for (number, (starts, pid)) in programs.zip(&mut pids).enumerate() {
        match start_part(tokens, starts, &mut input, number == last, last_status) {
            Ok(child) => *pid = Some(child),
            Err(errno) => {
                started = Err(errno);
                break;
            }
        }
    }
    // Started programs end once their output has no reader.
    let closed = input.map_or(Ok(()), io::close);
    let mut status = 0;
    for pid in pids.into_iter().flatten() {
        status = wait(pid)?;
    }
    started.and(closed).map(|()| status)
}

/// Starts one of several programs; `input` is its standard input, and is set to that of the next program.
fn start_part(
    tokens: &Tokens,
    starts: &[usize],
    input: &mut Option<Fd>,
    is_last: bool,
    last_status: u8,
) -> Result<Pid> {
    let words = Words::new(tokens, starts)?;
    let output = if is_last { None } else { Some(io::pipe()?) };
    let mut standard = [(STDIN, STDIN), (STDOUT, STDOUT)];
    let mut closed = [None; 3];
    if let Some(fd) = *input {
        standard[0].0 = fd;
        closed[0] = Some(fd);
    }
    if let Some(pipe) = output {
        standard[1].0 = pipe.write;
        (closed[1], closed[2]) = (Some(pipe.read), Some(pipe.write));
    }
    let pid = start(&words, &standard, &closed, last_status)?;
    if let Some(fd) = input.take() {
        io::close(fd)?;
    }
    if let Some(pipe) = output {
        // While it is open here, the next program would see no end of its input.
        io::close(pipe.write)?;
        *input = Some(pipe.read);
    }
    Ok(pid)
}

/// Starts a program in a child process.
fn start(words: &Words<'_>, standard: &[(Fd, Fd)], closed: &[Option<Fd>], last_status: u8) -> Result<Pid> {
    match process::fork()? {
        Fork::Parent { child } => Ok(child),
        Fork::Child => process::exit(become_program(words.all(), standard, closed, last_status).into()),
    }
}

/// Returns only if the program cannot be executed.
fn become_program(words: &[&CStr], standard: &[(Fd, Fd)], closed: &[Option<Fd>], last_status: u8) -> u8 {
    let connected = standard.iter().try_for_each(|(from, to)| io::dup2(*from, *to).map(drop));
    let connected = connected.and_then(|()| closed.iter().flatten().try_for_each(|fd| io::close(*fd)));
    let errno = match connected {
        Err(errno) => errno,
        Ok(()) => match builtin::run(words, last_status) {
            Some(status) => return status,
            None => process::exec(words[0], words),
        },
    };
    eprintln!("sh: {}: {errno}", words[0].to_bytes().escape_ascii());
    if errno == Errno::ENOENT { STATUS_MISSING } else { STATUS_NOT_RUN }
}

fn wait(pid: Pid) -> Result<u8> {
    let ended = process::wait(pid, 0)?.and_then(|(_, status)| WaitStatus::decode(status));
    Ok(match ended {
        Some(WaitStatus::Exited(code)) => code,
        Some(WaitStatus::Signaled { signal, .. }) => STATUS_SIGNAL + signal,
        _ => STATUS_NOT_RUN,
    })
}
