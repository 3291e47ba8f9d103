//! What a message weighs in memory once it is decoded, found out before it is.
//!
//! An empty entry of a list is two bytes on the wire and some hundred decoded, so that a message of a size that is
//! taken could become gigabytes. Here the wire format is walked, by the API's own descriptors, without anything being
//! made of it. What is broken is not complained of: decoding does that, and has made no more by then than was counted.

use std::collections::HashMap;

use prost::{DecodeError, Message as _, encoding::decode_varint};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// What a text, a list or a map takes within its message, beside what it points to.
const POINTED_BYTES: usize = 24;
/// What anything else takes, with its tag if it is optional.
const SCALAR_BYTES: usize = 8;

/// What the messages of the API weigh.
#[derive(Debug, Default)]
pub(super) struct Weights {
    messages: Vec<Shape>,
    /// The request of each call, by the call's path.
    requests: HashMap<String, usize>,
}

/// A message type.
#[derive(Debug, Default)]
struct Shape {
    name: String,
    /// What a value takes, empty.
    bytes: usize,
    /// By number.
    fields: HashMap<u64, Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    /// What each occurrence adds to a list; 0: there is one value, which is a part of its message.
    each: usize,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Opaque,
    /// Numbers, one behind the other.
    Packed,
    /// A message of that type.
    Message(usize),
}

/// A message weighs too much: the field of the request at which it was noticed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooHeavy<'a>(pub(super) &'a str);

impl Weights {
    /// Reads the descriptors.
    ///
    /// # Errors
    /// If they are broken.
    pub(super) fn of(descriptors: &[u8]) -> Result<Self, DecodeError> {
        let files = FileDescriptorSet::decode(descriptors)?.file;
        let mut types = HashMap::new();
        for file in &files {
            list(&format!(".{}", file.package()), &file.message_type, &mut types);
        }
        let mut weights = Self::default();
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let request = weights.learn(method.input_type(), &types);
                    weights.requests.insert(path, request);
                }
            }
        }
        Ok(weights)
    }

    /// Learns of a type, and of all within it.
    fn learn(&mut self, name: &str, types: &HashMap<String, &DescriptorProto>) -> usize {
        if let Some(known) = self.messages.iter().position(|shape| shape.name == name) {
            return known;
        }
        let index = self.messages.len();
        self.messages.push(Shape { name: name.to_owned(), ..Shape::default() });
        for field in types.get(name).map_or(&[][..], |message| &message.field) {
            let within = (field.r#type() == Type::Message).then(|| self.learn(field.type_name(), types));
            let (bytes, field_of) = self.field(field, within);
            let shape = &mut self.messages[index];
            shape.bytes += bytes;
            shape.fields.insert(u64::from(field.number().unsigned_abs()), field_of);
        }
        index
    }

    /// A field, and what it takes within its message.
    fn field(&self, field: &FieldDescriptorProto, within: Option<usize>) -> (usize, Field) {
        let one = match (within, field.r#type()) {
            (Some(index), _) => self.messages[index].bytes + SCALAR_BYTES,
            (None, Type::String | Type::Bytes) => POINTED_BYTES,
            (None, _) => SCALAR_BYTES,
        };
        let listed = field.label() == Label::Repeated;
        let content = match (within, field.r#type()) {
            (Some(index), _) => Content::Message(index),
            (None, Type::String | Type::Bytes) => Content::Opaque,
            (None, _) if listed => Content::Packed,
            (None, _) => Content::Opaque,
        };
        let field = Field { name: field.name().to_owned(), each: if listed { one } else { 0 }, content };
        (if listed { POINTED_BYTES } else { one }, field)
    }

    /// The request type of a call.
    pub(super) fn request(&self, path: &str) -> Option<usize> {
        self.requests.get(path).copied()
    }

    /// Whether a message of that type weighs no more than so many bytes. What lists keep in reserve is not counted.
    ///
    /// # Errors
    /// [`TooHeavy`].
    pub(super) fn check(&self, request: usize, message: &[u8], bytes_max: usize) -> Result<(), TooHeavy<'_>> {
        // All texts together are no longer than the message.
        let itself = self.messages[request].bytes + message.len();
        let mut left = bytes_max.checked_sub(itself).ok_or(TooHeavy("message"))?;
        self.walk(request, message, &mut left)
    }

    /// Takes what is in the message from what is left.
    fn walk(&self, index: usize, mut rest: &[u8], left: &mut usize) -> Result<(), TooHeavy<'_>> {
        while let Some((number, content)) = next(&mut rest) {
            let Some(field) = self.messages[index].fields.get(&number) else { continue };
            let count = match (field.content, content) {
                (Content::Packed, Some(numbers)) => count(numbers),
                _ => 1,
            };
            *left = left.checked_sub(field.each.saturating_mul(count)).ok_or(TooHeavy(&field.name))?;
            if let (Content::Message(index), Some(content)) = (field.content, content) {
                self.walk(index, content, left).map_err(|_| TooHeavy(&field.name))?;
            }
        }
        Ok(())
    }
}

/// Lists the types by their full names, those within others too.
fn list<'a>(outer: &str, messages: &'a [DescriptorProto], types: &mut HashMap<String, &'a DescriptorProto>) {
    for message in messages {
        let name = format!("{outer}.{}", message.name());
        list(&name, &message.nested_type, types);
        types.insert(name, message);
    }
}

/// The next field on the wire: its number, and what is in it if it says how long it is. `None` at the end, and where the
/// message is broken.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let tag = decode_varint(rest).ok()?;
    let content = match tag & 7 {
        0 => decode_varint(rest).map(|_| None).ok()?,
        1 => skip(rest, 8).map(|_| None)?,
        2 => {
            let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
            Some(skip(rest, length)?)
        }
        5 => skip(rest, 4).map(|_| None)?,
        // The brackets of a group, which no message has. What is between them is counted as if it were outside.
        _ => None,
    };
    Some((tag >> 3, content))
}

/// How many numbers these are, if they have a varying length; if they have eight bytes, there are no more than that.
fn count(packed: &[u8]) -> usize {
    let last_bytes = packed.iter().filter(|&&byte| byte < 0x80).count();
    last_bytes.max(packed.len() / SCALAR_BYTES)
}

fn skip<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests;
