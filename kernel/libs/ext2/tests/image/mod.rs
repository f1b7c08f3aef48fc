//! Images made by `mke2fs -d`, and a device that reads them.

use parity_ext2::{BlockDevice, Error, Filesystem, Follow, Inode, ROOT};
use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Far more reads than any test needs.
pub const READS_MAX: u64 = 500_000;

pub struct Image {
    file: File,
    /// This many more reads succeed, so that no test reads without end.
    pub reads_left: Cell<u64>,
}

impl BlockDevice for Image {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.reads_left.set(self.reads_left.get().checked_sub(1).ok_or(Error::Io)?);
        self.file.read_exact_at(buffer, offset).map_err(|_| Error::Io)
    }
}

/// A folder that is removed when it is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Makes an empty folder. No two tests may use the same name.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Makes an image of `kib` KiB with the content of a folder.
pub fn mke2fs(content: &Path, image: &Path, kib: u64, options: &[&str]) {
    let output = Command::new("mke2fs")
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .args(["-q", "-F", "-t", "ext2", "-d"])
        .arg(content)
        .args(options)
        .arg(image)
        .arg(format!("{kib}k"))
        .output()
        .expect("mke2fs of e2fsprogs is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub fn open(image: &Path) -> Filesystem<Image> {
    let file = File::open(image).unwrap();
    Filesystem::mount(Image { file, reads_left: Cell::new(READS_MAX) }).unwrap()
}

/// Looks up a path from the root and follows the last link.
pub fn lookup<D: BlockDevice>(filesystem: &Filesystem<D>, path: &str) -> Result<Inode, Error> {
    let root = filesystem.inode(ROOT)?;
    filesystem.lookup(&root, path.as_bytes(), Follow::Last)
}

/// The whole content of a file.
pub fn content<D: BlockDevice>(filesystem: &Filesystem<D>, path: &str) -> Result<Vec<u8>, Error> {
    let inode = lookup(filesystem, path)?;
    let mut buffer = vec![0xaa; inode.size as usize];
    assert_eq!(filesystem.read(&inode, 0, &mut buffer)?, buffer.len());
    Ok(buffer)
}
