//! The moment before a message is handed over: stops, its run, its contact, and how many went before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    action::Team,
    clock::Clock,
    contact::Consent,
    draft::Letter,
    event::{Event, NewEvent},
    id::{AccountId, MessageId, TaskId},
    intent::MessageClass,
    killswitch::{Kill, Scope},
    message::{Message, MessageStatus, Refusal},
    port::{Begun, StoreError},
    run::RunStatus,
    task::{Task, TaskKind, TaskStatus},
    turn::Effect,
    user::Actor,
};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    claim::microseconds,
    connection::Tx,
    effect, kill,
    open::Store,
    sql::{Value, sql},
    trail,
};

/// What sends are counted over.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// A message that is about to be handed over.
#[derive(Clone)]
pub(crate) struct Beginning {
    pub(crate) message: Message,
    pub(crate) class: MessageClass,
    pub(crate) address: String,
    pub(crate) ttl: SignedDuration,
    pub(crate) now: Timestamp,
    pub(crate) sends_per_hour: Option<u32>,
    /// Where the id of a task comes from, if one has to be made.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Store {
    pub(crate) async fn begin_message(
        &self,
        message: &Message,
        letter: &Letter,
        ttl: SignedDuration,
        now: Timestamp,
        sends_per_hour: Option<u32>,
    ) -> Result<Begun, StoreError> {
        let beginning = Beginning {
            message: message.clone(),
            class: letter.class,
            address: letter.recipient.address.clone(),
            ttl,
            now,
            sends_per_hour,
            clock: Arc::clone(&self.clock),
        };
        self.gatherers().beginnings.ask(self, beginning).await
    }
}

/// The beginnings of all who are about to hand something over.
pub(crate) fn begin_each(
    tx: &mut Tx,
    all: Vec<Beginning>,
) -> BoxFuture<'_, Result<Vec<Begun>, StoreError>> {
    Box::pin(begin(tx, all))
}

/// What the database says of a message that is about to be handed over.
struct Found {
    token: i64,
    status: MessageStatus,
    begun_at: Option<Timestamp>,
    playbook: String,
    action: String,
    account: AccountId,
    run: RunStatus,
    stopped: bool,
    /// None when the contact is gone.
    contact: Option<Reach>,
}

/// Whether and where a contact may be written to.
struct Reach {
    consent: Consent,
    address: Option<String>,
    bounces: bool,
}

impl Reach {
    /// What keeps this message from the contact for good.
    fn bars(&self, one: &Beginning) -> Option<Refusal> {
        if !self.consent.permits(one.class) {
            return Some(Refusal::Consent(self.consent.to_string()));
        }
        if self.bounces {
            return Some(Refusal::Address("bounces"));
        }
        let moved = self.address.as_deref() != Some(one.address.as_str());
        moved.then_some(Refusal::Address("has changed since approval"))
    }
}

impl Found {
    /// Whether the attempt still holds it.
    fn is_held_by(&self, message: &Message) -> bool {
        let begins = matches!(self.status, MessageStatus::Sending | MessageStatus::Transmitting);
        self.token == message.token && begins
    }

    /// Whether nothing but its number may keep it.
    fn may_go(&self, one: &Beginning) -> bool {
        let rests = matches!(self.run, RunStatus::Cancelled | RunStatus::Paused);
        let reaches = self.contact.as_ref().is_some_and(|contact| contact.bars(one).is_none());
        self.is_held_by(&one.message) && !rests && !self.stopped && reaches
    }

    /// What stops would cover it.
    fn scopes(&self) -> [String; 4] {
        [
            Scope::All.to_string(),
            format!("playbook:{}", self.playbook),
            format!("action:{}", self.action),
            format!("account:{}", self.account),
        ]
    }
}

/// What of a playbook counts towards its sends per hour.
struct Sent {
    since: Timestamp,
    /// Messages that left in that time, none of them among those that are about to.
    others: i64,
    /// Of those that are about to, the ones that an earlier attempt counted already.
    counted: BTreeSet<MessageId>,
    /// Those that are let go now.
    let_go: BTreeSet<MessageId>,
}

impl Sent {
    /// How many there are beside this one.
    fn beside(&self, id: MessageId) -> i64 {
        let here = self.counted.union(&self.let_go).filter(|known| **known != id).count();
        self.others.saturating_add(i64::try_from(here).unwrap_or(i64::MAX))
    }
}

/// Begins each that may, on its own: one that lost its lease, or is kept, does not hurt the others.
/// However many there are, each table is asked and changed a fixed number of times.
async fn begin(tx: &mut Tx, all: Vec<Beginning>) -> Result<Vec<Begun>, StoreError> {
    let found = find(tx, &all).await?;
    let mut sent = count(tx, &all, &found).await?;
    let mut chosen: BTreeMap<MessageId, &Beginning> = BTreeMap::new();
    let mut beyond: BTreeSet<usize> = BTreeSet::new();
    for (place, one) in all.iter().enumerate() {
        let id = one.message.id;
        let Some(message) = found.get(&id).filter(|found| found.may_go(one)) else {
            continue;
        };
        if let (Some(most), Some(sent)) = (one.sends_per_hour, sent.get_mut(&message.playbook)) {
            if sent.beside(id) >= i64::from(most) {
                beyond.insert(place);
                continue;
            }
            sent.let_go.insert(id);
        }
        chosen.insert(id, one);
    }
    let begun = transmit(tx, &chosen).await?;
    for sent in sent.values_mut() {
        // One that was let go and did not begin after all does not count.
        sent.let_go.retain(|id| begun.contains(id));
    }
    let mut answers = Vec::with_capacity(all.len());
    let mut hindered = Vec::new();
    for (place, one) in all.iter().enumerate() {
        let id = one.message.id;
        let is_chosen = chosen.get(&id).is_some_and(|of| of.message.token == one.message.token);
        if is_chosen && begun.contains(&id) && !beyond.contains(&place) {
            answers.push(Begun::Yes);
        } else {
            hindered.push(place);
            answers.push(Begun::Lost);
        }
    }
    let kills = kills(tx, &hindered, &all, &found).await?;
    for place in hindered {
        let Some(one) = all.get(place) else { continue };
        let hindrance = match found.get(&one.message.id) {
            Some(message) => hindrance(one, message, &kills),
            None => Begun::Lost,
        };
        let stops = match (&hindrance, found.get(&one.message.id), one.sends_per_hour) {
            (Begun::Held(_), Some(message), Some(most)) if beyond.contains(&place) => sent
                .get(&message.playbook)
                .filter(|sent| sent.beside(one.message.id) >= i64::from(most))
                .map(|_| (message.playbook.clone(), most)),
            _ => None,
        };
        let answer = match stops {
            Some((playbook, most)) => {
                let kill = Kill {
                    scope: Scope::Playbook(playbook),
                    by: Actor::Engine,
                    at: one.now,
                    reason: format!("blast radius: {most} sends in an hour"),
                };
                let why = Refusal::Killed(kill.in_words()).to_string();
                stop(tx, &*one.clock, &one.message, kill, most).await?;
                Begun::Held(why)
            }
            None => hindrance,
        };
        if let Some(place) = answers.get_mut(place) {
            *place = answer;
        }
    }
    Ok(answers)
}

/// The messages, locked in one order for everybody, with what may be in their way.
async fn find(tx: &mut Tx, all: &[Beginning]) -> Result<BTreeMap<MessageId, Found>, StoreError> {
    let ids: BTreeSet<MessageId> = all.iter().map(|one| one.message.id).collect();
    tx.fetch(
        sql!("SELECT messages.id AS id, messages.token AS token, messages.status AS status, "
            "messages.begun_at AS begun_at, approvals.playbook AS playbook, "
            "approvals.action AS action, approvals.account AS account, runs.status AS run_status, "
            "CAST(CASE WHEN" {not_stopped} "THEN 0 ELSE 1 END AS BIGINT) AS stopped, "
            "CASE WHEN contacts.opted_out_at IS NULL THEN contacts.consent ELSE 'opted_out' END "
            "AS consent, contacts.email AS address, contacts.bounced_at AS bounced_at "
            "FROM messages JOIN approvals ON approvals.id = messages.approval "
            "JOIN runs ON runs.id = messages.run "
            "LEFT JOIN contacts ON contacts.id = messages.contact WHERE messages.id" {among "$1"}
            "ORDER BY messages.id" {either "" " FOR NO KEY UPDATE OF messages"}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| {
        let consent: Option<Consent> = row.maybe_word("consent")?;
        let contact = match consent {
            Some(consent) => Some(Reach {
                consent,
                address: row.get("address")?,
                bounces: row.maybe_at("bounced_at")?.is_some(),
            }),
            None => None,
        };
        let found = Found {
            contact,
            token: row.int("token")?,
            status: row.word("status")?,
            begun_at: row.maybe_at("begun_at")?,
            playbook: row.text("playbook")?,
            action: row.text("action")?,
            account: row.word("account")?,
            run: row.word("run_status")?,
            stopped: row.flag("stopped")?,
        };
        Ok((row.word("id")?, found))
    })
    .collect()
}

/// What left of each playbook that has a bound. Until the transaction ends, no other message of
/// these playbooks is counted.
async fn count(
    tx: &mut Tx,
    all: &[Beginning],
    found: &BTreeMap<MessageId, Found>,
) -> Result<BTreeMap<String, Sent>, StoreError> {
    let bounded: Vec<(&Beginning, &Found)> = all
        .iter()
        .filter(|one| one.sends_per_hour.is_some())
        .filter_map(|one| {
            let found = found.get(&one.message.id)?;
            found.may_go(one).then_some((one, found))
        })
        .collect();
    let Some(most) = bounded.iter().filter_map(|(one, _)| one.sends_per_hour).max() else {
        return Ok(BTreeMap::new());
    };
    let now = bounded.iter().map(|(one, _)| one.now).max().unwrap_or(Timestamp::MIN);
    let hour_ago = now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let playbooks: BTreeSet<&str> =
        bounded.iter().map(|(_, found)| found.playbook.as_str()).collect();
    let mut sent: BTreeMap<String, Sent> = BTreeMap::new();
    let rows: Vec<_> = playbooks.iter().map(|playbook| json!({ "playbook": playbook })).collect();
    for row in tx
        .fetch(
            sql!("INSERT INTO blasts (playbook, since) SELECT r.playbook, 0 FROM "
                {rows "$1" (playbook TEXT)}
                "WHERE true ORDER BY r.playbook "
                "ON CONFLICT (playbook) DO UPDATE SET since = blasts.since "
                "RETURNING playbook, since"),
            vec![Value::rows(rows)],
        )
        .await?
    {
        let since = row.at("since")?.max(hour_ago);
        let (counted, let_go) = (BTreeSet::new(), BTreeSet::new());
        sent.insert(row.text("playbook")?, Sent { since, others: 0, counted, let_go });
    }
    for (one, found) in &bounded {
        if let Some(sent) = sent.get_mut(&found.playbook)
            && found.begun_at.is_some_and(|at| at > sent.since)
        {
            sent.counted.insert(one.message.id);
        }
    }
    let here: BTreeSet<MessageId> = bounded.iter().map(|(one, _)| one.message.id).collect();
    let rows: Vec<_> = sent
        .iter()
        .map(|(playbook, sent)| {
            json!({ "playbook": playbook, "since": sent.since.as_microsecond() })
        })
        .collect();
    for row in tx
        .fetch(
            sql!("SELECT r.playbook AS playbook, (SELECT COUNT(*) FROM (SELECT 1 FROM messages "
                "WHERE messages.playbook = r.playbook AND messages.begun_at > r.since "
                "AND messages.id" {either " NOT IN (SELECT value FROM json_each($2))"
                    " <> ALL($2[])"}
                // In order, for the index to be used: whoever thinks of the first few as soon found goes
                // through all that ever left.
                " ORDER BY messages.begun_at LIMIT +$3) AS counted) AS n FROM "
                {rows "$1" (playbook TEXT, since BIGINT)}),
            vec![Value::rows(rows), Value::json(&here), Value::from(most)],
        )
        .await?
    {
        let (playbook, others) = (row.text("playbook")?, row.int("n")?);
        if let Some(sent) = sent.get_mut(&playbook) {
            sent.others = others;
        }
    }
    Ok(sent)
}

/// Marks messages as being handed over; those that were. Whoever finds one so may repeat it where
/// the channel dedupes. After this nothing holds it back, so stops, the run and the contact are
/// looked at once more.
async fn transmit(
    tx: &mut Tx,
    chosen: &BTreeMap<MessageId, &Beginning>,
) -> Result<BTreeSet<MessageId>, StoreError> {
    if chosen.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows: Vec<_> = chosen
        .iter()
        .map(|(id, one)| {
            json!({
                "id": id,
                "token": one.message.token,
                "ttl": microseconds(one.ttl),
                "at": one.now.as_microsecond(),
                "address": one.address,
                "consents": consents(one.class),
            })
        })
        .collect();
    tx.fetch(
        sql!("UPDATE messages SET status = 'transmitting', lease_until =" {now} "+ r.ttl, "
            "begun_at = r.at, playbook = CASE WHEN messages.playbook <> '' "
            "THEN messages.playbook ELSE (SELECT approvals.playbook FROM approvals "
            "WHERE approvals.id = messages.approval) END FROM "
            {rows "$1" (id TEXT, token BIGINT, ttl BIGINT, at BIGINT, address TEXT, consents TEXT)}
            "WHERE messages.id = r.id AND messages.token = r.token "
            // Dressed up: bare, it would tempt SQLite to walk all that are on their way.
            "AND messages.status || '' IN ('sending', 'transmitting') "
            "AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = messages.run "
            "AND runs.status IN ('cancelled', 'paused')) "
            "AND EXISTS (SELECT 1 FROM contacts WHERE contacts.id = messages.contact "
            "AND contacts.bounced_at IS NULL AND contacts.email = r.address AND r.consents LIKE "
            "'%,' || CASE WHEN contacts.opted_out_at IS NULL THEN contacts.consent "
            "ELSE 'opted_out' END || ',%') AND" {not_stopped}
            "RETURNING messages.id AS id"),
        vec![Value::rows(rows)],
    )
    .await?
    .iter()
    .map(|row| row.word("id"))
    .collect()
}

/// The consents under which a message of this class may be sent, each between commas.
fn consents(class: MessageClass) -> String {
    let permitting = Consent::ALL.iter().filter(|consent| consent.permits(class));
    permitting.fold(",".to_owned(), |all, consent| format!("{all}{consent},"))
}

/// Stops the playbook's sending and tells CS ops.
async fn stop(
    tx: &mut Tx,
    clock: &dyn Clock,
    message: &Message,
    kill: Kill,
    most: u32,
) -> Result<(), StoreError> {
    let Scope::Playbook(playbook) = &kill.scope else { return Ok(()) };
    let (scope, now) = (kill.scope.to_string(), kill.at);
    let task = Task {
        id: TaskId::new(clock),
        kind: TaskKind::Notice,
        account: message.account,
        run: message.run,
        // A step of its own, so that it is not taken for the one the letter's step may have made.
        step: format!("sends-stopped-{}", now.as_second()),
        team: Team::CsOps,
        assignee: None,
        title: format!("Sending of {playbook} was stopped"),
        body: format!(
            "{most} messages of the playbook `{playbook}` went out within an hour, which is as many \
             as may. The others wait in the outbox. See whether the playbook started for the right \
             accounts and writes what it should; then restart it on the page Stop sending, or with \
             `playgate unkill {scope}`. How many may go is set by `sends_per_hour` in the playbook \
             and in the configuration."
        ),
        created_at: now,
        due_at: now.checked_add(SignedDuration::from_hours(4)).unwrap_or(now),
        status: TaskStatus::Open,
        outcome: None,
    };
    if !kill::put(tx, &kill).await? {
        return Ok(());
    }
    let event =
        Event::TaskCreated { step: task.step.clone(), task: task.id, title: task.title.clone() };
    let event = NewEvent::of_run(message.run, now, Actor::Engine, event);
    effect::apply(tx, clock, vec![Effect::Task(task)], now, &mut []).await?;
    trail::append(tx, &[event, kill::event(kill)]).await
}

/// The stops in force that may cover those that were kept, by scope.
async fn kills(
    tx: &mut Tx,
    hindered: &[usize],
    all: &[Beginning],
    found: &BTreeMap<MessageId, Found>,
) -> Result<BTreeMap<String, Kill>, StoreError> {
    let scopes: BTreeSet<String> = hindered
        .iter()
        .filter_map(|place| all.get(*place))
        .filter_map(|one| found.get(&one.message.id).filter(|found| found.is_held_by(&one.message)))
        .flat_map(Found::scopes)
        .collect();
    if scopes.is_empty() {
        return Ok(BTreeMap::new());
    }
    tx.fetch(
        sql!("SELECT scope, actor, engaged_at, reason FROM kills WHERE scope" {among "$1"}),
        vec![Value::json(&scopes)],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("scope")?, kill::read(row)?)))
    .collect()
}

/// Why a message was not begun.
fn hindrance(one: &Beginning, found: &Found, kills: &BTreeMap<String, Kill>) -> Begun {
    if !found.is_held_by(&one.message) {
        return Begun::Lost;
    }
    match found.run {
        RunStatus::Cancelled => return Begun::Refused("the run was cancelled".to_owned()),
        RunStatus::Paused => return Begun::Held("the run is paused".to_owned()),
        RunStatus::Active | RunStatus::Stuck | RunStatus::Completed => {}
    }
    match &found.contact {
        None => return Begun::Refused("the contact is gone".to_owned()),
        Some(contact) => {
            if let Some(refusal) = contact.bars(one) {
                return Begun::Refused(refusal.to_string());
            }
        }
    }
    match found.scopes().iter().find_map(|scope| kills.get(scope)) {
        Some(kill) => Begun::Held(Refusal::Killed(kill.in_words()).to_string()),
        // What was in the way a moment ago is gone, or has just come.
        None => Begun::Held("sending was stopped for a moment".to_owned()),
    }
}
