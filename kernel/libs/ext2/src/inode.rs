//! Inodes: the metadata of a file and the places of its blocks.

use parity_abi::fs as abi;
use parity_abi::time::Timespec;

use crate::{BlockDevice, Error, Filesystem, Mistake, field};

/// Bytes of an inode in every revision.
const BYTES: usize = 128;
const GROUP_BYTES: u64 = 32;
/// Block numbers in an inode: 12 of data blocks, and one for each depth of tables.
pub(crate) const POINTERS: usize = 15;

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    Fifo,
    CharDevice,
    Directory,
    BlockDevice,
    Regular,
    Symlink,
    Socket,
}

impl FileType {
    /// The type in a mode.
    #[must_use]
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & abi::S_IFMT {
            abi::S_IFIFO => Self::Fifo,
            abi::S_IFCHR => Self::CharDevice,
            abi::S_IFDIR => Self::Directory,
            abi::S_IFBLK => Self::BlockDevice,
            abi::S_IFREG => Self::Regular,
            abi::S_IFLNK => Self::Symlink,
            abi::S_IFSOCK => Self::Socket,
            _ => return None,
        })
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inode {
    pub number: u32,
    pub kind: FileType,
    /// Type and permissions, as in `fstat`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub links: u16,
    /// Bytes.
    pub size: u64,
    /// Disk space in units of 512 bytes, including tables.
    pub sectors: u32,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
    /// Block numbers, or the target of a short symbolic link.
    pub(crate) pointers: [u32; POINTERS],
    /// Block of extended attributes, 0 if there is none; `sectors` includes it.
    pub(crate) attributes: u32,
}

impl Inode {
    fn parse(number: u32, record: &[u8; BYTES]) -> Result<Self, Error> {
        let (u16_at, u32_at) = (|at| field::u16(record, at), |at| field::u32(record, at));
        let mode = u32::from(u16_at(0));
        let kind = FileType::from_mode(mode).ok_or(Error::Corrupt)?;
        // Only regular files may be larger than 4 GiB; the field means something else in other types.
        let size_high = if kind == FileType::Regular { u32_at(108) } else { 0 };
        // Signed, as on Linux: from 1901 to 2038.
        let time = |at| Timespec { seconds: u32_at(at).cast_signed().into(), nanoseconds: 0 };
        Ok(Self {
            number,
            kind,
            mode,
            uid: u32::from(u16_at(120)) << 16 | u32::from(u16_at(2)),
            gid: u32::from(u16_at(122)) << 16 | u32::from(u16_at(24)),
            links: u16_at(26),
            size: u64::from(size_high) << 32 | u64::from(u32_at(4)),
            sectors: u32_at(28),
            atime: time(8),
            mtime: time(16),
            ctime: time(12),
            pointers: core::array::from_fn(|i| u32_at(40 + 4 * i)),
            attributes: u32_at(104),
        })
    }
}

impl<D: BlockDevice> Filesystem<D> {
    /// The inode with this number.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there is no such inode or its type is unknown, or the device's error.
    pub fn inode(&self, number: u32) -> Result<Inode, Error> {
        let superblock = &self.superblock;
        let index = number.checked_sub(1).filter(|_| number <= superblock.inodes).ok_or(Error::Corrupt)?;
        let (group, index) = (index / superblock.inodes_per_group, index % superblock.inodes_per_group);
        let group = if self.device.makes(Mistake::FirstGroup) { 0 } else { group };
        let offset = u64::from(index) * u64::from(superblock.inode_bytes);
        let block_bytes = u64::from(superblock.block_bytes);
        let (block, offset) = ((offset / block_bytes) as u32, offset % block_bytes);
        let block = self.inode_table(group)?.checked_add(block).ok_or(Error::Corrupt)?;
        let mut record = [0; BYTES];
        self.read_block(block, offset, &mut record)?;
        Inode::parse(number, &record)
    }

    /// The first block of a group's inodes, from the group's descriptor.
    fn inode_table(&self, group: u32) -> Result<u32, Error> {
        let offset = u64::from(group) * GROUP_BYTES;
        let block_bytes = u64::from(self.superblock.block_bytes);
        let later =
            if self.device.makes(Mistake::FirstDescriptors) { 0 } else { (offset / block_bytes) as u32 };
        let block = self.superblock.first_data_block + 1 + later;
        let mut descriptor = [0; GROUP_BYTES as usize];
        self.read_block(block, offset % block_bytes, &mut descriptor)?;
        Ok(field::u32(&descriptor, 8))
    }
}
