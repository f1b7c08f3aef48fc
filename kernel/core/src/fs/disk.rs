//! Files on the disk: the root file system, ext2, for reading.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use parity_abi::Errno;
use parity_abi::fs::{O_ACCMODE, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_TRUNC, Stat};
use parity_abi::limits::PATH_MAX;
use parity_ext2::{BlockDevice, Error, FileType, Filesystem, Follow, Inode, ROOT};
use spin::Once;

use super::file::DirectoryEntry;
use super::{File, OpenFile};
use crate::drivers::block_cache::BlockCache;
use crate::faults::{Fault, planted};
use crate::thread::scheduler;

static VOLUME: Once<Filesystem<BlockCache>> = Once::new();

impl BlockDevice for BlockCache {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.read_bytes(offset, buffer).map_err(|_| Error::Io)
    }
}

/// Mounts the disk as `/`. Called once.
///
/// # Errors
/// What the disk holds instead of a file system that can be read.
pub fn mount_root(disk: BlockCache) -> Result<(), Error> {
    let volume = Filesystem::mount(disk)?;
    VOLUME.call_once(|| volume);
    Ok(())
}

fn volume() -> Result<&'static Filesystem<BlockCache>, Errno> {
    VOLUME.get().ok_or(Errno::ENODEV)
}

/// A directory in which paths begin that do not begin with a slash. It is known by its inode's number, so that
/// it stays the same directory whatever happens to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory(u32);

impl Directory {
    pub const ROOT: Self = Self(ROOT);

    /// The directory that `path` names.
    ///
    /// # Errors
    /// ENOTDIR, and those of [`lookup`].
    pub fn open(start: Self, path: &[u8]) -> Result<Self, Errno> {
        let inode = lookup(start, path)?.inode;
        if inode.kind == FileType::Directory { Ok(Self(inode.number)) } else { Err(Errno::ENOTDIR) }
    }

    /// The path of names that leads here from the root, found from the directory upwards.
    ///
    /// # Errors
    /// ENOENT if the directory has no name any more; ENAMETOOLONG; EIO.
    pub fn path(self) -> Result<Vec<u8>, Errno> {
        let volume = volume()?;
        let mut here = volume.inode(self.0)?;
        let mut path = Vec::new();
        while here.number != ROOT {
            let parent = volume.find(&here, b"..")?;
            let name = volume.scan(&parent, 0, |entry| {
                let is_here = entry.inode == here.number && entry.name != b"." && entry.name != b"..";
                if is_here { ControlFlow::Break(entry.name.to_vec()) } else { ControlFlow::Continue(()) }
            })?;
            path = [b"/", name.ok_or(Errno::ENOENT)?.as_slice(), &path].concat();
            // On a damaged disk the way up need not end at the root.
            if path.len() >= PATH_MAX {
                return Err(Errno::ENAMETOOLONG);
            }
            here = parent;
        }
        Ok(if path.is_empty() { b"/".to_vec() } else { path })
    }
}

/// The file that `path` names, links followed; one without a leading slash begins in `start`.
///
/// # Errors
/// ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EIO.
pub fn lookup(start: Directory, path: &[u8]) -> Result<DiskFile, Errno> {
    lookup_with(start, path, Follow::Last)
}

fn lookup_with(start: Directory, path: &[u8], follow: Follow) -> Result<DiskFile, Errno> {
    let volume = volume()?;
    let inode = volume.lookup(&volume.inode(start.0)?, path, follow)?;
    Ok(DiskFile { volume, inode })
}

/// Opens the file that `path` names, seen from `start`, with the flags of `open`.
///
/// # Errors
/// Those of [`lookup`]; EROFS for what would change the disk, EISDIR, ENXIO for what is no file of bytes.
pub fn open(start: Directory, path: &[u8], flags: u32) -> Result<OpenFile, Errno> {
    let follow = if flags & O_NOFOLLOW != 0 { Follow::AllButLast } else { Follow::Last };
    let file = match lookup_with(start, path, follow) {
        Err(Errno::ENOENT) if flags & O_CREAT != 0 => return Err(Errno::EROFS),
        Err(Errno::ENOENT) if planted(Fault::OpenMissingOk) => {
            let volume = volume()?;
            let mut inode = volume.inode(ROOT)?;
            (inode.kind, inode.size) = (FileType::Regular, 0);
            DiskFile { volume, inode }
        }
        other => other?,
    };
    let writes = flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0;
    match file.inode.kind {
        FileType::Directory if writes || flags & O_CREAT != 0 => return Err(Errno::EISDIR),
        FileType::Directory => {}
        _ if flags & O_DIRECTORY != 0 => return Err(Errno::ENOTDIR),
        FileType::Symlink => return Err(Errno::ELOOP),
        FileType::Regular if writes => return Err(Errno::EROFS),
        FileType::Regular => {}
        _ => return Err(Errno::ENXIO),
    }
    Ok(OpenFile::new(Box::new(file), flags))
}

/// A regular file or a directory on the disk.
pub struct DiskFile {
    volume: &'static Filesystem<BlockCache>,
    pub inode: Inode,
}

impl DiskFile {
    /// Puts the block before it in the place of every second one: a planted fault. What the kernel itself reads
    /// is left alone, so that PID 1 starts.
    fn mix_blocks_up(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Errno> {
        if scheduler::current().owner.is_none() {
            return Ok(());
        }
        let block = u64::from(self.volume.superblock().block_bytes);
        let mut done = 0;
        while done < buffer.len() {
            let at = offset + done as u64;
            let count = ((block - at % block) as usize).min(buffer.len() - done);
            if at / block % 2 == 1 {
                self.volume.read(&self.inode, at - block, &mut buffer[done..done + count])?;
            }
            done += count;
        }
        Ok(())
    }
}

impl File for DiskFile {
    fn read(&self, offset: u64, buffer: &mut [u8], _nonblocking: bool) -> Result<usize, Errno> {
        let count = self.volume.read(&self.inode, offset, buffer)?;
        if planted(Fault::Ext2WrongBlock) {
            self.mix_blocks_up(offset, &mut buffer[..count])?;
        }
        Ok(count)
    }

    fn write(&self, _offset: u64, _bytes: &[u8], _nonblocking: bool) -> Result<usize, Errno> {
        Err(Errno::EROFS)
    }

    fn stat(&self) -> Stat {
        let inode = &self.inode;
        Stat {
            dev: 1,
            ino: inode.number.into(),
            nlink: inode.links.into(),
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            size: inode.size.cast_signed() + i64::from(planted(Fault::StatWrongSize)),
            blksize: self.volume.superblock().block_bytes.into(),
            blocks: inode.sectors.into(),
            atime: inode.atime,
            mtime: inode.mtime,
            ctime: inode.ctime,
            ..Stat::default()
        }
    }

    fn size(&self) -> Option<u64> {
        Some(self.inode.size)
    }

    fn list(&self, from: u64, visit: &mut dyn FnMut(DirectoryEntry) -> bool) -> Result<(), Errno> {
        self.volume.scan(&self.inode, from, |entry| {
            let entry = DirectoryEntry {
                inode: entry.inode.into(),
                kind: entry.kind,
                name: entry.name,
                next: entry.next,
            };
            if visit(entry) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(())
    }
}
