//! Waiting for the end of a child.

use parity_abi::Errno;

use super::{current, table};
use crate::faults::{Fault, planted};

/// An ended child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub pid: u32,
    /// Linux's wait status.
    pub status: i32,
}

/// Reaps an ended child: the child `wanted`, or any. Sleeps until there is one; with `no_hang` returns `None`
/// instead.
///
/// # Errors
/// ECHILD if there is no such child.
pub fn wait(wanted: Option<u32>, no_hang: bool) -> Result<Option<Ended>, Errno> {
    let process = current();
    let look = || table::reap(process.pid, wanted).transpose();
    let reaped = if no_hang && !planted(Fault::WnohangBlocks) {
        look()
    } else {
        Some(process.children.wait_by(wanted.unwrap_or(0), look))
    };
    let Some((child, status)) = reaped.transpose()? else { return Ok(None) };
    let wrong = if planted(Fault::WaitpidWrongStatus) { 1 << 8 } else { 0 };
    Ok(Some(Ended { pid: child.pid, status: status ^ wrong }))
}
