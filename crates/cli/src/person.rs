//! Everything of one person at a customer: handing it out (GV-27), and erasing it (GV-28).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use domain::{
    contact::Contact,
    content::Sealed,
    draft::Manuscript,
    erasure::{Destroyed, Erased, Erasure, Footprint},
    event::{Event, NewEvent, Stream},
    id::{AccountId, ContactId, ErasureId, RunId},
    port::{Customers as _, Journal as _, Vault as _, VaultError},
    user::Actor,
};
use privacy::{Person, scrub::Scrubber};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::Text;

use crate::{
    app::App,
    archive::{self, content, file::Reading, line::RunLine},
    audit,
    vault::KeyVault,
};

/// How often what a turn changed at the same moment is tried again.
const TRIES: usize = 8;
/// Runs whose placeholders are looked through at a time.
const RUNS: u32 = 100;

/// The person as the detectors know people.
fn person(contact: &Contact) -> Person {
    Person {
        first: contact.first.clone(),
        last: contact.last.clone(),
        emails: contact.email.iter().cloned().collect(),
        phones: contact.phone.iter().cloned().collect(),
    }
}

/// The contacts meant by an id, or by an address, which may be known at several accounts.
pub async fn find(app: &App, text: &str) -> anyhow::Result<Vec<ContactId>> {
    if let Ok(id) = text.parse::<ContactId>() {
        let known = app.store.contact(id).await?.is_some();
        return Ok(if known { vec![id] } else { Vec::new() });
    }
    Ok(app.store.contacts_by_email(text).await?.iter().map(|contact| contact.id).collect())
}

/// What there is of a person, or the receipt if they were erased before.
pub async fn look(
    app: &App,
    contact: ContactId,
) -> anyhow::Result<Option<(Footprint, Option<Erasure>)>> {
    let Some(footprint) = app.store.footprint_of(contact).await? else { return Ok(None) };
    Ok(Some((footprint, app.store.erasure_of(contact).await?)))
}

/// Erases a person. What mentions them goes first, while it is known what they are called; then
/// their key, their profile, and everything of theirs that waits, in one transaction. Asked again,
/// it answers with the receipt there is.
pub async fn erase(app: &App, contact: ContactId, by: &Actor) -> anyhow::Result<Erased> {
    if let Some(receipt) = app.store.erasure_of(contact).await? {
        return Ok(Erased::Before(receipt));
    }
    let Some(known) = app.store.contact(contact).await? else { return Ok(Erased::NotFound) };
    let person = person(&known);
    let scrubber = scrubber(app, &known).await?;
    let (drafts, messages) = cancel(app, &known, &scrubber, by).await?;
    let before = Destroyed {
        drafts,
        messages,
        mentions: app.store.change_texts(known.account, |text| scrubbed(&scrubber, text)).await?,
        placeholders: forget(app, known.account, &person).await?,
        ..Destroyed::default()
    };
    let now = app.clock.now();
    let id = ErasureId::new(&*app.clock);
    let erased = app.store.erase(id, contact, by, before, now).await?;
    // Once more, for what was written down meanwhile.
    cancel(app, &known, &scrubber, by).await?;
    app.store.change_texts(known.account, |text| scrubbed(&scrubber, text)).await?;
    forget(app, known.account, &person).await?;
    for _ in 0..TRIES {
        if app.store.truncate_log().await? {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(erased)
}

/// What finds a person in texts, and knows what others at the account are called too.
async fn scrubber(app: &App, contact: &Contact) -> anyhow::Result<Scrubber> {
    let snapshots = app.store.snapshots(&[contact.account], app.clock.now()).await?;
    let others: Vec<Person> = snapshots
        .iter()
        .flat_map(|snapshot| &snapshot.contacts)
        .filter(|other| other.id != contact.id)
        .map(person)
        .collect();
    Ok(Scrubber::new(&person(contact), &others))
}

/// Ends drafts and messages to others at the account that speak of the person: how many of each. Those
/// to the person end with their key.
async fn cancel(
    app: &App,
    person: &Contact,
    scrubber: &Scrubber,
    by: &Actor,
) -> anyhow::Result<(i64, i64)> {
    let mut about = BTreeSet::new();
    for (approval, content) in app.store.waiting_texts(person.account, person.id).await? {
        let plain = match app.vault().open(content).await {
            Ok(plain) => plain,
            Err(VaultError::Erased(_) | VaultError::NotFound(_)) => continue,
            Err(err) => return Err(err.into()),
        };
        let letter = serde_json::from_slice::<Manuscript>(&plain)?.letter;
        if scrubber.scrub(&format!("{}\n{}", letter.subject, letter.body)).is_some() {
            about.insert(approval);
        }
    }
    Ok(app.store.cancel_texts(&about, by, app.clock.now()).await?)
}

/// A text without the person; none if they are not in it.
fn scrubbed(scrubber: &Scrubber, text: &Text) -> Option<String> {
    if !text.place.json {
        return scrubber.scrub(&text.words);
    }
    let mut value: Value = serde_json::from_str(&text.words).ok()?;
    walk(scrubber, &mut value).then(|| value.to_string())
}

/// Scrubs what people may have written among the strings. Our own words (states, steps, ids) are of
/// lower case and have no spaces: taken apart, they would mean nothing.
fn walk(scrubber: &Scrubber, value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let written = text.contains([' ', '@', '\n']) || text.contains(char::is_uppercase);
            match written.then(|| scrubber.scrub(text)).flatten() {
                Some(without) => {
                    *text = without;
                    true
                }
                None => false,
            }
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| walk(scrubber, item) | any),
        Value::Object(fields) => {
            fields.iter_mut().fold(false, |any, (_, item)| walk(scrubber, item) | any)
        }
        _ => false,
    }
}

/// Forgets placeholders that stand for a person in the runs of an account.
async fn forget(app: &App, account: AccountId, person: &Person) -> anyhow::Result<i64> {
    let vault = app.vault();
    let (mut gone, mut after): (i64, Option<RunId>) = (0, None);
    loop {
        let page = app.store.pseudonyms_of_account(account, after, RUNS).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        after = Some(last.run);
        for sealed in page {
            let run = sealed.run;
            let mut sealed = Some(sealed);
            for _ in 0..TRIES {
                let Some(mut stored) = sealed.take() else { break };
                let mut mapping = vault.open_pseudonyms(&stored).await?;
                let forgotten = mapping.forget(person);
                if forgotten == 0 {
                    break;
                }
                stored.bytes = vault.seal_mapping(run, &mapping)?;
                if app.store.replace_pseudonyms(&stored, app.clock.now()).await? {
                    gone += i64::try_from(forgotten).unwrap_or(i64::MAX);
                    break;
                }
                // A turn was faster.
                sealed = app.store.pseudonyms_of(run, "").await?.sealed;
            }
        }
    }
}

/// The placeholders that stand for a person in the runs of their account, and for what.
async fn pseudonyms(app: &App, contact: &Contact) -> anyhow::Result<Vec<Value>> {
    let person = person(contact);
    let (mut found, mut after): (_, Option<RunId>) = (Vec::new(), None);
    loop {
        let page = app.store.pseudonyms_of_account(contact.account, after, RUNS).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.run);
        for sealed in &page {
            let mapping = app.vault().open_pseudonyms(sealed).await?;
            for (placeholder, kind, value) in mapping.standing_for(&person) {
                found.push(json!({
                    "run": sealed.run, "placeholder": placeholder, "type": kind.name(),
                    "value": value,
                }));
            }
        }
    }
}

/// The lines of the account's other texts in which a person is, by where they stand.
async fn mentions(app: &App, contact: &Contact) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let scrubber = scrubber(app, contact).await?;
    let found: Mutex<BTreeMap<String, Vec<String>>> = Mutex::default();
    // Nothing is changed.
    app.store
        .change_texts(contact.account, |text| {
            let mut lines = Vec::new();
            if text.place.json {
                let value = serde_json::from_str(&text.words).unwrap_or(Value::Null);
                lines_of_json(&scrubber, &value, &mut lines);
            } else {
                lines.extend(scrubber.lines(&text.words).into_iter().map(str::to_owned));
            }
            if !lines.is_empty() {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.entry(text.place.to_string()).or_default().append(&mut lines);
            }
            None
        })
        .await?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn lines_of_json(scrubber: &Scrubber, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::String(text) => lines.extend(scrubber.lines(text).into_iter().map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| lines_of_json(scrubber, item, lines)),
        Value::Object(fields) => {
            fields.values().for_each(|item| lines_of_json(scrubber, item, lines));
        }
        _ => {}
    }
}

/// Everything there is of a person, as one document; none if nobody has this id. That it was handed
/// out is noted in the trail.
pub async fn export(app: &App, contact: ContactId, by: &Actor) -> anyhow::Result<Option<Value>> {
    let Some(mut dossier) = app.store.dossier(contact).await? else { return Ok(None) };
    let now = app.clock.now();
    let known = app.store.contact(contact).await?;
    let (pseudonyms, mentions) = match &known {
        Some(known) => (pseudonyms(app, known).await?, mentions(app, known).await?),
        None => (Vec::new(), BTreeMap::new()),
    };
    let mut rows = |table: &str| dossier.rows.remove(table).unwrap_or_default();
    let (versions, approvals) = (rows("versions"), rows("approvals"));
    let mut drafts = Vec::new();
    for version in &versions {
        let id = version.get("content").and_then(Value::as_str).unwrap_or_default();
        let sealed = dossier.contents.iter().find(|content| content.id.to_string() == id);
        let data = version.get("data").and_then(Value::as_str).unwrap_or_default();
        let (text, state) = match sealed {
            Some(sealed) => manuscript(app.vault(), sealed).await?,
            None => (None, "missing"),
        };
        drafts.push(json!({
            "approval": version.get("approval"),
            "version": serde_json::from_str::<Value>(data).unwrap_or(Value::Null),
            "text": state,
            "letter": text.as_ref().map(|text| &text.letter),
            "facts": text.as_ref().map(|text| &text.facts),
            "what_the_model_saw": text.as_ref().map(|text| &text.seen_by_model),
            "put_back_for_placeholders": text.as_ref().map(|text| &text.restored),
        }));
    }
    let decisions: Vec<Value> = approvals
        .iter()
        .map(|row| {
            let data = row.get("data").and_then(Value::as_str).unwrap_or_default();
            serde_json::from_str(data).unwrap_or(Value::Null)
        })
        .collect();
    let events: Vec<Value> = dossier
        .events
        .iter()
        .map(|event| {
            json!({
                "stream": event.stream,
                "seq": event.seq,
                "at": jiff::Timestamp::from_microsecond(event.at).ok(),
                "actor": serde_json::from_str::<Value>(&event.actor).ok(),
                "event": serde_json::from_str::<Value>(&event.data).ok(),
                "hash": hex::encode(&event.hash),
            })
        })
        .collect();
    let (archived, searched) = archived(app, contact, dossier.account).await?;
    let document = json!({
        "format": "playgate-personal-data/1",
        "contact": contact,
        "account": dossier.account,
        "exported_at": now,
        "times": "rows give times in microseconds since 1970 UTC; everything else in RFC 3339",
        "profile": rows("contacts"),
        "consent": known.as_ref().map(|contact| json!({
            "now": contact.consent_now(),
            "stated": contact.consent,
            "opted_out_at": contact.opted_out_at,
            "bounced_at": contact.bounced_at,
        })),
        "tickets": rows("tickets"),
        "surveys": rows("surveys"),
        "emails": rows("emails"),
        "meetings": rows("meetings"),
        "drafts": drafts,
        "decisions": decisions,
        "messages": rows("messages"),
        "runs": rows("runs"),
        "placeholders": pseudonyms,
        "mentions": mentions,
        "events": events,
        "archived": archived,
        "archives_searched": searched,
        "erasures": rows("erasures"),
    });
    let sha256 = hex::encode(Sha256::digest(document.to_string()));
    let event = Event::PersonExported { contact, sha256 };
    let event = NewEvent { stream: Stream::Privacy, at: now, actor: by.clone(), event };
    app.store.append(vec![event]).await?;
    Ok(Some(document))
}

/// A text that was written to the person, and why there is none.
async fn manuscript(
    vault: &KeyVault,
    sealed: &Sealed,
) -> anyhow::Result<(Option<Manuscript>, &'static str)> {
    match vault.open_bytes(sealed.id, sealed.subject, &sealed.bytes).await {
        Ok(plain) => Ok((Some(serde_json::from_slice(&plain)?), "whole")),
        Err(VaultError::Erased(_)) => Ok((None, "erased")),
        Err(err) => Err(err.into()),
    }
}

/// What archive files have of a person, and whether there was a folder to look in.
async fn archived(
    app: &App,
    contact: ContactId,
    account: AccountId,
) -> anyhow::Result<(Vec<Value>, bool)> {
    let folder = archive::folder(&app.config).filter(|folder| folder.is_dir());
    let Some(folder) = folder else { return Ok((Vec::new(), false)) };
    let mut found = Vec::new();
    for record in audit::archives(&*app.ledger).await? {
        if record.kind != domain::archive::ArchiveKind::Runs {
            continue;
        }
        let path = folder.join(&record.name);
        let lines =
            tokio::task::spawn_blocking(move || lines_of(&path, contact, account)).await??;
        for line in lines {
            found.push(opened(app, &record.name, line, contact).await?);
        }
    }
    Ok((found, true))
}

/// The runs in an archive file that concern the person.
fn lines_of(path: &Path, contact: ContactId, account: AccountId) -> anyhow::Result<Vec<RunLine>> {
    let mut reading = Reading::open(path)
        .with_context(|| format!("archive `{}` is missing or damaged", path.display()))?;
    let mut found = Vec::new();
    while let Some(line) = reading.line::<RunLine>()? {
        let concerns = line.account == account
            && (line.contents.iter().any(|content| content.subject == contact)
                || line.private.as_ref().is_some_and(|rows| rows.subjects.contains(&contact)));
        if concerns {
            found.push(line);
        }
    }
    Ok(found)
}

async fn opened(app: &App, file: &str, line: RunLine, contact: ContactId) -> anyhow::Result<Value> {
    let mut letters = Vec::new();
    for sealed in line.contents.iter().filter(|sealed| sealed.subject == contact) {
        let sealed = Sealed { id: sealed.id, subject: sealed.subject, bytes: sealed.bytes.clone() };
        let (text, state) = manuscript(app.vault(), &sealed).await?;
        letters.push(json!({ "content": sealed.id, "text": state, "manuscript": text }));
    }
    // Of rows that concern several people only what is about this one is theirs.
    let alone = line.private.as_ref().filter(|rows| rows.subjects == [contact]);
    let rows = match alone {
        Some(private) => content::open(app.vault(), private).await.ok(),
        None => None,
    };
    Ok(json!({
        "file": file,
        "run": line.run,
        "started_at": line.started_at,
        "outline": line.outline,
        "rows": rows,
        "letters": letters,
        "events": line.events.iter().map(|event| json!({
            "seq": event.seq,
            "at": jiff::Timestamp::from_microsecond(event.at).ok(),
            "event": serde_json::from_str::<Value>(&event.data).ok(),
        })).collect::<Vec<_>>(),
    }))
}
