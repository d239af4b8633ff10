//! `KAFKA_VALUE_FORMAT`, `KAFKA_KEY_FORMAT` and what belongs to them.

use crate::diagnostics::{Finding, Report};
use crate::model::{
    Format, Framing, KafkaConnection, RecordFormat, RegistryKind, SchemaLocation, SchemaRegistry, Tombstones,
};
use crate::registry;
use crate::schema_place;
use crate::settings::Settings;
use crate::source::SourceFile;
use crate::syntax::Entry;

/// Directives about formats; they stand in data sources.
pub(crate) const DIRECTIVES: &[&str] = &[
    "KAFKA_VALUE_FORMAT",
    "KAFKA_KEY_FORMAT",
    "KAFKA_SCHEMA_FRAMING",
    "KAFKA_KEY_SCHEMA_FRAMING",
    "KAFKA_VALUE_SCHEMA",
    "KAFKA_KEY_SCHEMA",
    "KAFKA_VALUE_MESSAGE",
    "KAFKA_KEY_MESSAGE",
    "KAFKA_PROTOBUF_UNROLL",
    "KAFKA_VALIDATE_SCHEMA",
    "KAFKA_TOMBSTONES",
];

impl Format {
    /// As in a datafile.
    pub fn word(self) -> &'static str {
        match self {
            Format::JsonWithoutSchema => "json_without_schema",
            Format::JsonWithSchema => "json_with_schema",
            Format::Avro => "avro",
            Format::Protobuf => "protobuf",
            Format::String => "string",
            Format::Binary => "binary",
        }
    }

    /// Whether a record of it may begin with a frame that names its schema.
    pub fn has_frames(self) -> bool {
        matches!(self, Format::JsonWithSchema | Format::Avro | Format::Protobuf)
    }

    /// Whether nothing can be read without a schema.
    pub fn needs_schema(self) -> bool {
        matches!(self, Format::Avro | Format::Protobuf)
    }

    /// Whether paths lead into it; a text or bytes are only taken whole.
    pub fn is_structured(self) -> bool {
        !matches!(self, Format::String | Format::Binary)
    }

    fn of_word(word: &str) -> Format {
        let formats =
            [Format::JsonWithSchema, Format::Avro, Format::Protobuf, Format::String, Format::Binary];
        formats.into_iter().find(|format| format.word() == word).unwrap_or_default()
    }
}

impl Framing {
    /// As in a datafile.
    pub fn word(self) -> &'static str {
        match self {
            Framing::Auto => "auto",
            Framing::Confluent => "confluent",
            Framing::Apicurio => "apicurio",
            Framing::ApicurioContentId => "apicurio_content_id",
            Framing::ApicurioGlobalId => "apicurio_global_id",
            Framing::Glue => "glue",
            Framing::Azure => "azure",
            Framing::None => "none",
        }
    }

    fn of_word(word: &str) -> Framing {
        let framings = [
            Framing::Confluent,
            Framing::Apicurio,
            Framing::ApicurioContentId,
            Framing::ApicurioGlobalId,
            Framing::Glue,
            Framing::Azure,
            Framing::None,
        ];
        framings.into_iter().find(|framing| framing.word() == word).unwrap_or_default()
    }

    /// The registry whose ids such frames hold; `None` when any may.
    fn registry(self) -> Option<RegistryKind> {
        match self {
            Framing::Confluent
            | Framing::Apicurio
            | Framing::ApicurioContentId
            | Framing::ApicurioGlobalId => Some(RegistryKind::Confluent),
            Framing::Glue => Some(RegistryKind::Glue),
            Framing::Azure => Some(RegistryKind::Azure),
            Framing::Auto | Framing::None => None,
        }
    }
}

/// `KAFKA_TOMBSTONES`
pub(crate) fn tombstones(settings: &Settings<'_>) -> Tombstones {
    match settings.word("KAFKA_TOMBSTONES") {
        Some("skip") => Tombstones::Skip,
        Some("delete") => Tombstones::Delete,
        _ => Tombstones::Quarantine,
    }
}

/// Directives of values, or of keys.
struct Part {
    noun: &'static str,
    format: &'static str,
    framing: &'static str,
    schema: &'static str,
    message: &'static str,
}

const VALUE: Part = Part {
    noun: "values",
    format: "KAFKA_VALUE_FORMAT",
    framing: "KAFKA_SCHEMA_FRAMING",
    schema: "KAFKA_VALUE_SCHEMA",
    message: "KAFKA_VALUE_MESSAGE",
};

const KEY: Part = Part {
    noun: "keys",
    format: "KAFKA_KEY_FORMAT",
    framing: "KAFKA_KEY_SCHEMA_FRAMING",
    schema: "KAFKA_KEY_SCHEMA",
    message: "KAFKA_KEY_MESSAGE",
};

/// What the formats are checked against.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings<'a>,
    /// `None` when the connection has errors of its own: then nothing is said about registries.
    pub(crate) connection: Option<&'a KafkaConnection>,
    pub(crate) files: &'a [SourceFile],
}

/// The formats of values and of keys.
pub(crate) fn formats(context: &Context<'_>, report: &mut Report) -> (RecordFormat, RecordFormat) {
    let mut check = Check { context, report };
    let value = check.part(&VALUE);
    let key = check.part(&KEY);
    check.framing_of_nothing(&value, &key);
    check.unrolling(&value);
    check.validation(&value, &key);
    (value, key)
}

struct Check<'a, 'b> {
    context: &'a Context<'a>,
    report: &'b mut Report,
}

impl Check<'_, '_> {
    fn entry(&self, name: &'static str) -> Option<&Entry> {
        self.context.settings.get(name)
    }

    fn conflict(&mut self, name: &'static str, code: &'static str, fact: String, hint: String) {
        if let Some(entry) = self.context.settings.get(name) {
            self.report.add_at(entry, Finding::error(code, entry.name, fact).hint(hint));
        }
    }

    /// Whether a directive stands there with a value that nobody can read.
    fn is_unreadable(&self, name: &'static str) -> bool {
        self.context.settings.mentions(name) && self.entry(name).is_none()
    }

    fn part(&mut self, part: &Part) -> RecordFormat {
        let settings = self.context.settings;
        let word = |name| settings.word(name);
        let framing =
            word(part.framing).or_else(|| word(VALUE.framing)).map_or(Framing::Auto, Framing::of_word);
        let mut read = RecordFormat {
            format: word(part.format).map_or(Format::default(), Format::of_word),
            framing,
            message: settings.text(part.message),
            ..RecordFormat::default()
        };
        if !read.format.has_frames() {
            read.framing = Framing::Auto;
        }
        read.unroll = part.format == VALUE.format && settings.flag("KAFKA_PROTOBUF_UNROLL");
        read.validate = read.format == Format::JsonWithSchema && settings.flag("KAFKA_VALIDATE_SCHEMA");
        // What an unreadable format would need is unknown.
        if !self.is_unreadable(part.format) {
            self.belonging(part, read.format);
            read.schema = self.schema(part, read.format);
            self.needs(part, &read);
        }
        read
    }

    fn belonging(&mut self, part: &Part, format: Format) {
        let refused = [
            (part.schema, format.has_frames(), "avro, protobuf or json_with_schema"),
            (part.message, format == Format::Protobuf, "protobuf"),
        ];
        for (name, fits, wanted) in refused {
            if !fits {
                let fact = format!("{name} has no meaning when {} is {}", part.format, format.word());
                let hint = format!("write {} {wanted}, or remove the line", part.format);
                self.conflict(name, "format-conflict", fact, hint);
            }
        }
    }

    fn schema(&mut self, part: &Part, format: Format) -> Option<SchemaLocation> {
        let entry = self.context.settings.get(part.schema).filter(|_| format.has_frames())?;
        schema_place::location(entry, format, self.context.files, self.report)
    }

    /// Whether the schemas of the records can be had at all.
    fn needs(&mut self, part: &Part, read: &RecordFormat) {
        let Some(connection) = self.context.connection else {
            return;
        };
        if let (None, Some(SchemaLocation::Registry(_))) = (&connection.registry, &read.schema) {
            let fact = format!("{} lies in a registry, but the connection names none", part.schema);
            let hint = "add KAFKA_SCHEMA_REGISTRY_URL to the connection, or name a file".to_owned();
            return self.conflict(part.schema, "registry-missing", fact, hint);
        }
        let configured = self.context.settings.mentions(part.schema);
        match &connection.registry {
            None if !configured && read.format.needs_schema() => {
                let fact = format!("{} {} needs a schema", part.format, read.format.word());
                let hint = format!(
                    "add KAFKA_SCHEMA_REGISTRY_URL to the connection, or {} with the path of a file",
                    part.schema
                );
                self.conflict(part.format, "schema-needed", fact, hint);
            }
            Some(registry) => self.fits_registry(part, read, registry, configured),
            None => {}
        }
    }

    fn fits_registry(
        &mut self,
        part: &Part,
        read: &RecordFormat,
        registry: &SchemaRegistry,
        configured: bool,
    ) {
        let kind = registry.kind;
        if let Some(SchemaLocation::Registry(place)) = &read.schema
            && let Err(hint) = registry::knows(kind, &place.to_string())
        {
            let fact = format!("{} names a schema as no {} registry does", part.schema, kind.word());
            self.conflict(part.schema, "registry-conflict", fact, hint.to_owned());
        }
        let names_schema = configured || registry.names_schema() != Some(false);
        if read.framing == Framing::None && read.format.needs_schema() && !names_schema {
            let fact = format!("{} without frames need a schema, for no record names one", part.noun);
            let hint = format!("add {} with the path of a file, or a place in the registry", part.schema);
            self.conflict(self.framing_directive(part), "schema-needed", fact, hint);
        }
        let other = read.framing.registry().filter(|wanted| *wanted != kind && !configured);
        if let Some(wanted) = other {
            let name = self.framing_directive(part);
            let fact = format!("{name} {} holds no ids of a {} registry", read.framing.word(), kind.word());
            let hint = format!("write KAFKA_SCHEMA_REGISTRY_TYPE {}, or another framing", wanted.word());
            self.conflict(name, "registry-conflict", fact, hint);
        }
    }

    /// The directive that tells the framing of values, or of keys.
    fn framing_directive(&self, part: &Part) -> &'static str {
        if self.entry(part.framing).is_some() { part.framing } else { VALUE.framing }
    }

    /// A framing where nothing has frames.
    fn framing_of_nothing(&mut self, value: &RecordFormat, key: &RecordFormat) {
        if self.is_unreadable(VALUE.format) || self.is_unreadable(KEY.format) {
            return;
        }
        let unused = [
            (VALUE.framing, !value.format.has_frames() && !key.format.has_frames(), &VALUE),
            (KEY.framing, !key.format.has_frames(), &KEY),
        ];
        for (name, is_unused, part) in unused {
            if is_unused && self.context.settings.word(name) != Some("auto") {
                let format = if part.format == VALUE.format { value.format } else { key.format };
                let fact = format!("{name} has no meaning when {} is {}", part.format, format.word());
                let hint =
                    format!("write {} avro, protobuf or json_with_schema, or remove the line", part.format);
                self.conflict(name, "format-conflict", fact, hint);
            }
        }
    }

    fn unrolling(&mut self, value: &RecordFormat) {
        if value.unroll && value.format != Format::Protobuf && !self.is_unreadable(VALUE.format) {
            let fact = format!(
                "KAFKA_PROTOBUF_UNROLL has no meaning when KAFKA_VALUE_FORMAT is {}",
                value.format.word()
            );
            let hint = "write KAFKA_VALUE_FORMAT protobuf, or remove the line".to_owned();
            self.conflict("KAFKA_PROTOBUF_UNROLL", "format-conflict", fact, hint);
        }
    }

    fn validation(&mut self, value: &RecordFormat, key: &RecordFormat) {
        let name = "KAFKA_VALIDATE_SCHEMA";
        let unreadable = self.is_unreadable(VALUE.format) || self.is_unreadable(KEY.format);
        if unreadable || !self.context.settings.flag(name) {
            return;
        }
        if !value.validate && !key.validate {
            let fact = format!("{name} has no meaning when KAFKA_VALUE_FORMAT is {}", value.format.word());
            let hint = "write KAFKA_VALUE_FORMAT json_with_schema, or remove the line".to_owned();
            return self.conflict(name, "format-conflict", fact, hint);
        }
        let has_registry = self.context.connection.is_none_or(|connection| connection.registry.is_some());
        for (part, read) in [(&VALUE, value), (&KEY, key)] {
            if read.validate && !has_registry && !self.context.settings.mentions(part.schema) {
                let fact = format!("{name} needs a schema of the {}", part.noun);
                let hint = format!(
                    "add KAFKA_SCHEMA_REGISTRY_URL to the connection, or {} with the path of a file",
                    part.schema
                );
                self.conflict(name, "schema-needed", fact, hint);
            }
        }
    }
}

/// Directives that differ between the formats of two data sources, values first.
pub(crate) fn changed(
    (from_value, from_key): (&RecordFormat, &RecordFormat),
    (to_value, to_key): (&RecordFormat, &RecordFormat),
) -> Vec<(&'static str, bool)> {
    let mut settings = Vec::new();
    for (part, from, to) in [(&VALUE, from_value, to_value), (&KEY, from_key, to_key)] {
        settings.extend([
            (part.format, from.format != to.format),
            (part.framing, from.framing != to.framing),
            (part.schema, from.schema != to.schema),
            (part.message, from.message != to.message),
        ]);
    }
    settings.extend([
        ("KAFKA_PROTOBUF_UNROLL", from_value.unroll != to_value.unroll || from_key.unroll != to_key.unroll),
        (
            "KAFKA_VALIDATE_SCHEMA",
            from_value.validate != to_value.validate || from_key.validate != to_key.validate,
        ),
    ]);
    settings
}
