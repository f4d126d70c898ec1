//! What happens outside, by chance: signals, customers, and what people turn to next.

use domain::{
    account::Lifecycle,
    action::ActionName,
    contact::Consent,
    id::{AccountId, RunId},
    killswitch::Scope,
    record::Row,
    run::Intervention,
    signal::NewSignal,
};
use rusqlite::params;

use super::{
    book::Book,
    office::{Act, Decision},
    stage::{self, ACCOUNTS, PLAYBOOKS, REPLY, STARTS, Stage},
    time::{DAY, HOUR, moment},
};
use crate::chaos::chance::Chance;

/// The world around the product, as far as it remembers anything.
#[derive(Default)]
pub struct Outside {
    accounts: Vec<AccountId>,
    /// Signals that were handed in, to be handed in again.
    signals: Vec<NewSignal>,
    /// Playbooks and policy: whether the second version is in force.
    second: (bool, bool),
    count: u64,
    /// How many days pass at most until something happens again.
    days: i64,
}

const DECISIONS: [(Decision, u64); 8] = [
    (Decision::Approve, 50),
    (Decision::ApproveFirst, 6),
    (Decision::EditAndApprove, 10),
    (Decision::Edit, 4),
    (Decision::Reject, 8),
    (Decision::Redraft, 10),
    (Decision::Snooze, 6),
    (Decision::Reassign, 6),
];

/// What people and sources do, and how often.
const DEEDS: [(Deed, u64); 20] = [
    (Deed::Decide, 300),
    (Deed::DecideAtOnce, 30),
    (Deed::Finish, 100),
    (Deed::Resolve, 40),
    (Deed::Signal, 70),
    (Deed::Repeat, 40),
    (Deed::Many, 16),
    (Deed::Reply, 60),
    (Deed::Consent, 30),
    (Deed::Ticket, 20),
    (Deed::Account, 20),
    (Deed::Stop, 16),
    (Deed::Restart, 60),
    (Deed::Steer, 40),
    (Deed::SteerAll, 8),
    (Deed::RetryFrom, 10),
    (Deed::Load, 8),
    (Deed::Activate, 8),
    (Deed::Start, 10),
    (Deed::Erase, 2),
];

#[derive(Clone, Copy, Debug)]
enum Deed {
    Decide,
    DecideAtOnce,
    Finish,
    Resolve,
    Signal,
    Repeat,
    Many,
    Reply,
    Consent,
    Ticket,
    Account,
    Stop,
    Restart,
    Steer,
    SteerAll,
    RetryFrom,
    Load,
    Activate,
    Start,
    Erase,
}

/// One of these, by its weight.
fn weigh<T: Copy>(of: &[(T, u64)], chance: &mut Chance) -> Option<T> {
    let mut left = chance.below(of.iter().map(|(_, weight)| weight).sum());
    for (one, weight) in of {
        if left < *weight {
            return Some(*one);
        }
        left -= weight;
    }
    None
}

impl Outside {
    /// A world that is busy or not, by seed.
    pub fn new(chance: &mut Chance) -> Self {
        let days = [90, 240, 330, 400];
        let days = chance.pick(&days).copied().unwrap_or(240);
        Self { days, ..Self::default() }
    }

    /// How long until something happens again, in microseconds: seldom long where something
    /// `waits` for a person.
    pub fn pause(&self, chance: &mut Chance, waits: bool) -> i64 {
        let most = match chance.below(10) {
            0 | 1 => 6 * HOUR,
            2..=7 if waits => 3 * DAY,
            _ => self.days * DAY,
        };
        super::weather::whole(chance.below(most.unsigned_abs()))
    }

    /// What happens next; several things happen at once.
    #[expect(clippy::too_many_lines, reason = "a table of what may happen, one entry a few lines")]
    pub fn next(&mut self, chance: &mut Chance, book: &mut Book, stage: &Stage) -> Vec<Act> {
        if self.accounts.is_empty() {
            self.accounts = words(book, "SELECT id FROM accounts ORDER BY source_id");
        }
        let Some(deed) = weigh(&DEEDS, chance) else { return Vec::new() };
        let user = *chance.pick(&stage.people).unwrap_or(&stage.people[0]);
        let now = book.time.micros();
        match deed {
            Deed::Decide => Self::decide(chance, book, stage, 1),
            Deed::DecideAtOnce => Self::decide(chance, book, stage, 2),
            Deed::Finish => {
                let open = words(book, "SELECT id FROM tasks WHERE status = 'open' ORDER BY id");
                chance.pick(&open).map(|task| Act::Finish(*task, user)).into_iter().collect()
            }
            Deed::Resolve => resolve(book, chance, user).into_iter().collect(),
            Deed::Signal => {
                let kind = chance.pick(&STARTS).copied().unwrap_or(REPLY);
                self.signal(chance, kind, now)
                    .map(|one| Act::Signal(vec![one]))
                    .into_iter()
                    .collect()
            }
            Deed::Reply => self
                .signal(chance, REPLY, now)
                .map(|one| Act::Signal(vec![one]))
                .into_iter()
                .collect(),
            Deed::Repeat => {
                let again = chance.pick(&self.signals).cloned();
                again.map(|one| Act::Signal(vec![one])).into_iter().collect()
            }
            Deed::Many => vec![self.many(chance, now)],
            Deed::Consent => {
                let (number, who) = (chance.below(ACCOUNTS), chance.below(3));
                let consent = match chance.below(5) {
                    0 | 1 => Consent::OptedOut,
                    2 => Consent::Unknown,
                    _ => Consent::Granted,
                };
                let row = Row::Contact(stage::contact(number, who, consent));
                vec![Act::Import(vec![stage::record(&stage::contact_id(number, who), &row)])]
            }
            Deed::Ticket => {
                let number = chance.below(ACCOUNTS);
                let closed = chance.percent(50).then(|| moment(now));
                let row = Row::Ticket(stage::ticket(number, moment(now - HOUR), closed));
                vec![Act::Import(vec![stage::record(&format!("T-{number}"), &row)])]
            }
            Deed::Account => {
                let number = chance.below(ACCOUNTS);
                let mut row = stage::account(number);
                row.lifecycle = Some(match chance.below(3) {
                    0 => Lifecycle::Onboarding,
                    1 => Lifecycle::Adoption,
                    _ => Lifecycle::Growth,
                });
                row.health = Some(f64::from(u32::try_from(chance.below(100)).unwrap_or(50)));
                let days = super::weather::whole(chance.below(300));
                let renewal = moment(now + DAY * days).to_zoned(jiff::tz::TimeZone::UTC);
                row.renewal_date = Some(renewal.date());
                vec![Act::Import(vec![stage::record(
                    &stage::account_id(number),
                    &Row::Account(row),
                )])]
            }
            Deed::Stop => self.scope(chance).map(|of| Act::Stop(of, user)).into_iter().collect(),
            Deed::Restart => restart(book, user, chance),
            Deed::Steer => {
                let runs: Vec<RunId> = words(book, &live("id"));
                let what = match chance.below(6) {
                    0 => Intervention::Pause,
                    1 | 2 => Intervention::Resume,
                    3 => Intervention::Cancel { reason: "no longer".to_owned() },
                    _ => Intervention::Retry,
                };
                chance.pick(&runs).map(|run| Act::Steer(*run, what, user)).into_iter().collect()
            }
            Deed::SteerAll => {
                let playbook = chance.pick(&PLAYBOOKS).copied().unwrap_or_default().to_owned();
                let what =
                    if chance.percent(30) { Intervention::Pause } else { Intervention::Resume };
                vec![Act::SteerAll(playbook, what, user)]
            }
            Deed::RetryFrom => {
                let runs: Vec<RunId> = words(book, &live("id"));
                let steps = ["assess", "note", "owner", "sum_up", "letter", "notice", "ask"];
                let step = chance.pick(&steps).copied().unwrap_or_default().to_owned();
                chance.pick(&runs).map(|run| Act::RetryFrom(*run, step, user)).into_iter().collect()
            }
            Deed::Load => {
                self.second.0 = !self.second.0;
                let load = Act::Load(stage.playbooks(self.second.0).to_vec(), user);
                let (from, to) = if self.second.0 { ("rest", "pause") } else { ("pause", "rest") };
                let names = vec![(from.to_owned(), to.to_owned())];
                let migrate = Act::Migrate(PLAYBOOKS[0].to_owned(), names, user);
                vec![load, migrate]
            }
            Deed::Activate => {
                self.second.1 = !self.second.1;
                vec![Act::Activate(Box::new(stage.policy(self.second.1).clone()), user)]
            }
            Deed::Start => {
                let playbook = chance.pick(&PLAYBOOKS).copied().unwrap_or_default().to_owned();
                let account = chance.pick(&self.accounts).copied();
                account.map(|account| Act::Start(playbook, account, user)).into_iter().collect()
            }
            Deed::Erase => {
                let contacts = words(book, "SELECT id FROM contacts ORDER BY source_id");
                chance.pick(&contacts).map(|contact| Act::Erase(*contact)).into_iter().collect()
            }
        }
    }

    fn decide(chance: &mut Chance, book: &mut Book, stage: &Stage, times: u64) -> Vec<Act> {
        let waiting =
            words(book, "SELECT id FROM approvals WHERE status = 'waiting' ORDER BY queued_at, id");
        let Some(approval) = chance.pick(&waiting).copied() else { return Vec::new() };
        (0..times)
            .filter_map(|_| {
                let user = *chance.pick(&stage.people)?;
                Some(Act::Decide(approval, user, weigh(&DECISIONS, chance)?))
            })
            .collect()
    }

    fn signal(&mut self, chance: &mut Chance, kind: &str, now: i64) -> Option<NewSignal> {
        self.count += 1;
        // Some are late: they happened a while ago.
        let late =
            if chance.percent(30) { super::weather::whole(chance.below(3)) * DAY } else { 0 };
        let signal = NewSignal {
            source: "product".to_owned(),
            event_id: format!("e-{}", self.count),
            kind: kind.to_owned(),
            account: *chance.pick(&self.accounts)?,
            at: moment(now - late),
            data: serde_json::json!({ "band": "red", "number": self.count }),
            run: None,
        };
        self.signals.push(signal.clone());
        Some(signal)
    }

    /// Several signals in one go, out of order, with repeats among them.
    fn many(&mut self, chance: &mut Chance, now: i64) -> Act {
        let mut many = Vec::new();
        for _ in 0..=chance.below(3) {
            let kind = [STARTS[0], STARTS[1], REPLY];
            let kind = chance.pick(&kind).copied().unwrap_or(REPLY);
            many.extend(self.signal(chance, kind, now));
        }
        many.extend(chance.pick(&self.signals).cloned());
        many.extend(chance.pick(&many.clone()).cloned());
        chance.shuffle(&mut many);
        Act::Signal(many)
    }

    fn scope(&self, chance: &mut Chance) -> Option<Scope> {
        Some(match chance.below(4) {
            0 => Scope::All,
            1 => Scope::Playbook((*chance.pick(&PLAYBOOKS)?).to_owned()),
            2 => Scope::Action(ActionName::SendEmail),
            _ => Scope::Account(*chance.pick(&self.accounts)?),
        })
    }
}

/// Whether anything waits for a person.
pub fn is_waiting(book: &mut Book) -> bool {
    let found = book.eye.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM approvals WHERE status = 'waiting') \
         OR EXISTS (SELECT 1 FROM tasks WHERE status = 'open') \
         OR EXISTS (SELECT 1 FROM messages WHERE status IN ('uncertain', 'failed')) \
         OR EXISTS (SELECT 1 FROM runs WHERE status IN ('paused', 'stuck'))",
    );
    let found = found.and_then(|mut statement| statement.query_row([], |row| row.get(0)));
    book.looked(found)
}

/// A selection of runs that are not over.
fn live(what: &str) -> String {
    format!("SELECT {what} FROM runs WHERE status IN ('active', 'paused', 'stuck') ORDER BY id")
}

/// A person looks up what became of a message nobody is certain of, or that failed, and says so.
pub fn resolve(book: &mut Book, chance: &mut Chance, user: domain::id::UserId) -> Option<Act> {
    // What failed for a run that was cancelled needs nobody any more.
    let open = words(
        book,
        "SELECT messages.id FROM messages JOIN runs ON runs.id = messages.run \
         WHERE messages.status = 'uncertain' \
         OR (messages.status = 'failed' AND runs.status <> 'cancelled') ORDER BY messages.id",
    );
    let message = *chance.pick(&open)?;
    Some(Act::Resolve(message, !book.post.of(message).is_empty(), user))
}

/// A person restarts something that is stopped.
pub fn restart(book: &mut Book, user: domain::id::UserId, chance: &mut Chance) -> Vec<Act> {
    let stopped: Vec<Scope> = words(book, "SELECT scope FROM kills ORDER BY scope");
    chance.pick(&stopped).map(|scope| Act::Restart(scope.clone(), user)).into_iter().collect()
}

/// The first column of what a query finds.
pub fn words<T: std::str::FromStr>(book: &mut Book, sql: &str) -> Vec<T> {
    let found = book.eye.prepare_cached(sql).and_then(|mut statement| {
        let rows = statement.query_map(params![], |row| row.get::<_, String>(0))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    });
    book.looked(found).iter().filter_map(|word| word.parse().ok()).collect()
}
