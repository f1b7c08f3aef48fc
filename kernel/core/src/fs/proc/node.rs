//! The directory tree of `/proc`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::{S_IFDIR, S_IFREG};

use super::content;
use crate::fs::path;

/// A file or directory of `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Root,
    Meminfo,
    Uptime,
    Trace,
    TraceFile(TraceFile),
    /// Directory of the process with this number.
    Process(u32),
    Status(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFile {
    Buffer,
    Counters,
    Enable,
    Events,
    Providers,
}

/// Sorted by inode number.
const TRACE_FILES: [(&str, TraceFile); 5] = [
    ("buffer", TraceFile::Buffer),
    ("counters", TraceFile::Counters),
    ("enable", TraceFile::Enable),
    ("events", TraceFile::Events),
    ("providers", TraceFile::Providers),
];

/// First inode number of processes' files; all others have lower numbers.
const FIRST_PROCESS_INODE: u64 = 0x1000;

impl Node {
    pub const fn is_directory(self) -> bool {
        matches!(self, Self::Root | Self::Trace | Self::Process(_))
    }

    /// File type and permissions.
    pub const fn mode(self) -> u32 {
        match self {
            Self::TraceFile(TraceFile::Enable) => S_IFREG | 0o644,
            _ if self.is_directory() => S_IFDIR | 0o555,
            _ => S_IFREG | 0o444,
        }
    }

    pub fn inode(self) -> u64 {
        match self {
            Self::Root => 1,
            Self::Meminfo => 2,
            Self::Uptime => 3,
            Self::Trace => 4,
            Self::TraceFile(file) => 5 + file as u64,
            Self::Process(pid) => FIRST_PROCESS_INODE + 2 * u64::from(pid),
            Self::Status(pid) => FIRST_PROCESS_INODE + 2 * u64::from(pid) + 1,
        }
    }

    /// The parent directory; `None` for the root, whose parent is on the disk.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::Meminfo | Self::Uptime | Self::Trace | Self::Process(_) => Some(Self::Root),
            Self::TraceFile(_) => Some(Self::Trace),
            Self::Status(pid) => Some(Self::Process(pid)),
        }
    }

    /// Entries of a directory; none for a file.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let fixed: &[Self] = match self {
            Self::Root if cfg!(feature = "untraced") => &[Self::Meminfo, Self::Uptime],
            Self::Root => &[Self::Meminfo, Self::Uptime, Self::Trace],
            _ => &[],
        };
        let files: &[(&str, TraceFile)] = if self == Self::Trace { &TRACE_FILES } else { &[] };
        let status = if let Self::Process(pid) = self { Some(Self::Status(pid)) } else { None };
        let pids = (self == Self::Root).then(content::pids).into_iter().flatten();
        fixed
            .iter()
            .copied()
            .chain(pids.map(Self::Process))
            .chain(files.iter().map(|(_, file)| Self::TraceFile(*file)))
            .chain(status)
    }

    /// Its name in its directory. A file keeps its name after its process was reaped.
    pub fn name(self) -> String {
        let fixed = match self {
            Self::Root => "proc",
            Self::Meminfo => "meminfo",
            Self::Uptime => "uptime",
            Self::Trace => "trace",
            Self::TraceFile(file) => TRACE_FILES[file as usize].0,
            Self::Process(pid) => return pid.to_string(),
            Self::Status(_) => "status",
        };
        fixed.to_string()
    }

    /// Absolute path.
    pub fn path(self) -> Vec<u8> {
        let above = self.parent().map_or_else(Vec::new, Self::path);
        [&above, b"/".as_slice(), self.name().as_bytes()].concat()
    }
}

/// Result of a path walk in `/proc`.
pub enum Walk {
    Arrived(Node),
    /// The walk left `/proc` through the root's `..`; the rest of the path.
    Left(Vec<u8>),
    /// The last name of the path is missing in its directory.
    Missing,
}

/// Walks the path `whole` from `start`; `/proc` has no symbolic links.
///
/// # Errors
/// ENOENT, ENOTDIR, ENOMEM.
pub fn walk(start: Node, whole: &[u8]) -> Result<Walk, Errno> {
    let mut here = start;
    let mut rest = whole;
    while let Some(begin) = rest.iter().position(|byte| *byte != b'/') {
        let end =
            rest[begin..].iter().position(|byte| *byte == b'/').map_or(rest.len(), |length| begin + length);
        let name = &rest[begin..end];
        rest = &rest[end..];
        if !here.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        here = match name {
            b"." => here,
            b".." => match here.parent() {
                Some(parent) => parent,
                None => return Ok(Walk::Left(path::copy(rest)?)),
            },
            name => match here.children().find(|child| child.name().as_bytes() == name) {
                Some(child) => child,
                None if rest.is_empty() => return Ok(Walk::Missing),
                None => return Err(Errno::ENOENT),
            },
        };
    }
    // The rest of `name/` is a slash, which requires a directory.
    if rest.is_empty() || here.is_directory() { Ok(Walk::Arrived(here)) } else { Err(Errno::ENOTDIR) }
}
