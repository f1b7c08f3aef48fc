//! Symbolic links that lead to each other: however wrong the reader is, these tests come to an end.
#![allow(clippy::unwrap_used)] // helpers of tests are not `#[test]` functions themselves

mod image;

use image::{Folder, Image, lookup, mke2fs};
use parity_abi::limits::SYMLINKS_MAX;
use parity_ext2::{BlockDevice, Error, FileType, Filesystem, Follow, Mistake, ROOT};
use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::symlink;

/// A device that fails for good after so many reads, which no lookup needs.
struct Weary {
    image: Image,
    reads_left: Cell<u32>,
    mistake: Option<Mistake>,
}

impl BlockDevice for Weary {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.reads_left.set(self.reads_left.get().checked_sub(1).ok_or(Error::Io)?);
        self.image.read(offset, buffer)
    }

    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }
}

/// A chain of links, each to the one before and the first to a file; two circles.
fn mounted(name: &str, mistake: Option<Mistake>) -> Filesystem<Weary> {
    let folder = Folder::new(name);
    let (tree, image) = (folder.0.join("tree"), folder.0.join("image"));
    fs::create_dir_all(tree.join("folder")).unwrap();
    fs::write(tree.join("0"), "the end of the chain\n").unwrap();
    for number in 1..=SYMLINKS_MAX + 1 {
        symlink((number - 1).to_string(), tree.join(number.to_string())).unwrap();
    }
    symlink("itself", tree.join("itself")).unwrap();
    symlink("../folder/other", tree.join("folder/one")).unwrap();
    symlink("one", tree.join("folder/other")).unwrap();
    mke2fs(&tree, &image, 1024, &["-b", "1024"]);
    let image = Image(File::open(&image).unwrap());
    Filesystem::mount(Weary { image, reads_left: Cell::new(5000), mistake }).unwrap()
}

#[test]
fn as_many_links_as_are_allowed_are_followed() {
    let filesystem = mounted("chain", None);
    let longest = lookup(&filesystem, &SYMLINKS_MAX.to_string()).unwrap();
    assert_eq!((longest.kind, longest.size), (FileType::Regular, 21));
    let too_long = (SYMLINKS_MAX + 1).to_string();
    assert_eq!(lookup(&filesystem, &too_long), Err(Error::Loop));
    // The last one is not followed here, so it does not count.
    let root = filesystem.inode(ROOT).unwrap();
    let link = filesystem.lookup(&root, too_long.as_bytes(), Follow::AllButLast).unwrap();
    assert_eq!(link.kind, FileType::Symlink);
}

#[test]
fn circles_are_refused() {
    let filesystem = mounted("circles", None);
    for path in ["itself", "itself/x", "folder/one", "folder/other", "folder/other/x"] {
        assert_eq!(lookup(&filesystem, path), Err(Error::Loop), "{path}");
    }
}

#[test]
fn a_reader_that_does_not_count_links_never_comes_back() {
    let filesystem = mounted("uncounted", Some(Mistake::LinksWithoutEnd));
    assert_eq!(lookup(&filesystem, "itself"), Err(Error::Io));
}
