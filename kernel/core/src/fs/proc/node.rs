//! The tree of `/proc`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::{S_IFDIR, S_IFREG};

use super::content;

/// A file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Root,
    Meminfo,
    Uptime,
    Trace,
    TraceFile(TraceFile),
    /// The directory of a process, by its number.
    Process(u32),
    Status(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFile {
    Enable,
    Events,
    Buffer,
    Counters,
    Providers,
}

const TRACE_FILES: [(&str, TraceFile); 5] = [
    ("buffer", TraceFile::Buffer),
    ("counters", TraceFile::Counters),
    ("enable", TraceFile::Enable),
    ("events", TraceFile::Events),
    ("providers", TraceFile::Providers),
];

/// Inode numbers of processes' files begin here; those of all others are smaller.
const FIRST_PROCESS_INODE: u64 = 0x1000;

impl Node {
    pub const fn is_directory(self) -> bool {
        matches!(self, Self::Root | Self::Trace | Self::Process(_))
    }

    /// Type and permissions.
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

    /// `None`: the parent is outside.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::Meminfo | Self::Uptime | Self::Trace | Self::Process(_) => Some(Self::Root),
            Self::TraceFile(_) => Some(Self::Trace),
            Self::Status(pid) => Some(Self::Process(pid)),
        }
    }

    /// What is in a directory, by name; nothing in a file.
    pub fn children(self) -> Vec<(String, Self)> {
        match self {
            Self::Root => {
                let files = [("meminfo", Self::Meminfo), ("uptime", Self::Uptime), ("trace", Self::Trace)];
                let files =
                    files.into_iter().filter(|(_, node)| !cfg!(feature = "untraced") || *node != Self::Trace);
                let files = files.map(|(name, node)| (name.to_string(), node));
                files
                    .chain(content::pids().into_iter().map(|pid| (pid.to_string(), Self::Process(pid))))
                    .collect()
            }
            Self::Trace => {
                TRACE_FILES.iter().map(|(name, file)| (name.to_string(), Self::TraceFile(*file))).collect()
            }
            Self::Process(pid) => [("status".to_string(), Self::Status(pid))].into(),
            _ => Vec::new(),
        }
    }

    /// The path from the root of everything.
    pub fn path(self) -> Vec<u8> {
        let Some(parent) = self.parent() else { return b"/proc".to_vec() };
        let name = parent.children().into_iter().find(|(_, child)| *child == self).map(|(name, _)| name);
        // A process that is gone still has the name that it had.
        let name = match self {
            Self::Process(pid) => format!("{pid}"),
            _ => name.unwrap_or_default(),
        };
        [&parent.path(), b"/".as_slice(), name.as_bytes()].concat()
    }
}

/// Where a path leads.
pub enum Walk {
    Arrived(Node),
    /// Out of here through the root's `..`, with this part of the path left.
    Left(Vec<u8>),
    /// To a directory that has nothing of the path's last name.
    Missing,
}

/// Walks along `path` from `start`; there are no links here.
///
/// # Errors
/// ENOENT, ENOTDIR.
pub fn walk(start: Node, path: &[u8]) -> Result<Walk, Errno> {
    let mut here = start;
    let mut rest = path;
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
                None => return Ok(Walk::Left(rest.to_vec())),
            },
            name => {
                let mut children = here.children().into_iter();
                match children.find(|(child, _)| child.as_bytes() == name) {
                    Some((_, child)) => child,
                    None if rest.is_empty() => return Ok(Walk::Missing),
                    None => return Err(Errno::ENOENT),
                }
            }
        };
    }
    // What is left of `name/` is a slash: it says that a directory is meant.
    if rest.is_empty() || here.is_directory() { Ok(Walk::Arrived(here)) } else { Err(Errno::ENOTDIR) }
}
