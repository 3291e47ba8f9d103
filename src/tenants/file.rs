//! The file of tenants: TOML, strict. Tokens are hashed as they are read, and no error holds anything of one.
//!
//! ```toml
//! [[tenant]]
//! name = "optimizer"            # in logs and metrics
//! tokens_sha256 = ["9f86..."]   # or tokens = ["..."]; several while one takes the place of another
//! priority = "batch"            # the highest that it gets; default: "interactive"
//! calls_max = 8                 # calls open at once; an open stream is one
//! in_flight_max = 2048          # variations between their reading and their outcomes, over all calls
//! variations_per_second = 500   # on average, with a second's worth at once
//! ```
//!
//! A quota that is not there is no quota.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Quotas;
use crate::supervisor::Priority;

/// Most tenants: each has series of its own in the metrics, and each token is compared with for every call.
pub const TENANTS_MAX: usize = 100;
/// Most tokens of a tenant: one in use, one that takes its place, and as many again for several clients.
const TOKENS_MAX: usize = 4;
/// Longest name of a tenant, in bytes: it is a label.
const NAME_BYTES_MAX: usize = 64;
/// Shortest token, in bytes: what is shorter can be guessed. 32 random bytes have 44 in base64.
const TOKEN_BYTES_MIN: usize = 16;
/// Longest token, in bytes: it travels with every call.
const TOKEN_BYTES_MAX: usize = 512;
/// Largest quota. More are no quota, and are asked for by leaving it out.
const QUOTA_MAX: u32 = 10_000_000;

/// Why a file holds no tenants. Says nothing of any token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is no text.
    #[error("the file is no UTF-8")]
    NotText,
    /// It is not written as it must be.
    #[error("line {line}: {problem}")]
    Line {
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// It says something that makes no sense.
    #[error("tenant {tenant}: {problem}")]
    Tenant {
        /// Its name, or its place from 1.
        tenant: String,
        /// What is wrong.
        problem: String,
    },
    /// It has none, or too many.
    #[error("{0} tenants; a file has 1 to {TENANTS_MAX}")]
    Count(usize),
}

/// The SHA-256 of a token.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of this token.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    fn from_hex(text: &str) -> Option<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

/// Takes the same time wherever they differ.
impl ConstantTimeEq for Digest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// Nobody's business.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// A tenant as the file has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its tokens.
    pub digests: Vec<Digest>,
    /// What it may have.
    pub quotas: Quotas,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    tenant: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    #[serde(default, deserialize_with = "tokens")]
    tokens: Vec<Digest>,
    #[serde(default, deserialize_with = "hashes")]
    tokens_sha256: Vec<Digest>,
    priority: Option<String>,
    calls_max: Option<u32>,
    in_flight_max: Option<u32>,
    variations_per_second: Option<u32>,
}

/// A list of texts. Serde's own words for anything else would quote it.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let toml::Value::Array(list) = toml::Value::deserialize(deserializer)? else {
        return Err(D::Error::custom("a list of texts is wanted"));
    };
    let text = |value| match value {
        toml::Value::String(text) => Ok(text),
        _ => Err(D::Error::custom("a list of texts is wanted")),
    };
    list.into_iter().map(text).collect()
}

fn tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Digest>, D::Error> {
    let list = texts(deserializer)?;
    if !list.iter().all(|token| is_token(token.as_bytes())) {
        let wanted = "letters, digits and `-._~+/=`";
        return Err(D::Error::custom(format!("a token has {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} {wanted}")));
    }
    Ok(list.iter().map(|token| Digest::of(token.as_bytes())).collect())
}

fn hashes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Digest>, D::Error> {
    let list = texts(deserializer)?;
    let digests: Option<Vec<_>> = list.iter().map(|hash| Digest::from_hex(hash)).collect();
    digests.ok_or_else(|| D::Error::custom("the SHA-256 of a token has 64 hexadecimal digits"))
}

/// Whether it can be a token: what RFC 6750 lets stand behind `Bearer`.
#[must_use]
pub fn is_token(token: &[u8]) -> bool {
    (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len())
        && token.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte))
}

/// The tenants of a file.
///
/// # Errors
/// [`FileError`].
pub fn parse(contents: &[u8]) -> Result<Vec<Entry>, FileError> {
    let text = std::str::from_utf8(contents).map_err(|_| FileError::NotText)?;
    let document: Document = toml::from_str(text).map_err(|error| FileError::Line {
        line: 1 + error.span().map_or(0, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()),
        problem: error.message().to_owned(),
    })?;
    if !(1..=TENANTS_MAX).contains(&document.tenant.len()) {
        return Err(FileError::Count(document.tenant.len()));
    }
    let mut entries: Vec<Entry> = Vec::with_capacity(document.tenant.len());
    for (index, table) in document.tenant.into_iter().enumerate() {
        let entry = entry(index, table)?;
        let bad = |problem: &str| FileError::Tenant { tenant: entry.name.clone(), problem: problem.to_owned() };
        if entries.iter().any(|earlier| earlier.name == entry.name) {
            return Err(bad("the name is another's already"));
        }
        let mut others = entries.iter().flat_map(|earlier| &earlier.digests);
        if others.any(|other| entry.digests.iter().any(|digest| digest.ct_eq(other).into())) {
            return Err(bad("a token is another tenant's already"));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(index: usize, table: Table) -> Result<Entry, FileError> {
    let Table { name, tokens, tokens_sha256, priority, calls_max, in_flight_max, variations_per_second } = table;
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !is_name {
        let problem = format!("`name` has 1 to {NAME_BYTES_MAX} letters, digits and `-._`");
        return Err(FileError::Tenant { tenant: (index + 1).to_string(), problem });
    }
    let bad = |problem: String| FileError::Tenant { tenant: name.clone(), problem };
    let digests = [tokens, tokens_sha256].concat();
    if !(1..=TOKENS_MAX).contains(&digests.len()) {
        return Err(bad(format!("`tokens` and `tokens_sha256` together have 1 to {TOKENS_MAX} entries")));
    }
    let quota = |field: &str, quota: Option<u32>| match quota {
        Some(0 | QUOTA_MAX..) => Err(bad(format!("`{field}` is at least 1 and less than {QUOTA_MAX}"))),
        quota => Ok(quota),
    };
    let priority = match priority.as_deref() {
        None => Priority::Interactive,
        Some(text) => {
            Priority::from_name(text).ok_or_else(|| bad("`priority` is `interactive` or `batch`".to_owned()))?
        }
    };
    let quotas = Quotas {
        priority,
        calls_max: quota("calls_max", calls_max)?,
        in_flight_max: quota("in_flight_max", in_flight_max)?,
        variations_per_second: quota("variations_per_second", variations_per_second)?,
    };
    Ok(Entry { name, digests, quotas })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sesame-sesame-sesame";

    fn problem(text: &str) -> String {
        let error = parse(text.as_bytes()).expect_err(text);
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
        error.to_string()
    }

    #[test]
    fn a_tenant_has_a_name_tokens_and_quotas() {
        let hash = "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789";
        let text = format!(
            "# who\n[[tenant]]\nname = \"a.b-1\"\ntokens = [\"{SECRET}\"]\ntokens_sha256 = [\"{hash}\"]\n\
             priority = \"batch\"\ncalls_max = 8\nin_flight_max = 2048\nvariations_per_second = 500\n\
             [[tenant]]\nname = \"free\"\ntokens = [\"0123456789abcdef\"]\n"
        );
        let entries = parse(text.as_bytes()).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["a.b-1", "free"]);
        let quotas = Quotas {
            priority: Priority::Batch,
            calls_max: Some(8),
            in_flight_max: Some(2048),
            variations_per_second: Some(500),
        };
        assert_eq!((&entries[0].quotas, &entries[1].quotas), (&quotas, &Quotas::default()));
        assert!(bool::from(entries[0].digests[0].ct_eq(&Digest::of(SECRET.as_bytes()))));
        assert_eq!(entries[0].digests[1].0[..3], [0xAB, 0xCD, 0xEF]);
        assert_eq!(format!("{:?}", entries[0].digests), "[Digest(..), Digest(..)]");
    }

    #[test]
    fn a_token_can_be_given_by_its_hash() {
        let known = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert!(bool::from(Digest::from_hex(known).unwrap().ct_eq(&Digest::of(b"test"))));
    }

    #[test]
    fn what_is_wrong_is_named_by_line_or_tenant_and_never_by_its_token() {
        let tenant = |rest: &str| format!("[[tenant]]\nname = \"x\"\n{rest}\n");
        let good = tenant(&format!("tokens = [\"{SECRET}\"]"));
        for (text, start) in [
            (String::new(), "0 tenants; a file has 1 to 100"),
            (good.clone() + &good, "tenant x: the name is another's already"),
            (good.clone() + &good.replace("\"x\"", "\"y\""), "tenant y: a token is another tenant's already"),
            (good.replace("\"x\"", "\"a b\""), "tenant 1: `name` has"),
            (good.replace("\"x\"", "\"\""), "tenant 1: `name` has"),
            (tenant(""), "tenant x: `tokens` and `tokens_sha256` together have 1 to 4"),
            (tenant(&format!("tokens = \"{SECRET}\"")), "line 3: a list of texts is wanted"),
            (tenant(&format!("tokens = [[\"{SECRET}\"]]")), "line 3: a list of texts is wanted"),
            (tenant(&format!("token = \"{SECRET}\"")), "line 3: unknown field `token`"),
            (tenant(&format!("tokens = [{SECRET}]")), "line 3: "),
            (tenant(&format!("tokens = [\"{SECRET}")), "line 3: "),
            (tenant(&format!("tokens = \"{SECRET}\" x")), "line 3: "),
            (tenant(&format!("tokens = [\"{SECRET} \"]")), "line 3: a token has 16 to 512"),
            (tenant("tokens = [\"sesame\"]"), "line 3: a token has 16 to 512"),
            (tenant(&format!("tokens_sha256 = [\"{SECRET}\"]")), "line 3: the SHA-256 of a token has 64"),
            (good.clone() + "priority = \"high\"", "tenant x: `priority` is"),
            (good.clone() + "calls_max = 0", "tenant x: `calls_max` is at least 1"),
            (good.clone() + "in_flight_max = 10000000", "tenant x: `in_flight_max` is"),
            (good.clone() + "variations_per_second = 1.5", "line 4: invalid type"),
            (good.clone() + "quota = 1", "line 4: unknown field `quota`"),
            (good.clone() + "name = \"y\"", "line 4: duplicate key"),
            (format!("tenants = 1\n{good}"), "line 1: unknown field `tenants`"),
        ] {
            let problem = problem(&text);
            assert!(problem.starts_with(start), "{text}\n{problem}");
        }
        assert_eq!(parse(b"\xff").unwrap_err(), FileError::NotText);
        let tenants = |count| (0..count).map(|at| format!("[[tenant]]\nname = \"t{at}\"\ntokens = [\"{at:016}\"]\n"));
        assert_eq!(parse(tenants(TENANTS_MAX).collect::<String>().as_bytes()).unwrap().len(), TENANTS_MAX);
        assert_eq!(problem(&tenants(TENANTS_MAX + 1).collect::<String>()), "101 tenants; a file has 1 to 100");
    }
}
