//! Erasing a person from the database: everything in one transaction, with a receipt.

use std::collections::BTreeSet;

use domain::{
    approval::Approval,
    contact::Contact,
    draft::Version,
    erasure::{Destroyed, Erased, Erasure, Footprint},
    event::{Event, NewEvent, Stream},
    id::{AccountId, ApprovalId, ContactId, ContentId, ErasureId, MessageId, RunId},
    port::{StoreError, Work},
    user::Actor,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    contact, content, directory,
    fault::of_sqlx,
    intake::ERASED,
    intervene, lock,
    open::Store,
    row::Row,
    run,
    sql::{Sql, Value, args, sql},
    trail,
};

/// What is noted on messages an erasure keeps in.
const WHY: &str = "the person it was written to was erased";
/// The same, where the message is to somebody else.
const SPOKEN_OF: &str = "a person it speaks of was erased";

/// An erasure that is about to happen.
struct Asked {
    id: ErasureId,
    contact: ContactId,
    by: Actor,
    now: Timestamp,
    /// What was destroyed before, outside this transaction.
    before: Destroyed,
}

fn number(counted: u64) -> i64 {
    i64::try_from(counted).unwrap_or(i64::MAX)
}

/// Drafts and messages that an erasure ends.
#[derive(Default)]
struct Waiting {
    approvals: BTreeSet<ApprovalId>,
    runs: BTreeSet<RunId>,
}

impl Waiting {
    /// Of rows with `approval` and `run`.
    fn of(rows: &[Row]) -> Result<Self, StoreError> {
        let mut waiting = Self::default();
        for row in rows {
            waiting.approvals.insert(row.word("approval")?);
            waiting.runs.insert(row.word("run")?);
        }
        Ok(waiting)
    }
}

/// Drafts and messages to the person `$1` at the account `$2` that somebody or something waits for.
fn waiting() -> Sql {
    sql!("SELECT id AS approval, run FROM approvals WHERE account = $2 AND contact = $1 "
        "AND status || '' IN ('waiting', 'redrafting') "
        "UNION SELECT approvals.id, approvals.run FROM messages JOIN approvals "
        "ON approvals.id = messages.approval WHERE approvals.account = $2 "
        "AND approvals.contact = $1 AND messages.status || '' = 'queued'")
}

/// Takes out what reviewers wrote of drafts to the person `$1` at the account `$2`, which are all
/// settled: of how many drafts.
async fn hush(tx: &mut Tx, person: Vec<Value>) -> Result<i64, StoreError> {
    let mut hushed = BTreeSet::new();
    let mut changed = Vec::new();
    let approvals = sql!("SELECT data FROM approvals WHERE account = $2 AND contact = $1");
    for row in tx.fetch(approvals, person.clone()).await? {
        let mut approval: Approval = row.json("data")?;
        if approval.forget_words() {
            hushed.insert(approval.id);
            changed.push(json!({ "id": approval.id, "data": json!(approval).to_string() }));
        }
    }
    tx.execute(
        sql!("UPDATE approvals SET data = r.data FROM " {rows "$1" (id TEXT, data TEXT)}
            "WHERE approvals.id = r.id"),
        vec![Value::json(&changed)],
    )
    .await?;
    let mut changed = Vec::new();
    let versions = sql!("SELECT versions.approval AS approval, versions.data AS data "
        "FROM approvals JOIN versions ON versions.approval = approvals.id "
        "WHERE approvals.account = $2 AND approvals.contact = $1");
    for row in tx.fetch(versions, person).await? {
        let (approval, mut version): (ApprovalId, Version) =
            (row.word("approval")?, row.json("data")?);
        if version.instruction.take().is_some() {
            hushed.insert(approval);
            changed.push(json!({
                "approval": approval, "number": version.number, "data": json!(version).to_string(),
            }));
        }
    }
    tx.execute(
        sql!("UPDATE versions SET data = r.data FROM "
            {rows "$1" (approval TEXT, number BIGINT, data TEXT)}
            "WHERE versions.approval = r.approval AND versions.number = r.number"),
        vec![Value::json(&changed)],
    )
    .await?;
    Ok(i64::try_from(hushed.len()).unwrap_or(i64::MAX))
}

async fn receipt(tx: &mut Tx, contact: ContactId) -> Result<Option<Erasure>, StoreError> {
    tx.one(sql!("SELECT data FROM erasures WHERE contact = $1"), vec![Value::word(contact)])
        .await?
        .map(|row| row.json("data"))
        .transpose()
}

async fn erase(tx: &mut Tx, asked: Asked) -> Result<Erased, StoreError> {
    let Asked { id, contact, by, now, before } = asked;
    // Of two at once, the second finds the first one's receipt; imports wait as well.
    tx.raw("", lock::INTAKE).await.map_err(of_sqlx)?;
    if let Some(erasure) = receipt(tx, contact).await? {
        return Ok(Erased::Before(erasure));
    }
    let person = vec![Value::word(contact)];
    let row = tx.one(sql!("SELECT * FROM contacts WHERE id = $1"), person.clone()).await?;
    let Some(row) = row else { return Ok(Erased::NotFound) };
    let known = contact::read(&row)?;
    let account = known.account;
    let both = || vec![Value::word(contact), Value::word(account)];

    let mut runs = Waiting::of(&tx.fetch(waiting(), both()).await?)?.runs;
    runs.extend(recallable(tx, account).await?);
    recall(tx, &runs).await?;
    // Nothing is added to them any more.
    let waiting = Waiting::of(&tx.fetch(waiting(), both()).await?)?;
    let mut events = Vec::new();
    let mut destroyed = Destroyed { profile: has_profile(&known), ..before };
    let (drafts, messages) = cancel(tx, &waiting, &by, WHY, now, &mut events).await?;
    destroyed.drafts += drafts;
    destroyed.messages += messages;
    destroyed.notes += hush(tx, both()).await?;

    destroyed.letters += tx
        .count(sql!("SELECT COUNT(*) AS n FROM contents WHERE subject = $1"), person.clone())
        .await?;
    destroyed.key |= content::destroy_key(tx, contact, now).await?;
    tx.execute(
        sql!("UPDATE contacts SET row_hash = $2, email = NULL, given_name = '', family_name = '', "
            "title = NULL, phone = NULL, locale = NULL, time_zone = NULL, consent = 'opted_out', "
            "opted_out_at = COALESCE(opted_out_at, $3) WHERE id = $1"),
        vec![Value::word(contact), Value::from(ERASED), Value::from(now)],
    )
    .await?;
    // Processes that compare letters with the directory of all customers forget the person too.
    directory::touch(tx, &BTreeSet::from([account])).await?;
    let tickets = sql!("UPDATE tickets SET subject = '', body = '' WHERE account = $2 "
        "AND contact = $1 AND (subject <> '' OR body <> '')");
    destroyed.tickets += number(tx.execute(tickets, both()).await?);
    let surveys = sql!("UPDATE surveys SET remark = NULL WHERE account = $2 AND contact = $1 "
        "AND remark IS NOT NULL");
    destroyed.surveys += number(tx.execute(surveys, both()).await?);
    let emails = sql!("UPDATE emails SET subject = '', body = '' WHERE account = $2 "
        "AND contact = $1 AND (subject <> '' OR body <> '')");
    destroyed.emails += number(tx.execute(emails, both()).await?);

    let erasure = Erasure { id, contact, account, at: now, by: by.clone(), destroyed };
    let hash = erasure.hash();
    tx.execute(
        sql!("INSERT INTO erasures (id, contact, at, hash, data) VALUES ($1, $2, $3, $4, $5)"),
        vec![
            Value::word(id),
            Value::word(contact),
            Value::from(now),
            Value::from(hash.as_str()),
            Value::from(json!(erasure).to_string()),
        ],
    )
    .await?;
    let event = Event::PersonErased { erasure: id, contact, account, receipt: hash };
    events.push(NewEvent { stream: Stream::Privacy, at: now, actor: by, event });
    trail::append(tx, &events).await?;
    Ok(Erased::Now(erasure))
}

/// The account's runs that go on.
async fn recallable(tx: &mut Tx, account: AccountId) -> Result<Vec<RunId>, StoreError> {
    let active = tx.fetch(run::active_of(), vec![Value::json(&[account])]).await?;
    active.iter().map(|row| row.word("id")).collect()
}

/// Locks runs, and takes them from whoever is at work on them: what was read of the person is out of
/// date, and what a model is answering now may name them.
async fn recall(tx: &mut Tx, runs: &BTreeSet<RunId>) -> Result<(), StoreError> {
    run::lock_all(tx, runs).await?;
    tx.stir(Work::Runs);
    tx.execute(
        sql!("UPDATE runs SET lease_token = lease_token + 1, lease_until = NULL, claims = 0 "
            "WHERE id" {among "$1"} "AND lease_until IS NOT NULL"),
        vec![Value::json(runs)],
    )
    .await?;
    Ok(())
}

/// Withdraws drafts, keeps messages in, and wakes their runs, which are locked: how many drafts and
/// how many messages. What is on its way already is left to those who send it.
async fn cancel(
    tx: &mut Tx,
    waiting: &Waiting,
    by: &Actor,
    why: &str,
    now: Timestamp,
    events: &mut Vec<NewEvent>,
) -> Result<(i64, i64), StoreError> {
    let runs: Vec<RunId> = waiting.runs.iter().copied().collect();
    let (mut drafts, mut messages) = (0, 0);
    let meant = |approval: &Approval| waiting.approvals.contains(&approval.id);
    for approval in intervene::withdraw(tx, &runs, meant, now).await? {
        drafts += 1;
        let event = Event::ApprovalWithdrawn { approval: approval.id };
        events.push(NewEvent::of_run(approval.run, now, by.clone(), event));
    }
    for (message, run) in refuse(tx, waiting, why, now).await? {
        messages += 1;
        let event = Event::MessageRefused { message, why: why.to_owned() };
        events.push(NewEvent::of_run(run, now, by.clone(), event));
    }
    run::wake_all(tx, runs, &[], now).await?;
    Ok((drafts, messages))
}

fn has_profile(contact: &Contact) -> bool {
    contact.email.is_some() || !contact.first.is_empty() || !contact.last.is_empty()
}

/// Settles queued messages that no attempt holds.
async fn refuse(
    tx: &mut Tx,
    waiting: &Waiting,
    why: &str,
    now: Timestamp,
) -> Result<Vec<(MessageId, RunId)>, StoreError> {
    let (runs, approvals) = (Value::json(&waiting.runs), Value::json(&waiting.approvals));
    let args = vec![runs, approvals, Value::from(why), Value::from(now)];
    let rows = tx
        .fetch(
            sql!("UPDATE messages SET status = 'refused', note = $3, settled_at = $4 "
                "WHERE run" {among "$1"} "AND approval" {among "$2"}
                "AND status || '' = 'queued' RETURNING id, run"),
            args,
        )
        .await?;
    intervene::refused(&rows)
}

fn footprint(row: &Row, account: AccountId) -> Result<Footprint, StoreError> {
    Ok(Footprint {
        contact: row.word("contact")?,
        account,
        key: row.flag("keyed")?,
        letters: row.int("letters")?,
        drafts: row.int("drafts")?,
        messages: row.int("messages")?,
        tickets: row.int("tickets")?,
        surveys: row.int("surveys")?,
        emails: row.int("emails")?,
    })
}

impl Store {
    /// Erases a person: destroys their key, cancels drafts and messages to them that wait, empties
    /// their profile and the words of what came from them, and leaves a receipt whose hash is in
    /// the trail. Once done, it answers with the receipt there is. `before` counts what the caller
    /// destroyed already.
    pub async fn erase(
        &self,
        id: ErasureId,
        contact: ContactId,
        by: &Actor,
        before: Destroyed,
        now: Timestamp,
    ) -> Result<Erased, StoreError> {
        let asked = Asked { id, contact, by: by.clone(), now, before };
        self.write(move |tx| Box::pin(erase(tx, asked))).await
    }

    /// Drafts of an account that wait for somebody, and messages that wait to be sent, but for those
    /// to this person: the approval, and the text as it stands.
    pub async fn waiting_texts(
        &self,
        account: AccountId,
        other_than: ContactId,
    ) -> Result<Vec<(ApprovalId, ContentId)>, StoreError> {
        let args = vec![Value::word(account), Value::word(other_than)];
        self.view(move |tx| {
            Box::pin(async move {
                let drafts = tx
                    .fetch(
                        sql!("SELECT data FROM approvals WHERE account = $1 AND contact <> $2 "
                            "AND status || '' IN ('waiting', 'redrafting') ORDER BY id"),
                        args.clone(),
                    )
                    .await?;
                let messages = tx
                    .fetch(
                        sql!("SELECT messages.approval AS approval, messages.content AS content "
                            "FROM messages JOIN approvals ON approvals.id = messages.approval "
                            "WHERE approvals.account = $1 AND approvals.contact <> $2 "
                            "AND messages.status || '' = 'queued' ORDER BY messages.id"),
                        args,
                    )
                    .await?;
                let mut texts = Vec::with_capacity(drafts.len() + messages.len());
                for row in &drafts {
                    let approval: Approval = row.json("data")?;
                    texts.push((approval.id, approval.version.content));
                }
                for row in &messages {
                    texts.push((row.word("approval")?, row.word("content")?));
                }
                Ok(texts)
            })
        })
        .await
    }

    /// Ends drafts and messages that speak of somebody who is erased: how many drafts were withdrawn
    /// and how many messages are not sent.
    pub async fn cancel_texts(
        &self,
        approvals: &BTreeSet<ApprovalId>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(i64, i64), StoreError> {
        if approvals.is_empty() {
            return Ok((0, 0));
        }
        let (args, by) = (vec![Value::json(approvals)], by.clone());
        self.write(move |tx| {
            Box::pin(async move {
                let rows = tx
                    .fetch(
                        sql!("SELECT id AS approval, run FROM approvals WHERE id" {among "$1"}),
                        args,
                    )
                    .await?;
                let waiting = Waiting::of(&rows)?;
                run::lock_all(tx, &waiting.runs).await?;
                let mut events = Vec::new();
                let ended = cancel(tx, &waiting, &by, SPOKEN_OF, now, &mut events).await?;
                trail::append(tx, &events).await?;
                Ok(ended)
            })
        })
        .await
    }

    /// The receipt of a person's erasure.
    pub async fn erasure_of(&self, contact: ContactId) -> Result<Option<Erasure>, StoreError> {
        self.read(move |tx| Box::pin(receipt(tx, contact))).await
    }

    /// How many people were erased.
    pub async fn erasures(&self) -> Result<i64, StoreError> {
        self.read(|tx| Box::pin(tx.count(sql!("SELECT COUNT(*) AS n FROM erasures"), args![])))
            .await
    }

    /// What there is of a person; none if nobody has this id.
    pub async fn footprint_of(&self, contact: ContactId) -> Result<Option<Footprint>, StoreError> {
        self.view(move |tx| {
            Box::pin(async move {
                let found = tx
                    .one(
                        sql!("SELECT account FROM contacts WHERE id = $1"),
                        vec![Value::word(contact)],
                    )
                    .await?;
                let Some(found) = found else { return Ok(None) };
                let account: AccountId = found.word("account")?;
                let args = vec![Value::word(contact), Value::word(account)];
                tx.one(
                    sql!("SELECT $1 AS contact, "
                        "(SELECT COUNT(*) FROM subject_keys WHERE contact = $1 "
                        "AND wrapped IS NOT NULL) AS keyed, "
                        "(SELECT COUNT(*) FROM contents WHERE subject = $1) AS letters, "
                        "(SELECT COUNT(*) FROM approvals WHERE account = $2 AND contact = $1 "
                        "AND status || '' IN ('waiting', 'redrafting')) AS drafts, "
                        "(SELECT COUNT(*) FROM messages JOIN approvals "
                        "ON approvals.id = messages.approval WHERE approvals.account = $2 "
                        "AND approvals.contact = $1 AND messages.status || '' = 'queued') "
                        "AS messages, "
                        "(SELECT COUNT(*) FROM tickets WHERE account = $2 AND contact = $1) "
                        "AS tickets, "
                        "(SELECT COUNT(*) FROM surveys WHERE account = $2 AND contact = $1) "
                        "AS surveys, "
                        "(SELECT COUNT(*) FROM emails WHERE account = $2 AND contact = $1) "
                        "AS emails"),
                    args,
                )
                .await?
                .map(|row| footprint(&row, account))
                .transpose()
            })
        })
        .await
    }

    /// Contacts with this address, in any case: at several accounts there may be several.
    pub async fn contacts_by_email(&self, email: &str) -> Result<Vec<Contact>, StoreError> {
        let args = args![email.trim().to_lowercase()];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(sql!("SELECT * FROM contacts WHERE lower(email) = $1 ORDER BY id"), args)
                    .await?
                    .iter()
                    .map(contact::read)
                    .collect()
            })
        })
        .await
    }

    /// Takes what was deleted out of SQLite's write-ahead log: the deleted is overwritten in the
    /// file, and the log is emptied. False while somebody still reads from the log; PostgreSQL
    /// sees to its own. Readers end soon, so ask again.
    pub async fn truncate_log(&self) -> Result<bool, StoreError> {
        if self.engine_name() == "postgres" {
            return Ok(true);
        }
        self.write_one(|tx| {
            Box::pin(async move {
                let sql = Sql::pair("PRAGMA wal_checkpoint(TRUNCATE)", "");
                tx.one(sql, args![]).await?.map_or(Ok(false), |row| Ok(row.int("busy")? == 0))
            })
        })
        .await
    }
}
