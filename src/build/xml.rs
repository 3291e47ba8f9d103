//! Checks on build XML, before any engine sees it.
//!
//! Engines read XML with parsers that take nearly anything, and keep silent about what they skip. A build that passes
//! here is well-formed, is a build by its root element, and cannot hurt a parser by its shape.

use roxmltree::{Document, Error as SyntaxError, ParsingOptions};

/// Largest build, in bytes. Builds have some 30 to 300 KiB, the largest seen a few MiB.
pub const XML_BYTES_MAX: usize = 8 << 20;
/// Most nodes (elements, texts, comments). Large builds have some 10,000.
pub const NODES_MAX: u32 = 200_000;
/// Deepest nesting of elements. Builds have about 6.
pub const DEPTH_MAX: usize = 64;
/// Most attributes of one element. Builds have about 20; the parser compares each with each.
pub const ATTRIBUTES_MAX: usize = 128;

/// Name of a build's root element.
const ROOT: &str = "PathOfBuilding";
/// The same for the builds of Path of Exile 2.
const ROOT_OF_POE2: &str = "PathOfBuilding2";

/// Why a text is no build.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Nothing but white space.
    #[error("the build is empty")]
    Empty,
    /// More than [`XML_BYTES_MAX`].
    #[error("the build has {bytes} bytes; at most {XML_BYTES_MAX} are taken")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// No well-formed XML, or with a document type; the text has the position as line:column.
    #[error("the build is not well-formed XML: {0}")]
    Syntax(String),
    /// More than [`NODES_MAX`].
    #[error("the build has more than {NODES_MAX} XML nodes")]
    TooManyNodes,
    /// More than [`ATTRIBUTES_MAX`].
    #[error("line {line} of the build has an element with more than {ATTRIBUTES_MAX} attributes")]
    TooManyAttributes {
        /// Where, from 1.
        line: usize,
    },
    /// Builds have no namespaces, and the parser takes time for each with each.
    #[error("line {line} of the build declares an XML namespace")]
    Namespace {
        /// Where, from 1.
        line: usize,
    },
    /// Deeper than [`DEPTH_MAX`].
    #[error("line {line} of the build is nested more than {DEPTH_MAX} elements deep")]
    TooDeep {
        /// Where, from 1.
        line: usize,
    },
    /// A build of the other game.
    #[error("the build is one for Path of Exile 2, which no engine here knows")]
    OtherGame,
    /// Some other XML.
    #[error("the XML is no build: its root element is <{root}> instead of <{ROOT}>")]
    NoBuild {
        /// Name of the root element.
        root: String,
    },
}

/// Checks that the text is a build, as far as that can be said without an engine.
///
/// # Errors
/// See [`XmlError`].
pub fn check(xml: &str) -> Result<(), XmlError> {
    if xml.len() > XML_BYTES_MAX {
        return Err(XmlError::TooLarge { bytes: xml.len() });
    }
    if xml.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    check_tags(xml)?;

    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|error| match error {
        SyntaxError::NodesLimitReached => XmlError::TooManyNodes,
        error => XmlError::Syntax(error.to_string()),
    })?;

    match document.root_element().tag_name().name() {
        ROOT => {}
        ROOT_OF_POE2 => return Err(XmlError::OtherGame),
        other => return Err(XmlError::NoBuild { root: short(other) }),
    }

    // Nodes come in document order, so a parent's depth is known before its children's.
    let mut depths: Vec<usize> = Vec::new();
    for node in document.descendants() {
        let depth = node.parent().and_then(|parent| depths.get(parent.id().get_usize())).map_or(0, |depth| depth + 1);
        if depth > DEPTH_MAX {
            return Err(XmlError::TooDeep { line: line_of(xml, node.range().start) });
        }
        depths.push(depth);
    }
    Ok(())
}

/// Refuses tags on which the parser would spend time in the square of what they hold, so this looks before it does.
///
/// Every tag begins with a `<`, which neither values nor texts can contain; what looks like a tag within a comment or
/// CDATA does no harm.
fn check_tags(xml: &str) -> Result<(), XmlError> {
    for (start, segment) in segments(xml.as_bytes()) {
        let mut quote = None;
        let mut values = 0;
        for (index, &byte) in segment.iter().enumerate() {
            match (quote, byte) {
                (None, b'>') => break,
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'x') if segment[index..].starts_with(b"xmlns") => {
                    return Err(XmlError::Namespace { line: line_of(xml, start) });
                }
                (Some(open), byte) if open == byte => {
                    quote = None;
                    values += 1;
                }
                _ => {}
            }
        }
        if values > ATTRIBUTES_MAX {
            return Err(XmlError::TooManyAttributes { line: line_of(xml, start) });
        }
    }
    Ok(())
}

/// What follows each `<`, up to the next one.
fn segments(xml: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    xml.split(|&byte| byte == b'<').map(move |segment| {
        let here = start;
        start += segment.len() + 1;
        (here, segment)
    })
}

fn line_of(xml: &str, position: usize) -> usize {
    xml.bytes().take(position).filter(|&byte| byte == b'\n').count() + 1
}

/// A name that is fit for a message, however long it is.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_passes() {
        let xml = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PathOfBuilding>\n\t<!-- c -->\n\t<Build level='90'/>\
                   <Items><Item>A &lt;b&gt; \"'\"'</Item></Items><Notes><![CDATA[<x>]]></Notes></PathOfBuilding>\n";
        assert_eq!(check(xml), Ok(()));
    }

    #[test]
    fn broken_xml_is_refused_with_its_position() {
        let error = check("<PathOfBuilding>\n<Build></PathOfBuilding>").unwrap_err();
        assert!(matches!(&error, XmlError::Syntax(text) if text.contains("2:8")), "{error}");
        assert_eq!(check("  \n"), Err(XmlError::Empty));
        assert!(matches!(check("<PathOfBuilding"), Err(XmlError::Syntax(_))));
        assert!(matches!(check("eNrtWVlz"), Err(XmlError::Syntax(_))));
    }

    #[test]
    fn xml_that_is_no_build_is_refused_by_its_root() {
        assert_eq!(check("<html/>"), Err(XmlError::NoBuild { root: "html".into() }));
        assert_eq!(check("<PathOfBuilding2/>"), Err(XmlError::OtherGame));
    }

    #[test]
    fn document_types_and_entities_are_refused() {
        let bomb = "<!DOCTYPE PathOfBuilding [<!ENTITY a \"aaaa\">]><PathOfBuilding>&a;</PathOfBuilding>";
        assert!(matches!(check(bomb), Err(XmlError::Syntax(_))));
        assert!(matches!(check("<PathOfBuilding>&a;</PathOfBuilding>"), Err(XmlError::Syntax(_))));
    }

    #[test]
    fn shapes_that_hurt_parsers_are_refused() {
        let deep =
            |depth| format!("<PathOfBuilding>\n{}{}</PathOfBuilding>", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(check(&deep(DEPTH_MAX - 1)), Ok(()));
        assert_eq!(check(&deep(DEPTH_MAX)), Err(XmlError::TooDeep { line: 2 }));
        assert!(check(&deep(100_000)).is_err());

        let crowded = |count| {
            let attributes: Vec<String> = (0..count).map(|i| format!("a{i}='>'")).collect();
            format!("<PathOfBuilding>\n\n<a {}/></PathOfBuilding>", attributes.join(" "))
        };
        assert_eq!(check(&crowded(ATTRIBUTES_MAX)), Ok(()));
        assert_eq!(check(&crowded(ATTRIBUTES_MAX + 1)), Err(XmlError::TooManyAttributes { line: 3 }));

        let named = "<PathOfBuilding>\n<a b='xmlns'/>xmlns<b xmlns:q='1'/></PathOfBuilding>";
        assert_eq!(check(named), Err(XmlError::Namespace { line: 2 }));
        assert_eq!(check(&named.replace(" xmlns:q", " q")), Ok(()));

        let many = format!("<PathOfBuilding>{}</PathOfBuilding>", "<a/>".repeat(NODES_MAX as usize));
        assert_eq!(check(&many), Err(XmlError::TooManyNodes));
        let bytes = XML_BYTES_MAX + 1;
        assert_eq!(check(&" ".repeat(bytes)), Err(XmlError::TooLarge { bytes }));
    }
}
