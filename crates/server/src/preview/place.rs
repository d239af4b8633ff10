//! What is looked at.

use std::path::{Path, PathBuf};

/// A topic or a local file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A topic of a connection of the project.
    Topic {
        /// Name of the connection.
        connection: String,
        /// Name of the topic.
        topic: String,
    },
    /// A local file.
    File(PathBuf),
}

impl Place {
    /// The file `source` or, with a topic, that topic of the connection `source`.
    pub(crate) fn named(source: &str, topic: Option<&str>) -> Self {
        match topic {
            Some(topic) => Self::Topic { connection: source.to_owned(), topic: topic.to_owned() },
            None => Self::File(Path::new(source).to_owned()),
        }
    }

    /// The name of the data source that is made from it: letters, digits and `_`.
    pub(crate) fn datasource_name(&self) -> String {
        let name = match self {
            Self::Topic { topic, .. } => topic.as_str(),
            Self::File(path) => {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                name.split('.').next().unwrap_or_default()
            }
        };
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        match name.chars().next() {
            Some(first) if !first.is_ascii_digit() => name,
            _ => format!("t_{name}"),
        }
    }

    /// The arguments of `forebay init` that lead to it.
    pub(crate) fn init_arguments(&self) -> String {
        match self {
            Self::Topic { connection, topic } => format!("--connection {connection} --topic {topic}"),
            Self::File(path) => format!("--file {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_sources_are_named_after_the_topic_or_the_file() {
        let name = |place: Place| place.datasource_name();
        assert_eq!(name(Place::named("kafka", Some("shop.orders-v1"))), "shop_orders_v1");
        assert_eq!(name(Place::named("kafka", Some("2024"))), "t_2024");
        assert_eq!(name(Place::named("data/flights.ndjson.gz", None)), "flights");
    }
}
