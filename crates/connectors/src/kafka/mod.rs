//! Kafka: a topic as a source, through librdkafka.

mod context;
mod paused;
mod sample;
mod settings;
mod source;
mod start;
mod topic_id;
mod trouble;

pub use sample::{SampleLimits, TopicSample, sample};
pub use settings::{ConsumerSettings, MissingSecret};
pub use source::{GroupCommits, KafkaSource};
