//! Reader of the ext2 file system, revisions 0 and 1.
//!
//! Nothing on the disk is trusted: a damaged image gives [`Error::Corrupt`], never a panic, an endless loop
//! or a read outside the file system. The crate keeps no cache; a [`BlockDevice`] may.
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

/// What the file system lies on.
pub trait BlockDevice {
    /// Fills `buffer` from the byte `offset`; neither need be aligned.
    ///
    /// # Errors
    /// [`Error::Io`] if the device fails or ends before, [`Error::NoMemory`].
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error>;

    /// Whether the reader is to make this mistake, so that tests of a kernel can prove that they notice it. It is not.
    fn makes(&self, _mistake: Mistake) -> bool {
        false
    }
}

/// A mistake of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The second and further tables of blocks below a table are the first.
    FarTable,
    /// The target of a symbolic link is where the block numbers are, however long it is.
    LongLink,
    /// Inodes of all groups are looked up in the first.
    FirstGroup,
    /// Groups are looked up in the first block of descriptors.
    FirstDescriptors,
    /// A directory ends with its first block.
    OneBlockFolder,
    /// Symbolic links are not counted.
    LinksWithoutEnd,
}

/// Number of the root directory's inode.
pub const ROOT: u32 = 2;

/// A mounted file system.
#[derive(Debug)]
pub struct Filesystem<D> {
    device: D,
    superblock: Superblock,
}

impl<D: BlockDevice> Filesystem<D> {
    /// Mounts what lies on `device`.
    ///
    /// # Errors
    /// [`Error::NotExt2`], [`Error::Unsupported`] if a feature is on that a reader must know,
    /// [`Error::Corrupt`] if the superblock contradicts itself, or the device's error.
    pub fn mount(device: D) -> Result<Self, Error> {
        let superblock = Superblock::read(&device)?;
        let filesystem = Self { device, superblock };
        match filesystem.inode(ROOT)?.kind {
            FileType::Directory => Ok(filesystem),
            _ => Err(Error::Corrupt),
        }
    }

    /// What it lies on.
    #[must_use]
    pub const fn device(&self) -> &D {
        &self.device
    }

    /// The file system's parameters.
    #[must_use]
    pub const fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// Reads from one block, which must be one of the file system's.
    fn read_block(&self, block: u32, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.read_blocks(block, 1, offset, buffer)
    }

    /// Reads from `count` consecutive blocks, which must be the file system's.
    fn read_blocks(&self, first: u32, count: u32, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let end = first.checked_add(count).ok_or(Error::Corrupt)?;
        if first < self.superblock.first_data_block || end > self.superblock.blocks {
            return Err(Error::Corrupt);
        }
        let block_bytes = u64::from(self.superblock.block_bytes);
        self.device.read(u64::from(first) * block_bytes + offset, buffer)
    }
}

/// Zeros.
fn zeroed(bytes: usize) -> Result<Vec<u8>, Error> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(bytes).map_err(|_| Error::NoMemory)?;
    zeros.resize(bytes, 0);
    Ok(zeros)
}

/// A part of a path and what follows it.
fn joined(first: &[u8], second: &[u8]) -> Result<Vec<u8>, Error> {
    let mut joined = Vec::new();
    joined.try_reserve_exact(first.len() + second.len()).map_err(|_| Error::NoMemory)?;
    joined.extend_from_slice(first);
    joined.extend_from_slice(second);
    Ok(joined)
}

/// Little-endian integers at fixed places of a record on the disk.
mod field {
    pub const fn u16(record: &[u8], at: usize) -> u16 {
        u16::from_le_bytes([record[at], record[at + 1]])
    }

    pub const fn u32(record: &[u8], at: usize) -> u32 {
        u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
    }
}
