//! Children of test programs: started with a closure, always reaped, their end always checked.

use core::fmt::Display;

use crate::abi::wait::WaitStatus;
use crate::process::{self, Fork, Pid};
use crate::{Errno, check};

/// A running child. Dropping it without a check of its end is a mistake of the test and fails it.
#[must_use]
#[derive(Debug)]
pub struct Child {
    pid: Pid,
}

impl Child {
    /// Starts a child that runs `body` and exits with the returned code.
    #[track_caller]
    pub fn start(body: impl FnOnce() -> i32) -> Self {
        match check::ok("fork", process::fork()) {
            Fork::Parent { child: pid } => Self { pid },
            Fork::Child => process::exit(body()),
        }
    }

    /// Wraps a child that was started in another way.
    pub const fn started(pid: Pid) -> Self {
        Self { pid }
    }

    /// The child's number.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for the end and checks that the child exited with this code.
    #[track_caller]
    pub fn exits(self, name: impl Display + Copy, code: u8) {
        check::equal(format_args!("end of {name}"), self.collect(name), WaitStatus::Exited(code));
    }

    /// Waits for the end and checks that this signal killed the child; the core flag is ignored.
    #[track_caller]
    pub fn is_killed(self, name: impl Display + Copy, signal: u8) {
        match self.collect(name) {
            WaitStatus::Signaled { signal: found, .. } => {
                check::equal(format_args!("signal that ended {name}"), found, signal);
            }
            other => check::fail(
                format_args!("end of {name}"),
                format_args!("signal {signal}"),
                format_args!("{other:?}"),
            ),
        }
    }

    /// Waits for this child, and checks that it can be reaped only once.
    #[track_caller]
    fn collect(self, name: impl Display) -> WaitStatus {
        let pid = self.pid;
        // From here on it counts as reaped: a failing check ends the process anyway.
        core::mem::forget(self);
        let ended = check::ok(format_args!("wait for {name}"), process::wait(pid, 0));
        check::error(format_args!("second wait for {name}"), process::wait(pid, 0), Errno::ECHILD);
        check::equal(format_args!("pid of {name}"), ended.map(|(pid, _)| pid), Some(pid));
        match ended.and_then(|(_, status)| WaitStatus::decode(status)) {
            Some(status) => status,
            None => check::fail(format_args!("end of {name}"), "a wait status", format_args!("{ended:?}")),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        check::fail("children", "each to be collected", self.pid);
    }
}
