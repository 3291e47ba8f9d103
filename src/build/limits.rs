//! Bounds on what comes from outside: one table, from which the struct, the flags and the words of a refusal are made.
//!
//! A bound is looked up here and nowhere else, so that each refusal can name the flag that moves it. Ranges that belong
//! to the game (levels, gem qualities) are no bounds of this kind: they are in `validate`. Nothing here reads, decodes
//! or refuses anything by itself.

use std::fmt;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes; the flag takes a size (`8MiB`).
    Bytes,
    /// Anything that is counted, in the plural.
    Count(&'static str),
}

/// Makes the struct, the names and the defaults of all limits from one table.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident, $variant:ident: $unit:expr, $flag:literal = $default:expr;)+) => {
        /// Bounds on what comes from outside.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits { $($(#[doc = $doc])+ pub $field: usize,)+ }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        /// The name of a limit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Limit { $($(#[doc = $doc])+ $variant,)+ }

        impl Limit {
            /// Every limit.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The flag that sets it.
            #[must_use]
            pub const fn flag(self) -> &'static str {
                match self { $(Self::$variant => $flag),+ }
            }

            /// What it counts.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => $unit),+ }
            }

            /// What it bounds and why, in words.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }

        impl Limits {
            /// The value of a limit.
            #[must_use]
            pub const fn get(&self, limit: Limit) -> usize {
                match limit { $(Limit::$variant => self.$field),+ }
            }

            /// Changes a limit.
            pub const fn set(&mut self, limit: Limit, value: usize) {
                match limit { $(Limit::$variant => self.$field = value),+ }
            }
        }
    };
}

limits! {
    /// Largest message that is taken: a build of the greatest size, and as much again.
    request_size, RequestSize: Unit::Bytes, "--request-size-max" = 16 << 20;
    /// Memory of a message once it is decoded, without what lists keep in reserve. An empty entry of a list has two
    /// bytes on the wire and some hundred decoded; the largest batch, with ten changes each, has about this much.
    decoded_size, DecodedSize: Unit::Bytes, "--decoded-size-max" = 128 << 20;
    /// Largest message that is sent. A header with all stats has about 40 KiB.
    response_size, ResponseSize: Unit::Bytes, "--response-size-max" = 16 << 20;
    /// Most metadata that a call may carry: all names and values together, 32 bytes more for each.
    metadata_size, MetadataSize: Unit::Bytes, "--metadata-size-max" = 16 << 10;
    /// Longest `x-request-id` that is taken over into the log; a call with a longer one gets an id of the server's own.
    request_id_size, RequestIdSize: Unit::Bytes, "--request-id-size-max" = 64;
    /// Calls served at once.
    sessions, Sessions: Unit::Count("calls"), "--sessions-max" = 256;
    /// Variations that may wait; beyond that no further call is taken.
    queue, Queue: Unit::Count("variations"), "--queue-max" = 100_000;
    /// Bases held at once; each has a process of some hundred megabytes.
    bases, Bases: Unit::Count("bases"), "--bases-max" = 8;
    /// Variations of one `EvaluateBatch`: it is in memory as a whole before the first is looked at.
    batch, Batch: Unit::Count("variations"), "--batch-max" = 100_000;
    /// Variations in flight within one call: a few assignments for each shard. More only queue.
    in_flight, InFlight: Unit::Count("variations"), "--in-flight-max" = 1024;
    /// Memory of the variations in flight within one call, which is also the largest variation, both as JSON. The
    /// client waits beyond it.
    in_flight_size, InFlightSize: Unit::Bytes, "--in-flight-size-max" = 32 << 20;
    /// Longest expression of a constraint or an objective.
    expression_size, ExpressionSize: Unit::Bytes, "--expression-size-max" = 4 << 10;
    /// Parentheses, function calls and signs within each other in an expression.
    expression_depth, ExpressionDepth: Unit::Count("nested parts"), "--expression-depth-max" = 64;
    /// Constraints and objectives of a call: each is computed for every outcome.
    expressions, Expressions: Unit::Count("expressions"), "--expressions-max" = 32;
    /// Outcomes that a call holds back, to send the best of them at its end. With all stats each has about 8 KiB.
    kept, Kept: Unit::Count("outcomes"), "--kept-max" = 1_000;
    /// Scenarios of a call: each variation is evaluated once under each.
    scenarios, Scenarios: Unit::Count("scenarios"), "--scenarios-max" = 16;
    /// Variations of one sweep, and the item texts that it is given. They are made one after the other.
    sweep, Sweep: Unit::Count("variations"), "--sweep-max" = 1_000_000;
    /// Entries of one page of a list. A passive tree has some 3,000 nodes.
    page, Page: Unit::Count("entries"), "--page-max" = 5_000;
    /// Stats that a call can select by name. An output has some 700.
    stats, Stats: Unit::Count("names"), "--stats-max" = 4096;
    /// Longest share code. Builds deflate to a tenth, so this is more than the largest XML needs.
    share_code_size, ShareCodeSize: Unit::Bytes, "--share-code-size-max" = 8 << 20;
    /// Largest build as XML, inflated. Builds have some 30 to 300 KiB, the largest seen a few MiB.
    xml_size, XmlSize: Unit::Bytes, "--xml-size-max" = 8 << 20;
    /// XML nodes (elements, texts, comments) of a build. Large builds have some 10,000.
    xml_nodes, XmlNodes: Unit::Count("XML nodes"), "--xml-nodes-max" = 200_000;
    /// Deepest nesting of a build's elements. Builds have about 6.
    xml_depth, XmlDepth: Unit::Count("nested elements"), "--xml-depth-max" = 64;
    /// Attributes of one element. Builds have about 20; the parser compares each with each.
    xml_attributes, XmlAttributes: Unit::Count("attributes"), "--xml-attributes-max" = 128;
    /// Node ids in one list of a variation. A whole tree has some 3,000.
    nodes, Nodes: Unit::Count("nodes"), "--nodes-max" = 5_000;
    /// Entries in any other list of a variation. The largest builds have some 200 gems and 100 slots.
    changes, Changes: Unit::Count("entries"), "--changes-max" = 1_000;
    /// Longest name of anything: slot, gem, class, option, stat, and the client's id of a variation.
    name_size, NameSize: Unit::Bytes, "--name-size-max" = 256;
    /// Longest text of an item. Items have about 1 KiB.
    item_text_size, ItemTextSize: Unit::Bytes, "--item-text-size-max" = 64 << 10;
    /// Lines of an item's text. Items have some 60; the engine parses each as a modifier.
    item_lines, ItemLines: Unit::Count("lines"), "--item-lines-max" = 1_000;
    /// Longest text of a config option.
    config_text_size, ConfigTextSize: Unit::Bytes, "--config-text-size-max" = 64 << 10;
    /// Longest custom modifiers of a variation, all lines together.
    custom_mods_size, CustomModsSize: Unit::Bytes, "--custom-mods-size-max" = 256 << 10;
    /// Lines of custom modifiers; a line that the engine has not seen before costs it about a millisecond.
    custom_mods_lines, CustomModsLines: Unit::Count("lines"), "--custom-mods-lines-max" = 2_000;
    /// Longest line of an item, of a config option's text or of custom modifiers. The longest modifier has
    /// 340 bytes; Path of Building's patterns take time in the third power of a line, half a minute for 2 KB of digits.
    line_size, LineSize: Unit::Bytes, "--line-size-max" = 1 << 10;
}

/// More came than a limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{came} {}; at most {most} are taken ({})", limit.unit(), limit.flag())]
pub struct Exceeded {
    /// Which limit.
    pub limit: Limit,
    /// Its value.
    pub most: usize,
    /// What came; if nobody counted to the end, that it was at least so much.
    pub came: usize,
}

/// Two limits that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The one that is to be changed.
    pub limit: Limit,
    /// What is wrong with it, in words.
    pub problem: String,
}

/// What a frame to a runtime has beside a variation and a build: names of stats, tags and lengths.
const FRAME_SLACK_BYTES: usize = 4 << 20;
/// Room that a message needs beside the one thing that fills it.
const MESSAGE_SLACK_BYTES: usize = 1 << 10;
/// What a variation without changes takes, decoded.
const VARIATION_BYTES: usize = 512;
/// A header with all stats and warnings, or the list of all passive nodes, with room to spare.
const RESPONSE_BYTES_MIN: usize = 1 << 20;
/// JSON writes a quotation mark, a backslash or a line's end with two characters.
const JSON_FACTOR: usize = 2;

impl Limits {
    /// Whether so much may come.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub const fn check(&self, limit: Limit, came: usize) -> Result<(), Exceeded> {
        let most = self.get(limit);
        if came > most { Err(Exceeded { limit, most, came }) } else { Ok(()) }
    }

    /// What is wrong with these limits together, given the longest frame between server and runtimes.
    ///
    /// What one limit allows, no other may make impossible: a client that keeps to a limit must not run into something
    /// that does not name it.
    #[must_use]
    pub fn contradictions(&self, frame_bytes_max: usize) -> Vec<Contradiction> {
        let mut found = Vec::new();
        let mut demand = |sound: bool, limit: Limit, problem: String| {
            if !sound {
                found.push(Contradiction { limit, problem });
            }
        };
        for &limit in Limit::ALL {
            demand(self.get(limit) > 0, limit, "must be greater than zero".to_owned());
        }
        for limit in [Limit::RequestSize, Limit::ResponseSize, Limit::MetadataSize] {
            let sound = u32::try_from(self.get(limit)).is_ok();
            demand(sound, limit, "must be less than 4GiB: gRPC has four bytes for it".to_owned());
        }
        demand(
            self.response_size >= RESPONSE_BYTES_MIN,
            Limit::ResponseSize,
            "must be 1MiB or more, or no header with all stats has room".to_owned(),
        );
        let parts =
            [Limit::ShareCodeSize, Limit::XmlSize, Limit::ItemTextSize, Limit::ConfigTextSize, Limit::CustomModsSize];
        for part in parts {
            let sound = self.get(part).saturating_add(MESSAGE_SLACK_BYTES) <= self.request_size;
            demand(
                sound,
                part,
                format!("must be 1KiB less than {}, or no message has room", Limit::RequestSize.flag()),
            );
        }
        let largest = self.batch.saturating_mul(VARIATION_BYTES).saturating_add(self.request_size);
        demand(
            largest.saturating_add(MESSAGE_SLACK_BYTES) <= self.decoded_size,
            Limit::DecodedSize,
            format!(
                "must be more than {} and {VARIATION_BYTES} bytes for each of {}, or no such batch has room",
                Limit::RequestSize.flag(),
                Limit::Batch.flag()
            ),
        );
        let (room, build) = (Limit::InFlightSize, Limit::XmlSize.flag());
        let build_as_json = self.xml_size.saturating_mul(JSON_FACTOR).saturating_add(MESSAGE_SLACK_BYTES);
        demand(
            build_as_json <= self.in_flight_size,
            room,
            format!("must be more than twice {build}, or no replacement build has room"),
        );
        let frame = self.in_flight_size.saturating_add(self.xml_size).saturating_add(FRAME_SLACK_BYTES);
        demand(
            frame <= frame_bytes_max,
            room,
            format!("and {build} together must be 4MiB less than {frame_bytes_max}B, or no frame has room"),
        );
        demand(self.in_flight <= self.queue, Limit::InFlight, format!("must not be more than {}", Limit::Queue.flag()));
        found
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Count(what) => what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 64 << 20;

    #[test]
    fn the_defaults_go_together() {
        assert_eq!(Limits::default().contradictions(FRAME), []);
    }

    #[test]
    fn every_limit_has_a_flag_of_its_own_and_a_reason() {
        let mut flags: Vec<_> = Limit::ALL.iter().map(|limit| limit.flag()).collect();
        flags.sort_unstable();
        flags.dedup();
        assert_eq!(flags.len(), Limit::ALL.len());
        for limit in Limit::ALL {
            assert!(limit.flag().starts_with("--") && limit.flag().ends_with("-max"), "{limit:?}");
            let sizes = limit.flag().ends_with("-size-max");
            assert_eq!(sizes, limit.unit() == Unit::Bytes, "{limit:?}");
            assert!(limit.about().trim().ends_with('.'), "{limit:?}");
        }
    }

    #[test]
    fn a_limit_is_what_is_still_taken() {
        for &limit in Limit::ALL {
            let limits = Limits::default();
            let most = limits.get(limit);
            assert_eq!(limits.check(limit, most), Ok(()));
            let exceeded = limits.check(limit, most + 1).unwrap_err();
            assert_eq!(exceeded, Exceeded { limit, most, came: most + 1 });
            let text = exceeded.to_string();
            assert!(text.contains(limit.flag()) && text.contains(&most.to_string()), "{text}");
        }
    }

    #[track_caller]
    fn contradicted(limit: Limit, value: usize) -> Vec<Limit> {
        let mut limits = Limits::default();
        limits.set(limit, value);
        assert_eq!(limits.get(limit), value);
        limits.contradictions(FRAME).into_iter().map(|found| found.limit).collect()
    }

    #[test]
    fn limits_that_make_each_other_impossible_are_named() {
        for &limit in Limit::ALL {
            assert!(contradicted(limit, 0).contains(&limit), "{limit:?}");
        }
        let mib = 1 << 20;
        assert_eq!(contradicted(Limit::RequestSize, 8 * mib), [Limit::ShareCodeSize, Limit::XmlSize]);
        assert_eq!(contradicted(Limit::RequestSize, 8 * mib + MESSAGE_SLACK_BYTES), []);
        assert_eq!(contradicted(Limit::RequestSize, 4096 * mib), [Limit::RequestSize, Limit::DecodedSize]);
        assert_eq!(contradicted(Limit::DecodedSize, 64 * mib), [Limit::DecodedSize]);
        assert_eq!(contradicted(Limit::ResponseSize, mib - 1), [Limit::ResponseSize]);
        assert_eq!(contradicted(Limit::ResponseSize, mib), []);
        assert_eq!(contradicted(Limit::InFlightSize, 16 * mib), [Limit::InFlightSize]);
        assert_eq!(contradicted(Limit::InFlightSize, 52 * mib), []);
        assert_eq!(contradicted(Limit::InFlightSize, 52 * mib + 1), [Limit::InFlightSize]);
        assert_eq!(contradicted(Limit::Queue, 1023), [Limit::InFlight]);
        assert_eq!(contradicted(Limit::Queue, 1024), []);
    }
}
