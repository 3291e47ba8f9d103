//! What the runtimes of one base tell each other: a file to which each appends records and from which each reads those
//! of the others. What is in a record is between the engines in them.
//!
//! The kernel appends a record in one piece unless its writer is killed in the middle. Then nobody knows where the next
//! one begins; readers see by the digest that something is wrong, forget what they were told, and neither read nor write
//! any more. The journal saves time, so to go without it is always right.

use std::{fs::File, io::Write as _, os::fd::OwnedFd, os::unix::fs::FileExt as _};

use sha2::{Digest as _, Sha256};

/// Nothing is appended to a journal of this size: thousands of records of a kilobyte or two.
const JOURNAL_BYTES_MAX: u64 = 8 << 20;
/// Longest content of a record: an output of which every stat differs from the base's has a third of it.
const RECORD_BYTES_MAX: usize = 64 << 10;
/// The kernel kills who makes a file larger. Many runtimes that find room at one moment do not get there.
pub const FILE_BYTES_MAX: u64 = 2 * JOURNAL_BYTES_MAX;
/// What is read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Content that takes back all records before it. The server writes it when something turned out to be wrong.
pub const DISOWNED: &[u8] = b"";

/// A runtime's view of the journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Where to read on.
    position: u64,
    /// What was read and is not a whole record yet.
    pending: Vec<u8>,
    /// Where the next bytes come first.
    chunk: Vec<u8>,
    broken: bool,
}

impl Journal {
    /// Takes the journal that the server handed over. All that is in it is yet to be read.
    #[must_use]
    pub fn new(file: OwnedFd) -> Self {
        Self { file: File::from(file), position: 0, pending: Vec::new(), chunk: vec![0; CHUNK_BYTES], broken: false }
    }

    /// Appends a record; returns whether it could.
    pub fn append(&mut self, content: &[u8]) -> bool {
        let full = || self.file.metadata().map_or(true, |file| file.len() >= JOURNAL_BYTES_MAX);
        if self.broken || content.len() > RECORD_BYTES_MAX || full() {
            return false;
        }
        let record = record(std::process::id(), content);
        // A part of a record is as bad as the end of its writer in the middle.
        self.broken = !self.file.write(&record).is_ok_and(|written| written == record.len());
        !self.broken
    }

    /// What others appended since the last time, in order.
    pub fn read(&mut self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while !self.broken && self.fill() {
            let mut rest = self.pending.as_slice();
            loop {
                match split(rest) {
                    Split::Record { writer, content, behind } => {
                        if writer != std::process::id() {
                            records.push(content.to_vec());
                        }
                        rest = behind;
                    }
                    Split::Part => break,
                    Split::Broken => {
                        self.broken = true;
                        records.push(DISOWNED.to_vec());
                        break;
                    }
                }
            }
            let used = self.pending.len() - rest.len();
            self.pending.drain(..used);
        }
        records
    }

    /// Reads on; false if there is nothing more.
    fn fill(&mut self) -> bool {
        let read = self.file.read_at(&mut self.chunk, self.position).unwrap_or(0);
        self.pending.extend_from_slice(&self.chunk[..read]);
        self.position += read as u64;
        read > 0
    }
}

/// A record as it lies in the file: length of the content, writer, how the digest of writer and content begins, content.
#[must_use]
pub fn record(writer: u32, content: &[u8]) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, reason = "what is longer than a record may be is refused by readers")]
    let length = content.len() as u32;
    [&length.to_le_bytes(), &writer.to_le_bytes(), &digest(writer, content)[..], content].concat()
}

/// What some bytes begin with.
enum Split<'a> {
    Record {
        writer: u32,
        content: &'a [u8],
        behind: &'a [u8],
    },
    /// Less than a record.
    Part,
    /// No record, now or later.
    Broken,
}

fn split(bytes: &[u8]) -> Split<'_> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Split::Part };
    let Some((writer, rest)) = rest.split_first_chunk() else { return Split::Part };
    let Some((digest, rest)) = rest.split_first_chunk() else { return Split::Part };
    let (length, writer) = (u32::from_le_bytes(*length) as usize, u32::from_le_bytes(*writer));
    if length > RECORD_BYTES_MAX {
        return Split::Broken;
    }
    match rest.split_at_checked(length) {
        None => Split::Part,
        Some((content, _)) if self::digest(writer, content) != *digest => Split::Broken,
        Some((content, behind)) => Split::Record { writer, content, behind },
    }
}

/// How the digest of a record begins.
fn digest(writer: u32, content: &[u8]) -> [u8; 8] {
    let whole = Sha256::new().chain_update(writer.to_le_bytes()).chain_update(content).finalize();
    std::array::from_fn(|at| whole[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file, and a reader of it.
    fn journal() -> (File, Journal) {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let file = File::options().read(true).append(true).open(&path).unwrap();
        let reader = Journal::new(file.try_clone().unwrap().into());
        (file, reader)
    }

    const OTHER: u32 = 0;

    #[test]
    fn records_of_others_are_read_once_and_in_order() {
        let (mut file, mut reader) = journal();
        assert!(reader.read().is_empty());
        let large = vec![7; RECORD_BYTES_MAX];
        for content in [b"first".as_slice(), b"", &large] {
            file.write_all(&record(OTHER, content)).unwrap();
            assert!(reader.append(b"our own"));
        }
        assert_eq!(reader.read(), [b"first".to_vec(), Vec::new(), large]);
        assert!(reader.read().is_empty());
        file.write_all(&record(OTHER, b"last")).unwrap();
        assert_eq!(reader.read(), [b"last"]);
    }

    #[test]
    fn a_record_that_is_being_written_is_waited_for() {
        let (mut file, mut reader) = journal();
        let whole = record(OTHER, b"content");
        for part in whole.chunks(5) {
            assert!(reader.read().is_empty());
            file.write_all(part).unwrap();
        }
        assert_eq!(reader.read(), [b"content"]);
    }

    #[test]
    fn behind_half_a_record_nothing_is_read_or_written() {
        let (mut file, mut reader) = journal();
        file.write_all(&record(OTHER, b"whole")).unwrap();
        file.write_all(&record(OTHER, b"cut off")[..19]).unwrap();
        file.write_all(&record(OTHER, b"behind it")).unwrap();
        assert_eq!(reader.read(), [b"whole".as_slice(), DISOWNED]);
        assert!(!reader.append(b"more"));
        let length = file.metadata().unwrap().len();
        file.write_all(&record(OTHER, b"later")).unwrap();
        assert!(reader.read().is_empty());
        assert!(length < file.metadata().unwrap().len());
    }

    #[test]
    fn a_length_that_no_record_has_is_not_waited_for() {
        let (mut file, mut reader) = journal();
        file.write_all(&[0xff; 16]).unwrap();
        assert_eq!(reader.read(), [DISOWNED]);
        assert!(!reader.append(b"more"));
    }

    #[test]
    fn a_full_journal_takes_no_more_news() {
        let (mut file, mut writer) = journal();
        while file.metadata().unwrap().len() < JOURNAL_BYTES_MAX {
            assert!(writer.append(&vec![0; RECORD_BYTES_MAX]));
        }
        assert!(!writer.append(b"more"));
        file.write_all(&record(OTHER, DISOWNED)).unwrap();
        assert_eq!(writer.read(), [DISOWNED], "there is always room to take something back");
        assert!(file.metadata().unwrap().len() < FILE_BYTES_MAX);
    }

    #[test]
    fn a_record_that_is_too_long_is_refused() {
        let (file, mut writer) = journal();
        assert!(!writer.append(&vec![0; RECORD_BYTES_MAX + 1]));
        assert_eq!(file.metadata().unwrap().len(), 0);
        assert!(writer.append(b"a short one is not"));
    }
}
