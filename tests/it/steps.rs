//! The steps of a case: exchanges that are no question to all fronts, one after the other.

use crate::client::{self, Answer, Request, Who, clip};
use crate::fronts;
use crate::responses::Kept;
use crate::world::{Database, Server};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One exchange.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    #[serde(rename = "as")]
    who: Option<toml::Value>,
    #[serde(default = "get")]
    method: String,
    /// Path and query. `{name}` is a saved text, `{~name}` the same with one character changed, `{{1000*[}}` repeats.
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    /// A body of any bytes.
    body_hex: Option<String>,
    status: u16,
    /// Texts that the body holds.
    #[serde(default)]
    has: Vec<String>,
    /// Texts that it must not hold.
    #[serde(default)]
    absent: Vec<String>,
    /// Headers of the answer that hold these texts; an empty one must be absent.
    #[serde(default)]
    header: BTreeMap<String, String>,
    /// The whole body.
    json: Option<String>,
    /// The body to the letter.
    raw: Option<String>,
    /// The body is in this coding, and holds the same as without it.
    coding: Option<String>,
    /// Texts to keep: a name, and a JSON pointer or `header:name`.
    #[serde(default)]
    save: BTreeMap<String, String>,
}

fn get() -> String {
    "GET".into()
}

/// Runs a case's steps one after the other; each that fails is given with its number.
pub(crate) async fn run(
    steps: &[Step],
    server: &Server,
    database: Database,
    kept: &mut Option<Vec<Kept>>,
) -> Vec<(usize, String)> {
    let mut saved = BTreeMap::new();
    let mut failures = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match self::step(step, server, &mut saved).await {
            Err(error) => failures.push((index + 1, error)),
            Ok(answer) => {
                if let Some(kept) = kept {
                    let asked = format!("step {}, {} {}", index + 1, step.method, clip(&step.path));
                    kept.push(Kept::of(asked, "", database, &answer));
                }
            }
        }
    }
    failures
}

async fn step(step: &Step, server: &Server, saved: &mut BTreeMap<String, String>) -> Result<Answer, String> {
    let mut request = Request {
        method: step.method.clone(),
        target: filled(&step.path, saved),
        ..Request::default()
    };
    if let Some(who) = &step.who {
        let who = Who::parse(who)?;
        request.headers.extend(who.ways().swap_remove(0).1);
    }
    request.headers.extend(
        step.headers
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, saved))),
    );
    if let Some(body) = &step.body {
        request.body = filled(body, saved).into_bytes();
    }
    if let Some(hex) = &step.body_hex {
        request.body = bytes(hex)?;
    }
    let answer = client::send(server.address, &request)
        .await
        .map_err(|error| format!("asked  {request}\ngot    {error}"))?;
    let found = check_step(step, &request, &answer, server, saved).await;
    match found {
        Ok(()) => Ok(answer),
        Err(error) => Err(format!("asked  {request}\ngot    {answer}\nwrong  {error}")),
    }
}

async fn check_step(
    step: &Step,
    request: &Request,
    answer: &Answer,
    server: &Server,
    saved: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    fronts::check_always(answer, &request.to_string())?;
    if answer.status != step.status {
        return Err(format!("wanted status {}", step.status));
    }
    let text = answer.text();
    if let Some(missing) = step.has.iter().find(|wanted| !fronts::holds(&text, wanted)) {
        return Err(format!("wanted a text with {missing:?}"));
    }
    if let Some(found) = step.absent.iter().find(|word| fronts::holds(&text, word)) {
        return Err(format!("it holds {found:?}"));
    }
    for (name, wanted) in &step.header {
        let got = answer.headers_of(name);
        let fits = if wanted.is_empty() {
            got.is_empty()
        } else {
            got.contains(filled(wanted, saved).as_str())
        };
        if !fits {
            return Err(format!("wanted the header {name} with {wanted:?}, found {got:?}"));
        }
    }
    if let Some(wanted) = &step.json {
        let wanted: Value = serde_json::from_str(wanted).map_err(|error| format!("the case's JSON: {error}"))?;
        if !fronts::same(&answer.json()?, &wanted) {
            return Err(format!("wanted {}", clip(&wanted.to_string())));
        }
    }
    if let Some(raw) = &step.raw
        && text != *raw
    {
        return Err(format!("wanted {raw:?}"));
    }
    if let Some(coding) = &step.coding {
        check_coding(coding, request, answer, server).await?;
    }
    for (name, place) in &step.save {
        let value = match place.strip_prefix("header:") {
            Some(header) => answer.header(header).map(str::to_owned),
            None => answer.json()?.pointer(place).and_then(Value::as_str).map(str::to_owned),
        };
        saved.insert(
            name.clone(),
            value.ok_or_else(|| format!("there is no text at {place}"))?,
        );
    }
    Ok(())
}

/// That a coded body is smaller, and what it holds.
async fn check_coding(coding: &str, request: &Request, answer: &Answer, server: &Server) -> Result<(), String> {
    if answer.header("content-encoding") != Some(coding) {
        return Err(format!(
            "wanted Content-Encoding: {coding}, found {:?}",
            answer.header("content-encoding")
        ));
    }
    let mut plain = request.clone();
    plain
        .headers
        .retain(|(name, _)| !name.eq_ignore_ascii_case("accept-encoding"));
    let plain = client::send(server.address, &plain)
        .await
        .map_err(|error| error.to_string())?;
    if plain.header("content-encoding").is_some() || plain.body.len() <= answer.body.len() {
        return Err(format!(
            "{} bytes are not less than {}",
            answer.body.len(),
            plain.body.len()
        ));
    }
    if coding == "br" {
        let mut body = Vec::new();
        brotli::BrotliDecompress(&mut answer.body.as_slice(), &mut body).map_err(|error| error.to_string())?;
        if body != plain.body {
            return Err("the body says something else".into());
        }
    }
    Ok(())
}

/// Puts saved texts and repetitions in their places.
fn filled(text: &str, saved: &BTreeMap<String, String>) -> String {
    let mut out = text.to_owned();
    for (name, value) in saved {
        out = out.replace(&format!("{{{name}}}"), value);
        if out.contains(&format!("{{~{name}}}")) {
            let middle = value.len() / 2;
            let other = if value.as_bytes().get(middle) == Some(&b'A') {
                "B"
            } else {
                "A"
            };
            let mut changed = value.clone();
            changed.replace_range(middle..=middle, other);
            out = out.replace(&format!("{{~{name}}}"), &changed);
        }
    }
    while let Some(start) = out.find("{{") {
        let Some((count, rest)) = out[start + 2..].split_once('*') else {
            break;
        };
        let (Ok(count), Some(end)) = (count.parse::<usize>(), rest.find("}}")) else {
            break;
        };
        let whole = start + 2 + count.to_string().len() + 1 + end + 2;
        let repeated = rest[..end].repeat(count);
        out.replace_range(start..whole, &repeated);
    }
    out
}

/// A text with its repetitions, `{{1000*[}}`.
pub(crate) fn repeated(text: &str) -> String {
    filled(text, &BTreeMap::new())
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap_or_default(), 16));
    pairs
        .collect::<Result<_, _>>()
        .map_err(|error| format!("body_hex: {error}"))
}

#[test]
fn filling() {
    let saved = BTreeMap::from([("cursor".to_owned(), "xyz".to_owned())]);
    assert_eq!(
        filled("a {cursor} {~cursor} {{3*[}}{{2*]}} { x }", &saved),
        "a xyz xAz [[[]] { x }"
    );
    assert_eq!(filled("{ a {b} }", &saved), "{ a {b} }");
}
