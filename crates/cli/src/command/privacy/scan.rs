//! `playgate privacy scan`: what would be redacted in a text, and why.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use privacy::{Finding, Known, Redactor, Rules};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rules;
use crate::{
    arguments::PrivacyScan,
    bad_input,
    output::{Append as _, Output, table},
};

/// The largest text that is searched at once, in bytes.
const MOST_BYTES: u64 = 256 << 20;
/// The most of a value that a table shows, in characters.
const SHOWN: usize = 40;

/// A line of the input for `--predictions`.
#[derive(Deserialize)]
struct Document {
    id: Value,
    text: String,
}

/// A line of its output.
#[derive(Serialize)]
struct Prediction<'a> {
    id: &'a Value,
    spans: Vec<Span<'a>>,
}

/// A found span, in bytes of UTF-8.
#[derive(Serialize)]
struct Span<'a> {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// Runs the command.
pub fn run(out: Output, custom: Option<&Path>, scan: &PrivacyScan) -> anyhow::Result<()> {
    let rules = rules(custom)?;
    Rules::warm_up();
    match &scan.predictions {
        Some(path) => predict(&rules, path),
        None => show(out, &rules, scan),
    }
}

fn show(out: Output, rules: &Rules, scan: &PrivacyScan) -> anyhow::Result<()> {
    let text = read(scan.file.as_deref())?;
    let findings = rules.scan(&text, &Known::default());
    if out.is_json() {
        let list: Vec<Value> = findings
            .iter()
            .map(|finding| {
                json!({
                    "start": finding.at.start, "end": finding.at.end, "type": finding.kind.name(),
                    "text": &text[finding.at.clone()], "rule": finding.rule,
                    "score": finding.score, "context": finding.context,
                })
            })
            .collect();
        return out.answer(&json!({ "bytes": text.len(), "findings": list }), "");
    }
    out.answer(&Value::Null, &pretty(rules, &text, &findings))
}

/// A table of what was found, and the text as a model would see it.
fn pretty(rules: &Rules, text: &str, findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "Nothing in it would be redacted.".to_owned();
    }
    let mut line = 1;
    let mut begun = 0;
    let mut seen = 0;
    let rows = findings
        .iter()
        .map(|finding| {
            let new = text[seen..finding.at.start].matches('\n').count();
            if new > 0 {
                line += new;
                begun = text[..finding.at.start].rfind('\n').map_or(0, |at| at + 1);
            }
            seen = finding.at.start;
            let column = text[begun..finding.at.start].chars().count() + 1;
            let shown = text[finding.at.clone()].replace(['\n', '\r', '\t'], " ");
            let cut = if shown.chars().count() > SHOWN {
                shown.chars().take(SHOWN - 1).chain(['…']).collect()
            } else {
                shown
            };
            vec![
                format!("{line}:{column}"),
                finding.kind.name().to_owned(),
                cut,
                finding.rule.clone(),
                finding.score.to_string(),
                finding.context.unwrap_or("-").to_owned(),
            ]
        })
        .collect();
    let mut shown = table(&["at", "type", "text", "rule", "score", "context"], rows);
    let redacted = Redactor::new(rules.clone(), Known::default()).redact(text);
    shown.append(format_args!("\n\nA model would see:\n\n{}", redacted.as_str().trim_end()));
    shown
}

/// The text of a file, or of standard input.
fn read(file: Option<&Path>) -> anyhow::Result<String> {
    let (name, mut source): (String, Box<dyn Read>) = match file {
        Some(path) if path != Path::new("-") => {
            let file =
                File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
            (path.display().to_string(), Box::new(file))
        }
        _ => ("standard input".to_owned(), Box::new(io::stdin().lock())),
    };
    let mut bytes = Vec::new();
    source
        .by_ref()
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{name} cannot be read"))?;
    if bytes.len() as u64 > MOST_BYTES {
        bad_input!("{name} is larger than {} MiB; split it and scan the parts", MOST_BYTES >> 20);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(err) => {
            let at = err.utf8_error().valid_up_to();
            let line = err.as_bytes()[..at].split(|byte| *byte == b'\n').count();
            bad_input!(
                "{name} is not UTF-8: line {line}, byte {at}; convert it first, for example with `iconv -t UTF-8`"
            )
        }
    }
}

/// Answers each document with the spans found in it.
fn predict(rules: &Rules, path: &PathBuf) -> anyhow::Result<()> {
    let name = path.display();
    let source: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(
            File::open(path).with_context(|| format!("{name} cannot be read"))?,
        ))
    };
    let mut answer = BufWriter::new(io::stdout().lock());
    let known = Known::default();
    for (index, line) in source.split(b'\n').enumerate() {
        let line = line.with_context(|| format!("{name} cannot be read"))?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let document: Document = match serde_json::from_slice(&line) {
            Ok(document) => document,
            Err(err) => {
                bad_input!(
                    "{name}, line {}: {err}; each line is an object such as {{\"id\": \"1\", \"text\": \"…\"}}",
                    index + 1
                )
            }
        };
        let findings = rules.scan(&document.text, &known);
        let spans = findings
            .iter()
            .map(|finding| Span {
                start: finding.at.start,
                end: finding.at.end,
                kind: finding.kind.name(),
            })
            .collect();
        serde_json::to_writer(&mut answer, &Prediction { id: &document.id, spans })?;
        answer.write_all(b"\n")?;
    }
    match answer.flush() {
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        flushed => Ok(flushed?),
    }
}
