//! Parks many runs at the gate through the store's ports: each is a copy of one that the engine
//! parked itself, with ids, names, seals and fingerprints of its own.

use std::collections::HashMap;

use anyhow::Context as _;
use domain::{
    approval::Approval,
    clock::Clock,
    content::Sealed,
    draft::{Binding, Manuscript},
    event::{Event, NewEvent, StoredEvent},
    id::{AccountId, ApprovalId, ContactId, ContentId, RunId, SignalId, TaskId},
    page::PageRequest,
    port::{
        Customers as _, Desk as _, Inbox as _, Journal as _, Ledger as _, QueueFilter, RunFilter,
        TaskFilter,
    },
    run::{Cause, NewRun, Priority, Progress, Run, RunStatus, Started},
    signal::NewSignal,
    task::Task,
    turn::{Committed, Effect, Turn},
    user::Actor,
};
use indicatif::ProgressBar;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    app::App,
    bench::{gate, site},
};

/// Runs started, claimed and parked in one go.
const BATCH: usize = 500;
/// Long enough for a batch on any machine.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// Somebody runs can be about.
#[derive(Clone, Debug)]
struct Person {
    account: AccountId,
    company: String,
    contact: ContactId,
    address: String,
}

/// One run at the gate, and what is needed to make more like it.
pub struct Mold {
    run: Run,
    /// Everything that happened after its start.
    events: Vec<(Actor, String)>,
    progress: String,
    person: Person,
    task: Option<Task>,
    draft: Option<Draft>,
}

/// A draft in the queue.
struct Draft {
    approval: Approval,
    manuscript: String,
    sealed: Sealed,
}

impl Mold {
    /// Has the engine park one run, in this process, and looks at it.
    pub async fn take(app: &App) -> anyhow::Result<Self> {
        let now = app.clock.now();
        let name = site::account(0);
        let account = app.store.find_account(&name).await?.pop().context("no account was made")?;
        let signal = NewSignal {
            source: "bench".to_owned(),
            event_id: "mold".to_owned(),
            kind: gate::SIGNAL.to_owned(),
            account: account.id,
            at: now,
            data: serde_json::json!({}),
            run: None,
        };
        app.store.signal(vec![signal], now).await?;
        app.worker().settle_runs().await;
        let one = PageRequest { cursor: None, limit: 1 };
        let filter =
            RunFilter { playbook: Some(gate::PLAYBOOK.to_owned()), ..RunFilter::default() };
        let run = app.store.runs(&filter, &one).await?.items.pop().context("no run was started")?;
        anyhow::ensure!(
            run.status == RunStatus::Active && run.progress.step == gate::STEP,
            "the first run does not stand at its gate but is {} at `{}`",
            run.status,
            run.progress.step
        );
        let stored = app.store.events(&run.id.to_string(), 0, 1000).await?;
        let events = stored
            .into_iter()
            .filter(|event| !started(event))
            .map(|event| Ok((serde_json::from_str(&event.actor)?, event.data)))
            .collect::<Result<_, serde_json::Error>>()?;
        let tasks = TaskFilter { run: Some(run.id), ..TaskFilter::default() };
        let task = app.store.tasks(&tasks, &one).await?.items.pop();
        let waiting = QueueFilter { account: Some(run.account), ..QueueFilter::waiting(now) };
        let item = app.store.approvals(&waiting, &one).await?.items.pop();
        let draft = match item {
            None => None,
            Some(item) => Some(Draft::of(app, item.approval).await?),
        };
        let person = people(app, &[run.account]).await?.pop().context("the account is gone")?;
        let progress = serde_json::to_string(&run.progress)?;
        Ok(Self { run, events, progress, person, task, draft })
    }

    /// Parks runs until there are `count`, this one included, spread over all accounts. Drafts of
    /// the first `readable` can be opened; the seals of the others are copies that cannot.
    pub async fn cast(
        &self,
        app: &App,
        count: u64,
        readable: u64,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let people = everybody(app).await?;
        let by_account: HashMap<AccountId, &Person> =
            people.iter().map(|person| (person.account, person)).collect();
        let mut made = 1;
        let mut turn = 0;
        while made < count {
            let size = usize::try_from(count - made)?.min(BATCH);
            let now = app.clock.now();
            let new: Vec<NewRun> = (0..size)
                .map(|place| {
                    let person = &people[(turn + place) % people.len()];
                    self.new_run(&*app.clock, person.account, now)
                })
                .collect();
            turn += size;
            let answers = app.store.start(new, now).await?;
            anyhow::ensure!(
                answers.iter().all(|answer| matches!(answer, Started::New(_))),
                "some runs were not started"
            );
            let mut left = size;
            while left > 0 {
                let limit = u32::try_from(left)?;
                let claimed = app.store.claim(app.clock.now(), limit, LEASE).await?;
                anyhow::ensure!(!claimed.is_empty(), "runs that were started are not due");
                left -= claimed.len();
                let mut turns = Vec::with_capacity(claimed.len());
                for one in &claimed {
                    let person = by_account.get(&one.run.account).context("an account is gone")?;
                    let seal = made < readable;
                    turns.push(self.turn(app, one, person, seal).await?);
                    made += 1;
                }
                let answers = app.store.commit(turns).await?;
                anyhow::ensure!(
                    answers.iter().all(|answer| *answer == Committed::Applied),
                    "some runs could not be parked"
                );
            }
            bar.set_position(made);
        }
        Ok(())
    }

    fn new_run(&self, clock: &dyn Clock, account: AccountId, now: Timestamp) -> NewRun {
        let id = RunId::new(clock);
        NewRun {
            id,
            playbook: self.run.playbook.clone(),
            version: self.run.version.clone(),
            account,
            cause: Cause { signal: SignalId::new(clock), at: now, ..self.run.cause.clone() },
            priority: Priority::Normal,
            progress: Progress::start("one"),
            once_since: None,
            key: format!("{}:{id}", self.run.playbook),
        }
    }

    /// The turn that parks a run.
    async fn turn(
        &self,
        app: &App,
        claimed: &domain::run::Claimed,
        person: &Person,
        seal: bool,
    ) -> anyhow::Result<Turn> {
        let clock = &*app.clock;
        let now = clock.now();
        let run = claimed.run.id;
        let mut names = vec![
            (self.run.id.to_string(), run.to_string()),
            (self.person.account.to_string(), person.account.to_string()),
            (self.person.contact.to_string(), person.contact.to_string()),
            (self.person.company.clone(), person.company.clone()),
            (self.person.address.clone(), person.address.clone()),
        ];
        let mut effects = Vec::new();
        let (mut approvals, mut contents) = (Vec::new(), Vec::new());
        let mut wake_at = None;
        if let Some(task) = &self.task {
            let id = TaskId::new(clock);
            names.push((task.id.to_string(), id.to_string()));
            let due = task.due_at.duration_since(task.created_at);
            let mut task: Task = renamed(task, &names)?;
            task.created_at = now;
            task.due_at = now.checked_add(due)?;
            effects.push(Effect::Task(task));
        }
        if let Some(draft) = &self.draft {
            let (approval, sealed) = draft.copy(app, &mut names, now, seal).await?;
            wake_at = Some(approval.due_at);
            approvals.push(approval);
            contents.push(sealed);
        }
        let events = self
            .events
            .iter()
            .map(|(actor, text)| {
                let event: Event = serde_json::from_str(&replaced(text, &names))?;
                Ok(NewEvent::of_run(run, now, actor.clone(), event))
            })
            .collect::<Result<_, serde_json::Error>>()?;
        Ok(Turn {
            lease: claimed.lease,
            progress: serde_json::from_str(&replaced(&self.progress, &names))?,
            status: RunStatus::Active,
            wake_at,
            keep: false,
            events,
            effects,
            approvals,
            contents,
            outbox: Vec::new(),
            pseudonyms: None,
        })
    }
}

impl Draft {
    async fn of(app: &App, approval: Approval) -> anyhow::Result<Self> {
        let reviewed = app.desk.show(approval.id).await?;
        let manuscript = reviewed
            .current()
            .and_then(|opened| opened.manuscript.as_ref())
            .context("the draft cannot be opened")?;
        let manuscript = serde_json::to_string(manuscript)?;
        let sealed = app
            .store
            .content(approval.version.content)
            .await?
            .context("the draft's content is gone")?;
        Ok(Self { approval, manuscript, sealed })
    }

    /// A draft like it for somebody else. `names` says who, and learns the new ids.
    async fn copy(
        &self,
        app: &App,
        names: &mut Vec<(String, String)>,
        now: Timestamp,
        seal: bool,
    ) -> anyhow::Result<(Approval, Sealed)> {
        let old = &self.approval;
        let id = ApprovalId::new(&*app.clock);
        let content = ContentId::new(&*app.clock);
        names.push((old.id.to_string(), id.to_string()));
        names.push((old.version.content.to_string(), content.to_string()));
        let plain = replaced(&self.manuscript, names);
        let manuscript: Manuscript = serde_json::from_str(&plain)?;
        let subject = manuscript.letter.recipient.contact;
        let sealed = if seal {
            app.ports().vault.seal(content, subject, plain.as_bytes()).await?
        } else {
            Sealed { id: content, subject, bytes: self.sealed.bytes.clone() }
        };
        let policy = &old.version.judgement.policy;
        let binding = Binding::of(content, &manuscript.letter, policy);
        names.push((old.version.binding.to_string(), binding.to_string()));
        names.push((self.sealed.hash(), sealed.hash()));
        let wait = old.due_at.duration_since(old.queued_at);
        let mut approval: Approval = renamed(old, names)?;
        approval.queued_at = now;
        approval.due_at = now.checked_add(wait)?;
        approval.version.at = now;
        Ok((approval, sealed))
    }
}

/// Whether an event is the one that starting a run writes by itself.
fn started(event: &StoredEvent) -> bool {
    matches!(serde_json::from_str(&event.data), Ok(Event::RunStarted { .. }))
}

fn replaced(text: &str, names: &[(String, String)]) -> String {
    let mut text = text.to_owned();
    for (old, new) in names {
        if text.contains(old.as_str()) {
            text = text.replace(old.as_str(), new);
        }
    }
    text
}

fn renamed<T: Serialize + DeserializeOwned>(
    value: &T,
    names: &[(String, String)],
) -> serde_json::Result<T> {
    serde_json::from_str(&replaced(&serde_json::to_string(value)?, names))
}

async fn everybody(app: &App) -> anyhow::Result<Vec<Person>> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let ids = app.store.population(after, 500).await?;
        let Some(last) = ids.last() else { break };
        after = Some(*last);
        all.extend(people(app, &ids).await?);
    }
    anyhow::ensure!(!all.is_empty(), "no account was made");
    Ok(all)
}

async fn people(app: &App, accounts: &[AccountId]) -> anyhow::Result<Vec<Person>> {
    app.store
        .snapshots(accounts, app.clock.now())
        .await?
        .into_iter()
        .map(|snapshot| {
            let contact = snapshot.contacts.into_iter().next().context("an account is empty")?;
            Ok(Person {
                account: snapshot.account.id,
                company: snapshot.account.name,
                contact: contact.id,
                address: contact.email.unwrap_or_default(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_replaced_wherever_it_stands() {
        let names = [("tsk_1".to_owned(), "tsk_9".to_owned()), ("Ada".to_owned(), "Bo".to_owned())];
        assert_eq!(replaced("tsk_1 for Ada, tsk_1", &names), "tsk_9 for Bo, tsk_9");
        let list = vec!["tsk_1".to_owned(), "x".to_owned()];
        assert_eq!(renamed(&list, &names).unwrap(), ["tsk_9", "x"]);
    }
}
