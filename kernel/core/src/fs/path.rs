//! Path lookup, on the disk and in `/proc`, which is mounted on a directory of the disk.

use alloc::boxed::Box;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::{
    O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_TRUNC, S_IWUSR, S_IXGRP, S_IXOTH,
    S_IXUSR,
};
use parity_abi::limits::PATH_MAX;
use parity_ext2::{FileType, Follow, ROOT};

use super::disk::{self, DiskFile};
use super::proc::{self, Node};
use super::{File, OpenFile};
use crate::faults::{Fault, planted};

/// Start of relative paths. A directory on the disk is identified by its inode number, so it stays the same
/// when it is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    Disk(u32),
    Proc(Node),
}

/// The file that a path names.
pub enum Found {
    Disk(DiskFile),
    Proc(Node),
}

impl Directory {
    pub const ROOT: Self = Self::Disk(ROOT);

    /// Opens the directory that `path` names.
    ///
    /// # Errors
    /// ENOTDIR, and those of [`lookup`].
    pub fn open(start: Self, path: &[u8]) -> Result<Self, Errno> {
        match lookup(start, path)? {
            Found::Disk(file) if file.inode.kind == FileType::Directory => Ok(Self::Disk(file.inode.number)),
            Found::Proc(node) if node.is_directory() => Ok(Self::Proc(node)),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// Absolute path of the directory.
    ///
    /// # Errors
    /// ENOENT if the directory was unlinked; ENAMETOOLONG; EIO.
    pub fn path(self) -> Result<Vec<u8>, Errno> {
        match self {
            Self::Disk(number) => disk::path_of(number),
            Self::Proc(node) => Ok(node.path()),
        }
    }
}

impl Found {
    /// Whether owner, group or others may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode() & (S_IXUSR | S_IXGRP | S_IXOTH) != 0
    }

    /// The error of opening it for writing, `None` if that is allowed.
    pub fn refuses_writing(&self) -> Option<Errno> {
        match self {
            Self::Disk(_) => Some(Errno::EROFS),
            Self::Proc(node) => (node.mode() & S_IWUSR == 0).then_some(Errno::EACCES),
        }
    }

    fn mode(&self) -> u32 {
        match self {
            Self::Disk(file) => file.inode.mode,
            Self::Proc(node) => node.mode(),
        }
    }

    fn kind(&self) -> FileType {
        match self {
            Self::Disk(file) => file.inode.kind,
            Self::Proc(node) if node.is_directory() => FileType::Directory,
            Self::Proc(_) => FileType::Regular,
        }
    }
}

/// The file that `path` names; follows symbolic links. A relative path starts in `start`.
///
/// # Errors
/// ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EIO.
pub fn lookup(start: Directory, path: &[u8]) -> Result<Found, Errno> {
    lookup_with(start, path, Follow::Last)?.ok_or(Errno::ENOENT)
}

/// As [`lookup`], but returns `None` if only the last name is missing.
fn lookup_with(start: Directory, path: &[u8], follow: Follow) -> Result<Option<Found>, Errno> {
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    if path.len() >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    let mut here = if path.starts_with(b"/") { Directory::ROOT } else { start };
    let mut rest = copy(path)?;
    // The loop ends: every step into or out of `/proc` consumes a name of the path, and only links add names,
    // whose number is limited over all steps.
    let mut links = 0;
    loop {
        if planted(Fault::LinksCountedAnew) {
            links = 0;
        }
        (here, rest) = match here {
            Directory::Disk(number) => match disk::walk(number, &rest, follow, &mut links)? {
                disk::Found::File(file) => return Ok(Some(Found::Disk(file))),
                disk::Found::MountPoint(rest) => (Directory::Proc(Node::Root), rest),
                disk::Found::Missing => return Ok(None),
            },
            Directory::Proc(node) => match proc::walk(node, &rest)? {
                proc::Walk::Arrived(node) => return Ok(Some(Found::Proc(node))),
                proc::Walk::Left(rest) => (Directory::ROOT, rest),
                proc::Walk::Missing => return Ok(None),
            },
        };
    }
}

/// A copy of a path or a part of one.
///
/// # Errors
/// ENOMEM.
pub fn copy(path: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(path.len()).map_err(|_| Errno::ENOMEM)?;
    copy.extend_from_slice(path);
    Ok(copy)
}

/// Opens the file `path` relative to `start`, with the flags of `open`.
///
/// # Errors
/// Those of [`lookup`]; EROFS if the flags would change the disk, EACCES without write permission, EISDIR,
/// ENXIO for other non-regular files; EEXIST with O_EXCL if the name exists, even as a link.
pub fn open(start: Directory, path: &[u8], flags: u32) -> Result<OpenFile, Errno> {
    let creates = flags & O_CREAT != 0;
    let exclusive = creates && flags & O_EXCL != 0 && !planted(Fault::ExclusiveIgnored);
    let follow = if exclusive || flags & O_NOFOLLOW != 0 { Follow::AllButLast } else { Follow::Last };
    let found = match lookup_with(start, path, follow) {
        Ok(Some(_)) if exclusive => return Err(Errno::EEXIST),
        Ok(Some(found)) => found,
        Ok(None) if creates => return Err(Errno::EROFS),
        Ok(None) | Err(Errno::ENOENT) if planted(Fault::OpenMissingOk) => Found::Disk(disk::empty_file()?),
        Ok(None) => return Err(Errno::ENOENT),
        Err(errno) => return Err(errno),
    };
    let writes = flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0;
    match found.kind() {
        FileType::Directory if writes || creates => return Err(Errno::EISDIR),
        FileType::Directory => {}
        _ if flags & O_DIRECTORY != 0 => return Err(Errno::ENOTDIR),
        FileType::Symlink => return Err(Errno::ELOOP),
        FileType::Regular => {
            if let Some(errno) = found.refuses_writing().filter(|_| writes) {
                return Err(errno);
            }
        }
        _ => return Err(Errno::ENXIO),
    }
    let file: Box<dyn File> = match found {
        Found::Disk(file) => Box::new(file),
        Found::Proc(node) => Box::new(proc::File::new(node)?),
    };
    Ok(OpenFile::new(file, flags))
}
