//! Prompt files: front matter, a system part, a user part.

use std::collections::BTreeMap;

use domain::port::WriteError;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tera::{Context, ErrorKind, Tera};

use crate::block::{DataBlock, Slot};

/// What a prompt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// To write to a contact.
    Letter,
    /// To classify a risk.
    Route,
    /// To sum an account up.
    Summary,
}

impl Task {
    /// The word front matter uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::Route => "route",
            Self::Summary => "summary",
        }
    }
}

/// A prompt file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prompt `{name}`, line {line}: {why}")]
pub struct PromptError {
    /// The file's name.
    pub name: String,
    /// Counts from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub why: String,
}

/// A prompt file, read.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) task: Task,
    pub(crate) temperature: f32,
    pub(crate) max_tokens: u32,
    pub(crate) hash: String,
}

/// Subject and text, both redacted.
#[derive(Serialize)]
pub(crate) struct Text {
    pub(crate) subject: Slot,
    pub(crate) body: Slot,
}

/// A fact as prompts list it.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) id: &'a str,
    pub(crate) label: &'a str,
    pub(crate) value: Slot,
    pub(crate) source: &'a str,
}

/// The variables of a letter prompt. Its types say what may stand where: [`Slot`]s are redacted,
/// and what comes from outside fits into the data block alone.
#[derive(Serialize)]
pub(crate) struct LetterVariables<'a> {
    pub(crate) objective: Slot,
    pub(crate) today: &'a str,
    pub(crate) marker: &'a str,
    pub(crate) recipient: Slot,
    pub(crate) facts: Vec<Line<'a>>,
    pub(crate) asset: Text,
    pub(crate) instruction: Option<Slot>,
    pub(crate) data: Option<&'a DataBlock>,
}

/// The variables of a route or summary prompt, typed like those of a letter.
#[derive(Serialize)]
pub(crate) struct ReportVariables<'a> {
    pub(crate) objective: Slot,
    pub(crate) today: &'a str,
    pub(crate) marker: &'a str,
    pub(crate) facts: Vec<Line<'a>>,
    pub(crate) data: Option<&'a DataBlock>,
}

impl Task {
    /// The names of the variables its prompts may use: those of the struct it is rendered with.
    const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Letter => &[
                "objective",
                "today",
                "marker",
                "recipient",
                "facts",
                "asset",
                "instruction",
                "data",
            ],
            Self::Route | Self::Summary => &["objective", "today", "marker", "facts", "data"],
        }
    }
}

/// All prompts, by name without extension.
pub(crate) struct Prompts {
    prompts: BTreeMap<String, Prompt>,
    tera: Tera,
}

impl Prompts {
    /// Reads prompt files, given as name and text. A name may carry its `.md`.
    pub(crate) fn read(files: Vec<(String, String)>) -> Result<Self, PromptError> {
        let mut tera = Tera::new();
        tera.autoescape_on(Vec::<&str>::new());
        let mut prompts = BTreeMap::new();
        for (file, text) in files {
            let name = file.strip_suffix(".md").unwrap_or(&file).to_owned();
            let wrong = |line, why: String| PromptError { name: name.clone(), line, why };
            let parsed = parse(&text).map_err(|(line, why)| wrong(line, why))?;
            for (part, (title, template)) in [("system", parsed.system), ("user", parsed.user)] {
                let id = format!("{name}#{part}");
                let line_of = |at: usize| title + 1 + template[..at].matches('\n').count();
                tera.add_raw_template(&id, template).map_err(|err| {
                    let at = match err.kind() {
                        ErrorKind::SyntaxError(report) => report.span().range.start,
                        _ => 0,
                    };
                    wrong(line_of(at.min(template.len())), short(&err))
                })?;
                let used =
                    tera.get_template_variables(&id).map_err(|err| wrong(title, short(&err)))?;
                let known = parsed.prompt.task.variables();
                if let Some(unknown) = used.into_iter().find(|name| !known.contains(name)) {
                    let at = template.find(unknown).unwrap_or_default();
                    let why =
                        format!("unknown variable `{unknown}`, there are {}", known.join(", "));
                    return Err(wrong(line_of(at), why));
                }
            }
            let (title, user) = parsed.user;
            let of_system = tera.get_template_variables(&format!("{name}#system"));
            if of_system.is_ok_and(|used| used.contains(&"data")) {
                let why = "the system part uses `data`; text from outside stands in the user part";
                return Err(wrong(parsed.system.0, why.to_owned()));
            }
            if user.matches("{{ data }}").count() > 1 {
                let why = "`{{ data }}` stands there twice; the data block must stand there once";
                return Err(wrong(title, why.to_owned()));
            }
            prompts.insert(name, parsed.prompt);
        }
        Ok(Self { prompts, tera })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Prompt> {
        self.prompts.get(name)
    }

    /// Renders both parts: system, user.
    pub(crate) fn render(
        &self,
        name: &str,
        variables: &impl Serialize,
    ) -> Result<(String, String), WriteError> {
        let wrong = |err: tera::Error| WriteError::Template {
            what: "prompt",
            name: name.to_owned(),
            why: short(&err),
        };
        let context = Context::from_serialize(variables).map_err(wrong)?;
        let part = |part| {
            let text = self.tera.render(&format!("{name}#{part}"), &context).map_err(wrong)?;
            Ok::<_, WriteError>(text.trim().to_owned())
        };
        Ok((part("system")?, part("user")?))
    }
}

/// A template engine's message on one line, without the source it quotes.
pub(crate) fn short(err: &tera::Error) -> String {
    match err.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            report.message().lines().next().unwrap_or_default().to_owned()
        }
        kind => kind.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

struct Parsed<'a> {
    prompt: Prompt,
    system: (usize, &'a str),
    user: (usize, &'a str),
}

fn parse(text: &str) -> Result<Parsed<'_>, (usize, String)> {
    let front = front_matter(text)?;
    let mut fields = BTreeMap::new();
    for (line, key, value) in &front.fields {
        if !["version", "task", "schema", "model", "temperature", "max_tokens"].contains(key) {
            return Err((*line, format!("unknown key `{key}`")));
        }
        if fields.insert(*key, (*line, value.as_str())).is_some() {
            return Err((*line, format!("`{key}` is given twice")));
        }
    }
    let field = |key: &str| {
        fields.get(key).copied().ok_or_else(|| (1, format!("front matter lacks `{key}`")))
    };
    let (line, task) = field("task")?;
    let task = [Task::Letter, Task::Route, Task::Summary]
        .into_iter()
        .find(|known| known.as_str() == task)
        .ok_or_else(|| (line, format!("task `{task}` is not one of letter, route, summary")))?;
    let (line, schema) = field("schema")?;
    if schema != task.as_str() {
        return Err((
            line,
            format!("schema of a {} prompt must be `{}`", task.as_str(), task.as_str()),
        ));
    }
    let (line, version) = field("version")?;
    version
        .parse::<u32>()
        .map_err(|_| (line, format!("version `{version}` is no whole number")))?;
    field("model")?;
    let (line, temperature) = field("temperature")?;
    let temperature =
        temperature
            .parse::<f32>()
            .ok()
            .filter(|value| (0.0..=2.0).contains(value))
            .ok_or_else(|| (line, format!("temperature `{temperature}` is not from 0 to 2")))?;
    let (line, max_tokens) = field("max_tokens")?;
    let max_tokens = max_tokens
        .parse::<u32>()
        .ok()
        .filter(|value| (16..=8192).contains(value))
        .ok_or_else(|| (line, format!("max_tokens `{max_tokens}` is not from 16 to 8192")))?;
    let part = |title: &str| {
        let mut at = 0;
        for (index, line) in front.body.split_inclusive('\n').enumerate() {
            at += line.len();
            if line.trim_end() == title {
                return Ok((front.lines + index + 1, at - line.len(), at));
            }
        }
        Err((front.lines, format!("there is no line `{title}`")))
    };
    let (system_line, _, system) = part("# system")?;
    let (user_line, user_title, user) = part("# user")?;
    if user < system {
        return Err((user_line, "`# user` must follow `# system`".to_owned()));
    }
    Ok(Parsed {
        prompt: Prompt {
            task,
            temperature,
            max_tokens,
            hash: hex::encode(Sha256::digest(text.as_bytes())),
        },
        system: (system_line, &front.body[system..user_title]),
        user: (user_line, &front.body[user..]),
    })
}

/// A file's front matter: `key: value` lines between two lines `---`.
pub(crate) struct Front<'a> {
    /// Line, key and value, the value without its quotes.
    pub(crate) fields: Vec<(usize, &'a str, String)>,
    /// What follows.
    pub(crate) body: &'a str,
    /// How many lines the front matter takes.
    pub(crate) lines: usize,
}

/// Splits front matter from what follows. Values stand on one line, bare or in quotes.
pub(crate) fn front_matter(text: &str) -> Result<Front<'_>, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut fields = Vec::new();
    let mut at = 0;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        at += whole.len();
        let line = whole.trim_end();
        match (index, line) {
            (0, "---") => {}
            (0, _) => return Err((1, "file does not begin with `---`".to_owned())),
            (_, "---") => return Ok(Front { fields, body: &text[at..], lines: index + 1 }),
            (_, "") => {}
            (_, comment) if comment.starts_with('#') => {}
            _ => {
                let (key, value) = line
                    .split_once(':')
                    .filter(|(key, _)| !key.contains(char::is_whitespace))
                    .ok_or_else(|| (index + 1, "expected `key: value`".to_owned()))?;
                let value = unquote(value.trim()).ok_or_else(|| {
                    (
                        index + 1,
                        format!("value of `{key}` must stand on one line, bare or in quotes"),
                    )
                })?;
                fields.push((index + 1, key, value));
            }
        }
    }
    Err((1, "front matter does not end with `---`".to_owned()))
}

fn unquote(value: &str) -> Option<String> {
    if let Some(inner) = value.strip_prefix('"') {
        let inner = inner.strip_suffix('"')?;
        return Some(inner.replace("\\\"", "\"").replace("\\\\", "\\"));
    }
    if let Some(inner) = value.strip_prefix('\'') {
        return Some(inner.strip_suffix('\'')?.replace("''", "'"));
    }
    (!value.starts_with(['|', '>', '&', '*', '[', '{'])).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SHIPPED: [(&str, &str); 3] = [
        ("outreach.md", include_str!("../../../prompts/outreach.md")),
        ("route-risk.md", include_str!("../../../prompts/route-risk.md")),
        ("summarize-account.md", include_str!("../../../prompts/summarize-account.md")),
    ];

    fn shipped() -> Prompts {
        let files = SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Prompts::read(files.to_vec()).unwrap()
    }

    fn letter() -> LetterVariables<'static> {
        LetterVariables {
            objective: Slot::ours("o"),
            today: "t",
            marker: "m",
            recipient: Slot::ours("r"),
            facts: vec![Line { id: "f1", label: "l", value: Slot::ours("v"), source: "s" }],
            asset: Text { subject: Slot::ours("s"), body: Slot::ours("b") },
            instruction: Some(Slot::ours("i")),
            data: None,
        }
    }

    #[test]
    fn ai_16_shipped_prompts_use_exactly_the_variables_of_their_struct() {
        let prompts = shipped();
        let report = ReportVariables {
            objective: Slot::ours(""),
            today: "",
            marker: "",
            facts: vec![],
            data: None,
        };
        let fields = |value: serde_json::Value| -> BTreeSet<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        for (name, of) in [
            ("outreach", fields(serde_json::to_value(letter()).unwrap())),
            ("route-risk", fields(serde_json::to_value(&report).unwrap())),
            ("summarize-account", fields(serde_json::to_value(&report).unwrap())),
        ] {
            let used: BTreeSet<String> = ["system", "user"]
                .iter()
                .flat_map(|part| {
                    prompts.tera.get_template_variables(&format!("{name}#{part}")).unwrap()
                })
                .map(str::to_owned)
                .collect();
            assert_eq!(used, of, "{name}");
            let known: BTreeSet<String> = prompts
                .get(name)
                .unwrap()
                .task
                .variables()
                .iter()
                .map(|name| (*name).to_owned())
                .collect();
            assert_eq!(known, of, "{name}");
        }
    }

    #[test]
    fn every_shipped_prompt_renders_with_and_without_optional_parts() {
        let prompts = shipped();
        let full = prompts.render("outreach", &letter()).unwrap();
        assert!(full.1.contains("The reviewer asks"), "{}", full.1);
        let bare = LetterVariables { instruction: None, ..letter() };
        let bare = prompts.render("outreach", &bare).unwrap();
        assert!(!bare.1.contains("The reviewer asks") && bare.1.contains("f1: l = v (s)"));
        assert_eq!(prompts.get("outreach").unwrap().hash.len(), 64);
    }

    #[test]
    fn a_prompt_that_cannot_work_is_refused_with_its_line() {
        let good = SHIPPED[1].1;
        for (bad, line, why) in [
            (good.replace("task: route", "task: poem"), 3, "is not one of"),
            (good.replace("temperature: 0", "temperature: 9"), 6, "not from 0 to 2"),
            (good.replace("version: 2", "version: 2\nvolume: 11"), 3, "unknown key `volume`"),
            (good.replace("# user", "# them"), 8, "no line `# user`"),
            (
                good.replace("{{ objective }}", "{{ recipient }}"),
                29,
                "unknown variable `recipient`",
            ),
            (good.replace("{{ today }}", "{{ today"), 32, ""),
            (good.replace("schema: route", "schema: letter"), 4, "must be `route`"),
            (good.replace("{{ data }}", "{{ data }}\n{{ data }}"), 28, "must stand there once"),
            (good.replace("Judge by", "{{ data }} Judge by"), 9, "in the user part"),
            ("# system\n# user\n".to_owned(), 1, "does not begin"),
        ] {
            let err = Prompts::read(vec![("x.md".to_owned(), bad)]).err().unwrap();
            assert!(err.why.contains(why), "{err}");
            assert_eq!(err.line, line, "{err}");
        }
    }
}
