//! Checks on build XML, before any engine sees it.
//!
//! Engines read XML with parsers that take nearly anything, and keep silent about what they skip. A build that passes
//! here is well-formed, is a build by its root element, and cannot hurt a parser by its shape.

use roxmltree::{Document, Error as SyntaxError, ParsingOptions};

use super::limits::{Exceeded, Limit, Limits};

/// Longest part of a message that comes from the build, in characters.
const TEXT_CHARS_MAX: usize = 200;

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
    /// It is too large as a whole.
    #[error("the build has {0}")]
    Limit(Exceeded),
    /// Its shape is one that hurts parsers.
    #[error("line {line} of the build has {exceeded}")]
    Shape {
        /// Where, from 1.
        line: usize,
        /// What there is too much of.
        exceeded: Exceeded,
    },
    /// No well-formed XML, or with a document type; the text has the position as line:column.
    #[error("the build is not well-formed XML: {0}")]
    Syntax(String),
    /// Builds have no namespaces, and the parser takes time for each with each.
    #[error("line {line} of the build declares an XML namespace")]
    Namespace {
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

impl XmlError {
    /// The limit that was exceeded, if it was one.
    #[must_use]
    pub const fn exceeded(&self) -> Option<Exceeded> {
        match self {
            Self::Limit(exceeded) | Self::Shape { exceeded, .. } => Some(*exceeded),
            _ => None,
        }
    }
}

/// Checks that the text is a build, as far as that can be said without an engine.
///
/// # Errors
/// See [`XmlError`].
pub fn check(xml: &str, limits: &Limits) -> Result<(), XmlError> {
    limits.check(Limit::XmlSize, xml.len()).map_err(XmlError::Limit)?;
    if xml.trim().is_empty() {
        return Err(XmlError::Empty);
    }
    check_tags(xml, limits)?;

    let most = limits.xml_nodes;
    // The parser counts the document itself, and refuses the node that would reach its limit.
    let nodes_limit = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
    let options = ParsingOptions { allow_dtd: false, nodes_limit, ..ParsingOptions::default() };
    let document = Document::parse_with_options(xml, options).map_err(|error| match error {
        SyntaxError::NodesLimitReached => {
            XmlError::Limit(Exceeded { limit: Limit::XmlNodes, most, came: most.saturating_add(1) })
        }
        error => XmlError::Syntax(short(&error.to_string())),
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
        if node.is_element()
            && let Err(exceeded) = limits.check(Limit::XmlDepth, depth)
        {
            return Err(XmlError::Shape { line: line_of(xml, node.range().start), exceeded });
        }
        depths.push(depth);
    }
    Ok(())
}

/// Refuses tags on which the parser would spend time in the square of what they hold, so this looks before it does.
///
/// Every tag begins with a `<`, which neither values nor texts can contain; what looks like a tag within a comment or
/// CDATA does no harm.
fn check_tags(xml: &str, limits: &Limits) -> Result<(), XmlError> {
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
        if let Err(exceeded) = limits.check(Limit::XmlAttributes, values) {
            return Err(XmlError::Shape { line: line_of(xml, start), exceeded });
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

/// A text that is fit for a message, whatever names from the build are in it.
fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(xml: &str) -> Result<(), XmlError> {
        super::check(xml, &Limits::default())
    }

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

    #[track_caller]
    fn assert_edge(limit: Limit, line: Option<usize>, build: impl Fn(usize) -> String) {
        let most = Limits::default().get(limit);
        assert_eq!(check(&build(most)), Ok(()), "{limit:?}");
        let exceeded = Exceeded { limit, most, came: most + 1 };
        let refused = line.map_or(XmlError::Limit(exceeded), |line| XmlError::Shape { line, exceeded });
        assert_eq!(check(&build(most + 1)), Err(refused));
    }

    #[test]
    fn each_limit_holds_at_its_edge() {
        assert_edge(Limit::XmlSize, None, |bytes| {
            let build = "<PathOfBuilding></PathOfBuilding>";
            build.replace("><", &format!(">{}<", " ".repeat(bytes - build.len())))
        });
        // The root is a node as well.
        assert_edge(Limit::XmlNodes, None, |nodes| {
            format!("<PathOfBuilding>{}</PathOfBuilding>", "<a/>".repeat(nodes - 1))
        });
        assert_edge(Limit::XmlDepth, Some(2), |depth| {
            let (open, close) = ("<a>x".repeat(depth - 1), "</a>".repeat(depth - 1));
            format!("<PathOfBuilding>\n{open}{close}</PathOfBuilding>")
        });
        assert_edge(Limit::XmlAttributes, Some(3), |count| {
            let attributes: Vec<String> = (0..count).map(|i| format!("a{i}='>'")).collect();
            format!("<PathOfBuilding>\n\n<a {}/></PathOfBuilding>", attributes.join(" "))
        });
    }

    #[test]
    fn namespaces_are_refused() {
        let named = "<PathOfBuilding>\n<a b='xmlns'/>xmlns<b xmlns:q='1'/></PathOfBuilding>";
        assert_eq!(check(named), Err(XmlError::Namespace { line: 2 }));
        assert_eq!(check(&named.replace(" xmlns:q", " q")), Ok(()));
    }

    #[test]
    fn no_shape_of_a_build_takes_long_to_check() {
        let most = Limits::default().xml_size - 64;
        let filled = |part: &str| format!("<PathOfBuilding>{}</PathOfBuilding>", part.repeat(most / part.len()));
        for part in [
            "<a>",
            "<a/>",
            "<",
            ">",
            "<a b='",
            "<a ",
            "&amp;",
            "&#65;",
            "&#0;",
            "\r",
            "\r\n",
            "\n<",
            "<!--",
            "<!-- -->",
            "<![CDATA[a]]>",
            "<![CDATA[",
            "]]>",
            "<?a b?>",
            "<?",
            "\u{fffd}",
            "<a b='&lt;'/>",
            "a<!---->",
            "xmlns",
            "<a xmln",
            "</",
            "<\u{e4}",
            "&a;",
            "&",
        ] {
            let build = filled(part);
            let begun = std::time::Instant::now();
            let _ = check(&build);
            // A tenth of a second for the slowest, in a dev build; anything quadratic takes minutes.
            assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{part}: {:?}", begun.elapsed());
        }
    }
}
