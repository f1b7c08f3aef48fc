//! An open file or directory of `/proc`: its content is fixed when it is opened.

use alloc::string::String;
use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::fs::{DT_DIR, DT_REG, Stat};

use super::content;
use super::node::{Node, TraceFile};
use crate::fs::file::{self, DirectoryEntry};
use crate::mm::PAGE;
use crate::trace::text;

pub struct File {
    node: Node,
    content: Vec<u8>,
}

impl File {
    /// # Errors
    /// ENOENT if its process was reaped after the lookup.
    pub fn new(node: Node) -> Result<Self, Errno> {
        Ok(Self { node, content: content::of(node)? })
    }
}

impl file::File for File {
    fn read(&self, offset: u64, buffer: &mut [u8], _nonblocking: bool) -> Result<usize, Errno> {
        if self.node.is_directory() {
            return Err(Errno::EISDIR);
        }
        let rest = self.content.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    /// Each write is one command; the offset is ignored.
    fn write(&self, _offset: u64, bytes: &[u8], _nonblocking: bool) -> Result<usize, Errno> {
        let understood = self.node == Node::TraceFile(TraceFile::Enable) && text::command(bytes);
        if understood { Ok(bytes.len()) } else { Err(Errno::EINVAL) }
    }

    fn stat(&self) -> Stat {
        Stat {
            dev: 2,
            ino: self.node.inode(),
            nlink: 1,
            mode: self.node.mode(),
            size: self.content.len() as i64,
            blksize: PAGE as i64,
            ..Stat::default()
        }
    }

    fn size(&self) -> Option<u64> {
        Some(self.content.len() as u64)
    }

    fn list(&self, from: u64, visit: &mut dyn FnMut(DirectoryEntry) -> bool) -> Result<(), Errno> {
        if !self.node.is_directory() {
            return Err(Errno::ENOTDIR);
        }
        let up = self.node.parent().unwrap_or(Node::Root);
        let dots = [(Some("."), self.node), (Some(".."), up)];
        let children = self.node.children().map(|node| (None, node));
        for (index, (dots, node)) in (0..).zip(dots.into_iter().chain(children)).skip(from as usize) {
            let kind = if node.is_directory() { DT_DIR } else { DT_REG };
            let name = dots.map_or_else(|| node.name(), String::from);
            let entry = DirectoryEntry { inode: node.inode(), kind, name: name.as_bytes(), next: index + 1 };
            if !visit(entry) {
                break;
            }
        }
        Ok(())
    }
}
