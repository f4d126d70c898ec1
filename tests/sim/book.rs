//! What really happened, kept apart from the product, and an eye on its database file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use domain::{
    approval::{Approval, ApprovalState},
    contact::Consent,
    draft::{Binding, Letter},
    id::{ApprovalId, MessageId, UserId},
    intent::Channel,
    limit::Limits,
    message::Message,
    port::Reviewed,
    run::{Claimed, Lease},
    turn::Committed,
    user::Actor,
};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::{due::Rows, post::Post, stage::Stage, time::Time, watch::Watch};

/// Who holds a run, and everything else its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    token: i64,
    until: Option<i64>,
    rest: String,
}

/// Which attempt holds a message.
#[derive(Clone, Debug)]
pub struct Attempt {
    status: String,
    token: i64,
    until: Option<i64>,
}

/// Leases of all runs that are not over, by run.
pub type Leases = BTreeMap<String, Held>;

/// What really happened, and what is wrong with what the product made of it.
pub struct Book {
    /// The time there is.
    pub time: Arc<Time>,
    /// Looks at the database, and never writes.
    pub eye: Connection,
    /// The other side.
    pub post: Post,
    /// What was seen from step to step.
    pub watch: Watch,
    /// What of the promises was broken.
    pub violations: Vec<String>,
    /// Every text that was shown to a person, by its fingerprint.
    shown: BTreeMap<String, Letter>,
    /// Who asked to let what go.
    asked: BTreeSet<(ApprovalId, String, UserId)>,
    /// What the product said it had accepted.
    pub accepted: BTreeMap<ApprovalId, (UserId, String)>,
    /// Signals that were taken, by source and event.
    pub signals: BTreeSet<String>,
    /// Tasks that were finished.
    pub finished: BTreeSet<String>,
    /// How often a person had a message sent again.
    resent: BTreeMap<MessageId, usize>,
    /// Messages of which a person said that they arrived.
    pub vouched: BTreeSet<MessageId>,
    /// What is due in which state of the database.
    pub due: Option<(i64, Arc<Rows>)>,
    /// What befell the product, and how often.
    pub befell: BTreeMap<&'static str, u64>,
    /// When the latest signal happened that was handed in.
    latest: i64,
}

impl Book {
    /// An empty book beside this database.
    pub fn open(file: &Path, time: Arc<Time>, stage: Arc<Stage>) -> rusqlite::Result<Self> {
        let eye = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        eye.set_prepared_statement_cache_capacity(64);
        Ok(Self {
            time,
            eye,
            post: Post::default(),
            watch: Watch::new(stage),
            violations: Vec::new(),
            shown: BTreeMap::new(),
            asked: BTreeSet::new(),
            accepted: BTreeMap::new(),
            signals: BTreeSet::new(),
            finished: BTreeSet::new(),
            resent: BTreeMap::new(),
            vouched: BTreeSet::new(),
            due: None,
            befell: BTreeMap::new(),
            latest: i64::MIN,
        })
    }

    /// Notes a broken promise.
    pub fn broken(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// Notes it if the database cannot even be looked at.
    pub fn looked<T: Default>(&mut self, found: rusqlite::Result<T>) -> T {
        found.unwrap_or_else(|error| {
            self.broken(format!("the database cannot be looked at: {error}"));
            T::default()
        })
    }

    /// Notes something that befell the product.
    pub fn befalls(&mut self, what: &'static str) {
        *self.befell.entry(what).or_default() += 1;
    }

    /// Signals were taken.
    pub fn heard(&mut self, signals: impl IntoIterator<Item = (String, i64)>) {
        for (signal, at) in signals {
            if at < self.latest {
                self.befalls("signals out of order");
            }
            self.latest = self.latest.max(at);
            if !self.signals.insert(signal) {
                self.befalls("signals repeated");
            }
        }
    }

    /// Who holds what of what is not over.
    pub fn leases(&mut self) -> Leases {
        let found = read_leases(&self.eye);
        self.looked(found)
    }

    /// Which attempts hold which messages.
    pub fn attempts(&mut self) -> BTreeMap<String, Attempt> {
        let found = read_attempts(&self.eye);
        self.looked(found)
    }

    /// Runs were claimed: by nobody else's leave, and no more than the bound.
    pub fn claimed(&mut self, before: &Leases, claimed: &[Claimed], limits: &Limits) {
        let now = self.time.micros();
        for Claimed { run, lease } in claimed {
            let Some(held) = before.get(&lease.run.to_string()) else {
                self.broken(format!("{} was claimed though it is over", run.id));
                continue;
            };
            if held.until.is_some_and(|until| until >= now) {
                self.broken(format!("{} was claimed while somebody held it", run.id));
            }
            if held.until.is_some() {
                self.befalls("leases that ended in somebody's hands");
            }
            if lease.token <= held.token {
                self.broken(format!("{}: its fencing token did not grow", run.id));
            }
            if let Some(most) = limits.runs_per_account {
                let in_hand = self.eye.prepare_cached(
                    "SELECT COUNT(*) FROM runs WHERE account = ?1 AND lease_until >= ?2",
                );
                let in_hand = in_hand.and_then(|mut statement| {
                    statement.query_row(params![run.account.to_string(), now], |row| row.get(0))
                });
                let in_hand: u32 = self.looked(in_hand);
                if in_hand > most {
                    self.broken(format!("{in_hand} runs of {} are in hand at once", run.account));
                }
            }
        }
    }

    /// Leases were prolonged, or not.
    pub fn renewed(&mut self, before: &Leases, leases: &[Lease], held: &[bool]) {
        for (lease, said) in leases.iter().zip(held) {
            if !said {
                self.befalls("leases lost");
            }
            let is = before.get(&lease.run.to_string()).is_some_and(|held| holds(held, lease));
            if is != *said {
                self.broken(format!("{}: renewing said {said}, and held was {is}", lease.run));
            }
        }
    }

    /// Turns were committed, or lost.
    pub fn committed(&mut self, before: &Leases, leases: &[Lease], answers: &[Committed]) {
        let after = self.leases();
        for (lease, answer) in leases.iter().zip(answers) {
            let id = lease.run.to_string();
            let held = before.get(&id);
            let had_it = held.is_some_and(|held| holds(held, lease));
            if matches!(answer, Committed::LostLease) {
                self.befalls("leases lost");
            }
            match answer {
                Committed::Applied if !had_it => {
                    self.broken(format!("{id}: a turn was committed under a lost lease"));
                }
                // Whoever lost it to a decision lets it go, and changes nothing else.
                Committed::LostLease if had_it => {
                    let rest = |of: Option<&Held>| of.map(|held| held.rest.clone());
                    if rest(held) != rest(after.get(&id)) {
                        self.broken(format!("{id}: an overtaken turn changed it"));
                    }
                }
                Committed::LostLease if held != after.get(&id) => {
                    self.broken(format!("{id}: a lost lease changed it"));
                }
                _ => {}
            }
        }
    }

    /// Messages were claimed.
    pub fn taken(&mut self, before: &BTreeMap<String, Attempt>, claimed: &[Message]) {
        let now = self.time.micros();
        for message in claimed {
            let Some(attempt) = before.get(&message.id.to_string()) else {
                self.broken(format!("{} was claimed though it is settled", message.id));
                continue;
            };
            if attempt.status != "queued" && attempt.until.is_some_and(|until| until >= now) {
                self.broken(format!("{} was claimed while an attempt held it", message.id));
            }
            if attempt.status != "queued" {
                self.befalls("deliveries that somebody else took over");
            }
            if message.token <= attempt.token {
                self.broken(format!("{}: its fencing token did not grow", message.id));
            }
        }
    }

    /// A letter may be handed over from here on, says the product.
    pub fn begun(&mut self, message: &Message, letter: &Letter) {
        let id = message.id;
        let found = read_hindrance(&self.eye, message);
        let (run, stops, consent) = self.looked(found.map(Some)).unwrap_or_default();
        if run != "active" && run != "stuck" && run != "completed" {
            self.broken(format!("{id} is handed over, and its run is {run}"));
        }
        if stops > 0 {
            self.broken(format!("{id} is handed over, and sending is stopped"));
        }
        let consent = consent.parse().unwrap_or(Consent::OptedOut);
        if !consent.permits(letter.class) {
            self.broken(format!("{id} is handed over, and the contact's consent is {consent}"));
        }
    }

    /// A letter arrived.
    pub fn arrived(&mut self, message: &Message, letter: &Letter) {
        let id = message.id;
        self.post.take(id, letter);
        let came = self.post.of(id).to_vec();
        let allowed = 1 + self.resent.get(&id).copied().unwrap_or(0);
        if letter.channel == Channel::Email && came.len() > allowed {
            self.broken(format!("{id} arrived {} times", came.len()));
        }
        if came.iter().any(|other| other != letter) {
            self.broken(format!("{id} arrived with two texts"));
        }
        let found = read_approval(&self.eye, message.approval);
        let Some(approval) = self.looked(found) else {
            self.broken(format!("{id} arrived, and there is no approval"));
            return;
        };
        let ApprovalState::Approved { by, binding, .. } = &approval.state else {
            self.broken(format!("{id} arrived, and its approval is {}", approval.state.status()));
            return;
        };
        if Binding::of(message.content, letter, &approval.version.judgement.policy) != *binding {
            self.broken(format!("{id} arrived, and what was approved is another text"));
        }
        if let Actor::User { id: user } = by {
            let asked = (approval.id, binding.to_string(), *user);
            if !self.asked.contains(&asked) {
                self.broken(format!("{id} arrived, and nobody asked for it"));
            }
            if self.shown.get(binding.as_str()) != Some(letter) {
                self.broken(format!("{id} arrived, and it is not what {user} saw"));
            }
        }
    }

    /// A person said what became of a message.
    pub fn resolved(&mut self, id: MessageId, arrived: bool) {
        if arrived {
            self.vouched.insert(id);
        } else {
            *self.resent.entry(id).or_default() += 1;
        }
    }

    /// A person was shown an approval with its texts.
    pub fn shows(&mut self, reviewed: &Reviewed) {
        for opened in &reviewed.versions {
            if let Some(manuscript) = &opened.manuscript {
                let binding = opened.version.binding.to_string();
                self.shown.insert(binding, manuscript.letter.clone());
            }
        }
    }

    /// A person is about to let a text go.
    pub fn asks(&mut self, id: ApprovalId, seen: &Binding, by: UserId) {
        self.asked.insert((id, seen.to_string(), by));
    }

    /// The product said that it took a person's word to let a text go.
    pub fn accepts(&mut self, id: ApprovalId, seen: &Binding, by: UserId) {
        let found = read_approval(&self.eye, id);
        let stands = self.looked(found).is_some_and(|approval| {
            matches!(&approval.state, ApprovalState::Approved { by: Actor::User { id }, binding, .. }
                if *id == by && binding == seen)
        });
        if !stands {
            self.broken(format!("{id}: what {by} decided was accepted, and does not stand"));
        }
        self.accepted.insert(id, (by, seen.to_string()));
    }
}

fn holds(held: &Held, lease: &Lease) -> bool {
    held.token == lease.token && held.until.is_some()
}

fn read_leases(eye: &Connection) -> rusqlite::Result<Leases> {
    let mut statement = eye.prepare_cached(
        "SELECT id, lease_token, lease_until, status || ' ' || step || ' ' || wakes || ' ' || \
         COALESCE(wake_at, '') || ' ' || changed_at || progress FROM runs \
         WHERE status IN ('active', 'paused', 'stuck')",
    )?;
    let rows = statement.query_map([], |row| {
        let held = Held { token: row.get(1)?, until: row.get(2)?, rest: row.get(3)? };
        Ok((row.get(0)?, held))
    })?;
    rows.collect()
}

fn read_attempts(eye: &Connection) -> rusqlite::Result<BTreeMap<String, Attempt>> {
    let mut statement = eye.prepare_cached(
        "SELECT id, status, token, lease_until FROM messages WHERE settled_at IS NULL",
    )?;
    let rows = statement.query_map([], |row| {
        let attempt = Attempt { status: row.get(1)?, token: row.get(2)?, until: row.get(3)? };
        Ok((row.get(0)?, attempt))
    })?;
    rows.collect()
}

/// The status of a message's run, how many stops cover it, and what its contact agreed to.
fn read_hindrance(eye: &Connection, message: &Message) -> rusqlite::Result<(String, i64, String)> {
    let mut statement = eye.prepare_cached(
        "SELECT runs.status, (SELECT COUNT(*) FROM kills WHERE kills.scope IN ('all', \
         'playbook:' || approvals.playbook, 'action:' || approvals.action, \
         'account:' || approvals.account)), \
         CASE WHEN contacts.opted_out_at IS NULL THEN contacts.consent ELSE 'opted_out' END \
         FROM messages JOIN runs ON runs.id = messages.run \
         JOIN approvals ON approvals.id = messages.approval \
         JOIN contacts ON contacts.id = messages.contact WHERE messages.id = ?1",
    )?;
    statement.query_row(params![message.id.to_string()], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
}

/// An approval as stored.
pub fn read_approval(eye: &Connection, id: ApprovalId) -> rusqlite::Result<Option<Approval>> {
    let mut statement = eye.prepare_cached("SELECT data FROM approvals WHERE id = ?1")?;
    let data: Option<String> =
        statement.query_row(params![id.to_string()], |row| row.get(0)).optional()?;
    Ok(data.and_then(|data| serde_json::from_str(&data).ok()))
}
