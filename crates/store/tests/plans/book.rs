//! What was run under which name, and how the databases find the rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection,
    postgres::PgConnectOptions,
};

use crate::backend::Backend;

/// Statements as they are run, written out.
static RUN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Begins to note.
pub(crate) fn begin() {
    store::observe_statements(|statement| {
        if let Some(text) = statement.written_out() {
            RUN.lock().unwrap().push(text);
        }
    });
}

/// Tables that grow with use.
const GROWING: [&str; 25] = [
    "accounts",
    "approvals",
    "archived",
    "checkpoint_heads",
    "checkpoints",
    "churns",
    "contacts",
    "contents",
    "emails",
    "erasures",
    "events",
    "meetings",
    "messages",
    "pseudonyms",
    "runs",
    "secrets",
    "signals",
    "streams",
    "subject_keys",
    "subscriptions",
    "surveys",
    "tasks",
    "tickets",
    "usage_days",
    "versions",
];

/// Tables that do not.
const SMALL: [&str; 6] = ["blasts", "kills", "master_keys", "playbooks", "rates", "users"];

/// Calls whose rows come in the order of an index: nothing is sorted, however much there is.
const IN_ORDER: [&str; 9] = [
    "queue page, by risk",
    "queue page, by due time",
    "queue page, newest",
    "queue page of one person",
    "next wake",
    "stuck runs",
    "all runs",
    "queued messages",
    "open tasks",
];

/// Calls that look at so many rows at most, whichever they are.
const BOUNDED: [&str; 2] = ["counts", "all runs"];

/// Statements by the call that ran them.
#[derive(Default)]
pub(crate) struct Book(BTreeMap<&'static str, BTreeSet<String>>);

/// How a database goes about a call.
#[derive(Default)]
struct Way {
    indexes: BTreeSet<String>,
    /// Steps that walk what grows, or sort it.
    walks: Vec<String>,
    sorts: bool,
}

impl Book {
    /// Notes what a call runs.
    pub(crate) async fn note<T>(&mut self, name: &'static str, call: impl Future<Output = T>) -> T {
        RUN.lock().unwrap().clear();
        let answer = call.await;
        let run = std::mem::take(&mut *RUN.lock().unwrap());
        assert!(!run.is_empty(), "`{name}` runs nothing");
        self.0.entry(name).or_default().extend(run);
        answer
    }

    /// What is wrong: with the plans, or with the table in `crates/README.md`.
    pub(crate) async fn compare(&self, backend: &Backend) -> Vec<String> {
        let place = usize::from(backend.is_postgres());
        let engine = ["SQLite", "PostgreSQL"][place];
        let mut said = said();
        let (mut wrong, mut table) = (Vec::new(), Vec::new());
        for (name, statements) in &self.0 {
            let mut way = Way::default();
            for statement in statements {
                way.add(backend, statement).await;
            }
            if !BOUNDED.contains(name) {
                wrong.extend(way.walks.iter().map(|step| format!("{engine}, {name}: {step}")));
            }
            if way.sorts && IN_ORDER.contains(name) {
                wrong.push(format!("{engine}, {name}: it sorts"));
            }
            let theirs = said.remove(*name).map(|mut both| std::mem::take(&mut both[place]));
            // PostgreSQL has a choice where few rows are in question; SQLite goes by rules.
            let is_said = theirs.is_some_and(|theirs| {
                if place == 1 {
                    way.indexes.is_subset(&theirs) || theirs.contains("any")
                } else {
                    way.indexes == theirs
                }
            });
            if !is_said {
                let indexes: Vec<_> = way.indexes.into_iter().collect();
                table.push(format!("{name} | {}", indexes.join(", ")));
            }
        }
        wrong.extend(said.keys().map(|name| format!("nothing is called `{name}`")));
        if !table.is_empty() {
            wrong.push(format!("crates/README.md is to say for {engine}:\n{}", table.join("\n")));
        }
        wrong
    }
}

impl Way {
    async fn add(&mut self, backend: &Backend, statement: &str) {
        if backend.is_postgres() {
            for step in explained(&backend.url, statement).await {
                self.postgres(&step);
            }
        } else {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let mut connection = SqliteConnection::connect(&backend.url).await.unwrap();
            let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            for step in &steps {
                self.sqlite(step, &steps, statement);
            }
        }
    }

    fn sqlite(&mut self, step: &str, steps: &[String], statement: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let table = words.get(1).copied().unwrap_or_default();
        // Rows that would refer to a new one are looked for only while a reference is open, which
        // none ever is: the plan shows it, and it is not run.
        let of_references = GROWING.contains(&table) && !statement.contains(table);
        // What was found goes by the name of the table it was found in.
        let found = ["CO-ROUTINE", "MATERIALIZE"]
            .iter()
            .any(|made| steps.iter().any(|step| *step == format!("{made} {table}")));
        if of_references || step.contains("VIRTUAL TABLE") {
            return;
        }
        if step.contains("AUTOMATIC") {
            // An index made for the occasion, of what was found; of a table it is a walk.
            if !found {
                self.walks.push(step.to_owned());
            }
            return;
        }
        if let Some(at) = words.iter().position(|word| *word == "INDEX") {
            self.indexes.insert(named(words[at + 1]));
        } else if step.contains("USING INTEGER PRIMARY KEY") {
            if GROWING.contains(&table) {
                self.indexes.insert(format!("{table} (place)"));
            }
        } else if step.contains("USING PRIMARY KEY") {
            self.indexes.insert(format!("{table} (key)"));
        } else if words.first() == Some(&"SCAN")
            // Tables go by other names in many a statement.
            && table.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
            && !SMALL.contains(&table)
            && !found
        {
            self.walks.push(step.to_owned());
        }
        self.sorts |= step.contains("TEMP B-TREE FOR ORDER BY");
    }

    fn postgres(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        if let Some(at) = words.iter().position(|word| *word == "using") {
            self.indexes.insert(named(words[at + 1]));
        } else if let Some(at) = step.find("Bitmap Index Scan on ") {
            let rest = &step[at + "Bitmap Index Scan on ".len()..];
            self.indexes.insert(named(rest.split_whitespace().next().unwrap()));
        } else if let Some(at) = step.find("Seq Scan on ") {
            let rest = &step[at + "Seq Scan on ".len()..];
            if rest.split_whitespace().next().is_some_and(|table| GROWING.contains(&table)) {
                self.walks.push(step.to_owned());
            }
        }
        self.sorts |= step.trim_start_matches([' ', '-', '>']).starts_with("Sort ");
    }
}

async fn explained(url: &str, statement: &str) -> Vec<String> {
    let options = url.parse::<PgConnectOptions>().unwrap().options(store::PLANNER);
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN {statement}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await;
    let rows = rows.unwrap_or_else(|error| panic!("{error}: {statement}"));
    rows.iter().map(|row| row.get("QUERY PLAN")).collect()
}

/// An index by its name; those that come with a key by their table.
fn named(index: &str) -> String {
    if let Some(table) = index.strip_suffix("_pkey") {
        return format!("{table} (key)");
    }
    match index.strip_prefix("sqlite_autoindex_").and_then(|rest| rest.rsplit_once('_')) {
        Some((table, "1")) => format!("{table} (key)"),
        Some((table, _)) => format!("{table} (unique)"),
        None if index.ends_with("_key") => {
            let table = GROWING.iter().find(|table| index.starts_with(&format!("{table}_")));
            format!("{} (unique)", table.copied().unwrap_or(index))
        }
        None => index.to_owned(),
    }
}

/// What the table in `crates/README.md` says: by call, on SQLite and on PostgreSQL.
fn said() -> BTreeMap<String, [BTreeSet<String>; 2]> {
    let text = include_str!("../../../README.md");
    let table = text.split("## Which index serves what").nth(1).unwrap_or_default();
    let table = table.split("\n## ").next().unwrap_or_default();
    let mut said = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [name, sqlite, postgres] = cells[..] {
            let indexes = |cell: &str| {
                let names = cell.split(", ").filter(|name| *name != "–");
                names.map(|name| name.replace('`', "")).collect()
            };
            said.insert(name.to_owned(), [indexes(sqlite), indexes(postgres)]);
        }
    }
    said
}
