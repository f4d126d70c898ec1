//! The exit of the product: the scan of `privacy` over the customers of the database.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use domain::{
    draft::{Finding, Letter},
    outgoing::{Part, Place, Response, Standards},
    port::{
        Customers, Exit, Listing, Mark, Parcel, Prompted, StoreError, Stranger, StrangerKind,
        Unchecked,
    },
    snapshot::Snapshot,
};
use privacy::{Directory, Entry, Foreign, Kind, Known, Person, Rules, leak, outgoing};
use tokio::sync::Mutex;

/// Accounts read from the database at a time.
const PAGE: u32 = 2000;

/// Looks at letters with a directory of all customers, which it keeps up to date.
///
/// The directory is read when it is first needed, page by page, and before each letter what changed
/// since is read after it: one look at an index when nothing did, which letters that wait for it at
/// the same time share. So an import by another process counts for the next letter. Where there are
/// no letters, nothing is read. If it cannot be read, no letter is looked at, and the engine lets none
/// out without a person.
pub struct CustomerExit {
    customers: Arc<dyn Customers>,
    directory: RwLock<Directory>,
    /// How often it was asked to read on.
    asked: AtomicU64,
    /// How far the directory has been read. Who reads on holds it.
    read: Mutex<Progress>,
    rules: Rules,
}

/// How far a directory has been read.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    mark: Option<Mark>,
    /// Whoever asked until then, by number, asked before the last reading began.
    answered: u64,
}

impl CustomerExit {
    /// An exit over these customers. The seed hides the directory's fingerprints.
    pub fn new(customers: Arc<dyn Customers>, seed: u64) -> Self {
        Self {
            customers,
            directory: RwLock::new(Directory::new(seed)),
            asked: AtomicU64::new(0),
            read: Mutex::default(),
            rules: Rules::default(),
        }
    }

    /// Reads what changed since it was last read, or everything; tells how many accounts there are.
    pub async fn refresh(&self) -> Result<usize, StoreError> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut read = self.read.lock().await;
        if read.answered < mine {
            let until = self.asked.load(Ordering::SeqCst);
            self.read_on(&mut read.mark).await?;
            read.answered = until;
        }
        drop(read);
        Ok(self.directory.read().unwrap_or_else(PoisonError::into_inner).accounts())
    }

    async fn read_on(&self, mark: &mut Option<Mark>) -> Result<(), StoreError> {
        loop {
            let page = self.customers.listings(*mark, PAGE).await?;
            let Some(last) = page.last().map(|listing| listing.mark) else { return Ok(()) };
            let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
            for listing in &page {
                directory.set(&listing.mark.account.to_string(), &entry(listing));
            }
            drop(directory);
            *mark = Some(last);
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    fn search(&self, texts: &Prompted<'_>) -> Vec<Stranger> {
        let own = own(texts.snapshot);
        let public: Vec<Entry> = texts.standards.public.iter().map(|name| public(name)).collect();
        let allowed: Vec<&Entry> = std::iter::once(&own).chain(&public).collect();
        let account = texts.snapshot.account.id.to_string();
        let directory = self.directory.read().unwrap_or_else(PoisonError::into_inner);
        let outside = texts.outside.iter().map(|text| text.for_a_search().as_str());
        let mut found = BTreeSet::new();
        for text in texts.ours.iter().copied().chain(outside) {
            for exposure in directory.scan(text, Some(&account), &allowed) {
                let Some(value) = text.get(exposure.at) else { continue };
                let kind = match exposure.kind {
                    Foreign::Name => StrangerKind::Person,
                    Foreign::Email => StrangerKind::Email,
                    Foreign::Phone => StrangerKind::Phone,
                    Foreign::Org | Foreign::Invoice => StrangerKind::Company,
                };
                found.insert(Stranger { kind, value: value.to_owned() });
            }
        }
        found.into_iter().collect()
    }

    fn look(&self, parcel: &Parcel<'_>) -> Vec<Finding> {
        let Parcel { letter, snapshot, standards, .. } = parcel;
        let own = ours(snapshot, letter);
        let public: Vec<Entry> = standards.public.iter().map(|name| public(name)).collect();
        let allowed: Vec<&Entry> = std::iter::once(&own).chain(&public).collect();
        let account = snapshot.account.id.to_string();
        let directory = self.directory.read().unwrap_or_else(PoisonError::into_inner);
        let mut findings = Vec::new();
        for (part, text) in [(Part::Subject, &letter.subject), (Part::Body, &letter.body)] {
            for exposure in directory.scan(text, Some(&account), &allowed) {
                let place = place(part, &exposure.at, exposure.kind.as_str(), exposure.rule);
                let what = foreign(exposure.kind);
                findings.push(finding(text, place, what, standards.other_customers));
            }
            self.secrets(part, text, standards, &mut findings);
            blunders(part, text, parcel, &mut findings);
        }
        findings
    }

    fn secrets(&self, part: Part, text: &str, standards: &Standards, findings: &mut Vec<Finding>) {
        for leak in leak::scan(text, &self.rules, &Known::default(), &[]) {
            let (kind, what) = match leak.kind {
                Kind::CreditCard => ("card", "a card number"),
                Kind::Iban => ("iban", "a bank account"),
                Kind::Secret => ("secret", "a secret"),
                Kind::NationalId => ("national_id", "a number a state knows a person by"),
                _ => continue,
            };
            findings.push(finding(
                text,
                place(part, &leak.at, kind, what),
                what,
                standards.secrets,
            ));
        }
    }
}

#[async_trait]
impl Exit for CustomerExit {
    async fn inspect(&self, parcel: Parcel<'_>) -> Result<Vec<Finding>, Unchecked> {
        match self.refresh().await {
            Ok(_) => Ok(self.look(&parcel)),
            Err(err) => {
                tracing::error!(error = %err, "directory of customers could not be read");
                Err(Unchecked(err.to_string()))
            }
        }
    }

    async fn strangers(&self, texts: Prompted<'_>) -> Result<Vec<Stranger>, Unchecked> {
        if texts.ours.is_empty() && texts.outside.is_empty() {
            return Ok(Vec::new());
        }
        match self.refresh().await {
            Ok(_) => Ok(self.search(&texts)),
            Err(err) => {
                tracing::error!(error = %err, "directory of customers could not be read");
                Err(Unchecked(err.to_string()))
            }
        }
    }
}

fn blunders(part: Part, text: &str, parcel: &Parcel<'_>, findings: &mut Vec<Finding>) {
    let Parcel { letter, snapshot, asset, standards, playbook } = parcel;
    let mut words = standards.words.clone();
    // A playbook's name in a single word may be any word.
    if playbook.contains(['-', '_']) {
        words.push((*playbook).to_owned());
    }
    let mut hosts = standards.hosts.clone();
    hosts.extend(outgoing::hosts(asset));
    hosts.extend(snapshot.account.domain.clone());
    let addresses =
        [Some(&*letter.recipient.address), snapshot.csm.as_ref().map(|csm| &*csm.email)];
    hosts.extend(
        addresses
            .into_iter()
            .flatten()
            .filter_map(|address| address.rsplit_once('@'))
            .map(|(_, host)| host.to_owned()),
    );
    let held_to =
        outgoing::Standards { words: &words, canaries: &standards.canaries, hosts: &hosts };
    for slip in outgoing::inspect(text, &held_to) {
        let response = match slip.kind {
            outgoing::Blunder::Vocabulary => standards.vocabulary,
            outgoing::Blunder::Placeholder | outgoing::Blunder::Canary => standards.leftovers,
            outgoing::Blunder::Link => standards.links,
            outgoing::Blunder::Image => standards.images,
        };
        let place = place(part, &slip.at, slip.kind.as_str(), &slip.rule);
        findings.push(finding(text, place, &slip.rule, response));
    }
}

const fn foreign(kind: Foreign) -> &'static str {
    match kind {
        Foreign::Name => "the name of another customer's person",
        Foreign::Email => "a mail address of another customer",
        Foreign::Phone => "a telephone number of another customer",
        Foreign::Org => "another customer's company",
        Foreign::Invoice => "an invoice number of another customer",
    }
}

fn place(part: Part, at: &std::ops::Range<usize>, kind: &str, rule: &str) -> Place {
    Place { part, start: at.start, end: at.end, kind: kind.to_owned(), rule: rule.to_owned() }
}

/// A finding that says where it is, as a person counts, and repeats nothing of it.
fn finding(text: &str, place: Place, what: &str, response: Response) -> Finding {
    let before = text.get(..place.start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place_in_words = match place.part {
        Part::Subject => format!("the subject, from character {column},"),
        Part::Body => format!("line {line} of the text, from character {column},"),
    };
    Finding {
        code: Finding::LEAK.to_owned(),
        detail: format!("{place_in_words} holds {what}"),
        blocking: response == Response::Block,
        place: Some(place),
    }
}

/// What the account itself, and whoever writes to it, are called: that may go out.
fn ours(snapshot: &Snapshot, letter: &Letter) -> Entry {
    let mut entry = own(snapshot);
    entry.names.push(letter.recipient.name.clone());
    entry
        .people
        .push(Person { emails: vec![letter.recipient.address.clone()], ..Person::default() });
    entry
}

/// What the account itself and its CSM are called.
fn own(snapshot: &Snapshot) -> Entry {
    let mut entry = Entry {
        org: snapshot.account.name.clone(),
        domains: snapshot.account.domain.iter().cloned().collect(),
        ..Entry::default()
    };
    entry.people.extend(snapshot.contacts.iter().map(|contact| Person {
        first: contact.first.clone(),
        last: contact.last.clone(),
        emails: contact.email.iter().cloned().collect(),
        phones: contact.phone.iter().cloned().collect(),
    }));
    if let Some(csm) = &snapshot.csm {
        entry.names.push(csm.name.clone());
        entry.people.push(Person { emails: vec![csm.email.clone()], ..Person::default() });
    }
    entry
}

fn public(name: &str) -> Entry {
    Entry { org: name.to_owned(), names: vec![name.to_owned()], ..Entry::default() }
}

fn entry(listing: &Listing) -> Entry {
    Entry {
        org: listing.name.clone(),
        domains: listing.domain.iter().cloned().collect(),
        people: listing
            .people
            .iter()
            .map(|person| Person {
                first: person.first.clone(),
                last: person.last.clone(),
                emails: person.email.iter().cloned().collect(),
                phones: person.phone.iter().cloned().collect(),
            })
            .collect(),
        ..Entry::default()
    }
}
