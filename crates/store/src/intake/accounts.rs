//! Reading accounts in: what a row leaves out stays as it is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    id::{AccountId, UserId},
    port::StoreError,
    record::{Absorbed, AccountRow, Row},
    signal::{NewSignal, kind},
    user::{Role, User},
};
use serde_json::json;

use super::{Frame, Item, Raised};
use crate::{
    account,
    connection::Tx,
    signal,
    sql::{Value, sql},
    user,
};

/// An account as stored, with what only the store knows of it.
struct Stored {
    account: Account,
    row_hash: String,
    arr_given: bool,
    renewal_given: bool,
    /// The phase it was in before this batch; none if it is new.
    before: Option<Lifecycle>,
    changed: bool,
}

/// Reads accounts in; those that changed.
pub(super) async fn absorb(
    tx: &mut Tx,
    frame: &Frame<'_>,
    items: &[Item],
    answers: &mut [Absorbed],
    raised: &mut Raised,
) -> Result<BTreeSet<AccountId>, StoreError> {
    let rows: Vec<(usize, &str, &str, &AccountRow)> = items
        .iter()
        .filter_map(|Item { index, record }| match &record.row {
            Row::Account(row) => Some((*index, &*record.source_id, &*record.row_hash, row)),
            _ => None,
        })
        .collect();
    let csms = csms(tx, frame, rows.iter().map(|(.., row)| *row), raised).await?;
    let mut stored = stored(tx, frame, rows.iter().map(|(_, id, ..)| *id)).await?;
    let mut seen = BTreeSet::new();
    for (index, source_id, row_hash, row) in rows {
        seen.insert(source_id);
        let csm = row.csm_email.as_deref().and_then(|email| csms.get(&user::key(email))).copied();
        answers[index] = match stored.get_mut(source_id) {
            Some(known) if known.row_hash == row_hash => Absorbed::Unchanged,
            Some(known) => {
                row_hash.clone_into(&mut known.row_hash);
                known.changed = true;
                merge(known, frame, row, csm);
                Absorbed::Updated
            }
            None => {
                let mut new = Stored {
                    account: blank(frame, source_id, row),
                    row_hash: row_hash.to_owned(),
                    arr_given: false,
                    renewal_given: false,
                    before: None,
                    changed: true,
                };
                merge(&mut new, frame, row, csm);
                stored.insert(source_id.to_owned(), new);
                Absorbed::Inserted
            }
        };
    }
    let changed: Vec<&Stored> = stored.values().filter(|account| account.changed).collect();
    raised.signals.extend(changed.iter().filter_map(|account| entered(account, frame)));
    write(tx, &changed).await?;
    let changed = changed.iter().map(|stored| stored.account.id).collect();
    // Rows that did not change were read again and are as fresh as those that did.
    tx.execute(
        sql!("UPDATE accounts SET as_of = $3 WHERE source = $2 AND source_id" {among "$1"}
            "AND as_of < $3"),
        vec![Value::json(&seen), Value::from(frame.source), Value::from(frame.as_of)],
    )
    .await?;
    Ok(changed)
}

/// A new account, with what follows from its size where its source does not say.
fn blank(frame: &Frame<'_>, source_id: &str, row: &AccountRow) -> Account {
    let segment = row.segment.unwrap_or(match row.employees {
        Some(1000..) => Segment::Enterprise,
        Some(100..) => Segment::MidMarket,
        _ => Segment::Smb,
    });
    Account {
        id: AccountId::new(frame.clock),
        source: frame.source.to_owned(),
        source_id: source_id.to_owned(),
        name: row.name.clone(),
        domain: None,
        industry: None,
        employees: None,
        segment,
        tier: match segment {
            Segment::Smb => Tier::TechTouch,
            Segment::MidMarket => Tier::MidTouch,
            Segment::Enterprise => Tier::HighTouch,
        },
        lifecycle: Lifecycle::Adoption,
        status: AccountStatus::Active,
        csm: None,
        region: None,
        time_zone: None,
        arr: Money { minor: 0, currency: "USD".to_owned() },
        contract_start: None,
        renewal_date: None,
        health: None,
        previous_health: None,
        as_of: frame.as_of,
    }
}

fn merge(known: &mut Stored, frame: &Frame<'_>, row: &AccountRow, csm: Option<UserId>) {
    let account = &mut known.account;
    account.name.clone_from(&row.name);
    keep(&mut account.domain, row.domain.as_ref());
    keep(&mut account.industry, row.industry.as_ref());
    keep(&mut account.employees, row.employees.as_ref());
    account.segment = row.segment.unwrap_or(account.segment);
    account.tier = row.tier.unwrap_or(account.tier);
    account.lifecycle = row.lifecycle.unwrap_or(account.lifecycle);
    account.status = row.status.unwrap_or(account.status);
    account.csm = csm.or(account.csm);
    keep(&mut account.region, row.region.as_ref());
    keep(&mut account.time_zone, row.time_zone.as_ref());
    if let Some(arr) = &row.arr {
        account.arr = arr.clone();
        known.arr_given = true;
    }
    keep(&mut account.contract_start, row.contract_start.as_ref());
    if row.renewal_date.is_some() {
        account.renewal_date = row.renewal_date;
        known.renewal_given = true;
    }
    if row.health.is_some() && row.health != account.health {
        account.previous_health = account.health;
        account.health = row.health;
    }
    account.as_of = frame.as_of;
}

fn keep<T: Clone>(known: &mut Option<T>, given: Option<&T>) {
    if let Some(given) = given {
        *known = Some(given.clone());
    }
}

/// The signal of an account that entered a phase.
fn entered(stored: &Stored, frame: &Frame<'_>) -> Option<NewSignal> {
    let account = &stored.account;
    let stage = account.lifecycle;
    match stored.before {
        Some(before) if before == stage => return None,
        None if !frame.announce => return None,
        _ => {}
    }
    Some(NewSignal {
        source: signal::OURS.to_owned(),
        event_id: format!("lifecycle:{}:{stage}:{}", account.id, frame.as_of.as_microsecond()),
        kind: kind::LIFECYCLE_ENTERED.to_owned(),
        account: account.id,
        at: frame.as_of,
        data: json!({ "stage": stage, "from": stored.before }),
        run: None,
    })
}

async fn stored<'a>(
    tx: &mut Tx,
    frame: &Frame<'_>,
    ids: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, Stored>, StoreError> {
    let ids: BTreeSet<&str> = ids.collect();
    tx.fetch(
        sql!("SELECT * FROM accounts WHERE source = $2 AND source_id" {among "$1"}
            "ORDER BY id" {lock}),
        vec![Value::json(&ids), Value::from(frame.source)],
    )
    .await?
    .iter()
    .map(|row| {
        let account = account::read(row)?;
        let stored = Stored {
            row_hash: row.text("row_hash")?,
            arr_given: row.flag("arr_given")?,
            renewal_given: row.flag("renewal_given")?,
            before: Some(account.lifecycle),
            changed: false,
            account,
        };
        Ok((stored.account.source_id.clone(), stored))
    })
    .collect()
}

/// The owning CSMs by address; those who are not known are added.
async fn csms<'a>(
    tx: &mut Tx,
    frame: &Frame<'_>,
    rows: impl Iterator<Item = &'a AccountRow>,
    raised: &mut Raised,
) -> Result<HashMap<String, UserId>, StoreError> {
    let mut named: BTreeMap<String, &AccountRow> = BTreeMap::new();
    for row in rows {
        if let Some(email) = row.csm_email.as_deref().map(user::key).filter(|key| !key.is_empty()) {
            named.entry(email).or_insert(row);
        }
    }
    if named.is_empty() {
        return Ok(HashMap::new());
    }
    let known = by_address(tx, &named).await?;
    let new: Vec<User> = named
        .iter()
        .filter(|(email, _)| !known.contains_key(*email))
        .map(|(email, row)| User {
            id: UserId::new(frame.clock),
            email: row.csm_email.as_deref().unwrap_or(email).trim().to_owned(),
            name: row.csm_name.clone().unwrap_or_else(|| email.clone()),
            role: Role::Csm,
            since: row.csm_since,
            disabled_at: None,
        })
        .collect();
    if new.is_empty() {
        return Ok(known);
    }
    raised.events.extend(user::add(tx, &new, &frame.actor(), frame.now).await?);
    by_address(tx, &named).await
}

async fn by_address(
    tx: &mut Tx,
    named: &BTreeMap<String, &AccountRow>,
) -> Result<HashMap<String, UserId>, StoreError> {
    let keys: Vec<&str> = named.keys().map(String::as_str).collect();
    tx.fetch(
        sql!("SELECT email_key, id FROM users WHERE email_key" {among "$1"}),
        vec![Value::json(&keys)],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("email_key")?, row.word("id")?)))
    .collect()
}

async fn write(tx: &mut Tx, stored: &[&Stored]) -> Result<(), StoreError> {
    if stored.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = stored
        .iter()
        .map(|stored| {
            let Stored { account, row_hash, arr_given, renewal_given, .. } = stored;
            let domain = account.domain.as_deref().unwrap_or_default();
            let search = format!("{}\n{domain}\n{}", account.name, account.source_id);
            json!({
                "id": account.id, "source": account.source, "source_id": account.source_id,
                "row_hash": row_hash, "name": account.name, "name_key": account::key(&account.name),
                "search_key": search.to_lowercase(), "domain": account.domain,
                "industry": account.industry, "employees": account.employees,
                "segment": account.segment, "tier": account.tier, "lifecycle": account.lifecycle,
                "status": account.status, "csm": account.csm, "region": account.region,
                "time_zone": account.time_zone, "arr_minor": account.arr.minor,
                "arr_currency": account.arr.currency, "arr_given": i64::from(*arr_given),
                "contract_start": account.contract_start, "renewal_date": account.renewal_date,
                "renewal_given": i64::from(*renewal_given), "health": account.health,
                "previous_health": account.previous_health,
                "as_of": account.as_of.as_microsecond(),
            })
        })
        .collect();
    macro_rules! upsert {
        ($($name:ident $kind:ident),+) => {
            sql!("INSERT INTO accounts (id, source, source_id, row_hash"
                {each ", " ($($name),+)} ") "
                "SELECT r.id, r.source, r.source_id, r.row_hash" {each ", r." ($($name),+)} " FROM "
                {rows "$1" (
                    id TEXT, source TEXT, source_id TEXT, row_hash TEXT, $($name $kind),+
                )}
                "WHERE true ON CONFLICT (id) DO UPDATE SET row_hash = excluded.row_hash"
                {replace ($($name),+)})
        };
    }
    tx.execute(
        upsert!(
            name TEXT, name_key TEXT, search_key TEXT, domain TEXT, industry TEXT,
            employees BIGINT, segment TEXT, tier TEXT, lifecycle TEXT, status TEXT, csm TEXT,
            region TEXT, time_zone TEXT, arr_minor BIGINT, arr_currency TEXT, arr_given BIGINT,
            contract_start TEXT, renewal_date TEXT, renewal_given BIGINT, health DOUBLE,
            previous_health DOUBLE, as_of BIGINT
        ),
        vec![Value::rows(rows)],
    )
    .await?;
    Ok(())
}
