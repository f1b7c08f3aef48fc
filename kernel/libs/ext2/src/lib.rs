//! Reader of the ext2 file system, revisions 0 and 1.
//!
//! The reader trusts nothing on the disk: a damaged image gives [`Error::Corrupt`], never a panic, an endless loop
//! or a read outside the file system. It has no cache; a [`BlockDevice`] may have one.
#![no_std]

extern crate alloc;

mod data;
mod directory;
mod error;
mod inode;
mod lookup;
mod superblock;

use alloc::vec::Vec;

pub use directory::Entry;
pub use error::Error;
pub use inode::{FileType, Inode};
pub use lookup::{Follow, Walk};
pub use superblock::Superblock;

/// The device of a file system.
pub trait BlockDevice {
    /// Fills `buffer` from the byte `offset`; neither needs an alignment.
    ///
    /// # Errors
    /// [`Error::Io`] if the device fails or is too short, [`Error::NoMemory`].
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error>;

    /// Whether the reader must make this mistake, so that a kernel can prove that its tests detect it. By default it
    /// makes none.
    fn makes(&self, _mistake: Mistake) -> bool {
        false
    }
}

/// A deliberate mistake of the reader, a planted fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Below a table of tables, it reads the first table instead of the second and further ones.
    FarTable,
    /// It treats every target of a symbolic link as a short one.
    LongLink,
    /// It looks up the inodes of all groups in the first group.
    FirstGroup,
    /// It looks up all groups in the first block of descriptors.
    FirstDescriptors,
    /// It reads only the first block of a directory.
    OneBlockFolder,
    /// It does not count symbolic links.
    LinksWithoutEnd,
}

/// The inode number of the root directory.
pub const ROOT: u32 = 2;

/// A mounted file system.
#[derive(Debug)]
pub struct Filesystem<D> {
    device: D,
    superblock: Superblock,
}

impl<D: BlockDevice> Filesystem<D> {
    /// Mounts the file system on `device`.
    ///
    /// # Errors
    /// [`Error::NotExt2`], [`Error::Unsupported`] if it uses a feature that a reader must know,
    /// [`Error::Corrupt`] if the superblock contradicts itself, or the device's error.
    pub fn mount(device: D) -> Result<Self, Error> {
        let superblock = Superblock::read(&device)?;
        let filesystem = Self { device, superblock };
        match filesystem.inode(ROOT)?.kind {
            FileType::Directory => Ok(filesystem),
            _ => Err(Error::Corrupt),
        }
    }

    /// The device.
    #[must_use]
    pub const fn device(&self) -> &D {
        &self.device
    }

    /// The file system's parameters.
    #[must_use]
    pub const fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// Reads from one block, which must be in the file system.
    fn read_block(&self, block: u32, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.read_blocks(block, 1, offset, buffer)
    }

    /// Reads from `count` consecutive blocks, which must be in the file system.
    fn read_blocks(&self, first: u32, count: u32, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let end = first.checked_add(count).ok_or(Error::Corrupt)?;
        if first < self.superblock.first_data_block || end > self.superblock.blocks {
            return Err(Error::Corrupt);
        }
        let block_bytes = u64::from(self.superblock.block_bytes);
        self.device.read(u64::from(first) * block_bytes + offset, buffer)
    }
}

/// A vector of zeros.
fn zeroed(bytes: usize) -> Result<Vec<u8>, Error> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(bytes).map_err(|_| Error::NoMemory)?;
    zeros.resize(bytes, 0);
    Ok(zeros)
}

/// Two parts of a path, joined.
fn joined(first: &[u8], second: &[u8]) -> Result<Vec<u8>, Error> {
    let mut joined = Vec::new();
    joined.try_reserve_exact(first.len() + second.len()).map_err(|_| Error::NoMemory)?;
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    Ok(joined)
}

/// Little-endian integers at fixed offsets of a record on the disk.
mod field {
    pub const fn u16(record: &[u8], at: usize) -> u16 {
        u16::from_le_bytes([record[at], record[at + 1]])
    }

    pub const fn u32(record: &[u8], at: usize) -> u32 {
        u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
    }
}
