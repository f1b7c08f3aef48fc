//! The superblock: the parameters of the file system.

use crate::{BlockDevice, Error, field};

const OFFSET: u64 = 1024;
const BYTES: usize = 1024;
const MAGIC: u16 = 0xef53;
/// Directory entries have the file's type: the only incompatible feature that this reader knows.
const INCOMPAT_FILETYPE: u32 = 0x2;
/// Blocks of more than 4 KiB would need larger pages, as on Linux.
const LOG_BLOCK_MAX: u32 = 2;
const INODE_BYTES_MIN: u32 = 128;

/// Parameters that are fixed when the file system is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Bytes of a block: 1024, 2048 or 4096.
    pub block_bytes: u32,
    /// Blocks in the file system, including those before the first group.
    pub blocks: u32,
    pub inodes: u32,
    /// Bytes of an inode on the disk.
    pub inode_bytes: u32,
    pub inodes_per_group: u32,
    /// Block of the superblock.
    pub(crate) first_data_block: u32,
}

impl Superblock {
    pub(crate) fn read(device: &impl BlockDevice) -> Result<Self, Error> {
        let mut record = [0; BYTES];
        device.read(OFFSET, &mut record)?;
        Self::parse(&record)
    }

    fn parse(record: &[u8; BYTES]) -> Result<Self, Error> {
        let u32_at = |at| field::u32(record, at);
        if field::u16(record, 56) != MAGIC {
            return Err(Error::NotExt2);
        }
        let log_block = u32_at(24);
        let (revision, incompatible) = (u32_at(76), u32_at(96));
        if revision > 1
            || log_block > LOG_BLOCK_MAX
            || (revision == 1 && incompatible & !INCOMPAT_FILETYPE != 0)
        {
            return Err(Error::Unsupported);
        }
        let block_bytes = 1024 << log_block;
        let inode_bytes = if revision == 0 { INODE_BYTES_MIN } else { field::u16(record, 88).into() };
        let (blocks, inodes) = (u32_at(4), u32_at(0));
        let (first_data_block, blocks_per_group, inodes_per_group) = (u32_at(20), u32_at(32), u32_at(40));
        let sound = first_data_block == u32::from(block_bytes == 1024)
            && blocks > first_data_block
            && (1..=8 * block_bytes).contains(&blocks_per_group)
            && (1..=8 * block_bytes).contains(&inodes_per_group)
            && (INODE_BYTES_MIN..=block_bytes).contains(&inode_bytes)
            && inode_bytes.is_power_of_two();
        if !sound {
            return Err(Error::Corrupt);
        }
        let groups = (blocks - first_data_block).div_ceil(blocks_per_group);
        if u64::from(groups) * u64::from(inodes_per_group) != u64::from(inodes) {
            return Err(Error::Corrupt);
        }
        Ok(Self { block_bytes, blocks, inodes, inode_bytes, inodes_per_group, first_data_block })
    }
}
