//! The server's end of a socket, which the reactor watches, or does not.
//!
//! A socket that is watched wakes the server up with each write of the other end, whether anybody waits for it or not,
//! and a runtime that evaluates writes hundreds of times a second. So who lets outcomes gather turns the watch off, and
//! whoever waits has it on again. What is written meanwhile lies in the kernel's buffer.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream as Unwatched,
    },
};

use bytes::BytesMut;
use tokio::{io::AsyncReadExt, net::UnixStream};

/// The socket. It does not block, watched or not.
#[derive(Debug)]
pub(super) struct Socket(State);

#[derive(Debug)]
enum State {
    Watched(UnixStream),
    Unwatched(Unwatched),
    /// The reactor failed to take or to release it.
    Lost,
}

impl Socket {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(State::Watched(stream))
    }

    /// The socket, watched from now on.
    ///
    /// # Errors
    /// If the kernel does not watch it.
    pub(super) fn watched(&mut self) -> io::Result<&mut UnixStream> {
        if let State::Unwatched(_) = self.0
            && let State::Unwatched(stream) = std::mem::replace(&mut self.0, State::Lost)
        {
            self.0 = State::Watched(UnixStream::from_std(stream)?);
        }
        match &mut self.0 {
            State::Watched(stream) => Ok(stream),
            State::Unwatched(_) | State::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Nobody is woken up by what arrives, until [`Socket::read`] has to wait for it.
    ///
    /// # Errors
    /// If the kernel does not let go of it.
    pub(super) fn unwatch(&mut self) -> io::Result<()> {
        if let State::Watched(_) = self.0
            && let State::Watched(stream) = std::mem::replace(&mut self.0, State::Lost)
        {
            self.0 = State::Unwatched(stream.into_std()?);
        }
        Ok(())
    }

    /// Appends what has arrived, and waits if nothing has; 0: the other end is gone. Cancel safe.
    ///
    /// # Errors
    /// If the socket is broken.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut, room: usize) -> io::Result<usize> {
        if let State::Unwatched(stream) = &self.0 {
            match arrived(stream.as_fd(), buffer, room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
        buffer.reserve(room);
        self.watched()?.read_buf(buffer).await
    }
}

/// Appends what has arrived; [`io::ErrorKind::WouldBlock`]: nothing has.
fn arrived(socket: BorrowedFd<'_>, buffer: &mut BytesMut, room: usize) -> io::Result<usize> {
    let filled = buffer.len();
    buffer.resize(filled + room, 0);
    let read = rustix::io::read(socket, &mut buffer[filled..]);
    buffer.truncate(filled + read.unwrap_or_default());
    Ok(read?)
}
