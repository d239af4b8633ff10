//! `.proto` files and file descriptors into message types.

use super::{
    catalog::{Catalog, Editions},
    editions, known_files,
};
use crate::schema::{Schema, SchemaDefect, SchemaReference};
use base64::Engine;
use prost_reflect::{DescriptorPool, FileDescriptor, MessageDescriptor};
use protox::{
    Compiler,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver},
};
use std::{collections::BTreeMap, sync::Arc};

/// The message types of one schema, with those of the files it imports.
#[derive(Clone, Debug)]
pub struct ProtobufSchema {
    root: FileDescriptor,
    /// Whether it came as a descriptor rather than as text.
    is_descriptor: bool,
    catalog: Arc<Catalog>,
}

/// A message type to decode.
#[derive(Clone, Debug)]
pub struct Message {
    pub(super) catalog: Arc<Catalog>,
    /// Index in the catalog.
    pub(super) index: usize,
}

/// Which message type of a schema a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageChoice<'a> {
    /// The one of this full name, or of this name in the package of the schema's own file.
    Name(&'a str),
    /// The one at this place in the schema's own file: an index among the messages of the file, then among those nested
    /// in that message, and so on. Source: Confluent documentation, "Wire format".
    Indexes(&'a [u32]),
    /// The one at this place among all message types of the schema's own file, sorted by full name: nested ones count, and
    /// so do the hidden entries of maps. Source: records of awslabs/aws-glue-schema-registry for Java.
    Ordinal(u32),
    /// The first of the schema's own file.
    First,
}

/// The name that the schema's own file has while it is compiled, when it brings none along.
const ROOT: &str = "schema.proto";

impl ProtobufSchema {
    /// Reads a schema: the text of a `.proto` file, a FileDescriptorProto, or a FileDescriptorSet whose last file is the
    /// schema's own; descriptors in base64. References are imported by their names, well-known types by themselves.
    ///
    /// # Errors
    /// When a file has an error or an import is not among the references.
    pub fn parse(schema: &Schema) -> Result<Self, SchemaDefect> {
        schema.check_size()?;
        let mut files = Files::default();
        for reference in &schema.references {
            files.add_reference(reference)?;
        }
        let root = files.add(ROOT, &schema.text)?;
        let editions = files.editions.clone();
        let pool = files.compile(&root)?;
        let root = pool.get_file_by_name(&root).expect("the file was compiled");
        let is_descriptor = descriptor_bytes(&schema.text).is_some();
        Ok(Self { catalog: Arc::new(Catalog::of(&pool, &editions)), is_descriptor, root })
    }

    /// Finds a message type.
    ///
    /// # Errors
    /// When there is none of this name or at this place.
    pub fn message(&self, choice: MessageChoice<'_>) -> Result<Message, SchemaDefect> {
        let found = match choice {
            MessageChoice::Name(name) => self.by_name(name),
            MessageChoice::Indexes(indexes) => self.by_indexes(indexes),
            MessageChoice::Ordinal(ordinal) => self.by_ordinal(ordinal),
            MessageChoice::First => self.root.messages().next(),
        };
        let descriptor = found.ok_or_else(|| self.no_such_message(choice))?;
        let index = self.catalog.find(descriptor.full_name()).expect("every message type was taken in");
        Ok(Message { catalog: self.catalog.clone(), index })
    }

    fn by_name(&self, name: &str) -> Option<MessageDescriptor> {
        let pool = self.root.parent_pool();
        let name = name.strip_prefix('.').unwrap_or(name);
        let in_package = || pool.get_message_by_name(&format!("{}.{name}", self.root.package_name()));
        pool.get_message_by_name(name).or_else(in_package)
    }

    /// Clients that register text count the messages written in it; those that register descriptors count the hidden
    /// entries of maps as well. Where one way leads nowhere the other is meant, for registries turn one into the other.
    fn by_indexes(&self, indexes: &[u32]) -> Option<MessageDescriptor> {
        let written = || by_indexes(&self.root, indexes, is_written);
        let all = || by_indexes(&self.root, indexes, |_| true);
        if self.is_descriptor { all().or_else(written) } else { written().or_else(all) }
    }

    fn by_ordinal(&self, ordinal: u32) -> Option<MessageDescriptor> {
        let pool = self.root.parent_pool();
        let own = pool.all_messages().filter(|message| message.parent_file() == self.root);
        let mut own: Vec<MessageDescriptor> = own.collect();
        own.sort_by(|one, other| one.full_name().cmp(other.full_name()));
        own.into_iter().nth(ordinal as usize).filter(is_written)
    }

    fn no_such_message(&self, choice: MessageChoice<'_>) -> SchemaDefect {
        let names: Vec<String> = self.root.messages().map(|message| message.full_name().to_owned()).collect();
        let there_are = match names.as_slice() {
            [] => "it has none".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        SchemaDefect::new(match choice {
            MessageChoice::Name(name) => {
                format!("the Protobuf schema has no message \"{name}\"\n{there_are}")
            }
            MessageChoice::Indexes(indexes) => {
                format!("the Protobuf schema has no message at index {indexes:?}\n{there_are}")
            }
            MessageChoice::Ordinal(ordinal) => {
                format!("the Protobuf schema has no message at place {ordinal}\n{there_are}")
            }
            MessageChoice::First => "the Protobuf schema has no message".to_owned(),
        })
    }
}

impl Message {
    /// Its full name, such as `shop.orders.Order`.
    pub fn full_name(&self) -> &str {
        &self.catalog.messages[self.index].full_name
    }
}

/// Whether a message type is written down as such, rather than the entry of a map.
fn is_written(message: &MessageDescriptor) -> bool {
    !message.is_map_entry()
}

fn by_indexes(
    file: &FileDescriptor,
    indexes: &[u32],
    counts: fn(&MessageDescriptor) -> bool,
) -> Option<MessageDescriptor> {
    let (first, nested) = indexes.split_first()?;
    let at = |index: &u32| *index as usize;
    nested.iter().try_fold(file.messages().nth(at(first))?, |message, index| {
        let mut children = message.child_messages().filter(counts);
        children.nth(at(index)).filter(is_written)
    })
}

/// The files of a schema by the names they are imported by.
#[derive(Clone, Debug, Default)]
struct Files {
    files: BTreeMap<String, File>,
    editions: Editions,
}

impl Files {
    fn add_reference(&mut self, reference: &SchemaReference) -> Result<(), SchemaDefect> {
        self.add(&reference.name, &reference.text).map(|_| ())
    }

    /// Adds a file, or all of a set; returns the name of the last.
    fn add(&mut self, name: &str, text: &str) -> Result<String, SchemaDefect> {
        let Some(bytes) = descriptor_bytes(text) else {
            let text = with_quoted_defaults(text);
            let lowered = editions::lower_text(&text);
            if lowered.is_some() {
                self.editions.insert(name.to_owned());
            }
            let file = File::from_source(name, lowered.as_deref().unwrap_or(&text))
                .map_err(|error| defect(&error))?;
            self.files.insert(name.to_owned(), file);
            return Ok(name.to_owned());
        };
        let mut last = name.to_owned();
        let files = editions::split_set(&bytes).map_err(|_| unreadable(name))?;
        // A single file is imported by the name of its reference; those of a set know their own.
        let given = (files.len() == 1 && name != ROOT).then_some(name);
        for file in files {
            last = self.add_descriptor(file, given).ok_or_else(|| unreadable(name))?;
        }
        Ok(last)
    }

    fn add_descriptor(&mut self, bytes: &[u8], name: Option<&str>) -> Option<String> {
        let lowered = editions::lower_descriptor(bytes, name).ok()?;
        let file = File::decode_file_descriptor_proto(lowered.bytes.as_slice()).ok()?;
        if lowered.edition {
            self.editions.insert(lowered.name.clone());
        }
        self.files.insert(lowered.name.clone(), file);
        Some(lowered.name)
    }

    fn compile(self, root: &str) -> Result<DescriptorPool, SchemaDefect> {
        let mut resolver = ChainFileResolver::new();
        resolver.add(self);
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.open_file(root).map_err(|error| defect(&error))?;
        Ok(compiler.descriptor_pool())
    }
}

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if let Some(file) = self.files.get(name) {
            return Ok(file.clone());
        }
        let text = known_files::text(name).ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, &text)
    }
}

/// The bytes of a descriptor in base64; `None` for the text of a `.proto` file.
fn descriptor_bytes(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.split_ascii_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(&compact).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

/// Quotes the defaults of `bytes` fields, which Wire prints bare: the serializers of Apicurio and Glue for Java register
/// what it prints. Nothing else is changed.
fn with_quoted_defaults(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let mut is_bytes = false;
    for line in text.split_inclusive('\n') {
        is_bytes |= line.split_ascii_whitespace().take(2).any(|word| word == "bytes");
        match bare_default(line).filter(|_| is_bytes) {
            Some([start, value, end]) => quoted.extend([start, "\"", value, "\"", end]),
            None => quoted.push_str(line),
        }
        is_bytes &= !line.trim_end().ends_with(';');
    }
    quoted
}

/// What stands before, in and behind a line's default that has no quotes.
fn bare_default(line: &str) -> Option<[&str; 3]> {
    const DEFAULT: &str = "default = ";
    let (start, rest) = line.split_at(line.find(DEFAULT)? + DEFAULT.len());
    let length = rest.trim_end().trim_end_matches([';', ']', ',']).len();
    let (value, end) = rest.split_at(length);
    (!value.starts_with(['"', '\''])).then_some([start, value, end])
}

fn defect(error: &protox::Error) -> SchemaDefect {
    // The debug form is `file.proto:3:5: what is wrong`; the display form lacks the place.
    SchemaDefect::new(format!("the Protobuf schema cannot be read: {error:?}"))
}

fn unreadable(name: &str) -> SchemaDefect {
    SchemaDefect::new(format!(
        "the Protobuf schema cannot be read: {name} is neither text nor a file descriptor"
    ))
}
