//! Cases by type: what must be found and what must be left, each from a different walk of life.

use privacy::{Finding, Known, Pattern, Rules, Validator};

fn found(text: &str) -> Vec<(String, String)> {
    Rules::default()
        .scan(text, &Known::default())
        .into_iter()
        .map(|Finding { at, kind, .. }| (kind.name().to_owned(), text[at].to_owned()))
        .collect()
}

fn finds(cases: &[(&str, &str, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, kind, values) in cases {
        let all = found(text);
        let mine: Vec<&str> = all
            .iter()
            .filter(|(found, _)| found == kind)
            .map(|(_, value)| value.as_str())
            .collect();
        if mine != *values {
            wrong.push(format!("{text:?}: {kind} {mine:?} instead of {values:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn leaves(kind: &str, texts: &[&str]) {
    let wrong: Vec<String> = texts
        .iter()
        .map(|text| (text, found(text)))
        .filter(|(_, all)| all.iter().any(|(found, _)| found == kind))
        .map(|(text, all)| format!("{text:?}: {all:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn people_are_named_in_greetings_signatures_labels_fields_and_prose() {
    finds(&[
        ("Hi Tobias, the fix works.", "PERSON", &["Tobias"]),
        ("I spoke with Amara Okonkwo yesterday.", "PERSON", &["Amara Okonkwo"]),
        ("Regards,\nHeikki Lehtonen\nHead of IT", "PERSON", &["Heikki Lehtonen"]),
        ("Sehr geehrter Herr Großmann, vielen Dank.", "PERSON", &["Großmann"]),
        ("Customer: Ljiljana Marušić", "PERSON", &["Ljiljana Marušić"]),
        (r#"{"name":"Seo-yeon Park"}"#, "PERSON", &["Seo-yeon Park"]),
        ("name,city\nNguyen Van An,Hanoi\n", "PERSON", &["Nguyen Van An"]),
        ("Please loop in Sofia.", "PERSON", &["Sofia"]),
        ("Mr. van der Berg called.", "PERSON", &["van der Berg"]),
        ("KYC: Rask, Autumn, DOB 1.2.1990", "PERSON", &["Rask, Autumn"]),
        ("it's maria lopez again", "PERSON", &["maria lopez"]),
        ("Ayşe Yılmaz wrote. Later Yılmaz called.", "PERSON", &["Ayşe Yılmaz", "Yılmaz"]),
    ]);
}

#[test]
fn products_companies_places_and_ordinary_words_are_not_people() {
    leaves(
        "PERSON",
        &[
            "Salesforce sync failed and Jira is down.",
            "Our Jenkins pipeline and the Alexa skill broke.",
            "Johnson & Johnson renewed; Morgan Stanley did not.",
            "Will you be able to mark this as done? May we hope for grace?",
            "Orchard Health moved its Paris office to Berlin.",
            "Priority Support, Customer Success Manager, Account Executive",
            "ORA-27713 and ERR_TIMEOUT in SKU TRK-4471-WB",
            "In April and June the Summer Sale runs.",
            "Dear Customer, thank you. Best Regards, Support Team",
        ],
    );
}

#[test]
fn telephones_of_many_plans_are_found_and_other_numbers_are_left() {
    finds(&[
        ("call +49 (0)30 1234567", "PHONE", &["+49 (0)30 1234567"]),
        ("0044 20 7946 0018", "PHONE", &["0044 20 7946 0018"]),
        ("(21) 98834-2071", "PHONE", &["(21) 98834-2071"]),
        ("mob. 634 18 52 07", "PHONE", &["634 18 52 07"]),
        ("tel: 5550142345", "PHONE", &["5550142345"]),
        ("1-212-555-0142 x33", "PHONE", &["1-212-555-0142 x33"]),
        ("0113 496 0241 / 0161 496 0000", "PHONE", &["0113 496 0241", "0161 496 0000"]),
    ]);
    leaves(
        "PHONE",
        &[
            "order 194-2750381-6613047",
            "PO 7301846259",
            "2025-10-01 12:30",
            "$31,208.45",
            "build 61.4.17.203",
            "1700000000000",
            "case 60427719",
        ],
    );
}

#[test]
fn cards_accounts_and_ids_are_told_by_their_check_digits_and_words() {
    finds(&[
        (
            "4111 1111 1111 1111 or 5555 5555 5555 4444",
            "CREDIT_CARD",
            &["4111 1111 1111 1111", "5555 5555 5555 4444"],
        ),
        (
            "4111111111111111/378282246310005",
            "CREDIT_CARD",
            &["4111111111111111", "378282246310005"],
        ),
        (
            "DE89370400440532013000 / GB29 NWBK 6016 1331 9268 19",
            "IBAN",
            &["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19"],
        ),
        ("sort code 20-00-00, account 55779911", "BANK_ACCOUNT", &["20-00-00", "55779911"]),
        ("routing number 021000021", "BANK_ACCOUNT", &["021000021"]),
        ("Passport: LK3046158.", "NATIONAL_ID", &["LK3046158"]),
        ("DNI 12345678Z", "NATIONAL_ID", &["12345678Z"]),
        ("my SSN is 412-63-9075", "NATIONAL_ID", &["412-63-9075"]),
        ("CPF 529.982.247-25", "NATIONAL_ID", &["529.982.247-25"]),
        ("personnummer 811218-9876", "NATIONAL_ID", &["811218-9876"]),
    ]);
    leaves(
        "CREDIT_CARD",
        &[
            "order 1840279365510283",
            "0000 0000 0000 0000",
            "4111 1111 1111 1112",
            "at 1700000000000 ms",
        ],
    );
    leaves("IBAN", &["DE34208517094466103927", "DE00 0000 0000 0000 0000 00"]);
    leaves("BANK_ACCOUNT", &["our account 55779911 is locked", "invoice 021000021"]);
    leaves("NATIONAL_ID", &["SKU QX72MBLT408", "tracking RK402918375DE", "12-34-5678"]);
}

#[test]
fn dates_are_of_birth_only_where_something_says_so() {
    finds(&[
        ("born on 12 March 1985", "DATE_OF_BIRTH", &["12 March 1985"]),
        ("DOB: 03/12/85", "DATE_OF_BIRTH", &["03/12/85"]),
        (
            r#"{"dateOfBirth":"1985-03-12","created":"2024-01-01"}"#,
            "DATE_OF_BIRTH",
            &["1985-03-12"],
        ),
        (
            "id;Geburtsdatum\n1;12.03.1985\n2;1.1.1990\n",
            "DATE_OF_BIRTH",
            &["12.03.1985", "1.1.1990"],
        ),
        ("BDAY:19850312", "DATE_OF_BIRTH", &["19850312"]),
    ]);
    leaves("DATE_OF_BIRTH", &["renewal on 12 March 2026", "created 2024-01-01"]);
}

#[test]
fn addresses_of_many_countries_are_found_with_their_lines() {
    finds(&[
        (
            "418 Jensen Ports Suite 27, North Corbin, OR 97214",
            "ADDRESS",
            &["418 Jensen Ports Suite 27, North Corbin, OR 97214"],
        ),
        (
            "Flat 8, 63 Orchard Path\nMarlowstad B4T 6WL",
            "ADDRESS",
            &["Flat 8, 63 Orchard Path\nMarlowstad B4T 6WL"],
        ),
        (
            "lives at Lindenstraße 48, 04177 Leipzig.",
            "ADDRESS",
            &["Lindenstraße 48, 04177 Leipzig"],
        ),
        ("12 rue de la Paix, 75002 Paris", "ADDRESS", &["12 rue de la Paix, 75002 Paris"]),
        ("Calle Mayor 12, 28013 Madrid", "ADDRESS", &["Calle Mayor 12, 28013 Madrid"]),
        ("P.O. Box 123, Wellington 6011", "ADDRESS", &["P.O. Box 123, Wellington 6011"]),
    ]);
    leaves(
        "ADDRESS",
        &[
            "chapter 3, page 12 of the guide",
            "2 New Features in Release 5",
            "about 240 users in 12 Regions",
        ],
    );
}

#[test]
fn secrets_are_found_in_code_and_prose_and_their_stand_ins_are_left() {
    finds(&[
        ("postgres://app:h7TkQmZx4B@db.acme.com:5432/main", "SECRET", &["h7TkQmZx4B"]),
        ("password: hunter2!", "SECRET", &["hunter2!"]),
        ("the password for the portal is Blue-Hat7", "SECRET", &["Blue-Hat7"]),
        ("Authorization: Bearer abcDEF123456ghiJKL789", "SECRET", &["abcDEF123456ghiJKL789"]),
        (
            r#"{"api_key": "f81d4fae7dec11d0a76500a0c91e6bf6"}"#,
            "SECRET",
            &["f81d4fae7dec11d0a76500a0c91e6bf6"],
        ),
    ]);
    leaves(
        "SECRET",
        &[
            "password: ${DB_PASSWORD}",
            "token <token>",
            "monkey=banana, public_key=abc",
            "the password reset link expired",
            "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "id 7b1e40d2-93af-4c56-8e07-51d8a2c4f690",
            "key metrics and key stakeholders",
            "commit c93be07",
        ],
    );
}

#[test]
fn a_policy_defines_types_by_words_and_validators_and_leaves_types_alone() {
    let pattern = |kind: &str| Pattern { kind: kind.into(), ..Pattern::default() };
    let rules = Rules::new(
        [
            Pattern { words: vec!["Falcon".into(), "Blue Bird".into()], ..pattern("PROJECT") },
            Pattern {
                expression: Some("M[0-9]{5}".into()),
                validator: Some(Validator::Luhn),
                ..pattern("MEMBER")
            },
        ],
        ["IP_ADDRESS"],
    )
    .unwrap();
    let text = "FALCON and blue bird, not falconry; M18937 but not M18931; 203.0.113.9";
    let found: Vec<String> = rules
        .scan(text, &Known::default())
        .into_iter()
        .map(|finding| text[finding.at].to_owned())
        .collect();
    assert_eq!(found, ["FALCON", "blue bird", "M18937"]);
    assert!(Rules::new([], ["SECRET"]).is_err());
    assert!(Rules::new([pattern("X")], []).is_err());
    assert!(
        Rules::new([Pattern { expression: Some("a{1000}{1000}".into()), ..pattern("X") }], [])
            .is_err()
    );
    assert!(Rules::new([Pattern { expression: Some("a*".into()), ..pattern("X") }], []).is_err());
}

#[test]
fn people_of_many_origins_are_found_in_lists_roles_fields_statements_and_chats() {
    finds(&[
        ("Passenger Koç, Burak, seat 12A", "PERSON", &["Koç, Burak"]),
        (
            "Attendees: Rodel Pascual, Nataliya Bondarenko",
            "PERSON",
            &["Rodel Pascual", "Nataliya Bondarenko"],
        ),
        (r#"{"firstName":"Giovanni","lastName":"De Luca"}"#, "PERSON", &["Giovanni", "De Luca"]),
        ("Vorname;Nachname;IBAN\nManon;Le Gall;-\n", "PERSON", &["Manon", "Le Gall"]),
        (
            "INSERT INTO c (first_name, last_name, plan) VALUES ('Rina', 'Hidayat', 'Pro')",
            "PERSON",
            &["Rina", "Hidayat"],
        ),
        ("Please delete the ticket. Jomar dela Cruz", "PERSON", &["Jomar dela Cruz"]),
        ("Concerning Amaka A. Eze: she has left.", "PERSON", &["Amaka A. Eze"]),
        ("Groetjes, Kaisa", "PERSON", &["Kaisa"]),
        ("<p>Sincerely,<br>Mark Long</p>", "PERSON", &["Mark Long"]),
        ("siriporn: is it out?\nagent: yes\nsiriporn: thanks", "PERSON", &["siriporn", "siriporn"]),
    ]);
    leaves(
        "PERSON",
        &[
            "Merci pour votre appel du 3 mars. Votre dossier est suivi.",
            "On Tuesday April 8 the release ships.",
            "Next: a demo in Lincoln on 12.05.2026.",
            "The office in St. Louis is closed.",
            "We sell Dr. Martens and work with Baker McKenzie.",
            "Kunde: 12345",
            "First: Open Settings and choose Data Export.",
            "Quarterly Business Review: Adoption Metrics, Renewal Timeline, Open Risks",
        ],
    );
}

#[test]
fn numbers_beside_others_are_read_for_what_they_are() {
    finds(&[
        ("my number is 601 123 986, thanks", "PHONE", &["601 123 986"]),
        ("Reach out at li.wei at acme dot dk or call", "EMAIL", &["li.wei at acme dot dk"]),
        ("Reach out at li.wei [at] acme [dot] dk", "EMAIL", &["li.wei [at] acme [dot] dk"]),
        ("kun je bellen op 020 555 1234?", "PHONE", &["020 555 1234"]),
        ("geb. 26 OCT 1999, Tel. 0812-1234-5280", "DATE_OF_BIRTH", &["26 OCT 1999"]),
        ("Nací el 9 de septiembre de 1990.", "DATE_OF_BIRTH", &["9 de septiembre de 1990"]),
        ("routing number 111000025, acct # 242905111", "BANK_ACCOUNT", &["111000025", "242905111"]),
        (
            "sort code 30-11-22, account 62634800, name J. Doe. Invoice order 72180276 is paid",
            "BANK_ACCOUNT",
            &["30-11-22", "62634800"],
        ),
        ("the SMTP password is Winter-543.", "SECRET", &["Winter-543"]),
        ("at Calle del Prado 38, 28014 Madrid", "ADDRESS", &["Calle del Prado 38, 28014 Madrid"]),
        ("at Via dei Mille 22, 10123 Torino", "ADDRESS", &["Via dei Mille 22, 10123 Torino"]),
        (
            "to 63 Chestnut Road, Rathmines, Dublin 6",
            "ADDRESS",
            &["63 Chestnut Road, Rathmines, Dublin 6"],
        ),
    ]);
    leaves(
        "SECRET",
        &[
            "Authorization: Bearer <token>\" https://api.example.com/v2/accounts/8656aaec-ccbe-4882-9681-b7ee0d5eb015",
        ],
    );
}

#[test]
fn numbers_that_the_end_of_a_line_parts_are_found_whole_and_columns_are_not_joined() {
    finds(&[
        ("see 4012\n8888 8888 1881 here", "CREDIT_CARD", &["4012\n8888 8888 1881"]),
        ("> see 4012 8888\n> 8888 1881 here", "CREDIT_CARD", &["4012 8888\n> 8888 1881"]),
        ("> DE89 3704 0044\n> 0532 0130 00", "IBAN", &["DE89 3704 0044\n> 0532 0130 00"]),
    ]);
    leaves("CREDIT_CARD", &["40128888\n88881881\n", "rows:\n4012\n8888\n8888\n1881"]);
}

#[test]
fn streets_without_a_word_for_street_are_found_by_their_postcode_and_city() {
    finds(&[
        ("send it to Lärkstigen 4B, 75318 Uppsala.", "ADDRESS", &["Lärkstigen 4B, 75318 Uppsala"]),
        ("Lives at Hrubínova 17, 602 00 Brno.", "ADDRESS", &["Hrubínova 17, 602 00 Brno"]),
        ("New: Otto-Kern-Allee 9, 14193 Berlin.", "ADDRESS", &["Otto-Kern-Allee 9, 14193 Berlin"]),
        (
            "bezorgen: Vossenpad 12, 3512 JK, Utrecht",
            "ADDRESS",
            &["Vossenpad 12, 3512 JK, Utrecht"],
        ),
    ]);
    leaves(
        "ADDRESS",
        &[
            "Version 12, 20966 Users and more",
            "Bestellung 12, 12345 Stück",
            "Ann Lee, 59 points, 20000 Visitors",
        ],
    );
}

#[test]
fn what_numbers_are_next_to_decides_what_they_are() {
    finds(&[
        ("sort code 40-11-62 / acc 3164 0975", "BANK_ACCOUNT", &["40-11-62", "3164 0975"]),
        ("call 312-555-0182x417", "PHONE", &["312-555-0182x417"]),
        ("codice fiscale #RSSMRA85T10A562S", "NATIONAL_ID", &["RSSMRA85T10A562S"]),
        ("It seems Petra Okafor disagrees.", "PERSON", &["Petra Okafor"]),
        ("Nora (14:02): yes\nTom (14:03): no", "PERSON", &["Nora", "Tom"]),
    ]);
    leaves("BANK_ACCOUNT", &[r#"{"iban":"x","commit":"0867622"}"#]);
    leaves("CREDIT_CARD", &["test card 4376 3093 6206 0225"]);
    leaves("PERSON", &["The customer in Lincoln is unhappy."]);
}
