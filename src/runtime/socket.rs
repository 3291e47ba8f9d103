//! The runtime's end of its socket pair: blocking bytes, and the descriptors that come with them.

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags};

use crate::wire::FDS_MAX;

/// A connected Unix socket. Descriptors that arrive wait in order until they are taken.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    received: VecDeque<OwnedFd>,
}

impl Socket {
    /// Wraps a connected Unix stream socket.
    #[must_use]
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd, received: VecDeque::new() }
    }

    /// Whether something can be read at once; the end of input counts.
    #[must_use]
    pub fn has_input(&self) -> bool {
        let mut fds = [rustix::event::PollFd::new(&self.fd, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// The socket itself.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The oldest descriptor that arrived and was not taken yet.
    pub fn take_fd(&mut self) -> Option<OwnedFd> {
        self.received.pop_front()
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = rustix::io::retry_on_intr(|| {
            rustix::net::recvmsg(&self.fd, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        })?;
        for part in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = part {
                self.received.extend(fds);
            }
        }
        Ok(message.bytes)
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::net::send(&self.fd, buffer, SendFlags::NOSIGNAL))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
