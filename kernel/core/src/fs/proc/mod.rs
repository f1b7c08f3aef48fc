//! `/proc`: files that the kernel writes when somebody opens them.

mod content;
mod file;
mod node;

pub use content::{Processes, register_processes};
pub use file::File;
pub use node::{Node, Walk, walk};

use crate::fs::disk;
use crate::kprintln;

/// Puts `/proc` in its place on the disk. Called once; a disk without one has none.
pub fn mount() {
    if !disk::cover(b"/proc") {
        kprintln!("the disk has no directory /proc, so there is none");
    }
}
