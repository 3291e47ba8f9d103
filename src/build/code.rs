//! Share codes: build XML, deflated and written in base64.
//!
//! Tools disagree on the details, so decoding takes both alphabets, padding or none, white space anywhere, and zlib as
//! well as raw deflate. Encoding writes what Path of Building writes: zlib, URL-safe, padded. Codes come from
//! strangers: both the text and what it inflates to are bounded, and a code that ends early is an error.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE},
};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::limits::{Exceeded, Limit, Limits};

/// First room made for the inflated text, in bytes: enough for most builds.
const FIRST_ROOM_BYTES: usize = 256 << 10;

/// Some encoders leave bits behind the last byte; nobody means anything by them.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Why a share code gives no XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing but white space.
    #[error("the share code is empty")]
    Empty,
    /// It is too long.
    #[error("the share code has {0}")]
    TooLong(Exceeded),
    /// What it inflates to is too large; it was not inflated to the end.
    #[error("the share code inflates to {0}")]
    TooLarge(Exceeded),
    /// A character that base64 does not have, or a length that it cannot have.
    #[error("the share code is not base64")]
    NotBase64,
    /// The deflated data ends early.
    #[error("the share code is cut off")]
    Truncated,
    /// The data is neither zlib nor raw deflate.
    #[error("the share code does not inflate: it is damaged or something else")]
    Damaged,
    /// What it inflates to is no UTF-8.
    #[error("the share code does not hold UTF-8 text")]
    NotText,
}

impl CodeError {
    /// The limit that was exceeded, if it was one.
    #[must_use]
    pub const fn exceeded(&self) -> Option<Exceeded> {
        match self {
            Self::TooLong(exceeded) | Self::TooLarge(exceeded) => Some(*exceeded),
            _ => None,
        }
    }
}

/// The XML in a share code.
///
/// # Errors
/// See [`CodeError`]. That the text is XML, and a build, is not checked here: see [`super::xml::check`].
pub fn decode(code: &str, limits: &Limits) -> Result<String, CodeError> {
    limits.check(Limit::ShareCodeSize, code.len()).map_err(CodeError::TooLong)?;
    let mut digits: Vec<u8> = code.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.truncate(digits.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1));
    if digits.is_empty() {
        return Err(CodeError::Empty);
    }
    for digit in &mut digits {
        match digit {
            b'-' => *digit = b'+',
            b'_' => *digit = b'/',
            _ => {}
        }
    }
    let data = LENIENT.decode(digits).map_err(|_| CodeError::NotBase64)?;

    // Raw deflate may look like zlib by accident, hence the second try.
    let xml = match inflate(&data, Wrapping::Zlib, limits) {
        Ok(xml) => xml,
        Err(error @ CodeError::TooLarge(_)) => return Err(error),
        Err(error) => inflate(&data, Wrapping::None, limits).map_err(|raw| match error {
            CodeError::Truncated => error,
            _ => raw,
        })?,
    };
    String::from_utf8(xml).map_err(|_| CodeError::NotText)
}

/// The share code of that XML.
#[must_use]
pub fn encode(xml: &str) -> String {
    let mut state = Compress::new(Compression::best(), true);
    let mut data = Vec::with_capacity(xml.len() / 4 + 64);
    loop {
        let rest = consumed(xml.as_bytes(), state.total_in());
        match state.compress_vec(rest, &mut data, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => return URL_SAFE.encode(data),
            // Compressing fails for want of room only.
            Ok(Status::Ok | Status::BufError) | Err(_) => data.reserve(data.capacity().max(64)),
        }
    }
}

#[derive(Clone, Copy)]
enum Wrapping {
    Zlib,
    None,
}

/// Readers of flate2 take a stream that ends early for a whole one; this asks for the end mark.
fn inflate(data: &[u8], wrapping: Wrapping, limits: &Limits) -> Result<Vec<u8>, CodeError> {
    let mut state = Decompress::new(matches!(wrapping, Wrapping::Zlib));
    let mut text = Vec::with_capacity(FIRST_ROOM_BYTES.min(limits.xml_size));
    loop {
        let rest = consumed(data, state.total_in());
        let status = state.decompress_vec(rest, &mut text, FlushDecompress::None).map_err(|_| CodeError::Damaged)?;
        limits.check(Limit::XmlSize, text.len()).map_err(CodeError::TooLarge)?;
        match status {
            Status::StreamEnd => return Ok(text),
            Status::Ok | Status::BufError if text.len() < text.capacity() => return Err(CodeError::Truncated),
            Status::Ok | Status::BufError => text.reserve(text.capacity()),
        }
    }
}

/// What is left of `data`.
fn consumed(data: &[u8], total_in: u64) -> &[u8] {
    usize::try_from(total_in).ok().and_then(|read| data.get(read..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn decode(code: &str) -> Result<String, CodeError> {
        super::decode(code, &Limits::default())
    }

    const XML: &str = "<PathOfBuilding>\u{fc}?>>~~<Build level=\"90\"/></PathOfBuilding>";

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_spelling_of_a_code_decodes() {
        for data in [zlib(XML.as_bytes()), raw(XML.as_bytes())] {
            for spelling in [
                URL_SAFE.encode(&data),
                URL_SAFE_NO_PAD.encode(&data),
                STANDARD.encode(&data),
                STANDARD_NO_PAD.encode(&data),
            ] {
                assert_eq!(decode(&spelling).as_deref(), Ok(XML), "{spelling}");
                let broken_into_lines = format!("\n  {}\r\n\t{} \n", &spelling[..10], &spelling[10..]);
                assert_eq!(decode(&broken_into_lines).as_deref(), Ok(XML), "{broken_into_lines}");
            }
        }
    }

    #[test]
    fn a_code_that_is_cut_off_is_no_shorter_build() {
        for data in [zlib(XML.as_bytes()), raw(XML.as_bytes())] {
            for length in 1..data.len() - 4 {
                let code = URL_SAFE.encode(&data[..length]);
                assert!(decode(&code).is_err(), "{length} of {} bytes", data.len());
            }
            assert_eq!(decode(&URL_SAFE.encode(&data[..data.len() / 2])), Err(CodeError::Truncated));
        }
    }

    #[test]
    fn a_code_with_a_wrong_check_sum_is_damaged() {
        let mut data = zlib(XML.as_bytes());
        *data.last_mut().unwrap() ^= 1;
        assert_eq!(decode(&URL_SAFE.encode(&data)), Err(CodeError::Damaged));
    }

    #[test]
    fn a_code_that_inflates_without_end_is_refused_at_the_limit() {
        let limits = Limits::default();
        let most = limits.xml_size;
        let bomb = vec![b'a'; 4 * most];
        for data in [zlib(&bomb), raw(&bomb)] {
            match decode(&URL_SAFE.encode(data)) {
                // It stopped near the limit and not at the end.
                Err(CodeError::TooLarge(Exceeded { limit: Limit::XmlSize, came, .. })) => assert!(came <= 2 * most),
                other => panic!("{:?}", other.map(|xml| xml.len())),
            }
        }
        for (bytes, refused) in [(most, false), (most + 1, true)] {
            let result = decode(&encode(&"a".repeat(bytes)));
            let exceeded = Exceeded { limit: Limit::XmlSize, most, came: bytes };
            assert_eq!(
                result.map(|xml| xml.len()),
                if refused { Err(CodeError::TooLarge(exceeded)) } else { Ok(bytes) }
            );
        }
    }

    #[test]
    fn a_code_of_the_greatest_length_is_taken_and_a_longer_one_is_not() {
        let code = encode(XML);
        let most = code.len();
        let limits = Limits { share_code_size: most, ..Limits::default() };
        assert_eq!(super::decode(&code, &limits).as_deref(), Ok(XML));
        let exceeded = Exceeded { limit: Limit::ShareCodeSize, most, came: most + 1 };
        assert_eq!(super::decode(&format!("{code} "), &limits), Err(CodeError::TooLong(exceeded)));
    }

    #[test]
    fn what_is_no_code_is_refused_by_name() {
        assert_eq!(decode(" \n"), Err(CodeError::Empty));
        assert_eq!(decode("===="), Err(CodeError::Empty));
        assert_eq!(decode("<PathOfBuilding/>"), Err(CodeError::NotBase64));
        assert_eq!(decode("eN=q"), Err(CodeError::NotBase64));
        assert_eq!(decode(&URL_SAFE.encode(zlib(b"\xff\xfe"))), Err(CodeError::NotText));
    }

    proptest! {
        #[test]
        fn encoding_and_decoding_gives_the_text_again(text in "\\PC{0,2000}") {
            prop_assert_eq!(decode(&encode(&text)), Ok(text));
        }

        #[test]
        fn no_text_makes_decoding_panic(text in "[A-Za-z0-9_+/=-]{0,200}") {
            let _ = decode(&text);
        }
    }
}
