//! Frames between the server and its runtimes: a 4-byte big-endian length, then one prost message.
//!
//! The server's end is asynchronous ([`Connection`]), the runtime's end plain blocking [`Read`] and [`Write`]. What a
//! frame means is decided elsewhere.

mod watch;

use std::{
    io::{self, IoSlice, Read, Write},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::UnixStream,
};
use watch::Socket;

use crate::proto::runtime::{Command, command};

/// Version of the protocol; counts up with every change of `runtime.proto`. Both ends are the same binary, so a
/// mismatch means that the file was replaced under a running server.
pub const PROTOCOL_VERSION: u32 = 9;

/// Upper bound of one frame: an assignment of a few hundred variations with item texts, or a base of the greatest
/// permitted size, with room to spare.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// Descriptors that one frame brings: a socket, a journal, and memory.
pub const FDS_MAX: usize = 3;

/// Length of the length.
const PREFIX_BYTES: usize = 4;

/// Room for what one read of the server's end may bring: some sixty outcomes with PoB's main stats. Those that a runtime
/// knew come in one write; with less room each would take two reads.
const READ_BYTES: usize = 64 << 10;

impl command::Command {
    /// The command, from a server that waits so long for what comes of it; zero: as long as it takes.
    #[must_use]
    pub fn within(self, budget: Duration) -> Command {
        Command { command: Some(self), budget_seconds: budget.as_secs_f64() }
    }
}

/// The other end does not keep to the protocol, or is gone.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other end closed the socket between two frames.
    #[error("the other end is gone")]
    Closed,
    /// The socket broke.
    #[error("the socket broke")]
    Io(#[from] io::Error),
    /// A frame is longer than [`FRAME_BYTES_MAX`].
    #[error("a frame of {0} bytes; at most {FRAME_BYTES_MAX} are allowed")]
    FrameTooLong(usize),
    /// A frame is no message.
    #[error("a frame that is no message")]
    Garbage(#[from] prost::DecodeError),
    /// A frame says something that has no place here.
    #[error("a frame out of turn: {0}")]
    OutOfTurn(&'static str),
    /// The other end speaks another version of the protocol.
    #[error("protocol version {0}, not {PROTOCOL_VERSION}")]
    Version(u32),
}

/// Writes `message` behind what is in `buffer`.
///
/// # Errors
/// [`WireError::FrameTooLong`].
pub fn encode(message: &impl Message, buffer: &mut Vec<u8>) -> Result<(), WireError> {
    let length = message.encoded_len();
    let prefix = u32::try_from(length).ok().filter(|_| length <= FRAME_BYTES_MAX);
    let prefix = prefix.ok_or(WireError::FrameTooLong(length))?;
    buffer.reserve(PREFIX_BYTES + length);
    buffer.extend_from_slice(&prefix.to_be_bytes());
    message.encode_raw(buffer);
    Ok(())
}

/// The length that a prefix announces, if it is allowed.
fn announced(prefix: [u8; PREFIX_BYTES]) -> Result<usize, WireError> {
    let length = u32::from_be_bytes(prefix) as usize;
    if length > FRAME_BYTES_MAX { Err(WireError::FrameTooLong(length)) } else { Ok(length) }
}

/// Reads one frame, blocking.
///
/// # Errors
/// [`WireError::Closed`] at the end of input between two frames; all else means that the other end is broken.
pub fn read<M: Message + Default>(reader: &mut impl Read) -> Result<M, WireError> {
    let mut prefix = [0; PREFIX_BYTES];
    match reader.read(&mut prefix)? {
        0 => return Err(WireError::Closed),
        n => reader.read_exact(&mut prefix[n..])?,
    }
    let mut body = vec![0; announced(prefix)?];
    reader.read_exact(&mut body)?;
    Ok(M::decode(body.as_slice())?)
}

/// Writes one frame, blocking.
///
/// # Errors
/// [`WireError::Io`], [`WireError::FrameTooLong`].
pub fn write(writer: &mut impl Write, message: &impl Message) -> Result<(), WireError> {
    let mut buffer = Vec::new();
    encode(message, &mut buffer)?;
    writer.write_all(&buffer)?;
    Ok(writer.flush()?)
}

/// The server's end of the socket pair to one runtime.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    buffer: BytesMut,
}

impl Connection {
    /// Wraps the server's end.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self { socket: Socket::new(stream), buffer: BytesMut::new() }
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// [`WireError::Io`], [`WireError::FrameTooLong`].
    pub async fn send(&mut self, message: &impl Message) -> Result<(), WireError> {
        let mut frame = Vec::new();
        encode(message, &mut frame)?;
        Ok(self.socket.watched()?.write_all(&frame).await?)
    }

    /// Sends one frame together with descriptors.
    ///
    /// # Errors
    /// [`WireError::Io`], [`WireError::FrameTooLong`].
    pub async fn send_with_fds(&mut self, message: &impl Message, fds: &[BorrowedFd<'_>]) -> Result<(), WireError> {
        let mut frame = Vec::new();
        encode(message, &mut frame)?;
        let stream = self.socket.watched()?;
        let sent = stream
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
                let mut ancillary = SendAncillaryBuffer::new(&mut space);
                if !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
                    return Err(io::Error::other("too many descriptors for one frame"));
                }
                let bytes = [IoSlice::new(&frame)];
                Ok(rustix::net::sendmsg(stream.as_fd(), &bytes, &mut ancillary, SendFlags::NOSIGNAL)?)
            })
            .await?;
        Ok(stream.write_all(&frame[sent..]).await?)
    }

    /// Waits for the end of the other side, which was asked nothing. Whatever it says is wrong, half a frame too: it
    /// would swallow the beginning of the next answer. Cancel safe.
    pub async fn unasked(&mut self) -> WireError {
        if self.buffer.is_empty() {
            match self.socket.read(&mut self.buffer, PREFIX_BYTES).await {
                Ok(0) => return WireError::Closed,
                Ok(_) => {}
                Err(error) => return error.into(),
            }
        }
        WireError::OutOfTurn("a report that nobody asked for")
    }

    /// Lets gather what arrives: it wakes nobody up until somebody waits for it, or sends.
    ///
    /// # Errors
    /// [`WireError::Io`].
    pub fn let_gather(&mut self) -> Result<(), WireError> {
        Ok(self.socket.unwatch()?)
    }

    /// Receives one frame. Cancel safe: what has arrived stays in the buffer.
    ///
    /// # Errors
    /// [`WireError::Closed`] at the end of input between two frames; all else means that the runtime is broken.
    pub async fn receive<M: Message + Default>(&mut self) -> Result<M, WireError> {
        loop {
            if let Some(message) = self.received()? {
                return Ok(message);
            }
            let announced = self.announced()?.unwrap_or_default();
            let room = READ_BYTES.max(announced.saturating_sub(self.buffer.len()));
            if self.socket.read(&mut self.buffer, room).await? == 0 {
                let between_frames = self.buffer.is_empty();
                return Err(if between_frames {
                    WireError::Closed
                } else {
                    io::Error::from(io::ErrorKind::UnexpectedEof).into()
                });
            }
        }
    }

    /// The next frame, if all of it was read together with others before it.
    ///
    /// # Errors
    /// The runtime is broken.
    pub fn received<M: Message + Default>(&mut self) -> Result<Option<M>, WireError> {
        let Some(end) = self.announced()?.filter(|end| self.buffer.len() >= *end) else { return Ok(None) };
        // A copy: what is kept of one frame must not keep the others of its read.
        let body = Bytes::copy_from_slice(&self.buffer[PREFIX_BYTES..end]);
        self.buffer.advance(end);
        Ok(Some(M::decode(body)?))
    }

    /// Length of the frame at the head of the buffer, its prefix included.
    fn announced(&self) -> Result<Option<usize>, WireError> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
        Ok(Some(PREFIX_BYTES + announced(*prefix)?))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::proto::runtime::{Hello, Report, report};

    fn hello() -> Report {
        Report { report: Some(report::Report::Hello(Hello { protocol_version: PROTOCOL_VERSION, pid: 7 })) }
    }

    /// The server's end of a socket pair, and the other one.
    fn ends() -> (Connection, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Connection::new(ours), theirs)
    }

    /// That many greetings, as they lie on the wire.
    fn hellos(count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        (0..count).for_each(|_| encode(&hello(), &mut bytes).unwrap());
        bytes
    }

    #[test]
    fn a_frame_comes_back_as_it_was_sent() {
        let mut pipe = Vec::new();
        write(&mut pipe, &hello()).unwrap();
        write(&mut pipe, &hello()).unwrap();
        let mut reader = pipe.as_slice();
        assert_eq!(read::<Report>(&mut reader).unwrap(), hello());
        assert_eq!(read::<Report>(&mut reader).unwrap(), hello());
        assert!(matches!(read::<Report>(&mut reader), Err(WireError::Closed)));
    }

    #[test]
    fn a_frame_that_announces_too_much_is_refused_before_it_is_read() {
        let mut reader: &[u8] = &[0xff; 8];
        assert!(matches!(read::<Report>(&mut reader), Err(WireError::FrameTooLong(_))));
    }

    #[test]
    fn a_frame_cut_short_is_an_error_and_not_an_end() {
        let mut pipe = Vec::new();
        write(&mut pipe, &hello()).unwrap();
        let mut reader = &pipe[..pipe.len() - 1];
        assert!(matches!(read::<Report>(&mut reader), Err(WireError::Io(_))));
    }

    #[test]
    fn garbage_is_no_message() {
        let mut reader: &[u8] = &[0, 0, 0, 2, 0xff, 0xff];
        assert!(matches!(read::<Command>(&mut reader), Err(WireError::Garbage(_))));
    }

    #[tokio::test]
    async fn the_servers_end_reads_what_arrives_in_pieces() {
        let (mut connection, mut theirs) = ends();
        let bytes = hellos(1);
        let (head, tail) = bytes.split_at(3);
        theirs.write_all(head).await.unwrap();
        tokio::select! {
            biased;
            _ = connection.receive::<Report>() => panic!("half a frame is none"),
            () = tokio::task::yield_now() => {}
        }
        theirs.write_all(tail).await.unwrap();
        assert_eq!(connection.receive::<Report>().await.unwrap(), hello());
        drop(theirs);
        assert!(matches!(connection.receive::<Report>().await, Err(WireError::Closed)));
    }

    #[tokio::test]
    async fn what_came_in_one_write_is_received_one_by_one() {
        let (mut connection, mut theirs) = ends();
        theirs.write_all(&hellos(3)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(connection.receive::<Report>().await.unwrap(), hello());
        }
        drop(theirs);
        assert!(matches!(connection.receive::<Report>().await, Err(WireError::Closed)));
    }

    #[tokio::test]
    async fn what_gathers_is_received_and_so_is_what_comes_after_it() {
        let (mut connection, mut theirs) = ends();
        let bytes = hellos(1);
        for is_there in [true, false] {
            connection.let_gather().unwrap();
            if is_there {
                theirs.write_all(&bytes).await.unwrap();
                assert_eq!(connection.receive::<Report>().await.unwrap(), hello());
            } else {
                let (received, sent) = tokio::join!(connection.receive::<Report>(), theirs.write_all(&bytes));
                assert_eq!(received.unwrap(), hello());
                sent.unwrap();
            }
        }
        connection.let_gather().unwrap();
        connection.send(&hello()).await.unwrap();
        let mut sent = vec![0; bytes.len()];
        theirs.read_exact(&mut sent).await.unwrap();
        assert_eq!(sent, bytes);
        connection.let_gather().unwrap();
        drop(theirs);
        assert!(matches!(connection.unasked().await, WireError::Closed));
    }

    #[tokio::test]
    async fn a_descriptor_travels_with_its_frame() {
        let (mut connection, theirs) = ends();
        let (gift, kept) = std::os::unix::net::UnixStream::pair().unwrap();
        let fork = command::Command::Fork(crate::proto::runtime::Fork { role: "test".into(), ..Default::default() })
            .within(Duration::ZERO);
        connection.send_with_fds(&fork, &[gift.as_fd()]).await.unwrap();
        drop(gift);
        let theirs = theirs.into_std().unwrap();
        theirs.set_nonblocking(false).unwrap();
        let mut reader = crate::runtime::socket::Socket::new(theirs.into());
        assert_eq!(read::<Command>(&mut reader).unwrap(), fork);
        let mut received = std::os::unix::net::UnixStream::from(reader.take_fd().unwrap());
        received.write_all(b"!").unwrap();
        let mut byte = [0];
        (&kept).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"!");
    }
}
