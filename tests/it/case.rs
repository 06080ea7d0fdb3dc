//! What a case file may hold. `tests/cases/README.md` says it in words.

use crate::client::Request;
use crate::fronts::{self, Front, Refusal};
use crate::steps::Step;
use crate::world::{self, Database};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A case file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The fixture that it is asked on.
    pub fixture: String,
    /// What it shows.
    pub about: String,
    /// Both, if not said.
    pub databases: Option<Vec<String>>,
    /// Rows may come in any order.
    #[serde(default)]
    pub unordered: bool,
    /// One request per front.
    pub request: Option<Lines>,
    /// One change per front.
    pub write: Option<Change>,
    /// Follow the cursors to the end.
    pub walk: Option<Walk>,
    /// What is wanted.
    #[serde(default)]
    pub expect: Vec<Expect>,
    /// Fronts that ask something else than the first one, each with why; the other questions are compared.
    #[serde(default)]
    pub differs: BTreeMap<Front, String>,
    /// The answers are kept to the letter, in the feature's `responses.snap`.
    #[serde(default)]
    pub keep_responses: bool,
    /// Exchanges that are no question to all fronts.
    #[serde(default)]
    pub step: Vec<Step>,
}

/// The same question in each wire form that can say it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lines {
    pub graphql: Option<String>,
    pub variables: Option<String>,
    pub operation: Option<String>,
    pub based: Option<String>,
    pub records: Option<String>,
}

/// The same change in each wire form that can say it. Those of REST are `METHOD path body`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub graphql: Option<String>,
    pub variables: Option<String>,
    pub based: Option<String>,
    pub records: Option<String>,
    /// The media type of REST's bodies, where it is not JSON.
    pub media: Option<String>,
}

/// How pages are walked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Walk {
    /// How many there are.
    pub pages: usize,
    /// From the end; GraphQL alone can.
    #[serde(default)]
    pub backward: bool,
}

/// What some callers get.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    #[serde(rename = "as")]
    pub who: Vec<toml::Value>,
    /// Only through these fronts.
    pub fronts: Option<Vec<Front>>,
    /// Only on this database.
    pub database: Option<String>,
    /// Rows, or one row; of REST's only the keys that are wanted are looked at.
    pub rows: Option<String>,
    /// All of GraphQL's `data`.
    pub data: Option<String>,
    /// How many rows there are in all.
    pub total: Option<u64>,
    /// No rows, but why not.
    pub refused: Option<Refusal>,
    /// A text that the answer holds.
    pub message: Option<String>,
    /// Texts that it must not hold.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The body to the letter.
    pub raw: Option<String>,
    /// Keys that rows must not have, of whatever front.
    #[serde(default)]
    pub without: Vec<String>,
    /// Of a change: REST's status, if it is not 200.
    pub status: Option<u16>,
    /// Of a change: what is another afterwards in all of the database, as [`crate::state::Difference`] reads it.
    #[serde(default)]
    pub after: Vec<String>,
    /// Of a change: the headers of those who are let change more than others.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// The cases that are to be run.
#[derive(Default)]
pub(crate) struct Cases {
    pub found: Vec<Found>,
    /// Files that are no cases, and why not.
    pub broken: Vec<(String, String)>,
    /// How many need a folder that is not there.
    pub left_out: usize,
    /// Features of which some cases are not among those found.
    partial: BTreeSet<String>,
}

/// A case, and where it was found.
pub(crate) struct Found {
    /// `<feature>/<name>`
    pub name: String,
    pub case: Case,
    pub databases: Vec<Database>,
}

impl Found {
    pub(crate) fn feature(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

impl Cases {
    /// All below `tests/cases` whose path contains `DIGLOT_CASES`.
    pub(crate) fn read() -> Self {
        let filter = std::env::var("DIGLOT_CASES").unwrap_or_default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut paths = Vec::new();
        collect(&root, &mut paths);
        paths.sort();
        let mut cases = Self::default();
        for path in &paths {
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let name = name.to_str().unwrap().to_owned();
            let feature = || name.split('/').next().unwrap_or_default().to_owned();
            if !name.contains(&filter) {
                cases.partial.insert(feature());
                continue;
            }
            match load(path) {
                Err(error) => {
                    cases.partial.insert(feature());
                    cases.broken.push((name, error));
                }
                Ok((case, _)) if world::is_outside(&case.fixture) && world::data_folder().is_none() => {
                    cases.partial.insert(feature());
                    cases.left_out += 1;
                }
                Ok((case, databases)) => cases.found.push(Found { name, case, databases }),
            }
        }
        let count = cases.found.len() + cases.broken.len() + cases.left_out;
        assert!(count > 0, "no case's path contains {filter:?}");
        cases
    }

    /// Whether all cases of a feature were found, so that its snapshots can be compared.
    pub(crate) fn has_all_of(&self, feature: &str) -> bool {
        !self.partial.contains(feature)
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "toml") && !name.starts_with("diglot.") {
            paths.push(path);
        }
    }
}

/// Reads a case and refuses one that could not fail.
fn load(path: &Path) -> Result<(Case, Vec<Database>), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let case: Case = toml::from_str(&text).map_err(|error| error.to_string())?;
    let databases = match &case.databases {
        None => Database::ALL.to_vec(),
        Some(words) => {
            let known = words
                .iter()
                .map(|word| Database::named(word).ok_or_else(|| format!("no database is called {word:?}")));
            known.collect::<Result<_, _>>()?
        }
    };
    if case.about.is_empty() || databases.is_empty() || (case.expect.is_empty() && case.step.is_empty()) {
        return Err("a case says what it is about, and expects something".into());
    }
    if (case.request.is_none() && case.write.is_none()) != case.expect.is_empty()
        || (case.request.is_some() && case.write.is_some())
    {
        return Err("[request] or [write], and [[expect]] belong together".into());
    }
    if case.write.is_some() && (case.walk.is_some() || case.keep_responses || !case.differs.is_empty()) {
        return Err("a case that writes has no walk, kept responses or questions that differ".into());
    }
    for expect in &case.expect {
        let says = [
            expect.rows.is_some(),
            expect.data.is_some(),
            expect.total.is_some(),
            expect.raw.is_some(),
            !expect.after.is_empty(),
            expect.refused.is_some(),
        ];
        if expect.who.is_empty() || !says.contains(&true) || (expect.refused.is_some() && says[..5].contains(&true)) {
            return Err(
                "an [[expect]] has `as`, and either `rows`, `data`, `total`, `raw`, `after`, or `refused`".into(),
            );
        }
        if case.write.is_none() && (!expect.after.is_empty() || expect.status.is_some() || !expect.headers.is_empty()) {
            return Err("`after`, `status` and `headers` are of changes".into());
        }
        for line in &expect.after {
            crate::state::Difference::parse(line)?;
        }
        if expect.data.is_some() && expect.fronts != Some(vec![Front::GraphQl]) {
            return Err("`data` is GraphQL's: it needs fronts = [\"graphql\"]".into());
        }
    }
    if let Some(front) = case.differs.keys().find(|front| !case.asks_through(**front)) {
        return Err(format!("`differs` names {front}, through which nothing is asked"));
    }
    Ok((case, databases))
}

impl Case {
    fn asks_through(&self, front: Front) -> bool {
        self.request.as_ref().is_some_and(|lines| match front {
            Front::GraphQl => lines.graphql.is_some(),
            Front::Based => lines.based.is_some(),
            Front::Records => lines.records.is_some(),
        })
    }
}

impl Expect {
    /// Whether it is about a database and a front.
    pub(crate) fn is_for(&self, database: Database, front: Front) -> bool {
        self.database.as_deref().is_none_or(|word| word == database.word())
            && self.fronts.as_ref().is_none_or(|fronts| fronts.contains(&front))
    }
}

/// What a front is sent to make a change; `None` where it cannot say it.
pub(crate) fn change(front: Front, change: &Change) -> Result<Option<Request>, String> {
    let line = match front {
        Front::GraphQl => {
            let Some(query) = &change.graphql else { return Ok(None) };
            let variables = change
                .variables
                .as_deref()
                .map(serde_json::from_str::<Value>)
                .transpose();
            let variables = variables.map_err(|error| format!("variables: {error}"))?;
            return Ok(Some(fronts::graphql(query, variables.as_ref(), None)));
        }
        Front::Based => change.based.as_deref(),
        Front::Records => change.records.as_deref(),
    };
    let Some(line) = line else { return Ok(None) };
    let mut parts = line.trim().splitn(3, ' ');
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else {
        return Err(format!("{line:?} is not `METHOD path body`"));
    };
    let mut request = fronts::rest(target);
    request.method = method.into();
    if let Some(body) = parts.next() {
        let media = change.media.as_deref().unwrap_or("application/json");
        request.body = crate::steps::repeated(body).into_bytes();
        request.headers.push(("Content-Type".into(), media.into()));
    }
    Ok(Some(request))
}

/// What a front is sent; `None` where it cannot say it.
pub(crate) fn request(front: Front, lines: &Lines) -> Result<Option<Request>, String> {
    Ok(match front {
        Front::GraphQl => match &lines.graphql {
            Some(query) => {
                let variables = lines
                    .variables
                    .as_deref()
                    .map(serde_json::from_str::<Value>)
                    .transpose();
                let variables = variables.map_err(|error| format!("variables: {error}"))?;
                Some(fronts::graphql(query, variables.as_ref(), lines.operation.as_deref()))
            }
            None => None,
        },
        Front::Based => lines.based.as_deref().map(fronts::rest),
        Front::Records => lines.records.as_deref().map(fronts::rest),
    })
}
