//! `forebay explain`: what each column of a data source reads, and how it is converted.

use crate::{
    check::load_project,
    cli::ExplainArgs,
    exit::{Exit, Failure},
    registries::Registries,
    screen::{Paint, Screen, write_out},
    secrets::Secrets,
    sql::data_dir,
};
use forebay_ingest::{
    avro::AvroSchema,
    convert::{Rule, RuleKind},
    error::Error,
    explain::{Explanation, Known, Missing, explain, source_name},
    protobuf::{MessageChoice, ProtobufSchema},
    schema::{Schema, SchemaError, SchemaId, Schemas},
    target::{TargetColumn, target_columns},
};
use forebay_project::{
    model::{Datasource, Format, KafkaSource, Project, RecordFormat},
    suggest,
};
use serde_json::json;
use std::sync::Arc;

/// Shows one data source.
pub(crate) fn run(args: &ExplainArgs, screen: Screen) -> Result<(), Failure> {
    let project = load_project(&args.project, screen)?;
    let datasource = find(&project, &args.datasource)?;
    let documents = match &datasource.kafka {
        Some(kafka) => look_up(args, kafka)?,
        None => Documents::none(),
    };
    let columns = target_columns(datasource);
    let explained: Vec<(&TargetColumn, Explanation)> =
        columns.iter().map(|column| (column, explain(column, &documents.value, &documents.key))).collect();
    let text = match screen.json {
        true => format!("{:#}\n", to_json(datasource, &documents, &explained)),
        false => render(datasource, &documents, &explained, screen.out),
    };
    write_out(&text);
    Ok(())
}

fn find<'p>(project: &'p Project, name: &str) -> Result<&'p Datasource, Failure> {
    project.datasources.get(name).ok_or_else(|| {
        let failure = Failure::new(Exit::Errors, format!("there is no data source \"{name}\""));
        match suggest::closest(name, project.datasources.keys().map(String::as_str)) {
            Some(close) => failure.hint(format!("did you mean {close}?")),
            None => failure.hint("`forebay check` shows the data sources of the project"),
        }
    })
}

/// What is known of values and keys, and a line on each.
struct Documents {
    value: Known,
    key: Known,
    lines: Vec<String>,
}

impl Documents {
    fn none() -> Self {
        let nothing = || Known::Nothing("nothing feeds this table".to_owned());
        Self { value: nothing(), key: nothing(), lines: vec!["nothing feeds this table".to_owned()] }
    }
}

fn look_up(args: &ExplainArgs, kafka: &KafkaSource) -> Result<Documents, Failure> {
    let secrets = Secrets::read(&args.project, args.env_file.as_deref())?;
    let secret = |name: &str| secrets.get(name);
    let topic = kafka.topic.resolve(secret);
    let topic = topic.map_err(|missing| Failure::new(Exit::Errors, missing.to_string()))?;
    let kept_in = data_dir(&args.project, args.data_dir.as_ref()).join("schemas");
    let mut registries = Registries::new(secret, Some(kept_in));
    let formats = registries.formats(kafka, &topic)?;
    let latest = registries.latest(kafka, &topic)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Environment, format!("no threads can be started: {error}")))?;
    runtime.block_on(async {
        let [latest_value, latest_key] = latest;
        let value_schemas =
            if formats.value.has_configured_schema { formats.value.schemas } else { latest_value };
        let key_schemas = if formats.key.has_configured_schema { formats.key.schemas } else { latest_key };
        let (value, value_line) = known(&kafka.value, value_schemas.as_deref()).await;
        let (key, key_line) = known(&kafka.key, key_schemas.as_deref()).await;
        let lines =
            vec![format!("topic   {topic}"), format!("values  {value_line}"), format!("keys    {key_line}")];
        Ok(Documents { value, key, lines })
    })
}

async fn known(format: &RecordFormat, schemas: Option<&dyn Schemas>) -> (Known, String) {
    let simple = |known, line: &str| (known, line.to_owned());
    match format.format {
        Format::JsonWithoutSchema => simple(Known::Json, "JSON"),
        Format::JsonWithSchema => simple(Known::Json, "JSON in the frame of a registry"),
        Format::String => simple(Known::Text, "text"),
        Format::Binary => simple(Known::Bytes, "bytes"),
        Format::Avro | Format::Protobuf => {
            let language = if format.format == Format::Avro { "Avro" } else { "Protobuf" };
            match typed(format, schemas).await {
                Ok((known, origin)) => (known, format!("{language}, {origin}")),
                Err(why) => (Known::Nothing(why.clone()), format!("{language}; no schema to look at: {why}")),
            }
        }
    }
}

async fn typed(format: &RecordFormat, schemas: Option<&dyn Schemas>) -> Result<(Known, String), String> {
    let schemas = schemas.ok_or("no schema registry is set, and no schema file")?;
    let schema: Arc<Schema> = match schemas.fetch(SchemaId::Configured, "").await {
        Ok(schema) => schema,
        Err(SchemaError::Refused(why)) => return Err(why),
        Err(SchemaError::Unavailable(Error { fact, .. })) => return Err(fact),
    };
    let origin = schema.origin.clone().unwrap_or_else(|| "the configured schema".to_owned());
    let known = match format.format {
        Format::Protobuf => {
            let choice = format.message.as_deref().map_or(MessageChoice::First, MessageChoice::Name);
            let schema = ProtobufSchema::parse(&schema).map_err(|defect| defect.to_string())?;
            Known::Protobuf(schema.message(choice).map_err(|defect| defect.to_string())?)
        }
        _ => Known::Avro(AvroSchema::parse(&schema).map_err(|defect| defect.to_string())?),
    };
    Ok((known, origin))
}

type Explained<'c> = (&'c TargetColumn, Explanation);

fn render(
    datasource: &Datasource,
    documents: &Documents,
    explained: &[Explained<'_>],
    paint: Paint,
) -> String {
    let mut text = format!("{}\n", paint.bold(&format!("data source \"{}\"", datasource.name)));
    for line in &documents.lines {
        text.push_str(&format!("  {line}\n"));
    }
    for (column, explanation) in explained {
        text.push_str(&format!("\n{} {}\n", paint.cyan(&column.name), column.column_type));
        text.push_str(&format!("  reads    {}\n", explanation.reads));
        for (source, rule) in &explanation.conversions {
            text.push_str(&format!("  {:<8} {}\n", source_name(*source), sentence(rule)));
        }
        if let Some(missing) = missing(explanation, documents, column) {
            text.push_str(&format!("  missing  {missing}\n"));
        }
    }
    text
}

/// The rule, and why a value would be refused.
fn sentence(rule: &Rule) -> String {
    match rule.kind {
        RuleKind::Checked(reasons) => {
            let reasons: Vec<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
            format!("{}; else quarantine: {}", rule.summary, reasons.join(", "))
        }
        _ => rule.summary.to_owned(),
    }
}

fn missing(explanation: &Explanation, documents: &Documents, column: &TargetColumn) -> Option<String> {
    let becomes = match &explanation.when_missing {
        Missing::Never => return None,
        Missing::Default(expression) => format!("DEFAULT {expression}"),
        Missing::Null => "NULL".to_owned(),
        Missing::Quarantine => "the record goes to quarantine".to_owned(),
    };
    let is_typed = matches!(documents.value, Known::Avro(_) | Known::Protobuf(_));
    let never_there =
        is_typed && explanation.conversions.is_empty() && explanation.reads.ends_with("the value");
    let note = if never_there {
        format!("; the schema has nothing there: check the path of {}", column.name)
    } else {
        String::new()
    };
    Some(becomes + &note)
}

fn to_json(datasource: &Datasource, documents: &Documents, explained: &[Explained<'_>]) -> serde_json::Value {
    let columns = explained.iter().map(|(column, explanation)| {
        let conversions = explanation.conversions.iter();
        json!({
            "column": column.name,
            "type": column.column_type,
            "reads": explanation.reads,
            "conversions": conversions
                .map(|(source, rule)| json!({ "from": source_name(*source), "rule": sentence(rule) }))
                .collect::<Vec<_>>(),
            "missing": missing(explanation, documents, column),
        })
    });
    json!({
        "datasource": datasource.name,
        "documents": documents.lines,
        "columns": columns.collect::<Vec<_>>(),
    })
}
