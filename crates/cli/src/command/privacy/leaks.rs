//! `playgate privacy leaks`: scans drafts against a directory of accounts, both from files.

mod form;
mod measure;
mod rehearsal;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use privacy::{Directory, Entry, Foreign, Kind, Known, Person, Rules, leak};
use serde::{Deserialize, Serialize};

use crate::{bad_input, output::Output};

/// The longest line of drafts that is read, in bytes.
const LONGEST: u64 = 128 << 20;

/// `playgate privacy leaks`
#[derive(Debug, Args)]
#[command(
    after_help = "The directory is a JSON list of {\"id\", \"org\", \"contacts\": [{\"name\", \
    \"first\", \"last\", \"email\", \"phone\"}], \"invoice\"}. Drafts are lines of {\"id\", \
    \"account_id\", \"draft\"}. The answer is a line for each: {\"id\", \"blocked\", \"leaks\": \
    [{\"start\", \"end\", \"kind\"}]}, places in bytes of UTF-8.\n\nWith --bench, a directory and \
    drafts are made up, and what was found of each form, the memory and the time are printed."
)]
pub struct Leaks {
    /// The accounts, a JSON file
    #[arg(long, value_name = "FILE", required_unless_present = "bench")]
    pub directory: Option<PathBuf>,
    /// The drafts, a file of JSON lines, or - for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "bench")]
    pub drafts: Option<PathBuf>,
    /// Measure with this many made-up accounts instead
    #[arg(long, value_name = "ACCOUNTS", conflicts_with_all = ["directory", "drafts"],
        value_parser = clap::value_parser!(u32).range(10..=2_000_000))]
    pub bench: Option<u32>,
    /// How many drafts to measure with
    #[arg(long, value_name = "DRAFTS", default_value_t = 4000, requires = "bench",
        value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub bench_drafts: u32,
}

/// An account of the directory file.
#[derive(Clone, Debug, Default, Deserialize)]
struct Account {
    id: String,
    #[serde(default)]
    org: Option<String>,
    #[serde(default)]
    contacts: Vec<Contact>,
    #[serde(default)]
    invoice: Option<String>,
}

/// A person of the directory file.
#[derive(Clone, Debug, Default, Deserialize)]
struct Contact {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    first: Option<String>,
    #[serde(default)]
    last: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

impl Account {
    fn entry(&self) -> Entry {
        let mut entry = Entry {
            org: self.org.clone().unwrap_or_default(),
            invoices: self.invoice.iter().cloned().collect(),
            ..Entry::default()
        };
        for contact in &self.contacts {
            entry.people.push(Person {
                first: contact.first.clone().unwrap_or_default(),
                last: contact.last.clone().unwrap_or_default(),
                emails: contact.email.iter().cloned().collect(),
                phones: contact.phone.iter().cloned().collect(),
            });
            entry.names.extend(contact.name.clone());
        }
        entry
    }
}

/// A line of the drafts file.
#[derive(Debug, Deserialize)]
struct Draft {
    id: serde_json::Value,
    account_id: Option<String>,
    #[serde(rename = "draft")]
    text: String,
}

/// A line of the answer.
#[derive(Debug, PartialEq, Serialize)]
struct Answer {
    id: serde_json::Value,
    blocked: bool,
    leaks: Vec<Place>,
}

/// Where a leak is.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Place {
    start: usize,
    end: usize,
    kind: &'static str,
}

/// A directory with the entries it was made of.
struct Accounts {
    directory: Directory,
    entries: HashMap<String, Entry>,
    rules: Rules,
}

impl Accounts {
    fn new(accounts: impl Iterator<Item = Account>) -> Self {
        let mut directory = Directory::new(0);
        let mut entries = HashMap::new();
        for account in accounts {
            let entry = account.entry();
            directory.set(&account.id, &entry);
            entries.insert(account.id, entry);
        }
        Self { directory, entries, rules: Rules::default() }
    }

    fn scan(&self, account: Option<&str>, text: &str) -> Vec<Place> {
        let own: Vec<&Entry> = account.and_then(|id| self.entries.get(id)).into_iter().collect();
        scan(&self.directory, &self.rules, account, &own, text)
    }
}

/// Everything in a text that must not go out to an account, in order.
fn scan(
    directory: &Directory,
    rules: &Rules,
    account: Option<&str>,
    own: &[&Entry],
    text: &str,
) -> Vec<Place> {
    let found = leak::scan(text, rules, &Known::default(), &[]);
    let mut places: Vec<Place> = found
        .into_iter()
        .filter_map(|leak| {
            let kind = match leak.kind {
                Kind::CreditCard => "card",
                Kind::Iban => "iban",
                Kind::Secret => "secret",
                _ => return None,
            };
            Some(Place { start: leak.at.start, end: leak.at.end, kind })
        })
        .collect();
    for exposure in directory.scan(text, account, own) {
        let (start, end) = (exposure.at.start, exposure.at.end);
        // Digits of a card are no telephone number.
        let inside = |place: &Place| place.start <= start && end <= place.end;
        let digits = matches!(exposure.kind, Foreign::Phone | Foreign::Invoice);
        if !(digits && places.iter().any(inside)) {
            places.push(Place { start, end, kind: exposure.kind.as_str() });
        }
    }
    places.sort_by_key(|place| (place.start, place.end));
    places
}

/// Runs the command.
pub fn run(out: Output, leaks: &Leaks) -> anyhow::Result<()> {
    if let Some(accounts) = leaks.bench {
        return measure::run(out, accounts, leaks.bench_drafts);
    }
    let (Some(directory), Some(drafts)) = (&leaks.directory, &leaks.drafts) else {
        bad_input!("--directory and --drafts are missing");
    };
    let accounts = read_directory(directory)?;
    let name = drafts.display().to_string();
    let source: Box<dyn Read> = if drafts.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(open(drafts)?)
    };
    let mut answers = BufWriter::new(io::stdout().lock());
    match answer(&accounts, &name, BufReader::new(source), &mut answers) {
        Err(err) if is_closed(&err) => Ok(()),
        done => done,
    }
}

/// Whether a reader that went away is all that is wrong.
fn is_closed(err: &anyhow::Error) -> bool {
    err.downcast_ref::<io::Error>().is_some_and(|err| err.kind() == io::ErrorKind::BrokenPipe)
        || err
            .downcast_ref::<serde_json::Error>()
            .is_some_and(|err| err.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
}

fn answer(
    accounts: &Accounts,
    name: &str,
    mut drafts: impl BufRead,
    answers: &mut impl Write,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = (&mut drafts).take(LONGEST + 1).read_until(b'\n', &mut line);
        if read.with_context(|| format!("`{name}` cannot be read"))? == 0 {
            break;
        }
        if line.len() as u64 > LONGEST {
            bad_input!("`{name}`, line {number}: longer than {} MB", LONGEST >> 20);
        }
        let Ok(text) = std::str::from_utf8(&line) else {
            bad_input!("`{name}`, line {number}: not UTF-8");
        };
        if text.trim().is_empty() {
            continue;
        }
        let draft: Draft = match serde_json::from_str(text) {
            Ok(draft) => draft,
            Err(err) => {
                bad_input!(
                    "`{name}`, line {number}: {err}; expected {{\"id\", \"account_id\", \"draft\"}}"
                )
            }
        };
        let leaks = accounts.scan(draft.account_id.as_deref(), &draft.text);
        let answer = Answer { id: draft.id, blocked: !leaks.is_empty(), leaks };
        serde_json::to_writer(&mut *answers, &answer)?;
        answers.write_all(b"\n")?;
    }
    answers.flush()?;
    Ok(())
}

fn read_directory(path: &Path) -> anyhow::Result<Accounts> {
    match serde_json::from_reader::<_, Vec<Account>>(BufReader::new(open(path)?)) {
        Ok(accounts) => Ok(Accounts::new(accounts.into_iter())),
        Err(err) => bad_input!(
            "`{}`: {err}; expected a list of {{\"id\", \"org\", \"contacts\", \"invoice\"}}",
            path.display()
        ),
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    match File::open(path) {
        Ok(file) => Ok(file),
        Err(err) => bad_input!("`{}` cannot be read: {err}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let text = r#"[
            {"id":"a1","org":"Own Qorp","contacts":[{"name":"Ann Lee","first":"Ann","last":"Lee","email":"ann@own.example","phone":"+49 30 1111222"}],"invoice":"INV-1001"},
            {"id":"a2","org":"Zendrix","contacts":[{"name":"Jane Okonkwo","first":"Jane","last":"Okonkwo","email":"jane@zendrix.example","phone":"+1 212 555 0142"}],"invoice":"INV-2002"},
            {"id":"a3","contacts":[{"name":"Solo Name"}]}
        ]"#;
        let accounts: Vec<Account> = serde_json::from_str(text).unwrap();
        Accounts::new(accounts.into_iter())
    }

    fn lines(drafts: &str) -> anyhow::Result<String> {
        let mut answers = Vec::new();
        answer(&accounts(), "drafts.jsonl", drafts.as_bytes(), &mut answers)?;
        Ok(String::from_utf8(answers)?)
    }

    #[test]
    fn a_line_of_answer_says_what_is_where_in_bytes() {
        let drafts = concat!(
            r#"{"id":"d1","account_id":"a1","draft":"Grüße, Jane Okonkwo, 4111 1111 1111 1111"}"#,
            "\n\n",
            r#"{"id":2,"account_id":"a1","draft":"Dear Ann Lee of Own Qorp, INV-1001"}"#,
            "\n",
            r#"{"id":"d3","account_id":"a2","draft":"DE89 3704 0044 0532 0130 00 for Ann Lee, INV-1001"}"#,
        );
        assert_eq!(
            lines(drafts).unwrap(),
            concat!(
                r#"{"id":"d1","blocked":true,"leaks":[{"start":9,"end":21,"kind":"other_name"},{"start":23,"end":42,"kind":"card"}]}"#,
                "\n",
                r#"{"id":2,"blocked":false,"leaks":[]}"#,
                "\n",
                r#"{"id":"d3","blocked":true,"leaks":[{"start":0,"end":27,"kind":"iban"},{"start":32,"end":39,"kind":"other_name"},{"start":41,"end":49,"kind":"other_invoice"}]}"#,
                "\n",
            )
        );
    }

    #[test]
    fn bad_lines_are_named_with_their_number() {
        let err =
            lines("{\"id\":1,\"account_id\":\"a1\",\"draft\":\"x\"}\n{\"id\":2}").unwrap_err();
        assert!(err.to_string().contains("`drafts.jsonl`, line 2: missing field `draft`"), "{err}");
        let mut answers = Vec::new();
        let err = answer(&accounts(), "d", &b"\xff\n"[..], &mut answers).unwrap_err();
        assert!(err.to_string().contains("line 1: not UTF-8"), "{err}");
    }
}
