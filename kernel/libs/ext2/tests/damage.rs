//! Damaged images: each operation gives a typed error or a result, but no panic and no endless loop.
#![allow(clippy::unwrap_used)] // helpers of tests are not `#[test]` functions themselves

mod image;

use image::{Folder, READS_MAX, content, lookup, mke2fs, open};
use parity_abi::Errno;
use parity_ext2::{BlockDevice, Error, FileType, Filesystem, Follow, Inode, ROOT};
use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;

const BLOCK: usize = 1024;

/// A device in memory. It fails after `reads_left` reads, so that no test reads without end.
struct Bytes {
    content: Vec<u8>,
    reads_left: Cell<u64>,
}

impl BlockDevice for Bytes {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.reads_left.set(self.reads_left.get().checked_sub(1).expect("an end"));
        let start = usize::try_from(offset).map_err(|_| Error::Io)?;
        let bytes = self.content.get(start..).and_then(|rest| rest.get(..buffer.len())).ok_or(Error::Io)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

fn small_image(name: &str) -> Vec<u8> {
    let folder = Folder::new(name);
    let (tree, image) = (folder.0.join("tree"), folder.0.join("image"));
    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::write(tree.join("hello.txt"), "Hello from ext2!\n").unwrap();
    fs::write(tree.join("sub/big"), vec![7; 300 * BLOCK]).unwrap();
    symlink("sub/big", tree.join("short")).unwrap();
    symlink(format!("{}hello.txt", "./".repeat(60)), tree.join("long")).unwrap();
    mke2fs(&tree, &image, 512, &["-b", "1024", "-N", "32"]);
    assert_eq!(content(&open(&image), "short").unwrap().len(), 300 * BLOCK);
    fs::read(&image).unwrap()
}

fn mount(bytes: Vec<u8>) -> Result<Filesystem<Bytes>, Error> {
    Filesystem::mount(Bytes { content: bytes, reads_left: Cell::new(READS_MAX) })
}

/// The image with other bytes in its superblock.
fn mount_with(image: &[u8], offset: usize, bytes: &[u8]) -> Result<Filesystem<Bytes>, Error> {
    let mut image = image.to_vec();
    image[BLOCK + offset..BLOCK + offset + bytes.len()].copy_from_slice(bytes);
    mount(image)
}

#[test]
fn superblocks() {
    let image = small_image("superblocks");
    assert_eq!(mount(vec![0; 4096]).err(), Some(Error::NotExt2));
    assert_eq!(mount(image[..1500].to_vec()).err(), Some(Error::Io));
    let zero = 0_u32.to_le_bytes();
    let cases: [(usize, &[u8], Error); 13] = [
        (56, &[0], Error::NotExt2),
        (76, &[2], Error::Unsupported),
        (24, &[3], Error::Unsupported),
        (96, &[0x42], Error::Unsupported), // extents
        (4, &zero, Error::Corrupt),
        (0, &zero, Error::Corrupt),
        (0, &u32::MAX.to_le_bytes(), Error::Corrupt),
        (20, &[0], Error::Corrupt),
        (32, &zero, Error::Corrupt),
        (40, &zero, Error::Corrupt),
        (40, &u32::MAX.to_le_bytes(), Error::Corrupt),
        (88, &[100, 0], Error::Corrupt),
        (88, &[0, 8], Error::Corrupt),
    ];
    for (offset, bytes, error) in cases {
        assert_eq!(mount_with(&image, offset, bytes).err(), Some(error), "{bytes:?} at {offset}");
    }
}

#[test]
fn numbers_out_of_range() {
    let filesystem = mount(small_image("numbers")).unwrap();
    let inodes = filesystem.superblock().inodes;
    for number in [0, inodes + 1, u32::MAX] {
        assert_eq!(filesystem.inode(number), Err(Error::Corrupt), "{number}");
    }
}

/// The file system ends before the data of its files: the reader refuses block numbers behind the end.
#[test]
fn a_shorter_file_system() {
    let image = small_image("shorter");
    let filesystem = mount_with(&image, 4, &100_u32.to_le_bytes()).unwrap();
    assert_eq!(content(&filesystem, "sub/big"), Err(Error::Corrupt));
}

#[test]
fn directories_that_lie() {
    let image = small_image("directories");
    let place = image.windows(9).position(|window| window == b"hello.txt").unwrap() - 8;
    let damage: [(usize, &[u8]); 7] = [
        (4, &[0, 4]),       // a block long, and so over its end
        (4, &[0, 0]),       // no length: would never end
        (4, &[8, 0]),       // shorter than its name
        (4, &[21, 0]),      // not aligned
        (4, &[0xfc, 0xff]), // over the block's end
        (6, &[0]),          // no name
        (8, b"/"),
    ];
    for (offset, bytes) in damage {
        let mut image = image.clone();
        image[place + offset..place + offset + bytes.len()].copy_from_slice(bytes);
        assert_eq!(lookup(&mount(image).unwrap(), "missing"), Err(Error::Corrupt), "{bytes:?} at {offset}");
    }
    let mut image = image;
    image[place..place + 4].copy_from_slice(&5000_u32.to_le_bytes());
    assert_eq!(lookup(&mount(image).unwrap(), "hello.txt"), Err(Error::Corrupt));
}

/// All operations of a kernel on a file system; it ignores the results.
fn exercise(filesystem: &Filesystem<impl BlockDevice>) {
    let Ok(root) = filesystem.inode(ROOT) else { return };
    let mut buffer = vec![0; 8 * BLOCK];
    for number in 1..=filesystem.superblock().inodes.min(64) {
        let Ok(inode) = filesystem.inode(number) else { continue };
        for offset in [0, 11 * BLOCK as u64, 267 * BLOCK as u64, 1 << 27, inode.size / 2, inode.size] {
            let _ = filesystem.read(&inode, offset, &mut buffer);
        }
        let _ = filesystem.read_link(&inode);
        if inode.kind == FileType::Directory && inode.size < 1 << 20 {
            let _ = filesystem.scan(&inode, 0, |_| ControlFlow::<()>::Continue(()));
        }
    }
    if root.size < 1 << 20 {
        for path in ["/sub/big", "/short", "/long", "hello.txt", "sub/../short"] {
            let _ = filesystem.lookup(&root, path.as_bytes(), Follow::Last);
        }
    }
}

/// Random damage outside file contents. The seed is fixed, so a failure is reproducible.
#[test]
fn random_damage() {
    let image = small_image("random");
    let used: Vec<usize> = (BLOCK..image.len()).filter(|place| image[*place] != 7).collect();
    let used: Vec<usize> = used.into_iter().filter(|place| image[*place] != 0 || place % 5 == 0).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut mounted = 0;
    for _ in 0..3000 {
        let mut image = image.clone();
        for _ in 0..1 + random() % 8 {
            let place = used[random() % used.len()];
            let bytes = [[0; 4], [0xff; 4], (random() as u32).to_le_bytes()][random() % 3];
            let end = (place + 1 + random() % 4).min(image.len());
            image[place..end].copy_from_slice(&bytes[..end - place]);
        }
        if let Ok(filesystem) = mount(image) {
            mounted += 1;
            exercise(&filesystem);
        }
    }
    assert!(mounted > 1000, "only {mounted} images could be mounted");
}

/// The offset of the inode with this number in an image of one group and blocks of 1 KiB.
fn inode_place(image: &[u8], number: u32) -> usize {
    let u16_at = |at: usize| u16::from_le_bytes(image[at..at + 2].try_into().unwrap());
    let table = usize::from(u16_at(2 * BLOCK + 8));
    table * BLOCK + (number as usize - 1) * usize::from(u16_at(BLOCK + 88))
}

/// The block numbers of a file of an image, including those in its first table.
fn pointers(image: &[u8], number: u32) -> Vec<u32> {
    let pointer = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let direct = (0..13).map(|i| pointer(inode_place(image, number) + 40 + 4 * i));
    let mut pointers: Vec<u32> = direct.collect();
    let table = pointers.pop().unwrap() as usize * BLOCK;
    pointers.extend((0..BLOCK / 4).map(|i| pointer(table + 4 * i)));
    pointers
}

/// A read does not touch blocks behind its end, even if they are the file's next consecutive blocks.
#[test]
fn a_read_up_to_the_last_good_block() {
    const GOOD: usize = 20; // blocks: all direct ones, and some of the first table
    let image = small_image("last-good");
    let whole = mount(image.clone()).unwrap();
    let big = lookup(&whole, "sub/big").unwrap();
    let blocks = pointers(&image, big.number);
    assert_eq!(blocks[GOOD], blocks[GOOD - 1] + 1, "mke2fs left a gap");
    let filesystem = mount_with(&image, 4, &blocks[GOOD].to_le_bytes()).unwrap();
    let mut buffer = vec![0; GOOD * BLOCK];
    assert_eq!(filesystem.read(&big, 0, &mut buffer), Ok(GOOD * BLOCK));
    assert!(buffer.iter().all(|byte| *byte == 7));
    buffer.push(0);
    assert_eq!(filesystem.read(&big, 0, &mut buffer), Err(Error::Corrupt));
}

/// A table of block numbers ends with its block, whatever is in the block behind it.
#[test]
fn the_end_of_a_table() {
    const LAST: usize = 12 + BLOCK / 4 - 1; // the file's block with the last number of the first table
    let mut image = small_image("table-end");
    let big = lookup(&mount(image.clone()).unwrap(), "sub/big").unwrap();
    // Zeros behind the table look like more holes: they are in the block of its first number.
    let behind = pointers(&image, big.number)[12] as usize * BLOCK;
    let pointer_to_table = inode_place(&image, big.number) + 40 + 4 * 12;
    let table = u32::from_le_bytes(image[pointer_to_table..pointer_to_table + 4].try_into().unwrap());
    assert_eq!(table as usize * BLOCK + BLOCK, behind, "mke2fs left a gap");
    image[behind - 4..behind + BLOCK / 2].fill(0);
    let mut buffer = vec![0xaa; 3 * BLOCK];
    let filesystem = mount(image).unwrap();
    assert_eq!(filesystem.read(&big, (LAST * BLOCK) as u64, &mut buffer), Ok(3 * BLOCK));
    assert!(buffer[..BLOCK].iter().all(|byte| *byte == 0), "the hole");
    assert!(buffer[BLOCK..].iter().all(|byte| *byte == 7), "the blocks of the next table");
}

/// Mounts the image with other bytes in an inode; returns it with that inode.
fn inode_with(image: &[u8], path: &str, bytes: &[(usize, &[u8])]) -> (Filesystem<Bytes>, Inode) {
    let root = mount(image.to_vec()).unwrap();
    let number = root.lookup(&root.inode(ROOT).unwrap(), path.as_bytes(), Follow::AllButLast).unwrap().number;
    let (mut image, place) = (image.to_vec(), inode_place(image, number));
    for (at, bytes) in bytes {
        image[place + at..place + at + bytes.len()].copy_from_slice(bytes);
    }
    let filesystem = mount(image).unwrap();
    let inode = filesystem.inode(number).unwrap();
    (filesystem, inode)
}

/// Fields with values that no file of the host has.
#[test]
fn every_field_of_an_inode() {
    let image = small_image("fields");
    let (_, inode) = inode_with(
        &image,
        "hello.txt",
        &[
            (0, &0o106_754_u16.to_le_bytes()),
            (2, &[0x22, 0x11]),
            (120, &[0x44, 0x33]),
            (24, &[0x66, 0x55]),
            (122, &[0x88, 0x77]),
            (8, &[1, 0, 0, 0]),
            (12, &[2, 0, 0, 0]),
            (16, &[0xff; 4]),
            (26, &[9, 0]),
            (28, &[0x10, 0, 1, 0]),
            (108, &[5, 0, 0, 0]),
        ],
    );
    assert_eq!((inode.kind, inode.mode), (FileType::Regular, 0o106_754));
    assert_eq!((inode.uid, inode.gid, inode.links), (0x3344_1122, 0x7788_5566, 9));
    assert_eq!((inode.size, inode.sectors), (5 << 32 | 17, 0x1_0010));
    let seconds = [inode.atime, inode.ctime, inode.mtime].map(|time| (time.seconds, time.nanoseconds));
    assert_eq!(seconds, [(1, 0), (2, 0), (-1, 0)]);
}

#[test]
fn every_kind_of_file() {
    let image = small_image("kinds");
    let kinds = [
        (0o010_000_u16, FileType::Fifo),
        (0o020_000, FileType::CharDevice),
        (0o040_000, FileType::Directory),
        (0o060_000, FileType::BlockDevice),
        (0o100_000, FileType::Regular),
        (0o120_000, FileType::Symlink),
        (0o140_000, FileType::Socket),
    ];
    for (mode, kind) in kinds {
        let (_, inode) = inode_with(&image, "hello.txt", &[(0, &(mode | 0o644).to_le_bytes())]);
        assert_eq!((inode.kind, inode.size), (kind, 17));
    }
}

/// A block of attributes counts as sectors of the inode; a short link with one is still short.
#[test]
fn links_with_attributes() {
    let image = small_image("attributes");
    let (filesystem, link) = inode_with(&image, "short", &[(28, &[2, 0, 0, 0]), (104, &[40, 0, 0, 0])]);
    assert_eq!(filesystem.read_link(&link).unwrap(), b"sub/big");
    let (filesystem, link) = inode_with(&image, "long", &[(4, &4096_u32.to_le_bytes())]);
    assert_eq!(filesystem.read_link(&link), Err(Error::Corrupt));
}

/// The first block of the disk does not belong to the file system, whatever its content.
#[test]
fn nothing_before_the_first_block() {
    let mut image = small_image("before");
    let root = inode_place(&image, ROOT);
    let copy = image[root - 256..root + 256].to_vec();
    image[..512].copy_from_slice(&copy);
    image[2 * BLOCK + 8..2 * BLOCK + 12].fill(0);
    assert_eq!(mount(image).err(), Some(Error::Corrupt));
}

#[test]
fn every_error_has_a_number_and_words_of_its_own() {
    let errors = [
        (Error::Io, Errno::EIO),
        (Error::NotExt2, Errno::EINVAL),
        (Error::Unsupported, Errno::EINVAL),
        (Error::Corrupt, Errno::EIO),
        (Error::NotFound, Errno::ENOENT),
        (Error::NotDirectory, Errno::ENOTDIR),
        (Error::IsDirectory, Errno::EISDIR),
        (Error::NotSymlink, Errno::EINVAL),
        (Error::Loop, Errno::ELOOP),
        (Error::NameTooLong, Errno::ENAMETOOLONG),
        (Error::NoMemory, Errno::ENOMEM),
    ];
    let mut words = std::collections::BTreeSet::new();
    for (error, errno) in errors {
        assert_eq!(Errno::from(error), errno);
        assert!(error.to_string().len() > 10);
        assert!(words.insert(error.to_string()), "{error}");
    }
}
