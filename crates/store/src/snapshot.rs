//! Everything known of some accounts at one moment, in a fixed number of statements.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    account::Account,
    contact::Contact,
    id::{AccountId, UserId},
    port::StoreError,
    snapshot::{ContractFacts, Snapshot, SurveyFacts, TicketBrief, TicketFacts, UsageFacts},
    user::User,
};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::{
    account,
    connection::Tx,
    contact,
    sql::{Value, sql},
    user,
};

/// Stands for "never" where days are counted.
const NEVER: i64 = 9999;

type ByAccount<T> = BTreeMap<AccountId, T>;

/// The moments the windows of a snapshot begin at.
struct Windows {
    now: Timestamp,
    today: Date,
    /// First day of the last 28.
    recent: Date,
    /// First day of the 28 before.
    prior: Date,
}

impl Windows {
    fn at(now: Timestamp) -> Self {
        let today = day(now);
        Self {
            now,
            today,
            recent: today.saturating_sub(27.days()),
            prior: today.saturating_sub(55.days()),
        }
    }

    fn ago(&self, days: i64) -> Timestamp {
        self.now - SignedDuration::from_hours(24 * days)
    }

    fn days_since(&self, day: Date) -> i64 {
        day.until(self.today).map_or(NEVER, |span| i64::from(span.get_days()))
    }
}

/// The day of a moment, in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Snapshots for all who ask, in as few statements as for one.
///
/// Those who ask within one second get the same facts: windows of days end where the first of them
/// asked.
pub(crate) fn take_each(
    tx: &mut Tx,
    asked: Vec<(Vec<AccountId>, Timestamp)>,
) -> BoxFuture<'_, Result<Vec<Vec<Snapshot>>, StoreError>> {
    Box::pin(async move {
        let mut seconds: BTreeMap<i64, (Timestamp, BTreeSet<AccountId>)> = BTreeMap::new();
        for (accounts, now) in &asked {
            let (_, all) =
                seconds.entry(now.as_second()).or_insert_with(|| (*now, BTreeSet::new()));
            all.extend(accounts);
        }
        let mut taken: BTreeMap<(i64, AccountId), Snapshot> = BTreeMap::new();
        for (second, (now, accounts)) in seconds {
            for snapshot in take(tx, accounts.into_iter().collect(), now).await? {
                taken.insert((second, snapshot.account.id), snapshot);
            }
        }
        Ok(asked
            .into_iter()
            .map(|(accounts, now)| {
                accounts
                    .into_iter()
                    .filter_map(|account| taken.get(&(now.as_second(), account)))
                    .map(|snapshot| Snapshot { at: now, ..snapshot.clone() })
                    .collect()
            })
            .collect())
    })
}

/// Reads snapshots of the accounts there are.
pub(crate) async fn take(
    tx: &mut Tx,
    accounts: Vec<AccountId>,
    now: Timestamp,
) -> Result<Vec<Snapshot>, StoreError> {
    let ids = Value::json(&accounts);
    let windows = Windows::at(now);
    let found: Vec<Account> = tx
        .fetch(sql!("SELECT * FROM accounts WHERE id" {among "$1"}), vec![ids.clone()])
        .await?
        .iter()
        .map(account::read)
        .collect::<Result<_, _>>()?;
    let users = csms(tx, &found).await?;
    let mut contacts = contacts(tx, &ids).await?;
    let mut usage = usage(tx, &ids, &windows).await?;
    let mut tickets = tickets(tx, &ids, &windows).await?;
    let mut recent = recent_tickets(tx, &ids, &windows).await?;
    let surveys = surveys(tx, &ids, &windows).await?;
    let mut lines = contracts(tx, &ids, &windows).await?;
    Ok(found
        .into_iter()
        .map(|account| {
            let id = account.id;
            Snapshot {
                csm: account.csm.and_then(|csm| users.get(&csm).cloned()),
                contacts: contacts.remove(&id).unwrap_or_default(),
                usage: usage.remove(&id).unwrap_or_else(unused),
                tickets: tickets.remove(&id).unwrap_or_default(),
                survey: surveys
                    .get(&id)
                    .copied()
                    .unwrap_or(SurveyFacts { nps: -1, days_since_nps: NEVER }),
                contract: lines.remove(&id).unwrap_or_default(),
                recent_tickets: recent.remove(&id).unwrap_or_default(),
                at: now,
                account,
            }
        })
        .collect())
}

async fn csms(tx: &mut Tx, accounts: &[Account]) -> Result<BTreeMap<UserId, User>, StoreError> {
    let ids: Vec<UserId> = accounts.iter().filter_map(|account| account.csm).collect();
    tx.fetch(
        sql!("SELECT id, email, name, role, since, disabled_at FROM users WHERE id" {among "$1"}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| user::read(row).map(|user| (user.id, user)))
    .collect()
}

async fn contacts(tx: &mut Tx, ids: &Value) -> Result<ByAccount<Vec<Contact>>, StoreError> {
    let mut contacts: ByAccount<Vec<Contact>> = BTreeMap::new();
    let rows = tx
        .fetch(
            sql!("SELECT * FROM contacts WHERE account" {among "$1"}
                "AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.contact = contacts.id) "
                "ORDER BY account, id"),
            vec![ids.clone()],
        )
        .await?;
    for row in rows {
        let contact = contact::read(&row)?;
        contacts.entry(contact.account).or_default().push(contact);
    }
    Ok(contacts)
}

/// Where a source reports both the whole product and single features for a day, the whole counts.
async fn usage(
    tx: &mut Tx,
    ids: &Value,
    windows: &Windows,
) -> Result<ByAccount<UsageFacts>, StoreError> {
    let mut facts: ByAccount<UsageFacts> = BTreeMap::new();
    let last = tx
        .fetch(
            sql!("SELECT id AS account, (SELECT day FROM usage_days WHERE account = accounts.id "
                "AND day <= $2 AND (events > 0 OR seconds > 0 OR users > 0) "
                "ORDER BY day DESC LIMIT 1) AS last FROM accounts WHERE id" {among "$1"}),
            vec![ids.clone(), Value::from(windows.today)],
        )
        .await?;
    for row in last {
        if let Some(last) = row.maybe_word("last")? {
            let fact = facts.entry(row.word("account")?).or_default();
            fact.days_since_last = windows.days_since(last);
        }
    }
    let days = tx
        .fetch(
            sql!("SELECT account, "
                "CAST(SUM(CASE WHEN day >= $3 AND used = 1 THEN 1 ELSE 0 END) AS BIGINT) "
                "AS active_days, "
                "CAST(SUM(CASE WHEN day >= $3 THEN events ELSE 0 END) AS BIGINT) AS recent, "
                "CAST(SUM(CASE WHEN day < $3 THEN events ELSE 0 END) AS BIGINT) AS prior, "
                "CAST(COALESCE(MAX(CASE WHEN day >= $3 THEN users END), 0) AS BIGINT) AS peak "
                "FROM (SELECT account, day, MAX(users) AS users, "
                "COALESCE(SUM(CASE WHEN feature = '' THEN events END), SUM(events)) AS events, "
                "MAX(CASE WHEN events > 0 OR seconds > 0 OR users > 0 THEN 1 ELSE 0 END) AS used "
                "FROM usage_days WHERE account" {among "$1"}
                "AND day >= $2 AND day <= $4 GROUP BY account, day) AS days GROUP BY account"),
            vec![
                ids.clone(),
                Value::from(windows.prior),
                Value::from(windows.recent),
                Value::from(windows.today),
            ],
        )
        .await?;
    for row in days {
        let account = row.word("account")?;
        let fact = facts.entry(account).or_insert_with(unused);
        fact.active_days_28 = row.int("active_days")?;
        fact.events_28 = row.int("recent")?;
        fact.events_prior_28 = row.int("prior")?;
        fact.peak_users_28 = row.int("peak")?;
        fact.trend_28 = trend(fact.events_28, fact.events_prior_28);
    }
    let features = tx
        .fetch(
            sql!("SELECT account, COUNT(DISTINCT feature) AS features FROM usage_days "
                "WHERE account" {among "$1"} "AND day >= $2 AND day <= $3 AND feature <> '' "
                "AND (events > 0 OR seconds > 0 OR users > 0) GROUP BY account"),
            vec![ids.clone(), Value::from(windows.recent), Value::from(windows.today)],
        )
        .await?;
    for row in features {
        facts.entry(row.word("account")?).or_default().features_28 = row.int("features")?;
    }
    Ok(facts)
}

/// Of a product nobody used yet.
fn unused() -> UsageFacts {
    UsageFacts { days_since_last: NEVER, ..UsageFacts::default() }
}

#[expect(clippy::cast_precision_loss, reason = "event counts are far below 2^53")]
fn trend(recent: i64, prior: i64) -> f64 {
    if prior == 0 { 0.0 } else { recent as f64 / prior as f64 - 1.0 }
}

async fn tickets(
    tx: &mut Tx,
    ids: &Value,
    windows: &Windows,
) -> Result<ByAccount<TicketFacts>, StoreError> {
    tx.fetch(
        sql!("SELECT account, "
            "SUM(is_open) AS open_now, "
            "SUM(CASE WHEN is_open = 1 AND priority = 'p1' THEN 1 ELSE 0 END) AS open_p1, "
            "SUM(CASE WHEN opened_at > $3 THEN 1 ELSE 0 END) AS opened, "
            "SUM(CASE WHEN opened_at > $4 AND opened_at <= $3 THEN 1 ELSE 0 END) AS opened_prior, "
            "SUM(CASE WHEN escalated = 1 AND opened_at > $5 THEN 1 ELSE 0 END) AS escalated, "
            "CAST(COALESCE(AVG(CASE WHEN is_open = 0 AND closed_at > $5 THEN csat END), 0) "
            "AS DOUBLE PRECISION) AS csat "
            "FROM (SELECT account, priority, opened_at, closed_at, escalated, csat, "
            "CASE WHEN closed_at IS NULL OR closed_at > $2 THEN 1 ELSE 0 END AS is_open "
            "FROM tickets WHERE account" {among "$1"} "AND opened_at <= $2) AS known "
            "GROUP BY account"),
        vec![
            ids.clone(),
            Value::from(windows.now),
            Value::from(windows.ago(28)),
            Value::from(windows.ago(56)),
            Value::from(windows.ago(90)),
        ],
    )
    .await?
    .iter()
    .map(|row| {
        let facts = TicketFacts {
            open: row.int("open_now")?,
            open_p1: row.int("open_p1")?,
            opened_28: row.int("opened")?,
            opened_prior_28: row.int("opened_prior")?,
            escalated_90: row.int("escalated")?,
            csat_90: row.get("csat")?,
        };
        Ok((row.word("account")?, facts))
    })
    .collect()
}

async fn recent_tickets(
    tx: &mut Tx,
    ids: &Value,
    windows: &Windows,
) -> Result<ByAccount<Vec<TicketBrief>>, StoreError> {
    let rows = tx
        .fetch(
            sql!("SELECT account, source_id, subject, body, priority, opened_at, closed_at FROM ("
                "SELECT account, source_id, subject, body, priority, opened_at, closed_at, "
                "ROW_NUMBER() OVER (PARTITION BY account ORDER BY opened_at DESC, source_id DESC) "
                "AS place FROM tickets WHERE account" {among "$1"} "AND opened_at <= $2) AS placed "
                "WHERE place <= 5 ORDER BY account, place"),
            vec![ids.clone(), Value::from(windows.now)],
        )
        .await?;
    let mut recent: ByAccount<Vec<TicketBrief>> = BTreeMap::new();
    for row in rows {
        let closed = row.maybe_at("closed_at")?;
        recent.entry(row.word("account")?).or_default().push(TicketBrief {
            source_id: row.text("source_id")?,
            subject: row.text("subject")?.into(),
            body: row.text("body")?.into(),
            priority: row.word("priority")?,
            opened_at: row.at("opened_at")?,
            open: closed.is_none_or(|closed| closed > windows.now),
        });
    }
    Ok(recent)
}

async fn surveys(
    tx: &mut Tx,
    ids: &Value,
    windows: &Windows,
) -> Result<ByAccount<SurveyFacts>, StoreError> {
    tx.fetch(
        sql!("SELECT account, score, answered_at FROM (SELECT account, score, answered_at, "
            "ROW_NUMBER() OVER (PARTITION BY account ORDER BY answered_at DESC, source_id DESC) "
            "AS place FROM surveys WHERE account" {among "$1"}
            "AND kind = 'nps' AND answered_at <= $2) AS placed WHERE place = 1"),
        vec![ids.clone(), Value::from(windows.now)],
    )
    .await?
    .iter()
    .map(|row| {
        let answered = day(row.at("answered_at")?);
        let facts =
            SurveyFacts { nps: row.int("score")?, days_since_nps: windows.days_since(answered) };
        Ok((row.word("account")?, facts))
    })
    .collect()
}

async fn contracts(
    tx: &mut Tx,
    ids: &Value,
    windows: &Windows,
) -> Result<ByAccount<ContractFacts>, StoreError> {
    // The largest line of an account comes first.
    let rows = tx
        .fetch(
            sql!("SELECT account, plan, seats, auto_renew FROM subscriptions "
                "WHERE account" {among "$1"}
                "AND starts_on <= $2 AND (ends_on IS NULL OR ends_on >= $2) "
                "ORDER BY account, arr_minor DESC, starts_on DESC, source_id"),
            vec![ids.clone(), Value::from(windows.today)],
        )
        .await?;
    let mut contracts: ByAccount<ContractFacts> = BTreeMap::new();
    for row in rows {
        let renews = row.flag("auto_renew")?;
        let plan: Option<String> = row.get("plan")?;
        let facts = contracts.entry(row.word("account")?).or_insert_with(|| ContractFacts {
            plan: plan.unwrap_or_default(),
            auto_renew: true,
            ..ContractFacts::default()
        });
        facts.open_lines += 1;
        facts.seats += row.get::<Option<i64>>("seats")?.unwrap_or(0);
        facts.auto_renew &= renews;
    }
    Ok(contracts)
}
