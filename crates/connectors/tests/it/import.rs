//! Imports into a real database: every row accounted for, nothing half-applied, twice is once.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use connectors::import::{
    Anomaly, Counts, DateOrder, FileError, Import, ImportError, Mapping, Oddity, Options, Report,
};
use domain::{
    account::{Account, AccountStatus, Money, Segment, Tier},
    contact::{Consent, ContactRole},
    event::NewEvent,
    page::PageRequest,
    port::{AccountFilter, Customers as _, Intake, StoreError},
    record::{Absorbed, Priority, Record},
};
use jiff::{Timestamp, civil::Date};
use proptest::prelude::*;
use store::Store;

use crate::case::Still;

/// A database of its own, and a folder for files.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
}

impl World {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("db.sqlite").display());
        let store = Store::open(&url, Arc::new(Still::default())).await.unwrap();
        store.migrate().await.unwrap();
        Self { dir, store }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    async fn import(&self, preset: &str, paths: &[PathBuf]) -> Result<Report, ImportError> {
        self.import_with(preset, paths, Options::default()).await
    }

    async fn import_with(
        &self,
        preset: &str,
        paths: &[PathBuf],
        options: Options,
    ) -> Result<Report, ImportError> {
        let mapping = Mapping::preset(preset).unwrap();
        Import::new(mapping, preset, options)
            .run(paths, &self.store, &Still::default(), &|_| {})
            .await
    }

    async fn account(&self, id: &str) -> Account {
        let mut found = self.store.find_account(id).await.unwrap();
        assert_eq!(found.len(), 1, "{id}");
        found.remove(0)
    }

    async fn accounts(&self) -> Vec<Account> {
        let page = PageRequest { cursor: None, limit: 200 };
        self.store.accounts(&AccountFilter::default(), &page).await.unwrap().items
    }
}

/// The real store, watched: it keeps what was handed in, and can be away for a while.
pub(crate) struct Watched<'a> {
    store: &'a Store,
    pub(crate) records: Mutex<Vec<Record>>,
    away: AtomicU64,
}

impl<'a> Watched<'a> {
    /// Away, and not worth waiting for.
    const FOR_GOOD: u64 = u64::MAX;

    pub(crate) fn new(store: &'a Store, away: u64) -> Self {
        Self { store, records: Mutex::default(), away: AtomicU64::new(away) }
    }
}

#[async_trait]
impl Intake for Watched<'_> {
    async fn absorb(
        &self,
        source: &str,
        records: Vec<Record>,
        as_of: Timestamp,
        announce: bool,
    ) -> Result<Vec<Absorbed>, StoreError> {
        let away = self.away.load(Ordering::SeqCst);
        if away > 0 {
            self.away.store(away - 1, Ordering::SeqCst);
            return Err(StoreError::new(away != Self::FOR_GOOD, "away"));
        }
        self.records.lock().unwrap().extend(records.iter().cloned());
        self.store.absorb(source, records, as_of, announce).await
    }

    async fn subscription_spans(
        &self,
        source: &str,
        ids: &[String],
    ) -> Result<Vec<(String, String, Date, Option<Date>)>, StoreError> {
        self.store.subscription_spans(source, ids).await
    }

    async fn knows_source(&self, source: &str) -> Result<bool, StoreError> {
        self.store.knows_source(source).await
    }

    async fn imported(&self, event: NewEvent) -> Result<(), StoreError> {
        self.store.imported(event).await
    }
}

fn fixture(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

fn counts(inserted: u64, updated: u64, unchanged: u64, rejected: u64) -> Counts {
    let read = inserted + updated + unchanged + rejected;
    Counts { read, inserted, updated, unchanged, rejected }
}

fn anomaly(report: &Report, kind: Oddity) -> Option<&Anomaly> {
    report.anomalies.iter().find(|anomaly| anomaly.kind == kind)
}

/// Every rejection as `line field why`.
fn rejections(report: &Report) -> Vec<String> {
    report
        .rejections
        .iter()
        .map(|rejection| format!("{} {} {}", rejection.line, rejection.field, rejection.why))
        .collect()
}

#[tokio::test]
async fn contradictions_are_counted_and_nothing_is_lost_unsaid() {
    let world = World::new().await;
    let report = world.import("ravenstack", &[fixture("ravenstack")]).await.unwrap();
    assert_eq!(report.totals(), counts(4 + 3 + 6 + 2 + 2, 0, 1, 2), "{report}");

    let outside = anomaly(&report, Oddity::UsageOutsideSubscription).unwrap();
    assert_eq!(outside.count, 2);
    assert_eq!(outside.examples, ["U-3 on 2024-01-15", "U-4 on 2024-07-01"]);
    let repeated = anomaly(&report, Oddity::RepeatedUsageId).unwrap();
    assert_eq!((repeated.count, &repeated.examples), (1, &vec!["U-5".to_owned()]));
    assert_eq!(anomaly(&report, Oddity::RepeatedRow).unwrap().count, 1);
    // A-3 has an event and no flag, A-4 a flag and no event.
    let flags = anomaly(&report, Oddity::ContradictoryChurnFlag).unwrap();
    assert_eq!((flags.count, &flags.examples), (2, &vec!["A-3".to_owned(), "A-4".to_owned()]));

    let rejected = rejections(&report);
    assert!(rejected[0].starts_with("5 account_id "), "{rejected:?}");
    assert!(
        rejected[1].starts_with("9 subscription_id `S-8` is no known subscription"),
        "{rejected:?}"
    );

    let account = world.account("A-3").await;
    assert_eq!((account.segment, account.tier), (Segment::Enterprise, Tier::HighTouch));
    assert_eq!(account.status, AccountStatus::Trial);
    assert_eq!(world.account("A-4").await.status, AccountStatus::Churned);
    let now = "2024-08-01T00:00:00Z".parse().unwrap();
    let first = world.account("A-1").await;
    let snapshot = world.store.snapshots(&[first.id], now).await.unwrap().remove(0);
    assert_eq!(snapshot.contract.seats, 10);
    assert_eq!(snapshot.recent_tickets[0].subject.for_a_person(), "urgent priority ticket");
    assert_eq!(snapshot.recent_tickets[0].priority, Priority::P1);
}

#[tokio::test]
async fn importing_again_changes_nothing_and_a_changed_row_is_one_update() {
    let world = World::new().await;
    let first = world.import("ravenstack", &[fixture("ravenstack")]).await.unwrap();
    let again = world.import("ravenstack", &[fixture("ravenstack")]).await.unwrap();
    assert_eq!(again.totals(), counts(0, 0, first.total.read - 2, 2), "{again}");
    assert_eq!(again.anomalies, first.anomalies);

    let text = fs::read_to_string(fixture("ravenstack").join("accounts.csv")).unwrap();
    let changed = world.write("accounts.csv", text.replace("EdTech", "Education"));
    let report = world.import("ravenstack", &[changed]).await.unwrap();
    assert_eq!(report.totals(), counts(0, 1, 3, 0));
    assert_eq!(world.account("A-1").await.industry.as_deref(), Some("Education"));
}

#[tokio::test]
async fn files_may_come_in_any_order_and_one_by_one() {
    let names = ["feature_usage", "churn_events", "support_tickets", "subscriptions", "accounts"];
    let files: Vec<PathBuf> =
        names.iter().map(|name| fixture("ravenstack").join(format!("{name}.csv"))).collect();
    let world = World::new().await;
    let report = world.import("ravenstack", &files).await.unwrap();
    assert_eq!(report.totals().inserted, 17, "{report}");
    assert!(report.files[0].file.ends_with("accounts.csv"));

    let world = World::new().await;
    let mut inserted = 0;
    for file in files.into_iter().rev() {
        inserted += world.import("ravenstack", &[file]).await.unwrap().totals().inserted;
    }
    assert_eq!(inserted, 17);
}

#[tokio::test]
async fn a_bad_row_is_named_and_the_rest_goes_on() {
    let world = World::new().await;
    let mut csv = b"source_id,name,employees,renewal_date,segment,health\n".to_vec();
    for row in [
        "1,One,10,2026-12-01,smb,70",
        "2,Two,many,,,",
        "3,Three,1,12/01/2026,,",
        "4,Four,1,,huge,",
        "5,,1,,,",
        "6,Six,1,,",
        "7,\"Seven\nSeven\",\"1,234\",2026-01-31,Mid-Market,250",
        "1,Other,,,,",
        "1,One,10,2026-12-01,smb,70",
    ] {
        csv.extend_from_slice(row.as_bytes());
        csv.push(b'\n');
    }
    csv.extend_from_slice(b"8,M\xFCller,1,,,\n9,nul\0,1,,,\n");
    csv.extend_from_slice(format!("10,{},1,,,\n", "x".repeat(1_000_000)).as_bytes());
    csv.extend_from_slice(format!("11,{},1,,,\n", "x".repeat(1001)).as_bytes());
    csv.extend_from_slice(b"12,Twelve,1,,,\n");
    let file = world.write("accounts.csv", csv);
    let rejects = world.dir.path().join("rejects.csv");
    let options =
        Options { keep_rejections: 3, rejects: Some(rejects.clone()), ..Options::default() };
    let report = world.import_with("generic", &[file], options).await.unwrap();
    assert_eq!(report.totals(), counts(3, 0, 1, 10), "{report}");
    assert_eq!(report.rejections.len(), 3);
    assert!(report.to_string().contains("… and 7 more"), "{report}");

    let all = fs::read_to_string(rejects).unwrap();
    for (line, says) in [
        (3, "employees,`many` is not a whole number"),
        (4, "renewal_date,`12/01/2026` is not a date"),
        (5, "segment,\"`huge` is not one of smb, mid_market, enterprise\""),
        (6, "name,is empty"),
        (7, "row,\"has 5 fields, the header has 6\""),
        (10, "source_id,\"`1` was given before with other content"),
        (12, "name,\"is not UTF-8 at its byte 2"),
        (13, "name,\"holds a NUL"),
        (14, "name,is longer than 256 KiB"),
        (15, "name,is longer than 1000 characters"),
    ] {
        assert!(all.contains(&format!("accounts.csv,{line},{says}")), "{line} {says}\n{all}");
    }
    let seven = world.account("7").await;
    assert_eq!((seven.employees, seven.segment), (Some(1234), Segment::MidMarket));
    assert_eq!(seven.health, None);
    assert_eq!(anomaly(&report, Oddity::OutOfScale).unwrap().count, 1);
    assert_eq!(world.accounts().await.len(), 3);
}

#[tokio::test]
async fn files_in_other_encodings_and_with_other_delimiters_are_read() {
    let world = World::new().await;
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain("source_id\tname\r\nu\tMüller\r\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let files = [
        world.write("bom.csv", "\u{FEFF}source_id;name\r\nb;\"Müller; Söhne\"\r\n"),
        world.write("utf16.tsv", utf16),
    ];
    let report = world.import("generic", &files).await.unwrap();
    assert_eq!(report.totals(), counts(2, 0, 0, 0), "{report}");
    assert_eq!(world.account("b").await.name, "Müller; Söhne");
    assert_eq!(world.account("u").await.name, "Müller");

    let latin = world.write("latin.csv", b"source_id,name\nl,M\xFCller \x80\n");
    let options = Options { encoding: Some("windows-1252".to_owned()), ..Options::default() };
    world.import_with("generic", &[latin], options).await.unwrap();
    assert_eq!(world.account("l").await.name, "Müller €");

    let options = Options { encoding: Some("klingon".to_owned()), ..Options::default() };
    let err = world.import_with("generic", &files, options).await.unwrap_err();
    assert!(err.to_string().contains("`klingon` is not an encoding"), "{err}");
}

#[tokio::test]
async fn a_file_that_cannot_be_imported_keeps_every_file_out_and_all_are_named() {
    let world = World::new().await;
    let files = [
        world.write("accounts.csv", "source_id,name\n1,One\n"),
        world.write("empty.csv", ""),
        world.write("blank.csv", "\n\n"),
        world.write("other.csv", "Nummer,Bezeichnung\n1,Eins\n"),
        world.write("book.csv", b"PK\x03\x04\x14\0"),
        world.write("latin.csv", b"source_id,name,M\xFCll\n"),
        world.dir.path().join("nowhere.csv"),
    ];
    let ImportError::Files(faults) = world.import("generic", &files).await.unwrap_err() else {
        panic!("a bad file was let in")
    };
    let says: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for (index, words) in [
        (0, vec!["empty.csv` is empty", "header"]),
        (1, vec!["blank.csv` is empty"]),
        (2, vec!["other.csv` lacks", "`source_id`", "`Nummer`, `Bezeichnung`", "--map"]),
        (3, vec!["workbook"]),
        (4, vec!["--encoding windows-1252"]),
        (5, vec!["nowhere.csv` cannot be read"]),
    ] {
        for word in words {
            assert!(says[index].contains(word), "{word}: {says:#?}");
        }
    }
    assert!(matches!(faults[2], FileError::Header { .. }));
    assert_eq!(world.accounts().await, []);

    let nothing = world.import("generic", &[world.dir.path().join("..").join("nope")]).await;
    assert!(nothing.is_err());
    let header_only = world.write("accounts.csv", "source_id,name\n");
    let report = world.import("generic", &[header_only]).await.unwrap();
    assert_eq!(report.totals(), Counts::default());
}

#[tokio::test]
async fn a_folder_is_its_csv_files() {
    let world = World::new().await;
    let folder = world.dir.path().join("in");
    fs::create_dir(&folder).unwrap();
    let nothing = world.import("generic", std::slice::from_ref(&folder)).await.unwrap_err();
    assert!(nothing.to_string().contains("holds no `.csv` file"), "{nothing}");
    fs::write(folder.join("contacts.CSV"), "source_id,account,email\nc,1,ann@acme.test\n").unwrap();
    fs::write(folder.join("accounts.csv"), "source_id,name\n1,One\n").unwrap();
    fs::write(folder.join("README.md"), "# not data").unwrap();
    let report = world.import("generic", &[folder]).await.unwrap();
    assert_eq!(report.totals(), counts(2, 0, 0, 0), "{report}");
}

#[tokio::test]
async fn exports_of_hubspot_are_understood_by_name_and_by_label() {
    let world = World::new().await;
    let companies = world.write(
        "all-companies.csv",
        "Record ID,Company name,Company Domain Name,Industry,Number of Employees,Lifecycle Stage,Company owner,Company owner email\n\
         101,Acme,https://www.acme.test/home,SOFTWARE,250,Customer,Maria Novak,maria@vendor.test\n\
         102,Lead Ltd,lead.test,SOFTWARE,5,Lead,,\n",
    );
    let contacts = world.write(
        "contacts.csv",
        "hs_object_id,associatedcompanyid,email,firstname,lastname,jobtitle,phone,hs_buying_role,hs_email_optout,lifecyclestage\n\
         1,101,ann@acme.test,Ann,Lee,CTO,+49 30 1,DECISION_MAKER,false,customer\n\
         2,101,not an address,Bob,Ray,,,,true,customer\n",
    );
    let tickets = world.write(
        "tickets.csv",
        "hs_object_id,associatedcompanyid,subject,content,hs_ticket_priority,createdate\n\
         9,101,Broken,\"It is\nbroken\",URGENT,2026-11-01T10:00:00.000Z\n",
    );
    let report = world.import("hubspot", &[tickets, contacts, companies]).await.unwrap();
    assert_eq!(report.totals(), counts(4, 0, 0, 1), "{report}");
    assert!(rejections(&report)[0].contains("`Lead` is not one of active"), "{report}");
    assert_eq!(anomaly(&report, Oddity::UnusableAddress).unwrap().count, 1);

    let acme = world.account("101").await;
    assert_eq!(acme.domain.as_deref(), Some("acme.test"));
    assert_eq!((acme.employees, acme.status), (Some(250), AccountStatus::Active));
    let snapshot = world.store.snapshots(&[acme.id], Still::at()).await.unwrap().remove(0);
    assert_eq!(snapshot.csm.map(|csm| csm.name), Some("Maria Novak".to_owned()));
    let ann = snapshot.contacts.iter().find(|contact| contact.first == "Ann").unwrap();
    assert_eq!((ann.role, ann.consent), (ContactRole::EconomicBuyer, Consent::Unknown));
    let bob = snapshot.contacts.iter().find(|contact| contact.first == "Bob").unwrap();
    assert_eq!((bob.email.as_deref(), bob.consent), (None, Consent::OptedOut));
    assert_eq!(snapshot.recent_tickets[0].body.for_a_person(), "It is\nbroken");
    assert_eq!(snapshot.tickets.open_p1, 1);
}

#[tokio::test]
async fn exports_of_salesforce_are_understood_with_american_dates() {
    let world = World::new().await;
    let accounts = world.write(
        "Account.csv",
        "Id,Name,Website,Industry,NumberOfEmployees,AnnualRevenue,Type,OwnerId,ParentId,Renewal_Date__c,ARR__c,CurrencyIsoCode\n\
         001A,Acme,http://acme.test,Banking,\"1,200\",5000000,Customer - Direct,005,,12/31/2026,\"48,000.50\",eur\n\
         001B,Prospect Inc,,,,,Prospect,005,,,,\n",
    );
    let contacts = world.write(
        "Contact.csv",
        "Id,AccountId,Email,FirstName,LastName,Title,HasOptedOutOfEmail\n\
         003A,001A,ann@acme.test,Ann,Lee,CFO,1\n",
    );
    let cases = world.write(
        "Case.csv",
        "Id,CaseNumber,AccountId,ContactId,Subject,Priority,Status,IsEscalated,CreatedDate,ClosedDate\n\
         500A,0001,001A,003A,Late invoice,High,Closed,true,2026-11-01T10:00:00.000+0000,2026-11-02 09:00:00\n",
    );
    let report = world.import("salesforce", &[cases, accounts, contacts]).await.unwrap();
    assert_eq!(report.totals(), counts(3, 0, 0, 1), "{report}");
    let acme = world.account("001A").await;
    assert_eq!(acme.renewal_date, Some(jiff::civil::date(2026, 12, 31)));
    assert_eq!(acme.arr, Money { minor: 4_800_050, currency: "EUR".to_owned() });
    assert_eq!(acme.employees, Some(1200));

    let european =
        world.write("Account.csv", "Id,Name,Type,Renewal_Date__c\n001A,Acme,Customer,03.04.2026\n");
    let american = world.import("salesforce", std::slice::from_ref(&european)).await.unwrap();
    assert_eq!(american.totals().updated, 1);
    assert_eq!(world.account("001A").await.renewal_date, Some(jiff::civil::date(2026, 3, 4)));
    let options = Options { dates: Some(DateOrder::DayFirst), ..Options::default() };
    world.import_with("salesforce", &[european], options).await.unwrap();
    assert_eq!(world.account("001A").await.renewal_date, Some(jiff::civil::date(2026, 4, 3)));
}

#[tokio::test]
async fn exports_of_gainsight_are_understood() {
    let world = World::new().await;
    let companies = world.write(
        "Company.csv",
        "Gsid,Name,Industry,ARR,MRR,LifecycleStage,Status,CSMName,Employees,OriginalContractDate,RenewalDate,OverallScore\n\
         1P0,Acme,Retail,,1000,Kickoff,Active,Maria Novak,40,01/15/2025,01/14/2027,62.5\n",
    );
    let nps = world.write(
        "NPS.csv",
        "Gsid,CompanyGsid,NPS,Comment,ResponseDate\n7,1P0,9,Great,11/01/2026\n8,1P0,11,Greater,11/01/2026\n",
    );
    let report = world.import("gainsight", &[nps, companies]).await.unwrap();
    assert_eq!(report.totals(), counts(2, 0, 0, 1), "{report}");
    assert!(rejections(&report)[0].contains("nps goes from 0 to 10"), "{report}");
    assert_eq!(anomaly(&report, Oddity::OwnerWithoutAddress).unwrap().count, 1);
    let acme = world.account("1P0").await;
    assert_eq!(acme.arr.minor, 1_200_000);
    assert_eq!(acme.health, Some(62.5));
    assert_eq!(acme.lifecycle.as_str(), "onboarding");
}

#[tokio::test]
async fn a_mapping_of_ones_own_names_columns_words_and_files() {
    let world = World::new().await;
    let mapping = Mapping::parse(
        "my-crm.yaml",
        "
- entity: account
  file: kunden*.csv
  source: my-crm
  columns: { source_id: Nummer, name: [Firma, Name], status: Zustand, arr: Umsatz, renewal_date: Ende }
  values: { status: { Kunde: active, Ehemalig: churned } }
  defaults: { currency: EUR, industry: 'Branche {Branche}' }
  dates: day_first
",
    )
    .unwrap();
    let file = world.write(
        "Kunden 2026.csv",
        "Nummer;Firma;Name;Zustand;Umsatz;Ende;Branche\n1;;Eins;Kunde;1.234,50;31.12.2026;Bau\n2;Zwei;;ehemalig;;;\n3;Drei;;Frei;;;\n",
    );
    let import = Import::new(mapping, "my-crm", Options::default());
    let report = import.run(&[file], &world.store, &Still::default(), &|_| {}).await.unwrap();
    assert_eq!(report.totals(), counts(2, 0, 0, 1), "{report}");
    assert!(rejections(&report)[0].starts_with("4 Zustand `Frei` is not one of"), "{report}");
    let one = world.account("1").await;
    assert_eq!(one.name, "Eins");
    assert_eq!(one.arr, Money { minor: 123_450, currency: "EUR".to_owned() });
    assert_eq!(one.renewal_date, Some(jiff::civil::date(2026, 12, 31)));
    assert_eq!(one.industry.as_deref(), Some("Branche Bau"));
    assert_eq!(world.account("2").await.status, AccountStatus::Churned);

    let other = world.write("other.csv", "Nummer;Firma\n1;Eins\n");
    let err = import.run(&[other], &world.store, &Still::default(), &|_| {}).await.unwrap_err();
    assert!(err.to_string().contains("fits no `file` of the mapping"), "{err}");
}

#[tokio::test]
async fn a_database_that_comes_back_is_waited_for_and_one_that_does_not_is_named() {
    let world = World::new().await;
    let file = world.write("accounts.csv", "source_id,name\n1,One\n");
    let import =
        |source: &str| Import::new(Mapping::preset("generic").unwrap(), source, Options::default());
    let paths = [file];
    let back = Watched::new(&world.store, 2);
    let report = import("a").run(&paths, &back, &Still::default(), &|_| {}).await.unwrap();
    assert_eq!(report.totals().inserted, 1);

    let gone = Watched::new(&world.store, Watched::FOR_GOOD);
    let result = import("b").run(&paths, &gone, &Still::default(), &|_| {}).await;
    assert!(matches!(result, Err(ImportError::Store { read: 0, .. })), "{result:?}");
}

#[tokio::test]
async fn progress_is_told_and_large_files_stream() {
    let world = World::new().await;
    let rows: String =
        (0..2500).fold(String::new(), |rows, id| rows + &format!("{id},1,2026-01-01,1\n"));
    let csv = format!("source_id,account,day,events\n{rows}");
    let files =
        [world.write("accounts.csv", "source_id,name\n1,One\n"), world.write("usage.csv", csv)];
    let told = Mutex::new(Vec::new());
    let import = Import::new(Mapping::preset("generic").unwrap(), "generic", Options::default());
    import
        .run(&files, &world.store, &Still::default(), &|rows| told.lock().unwrap().push(rows))
        .await
        .unwrap();
    assert_eq!(*told.lock().unwrap(), [1, 1001, 2001, 2501]);
}

#[test]
fn every_row_of_any_file_is_accounted_for() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let accounts = world.write("accounts.csv", "source_id,name\n1,One\n2,Two\n");
    let next = AtomicU64::new(0);
    let cell = prop_oneof![
        4 => "[0-9]{1,3}",
        2 => Just("2026-01-02".to_owned()),
        1 => Just("p1".to_owned()),
        1 => Just("\"a\nb\"".to_owned()),
        1 => "[\"a-zé,;\r\n\u{0}]{0,6}",
    ];
    let row = proptest::collection::vec(cell, 0..7);
    let rows = proptest::collection::vec(row, 0..12);
    let tail = proptest::collection::vec(any::<u8>(), 0..40);
    proptest!(ProptestConfig::with_cases(64), |(rows in rows, tail in tail)| {
        let mut csv = b"source_id,account,opened_at,body,priority\n".to_vec();
        for row in &rows {
            csv.extend_from_slice(row.join(",").as_bytes());
            csv.push(b'\n');
        }
        csv.extend_from_slice(&tail);
        let tickets = world.write("tickets.csv", csv);
        let source = format!("s{}", next.fetch_add(1, Ordering::Relaxed));
        let import =
            Import::new(Mapping::preset("generic").unwrap(), source, Options::default());
        let paths = [tickets, accounts.clone()];
        let run = || runtime.block_on(import.run(&paths, &world.store, &Still::default(), &|_| {}));
        let first = run().unwrap().totals();
        prop_assert_eq!(
            first.read,
            first.inserted + first.updated + first.unchanged + first.rejected
        );
        prop_assert_eq!(first.updated, 0);
        let again = run().unwrap().totals();
        prop_assert_eq!((again.inserted, again.updated), (0, 0));
        prop_assert_eq!((again.read, again.rejected), (first.read, first.rejected));
    });
}
