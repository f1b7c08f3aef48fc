//! Files on the disk: the read-only root file system, ext2.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use parity_abi::Errno;
use parity_abi::fs::Stat;
use parity_abi::limits::PATH_MAX;
use parity_ext2::{BlockDevice, Error, FileType, Filesystem, Follow, Inode, Mistake, ROOT, Walk};
use spin::Once;

use super::File;
use super::file::DirectoryEntry;
use crate::drivers::block_cache::BlockCache;
use crate::faults::{Fault, planted};
use crate::mm::shrinker;
use crate::thread::scheduler;

static VOLUME: Once<Filesystem<BlockCache>> = Once::new();

/// Inode number of the directory on which another file system is mounted.
static MOUNT_POINT: Once<u32> = Once::new();

impl BlockDevice for BlockCache {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.read_bytes(offset, buffer).map_err(|errno| match errno {
            Errno::ENOMEM if !planted(Fault::NoMemoryIsIo) => Error::NoMemory,
            _ => Error::Io,
        })
    }

    fn makes(&self, mistake: Mistake) -> bool {
        // Reads by the kernel itself are correct, so that it loads the right PID 1.
        let by_user = cfg!(feature = "planted_faults") && scheduler::current().owner.is_some();
        by_user
            && planted(match mistake {
                Mistake::FarTable => Fault::Ext2FarTable,
                Mistake::LongLink => Fault::Ext2LongLink,
                Mistake::FirstGroup => Fault::Ext2FirstGroup,
                Mistake::FirstDescriptors => Fault::Ext2FirstDescriptors,
                Mistake::OneBlockFolder => Fault::Ext2OneBlockFolder,
                Mistake::LinksWithoutEnd => Fault::Ext2LinksWithoutEnd,
            })
    }
}

/// Mounts the disk as `/`. Called once.
///
/// # Errors
/// Why the disk has no readable file system.
pub fn mount_root(disk: BlockCache) -> Result<(), Error> {
    let volume = Filesystem::mount(disk)?;
    shrinker::register(VOLUME.call_once(|| volume).device());
    Ok(())
}

/// Mounts another file system over the directory `path`. Called once; returns whether there is such a
/// directory.
pub fn mount_over(path: &[u8]) -> bool {
    match walk(ROOT, path, Follow::Last, &mut 0) {
        Ok(Found::File(file)) if file.inode.kind == FileType::Directory => {
            MOUNT_POINT.call_once(|| file.inode.number);
            true
        }
        _ => false,
    }
}

/// Takes the disk's lock and never releases it: for a planted fault.
pub fn keep_lock() {
    if let Some(volume) = VOLUME.get() {
        volume.device().keep_read_lock();
    }
}

fn volume() -> Result<&'static Filesystem<BlockCache>, Errno> {
    VOLUME.get().ok_or(Errno::ENODEV)
}

/// Path from the root to directory `number`, built from the directory upwards.
///
/// # Errors
/// ENOENT if the directory was unlinked; ENAMETOOLONG; EIO.
pub fn path_of(number: u32) -> Result<Vec<u8>, Errno> {
    let volume = volume()?;
    let mut here = volume.inode(number)?;
    let mut path = Vec::new();
    while here.number != ROOT {
        let parent = volume.find(&here, b"..")?;
        let name = volume.scan(&parent, 0, |entry| {
            let is_here = entry.inode == here.number && entry.name != b"." && entry.name != b"..";
            if is_here { ControlFlow::Break(entry.name.to_vec()) } else { ControlFlow::Continue(()) }
        })?;
        path = joined(&name.ok_or(Errno::ENOENT)?, &path)?;
        // On a damaged disk, `..` may never reach the root.
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        here = parent;
    }
    Ok(if path.is_empty() { b"/".to_vec() } else { path })
}

/// Joins a name and a path below it.
fn joined(name: &[u8], path: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut joined = Vec::new();
    joined.try_reserve(1 + name.len() + path.len()).map_err(|_| Errno::ENOMEM)?;
    joined.push(b'/');
    joined.extend_from_slice(name);
    joined.extend_from_slice(path);
    Ok(joined)
}

/// Result of a path walk on the disk.
pub enum Found {
    File(DiskFile),
    /// The walk reached the mount point of the other file system; the rest of the path.
    MountPoint(Vec<u8>),
    /// The last name of the path is missing in its directory.
    Missing,
}

/// Walks `path` from directory `start`, or from the root if it begins with a slash. `links` counts the
/// followed symbolic links.
///
/// # Errors
/// ENOENT, ENOTDIR, ELOOP, EIO.
pub fn walk(start: u32, path: &[u8], follow: Follow, links: &mut usize) -> Result<Found, Errno> {
    let volume = volume()?;
    Ok(match volume.walk(&volume.inode(start)?, path, follow, MOUNT_POINT.get().copied(), links)? {
        Walk::Arrived(inode) => Found::File(DiskFile { volume, inode }),
        Walk::Missing => Found::Missing,
        Walk::Elsewhere(rest) => Found::MountPoint(rest),
    })
}

/// An empty file, which a planted fault returns for a missing file.
///
/// # Errors
/// EIO.
pub fn empty_file() -> Result<DiskFile, Errno> {
    let volume = volume()?;
    let mut inode = volume.inode(ROOT)?;
    (inode.kind, inode.size) = (FileType::Regular, 0);
    Ok(DiskFile { volume, inode })
}

/// A regular file or a directory on the disk.
pub struct DiskFile {
    volume: &'static Filesystem<BlockCache>,
    pub inode: Inode,
}

impl DiskFile {
    /// Replaces every second block by the one before it: a planted fault. Reads by the kernel itself are
    /// correct, so that PID 1 starts.
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
