//! Loading what a schema refers to, depth first.

use super::failure::Failure;
use forebay_ingest::schema::SchemaReference;
use std::collections::HashSet;

/// Something that a schema refers to: the name it uses, and where the registry keeps it.
#[derive(Clone, Debug)]
pub(super) struct Referred<P> {
    pub(super) name: String,
    pub(super) place: P,
}

/// A text and what it refers to.
pub(super) type Loaded<P> = (String, Vec<Referred<P>>);

const MOST_SCHEMAS: usize = 256;
const MOST_BYTES: usize = 4 << 20;

/// A schema whose references are being loaded.
struct Open<P> {
    name: String,
    text: String,
    left: std::vec::IntoIter<Referred<P>>,
}

/// Loads everything that `schema` refers to, each name once and behind what it refers to itself.
///
/// A name that is met again is taken as it was met first, which also ends cycles.
///
/// # Errors
/// What `load` fails with, or that there is too much: more than 256 schemas or 4 MiB.
pub(super) async fn gather<P, F>(
    schema: &str,
    (text, referred): &Loaded<P>,
    load: impl Fn(P) -> F,
) -> Result<Vec<SchemaReference>, Failure>
where
    P: Clone,
    F: Future<Output = Result<Loaded<P>, Failure>>,
{
    let mut seen = HashSet::new();
    let mut bytes = text.len();
    let mut gathered = Vec::new();
    let mut open =
        vec![Open { name: String::new(), text: String::new(), left: referred.clone().into_iter() }];
    while let Some(deepest) = open.last_mut() {
        let Some(next) = deepest.left.next() else {
            let done = open.pop().filter(|_| !open.is_empty());
            gathered.extend(done.map(|done| SchemaReference { name: done.name, text: done.text }));
            continue;
        };
        if !seen.insert(next.name.clone()) {
            continue;
        }
        let (text, referred) = load(next.place).await?;
        bytes += text.len();
        if seen.len() > MOST_SCHEMAS || bytes > MOST_BYTES {
            let most = format!("{MOST_SCHEMAS} schemas or {} MiB", MOST_BYTES >> 20);
            return Err(Failure::Refused(format!("the schema of {schema} refers to more than {most}")));
        }
        open.push(Open { name: next.name, text, left: referred.into_iter() });
    }
    Ok(gathered)
}
