//! `/proc`: files whose content the kernel generates on open.

mod content;
mod file;
mod node;

pub use content::{Processes, register_processes};
pub use file::File;
pub use node::{Node, Walk, walk};

use crate::fs::disk;
use crate::kprintln;

/// Mounts `/proc` over the directory of that name on the disk, if there is one. Called once.
pub fn mount() {
    if !disk::mount_over(b"/proc") {
        kprintln!("the disk has no directory /proc, so there is none");
    }
}
