//! Personal data that is nobody's.

use std::collections::HashMap;

use domain::{
    contact::{Consent, ContactRole},
    record::Row,
};
use jiff::tz::TimeZone;
use regex::Regex;

use crate::view::company;

#[test]
fn nobody_here_exists() {
    let mail = Regex::new(r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}.-]+").unwrap();
    let card = Regex::new(r"\b(?:\d[ -]?){13,19}\b").unwrap();
    let tests = [
        "4111111111111111",
        "4242424242424242",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "4012888888881881",
    ];
    let ibans = [
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "FR14 2004 1010 0505 0001 3M02 606",
        "ES9121000418450200051332",
        "SE45 5000 0000 0583 9825 7466",
    ];
    // The regulators' ranges, written down a second time.
    let fiction = Regex::new(concat!(
        r"^(?:1?[2-9]\d\d55501\d\d", // NANPA
        r"|(?:44|0)(?:2079460\d{3}|7700900\d{3}|1614960\d{3}|1314960\d{3})", // Ofcom
        r"|(?:49|0|490)(?:3023125|6990009|4066969|2214710|8999998)\d{3}", // Bundesnetzagentur
        r"|(?:33|0|330)(?:19900|63998|46571|26191)\d{4}", // ARCEP
        r"|(?:46|0)(?:8465004|3139006|4062804)\d\d", // PTS
        r"|(?:61|0)[2378](?:5550|7010)\d{4})$", // ACMA
    ))
    .unwrap();
    let number = Regex::new(r"\+?\(?\d[\d ()./-]{7,}\d").unwrap();
    let (mut mails, mut phones, mut cards) = (0, 0, 0);
    for bundle in company(250, 21).bundles() {
        for record in &bundle.records {
            if let Row::Contact(row) = &record.row
                && let Some(phone) = &row.phone
            {
                let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
                assert!(fiction.is_match(&digits), "`{phone}` could ring somewhere");
                phones += 1;
            }
            let text = serde_json::to_string(&record.row).unwrap();
            for found in mail.find_iter(&text) {
                let host = found.as_str().trim_end_matches('.');
                let top = host.rsplit('.').next();
                assert!(matches!(top, Some("example" | "test")), "`{host}`");
                mails += 1;
            }
            if let Row::Ticket(row) = &record.row {
                let body = ibans.iter().fold(row.body.clone(), |body, iban| body.replace(iban, ""));
                for found in card.find_iter(&body) {
                    let digits: String =
                        found.as_str().chars().filter(char::is_ascii_digit).collect();
                    if digits.len() >= 13 && !fiction.is_match(&digits) {
                        assert!(tests.contains(&digits.as_str()), "`{digits}` in {body}");
                        cards += 1;
                    }
                }
                for line in row.body.lines().filter(|line| line.starts_with("Tel. ")) {
                    if let Some(found) = number.find(line) {
                        let digits: String =
                            found.as_str().chars().filter(char::is_ascii_digit).collect();
                        assert!(fiction.is_match(&digits), "`{line}`");
                    }
                }
            }
        }
    }
    assert!(mails > 1_500 && phones > 300 && cards > 15, "{mails} {phones} {cards}");
}

#[test]
fn tickets_hold_what_redaction_must_find() {
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    let mut tickets = 0;
    let (mut german, mut french, mut spanish) = (0, 0, 0);
    for bundle in company(200, 2).bundles() {
        let names: Vec<String> = bundle
            .records
            .iter()
            .filter_map(|record| match &record.row {
                Row::Contact(row) => Some(row.last.clone()),
                _ => None,
            })
            .collect();
        for record in &bundle.records {
            let Row::Ticket(row) = &record.row else { continue };
            tickets += 1;
            assert!(!row.body.contains(['{', '}']), "{}", row.body);
            assert!(!row.subject.contains(['{', '}']), "{}", row.subject);
            let mut count =
                |kind, holds: bool| *kinds.entry(kind).or_default() += usize::from(holds);
            count("mail", row.body.contains('@'));
            count("ip", row.body.contains("192.0.2.") || row.body.contains("2001:db8:"));
            count("iban", row.body.contains("DE89") || row.body.contains("GB29"));
            count("card", row.body.contains("4111") || row.body.contains("4242"));
            count("name", names.iter().any(|name| row.body.contains(name.as_str())));
            count(
                "injected",
                row.body.contains("vious instructions") || row.body.contains("SYSTEM"),
            );
            german += usize::from(row.body.contains("Grüße"));
            french += usize::from(row.body.contains("Bonjour"));
            spanish += usize::from(row.body.contains("Hola"));
        }
    }
    assert!(tickets > 1_000, "{tickets}");
    for kind in ["mail", "ip", "iban", "card", "name"] {
        assert!(kinds[kind] >= 10, "{kind}: {kinds:?} of {tickets}");
    }
    assert!((1..=tickets / 50).contains(&kinds["injected"]), "{kinds:?}");
    assert!(german > 20 && french > 20 && spanish > 10, "{german} {french} {spanish}");
}

#[test]
fn people_agree_to_different_things_and_some_accounts_have_none() {
    let mut consents: HashMap<Consent, u32> = HashMap::new();
    let (mut faceless, mut leaderless) = (0, 0);
    for bundle in company(300, 4).bundles() {
        let contacts: Vec<_> = bundle
            .records
            .iter()
            .filter_map(|record| match &record.row {
                Row::Contact(row) => Some(row),
                _ => None,
            })
            .collect();
        faceless += u32::from(contacts.is_empty());
        leaderless += u32::from(
            !contacts.is_empty() && contacts.iter().all(|row| row.role != ContactRole::Champion),
        );
        assert!(contacts.len() <= 6);
        for row in contacts {
            *consents.entry(row.consent).or_default() += 1;
            assert_eq!(row.consent == Consent::OptedOut, row.opted_out_at.is_some());
            if let Some(zone) = &row.time_zone {
                assert!(TimeZone::get(zone).is_ok(), "{zone}");
            }
        }
    }
    assert!((4..=24).contains(&faceless), "about 4 % of 300: {faceless}");
    assert!(leaderless > 10, "{leaderless}");
    assert!(Consent::ALL.iter().all(|consent| consents[consent] > 20), "{consents:?}");
}
