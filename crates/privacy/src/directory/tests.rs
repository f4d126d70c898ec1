//! What other accounts are known by is found in every spelling, and nothing else.

#![expect(clippy::format_collect, reason = "tests may allocate")]

use proptest::prelude::*;

use super::*;

fn person(first: &str, last: &str, email: &str, phone: &str) -> Person {
    Person {
        first: first.into(),
        last: last.into(),
        emails: vec![email.into()],
        phones: vec![phone.into()],
    }
}

fn entry(org: &str, people: Vec<Person>, invoice: &str) -> Entry {
    Entry { org: org.into(), people, invoices: vec![invoice.into()], ..Entry::default() }
}

/// Our customers: `own` is whom letters go to.
fn customers() -> Vec<(&'static str, Entry)> {
    vec![
        (
            "own",
            entry(
                "Morgan Widgets Ltd",
                vec![
                    person(
                        "Jordan",
                        "Baker",
                        "jordan.baker@morganwidgets.example",
                        "+44 20 7946 0958",
                    ),
                    person("Anna", "Schmidt", "anna@morganwidgets.example", "+44 20 7946 0959"),
                ],
                "INV-2024-0001",
            ),
        ),
        (
            "zen",
            entry(
                "Zendrix GmbH",
                vec![
                    person("Zoë", "Müller-Ott", "zoe.mueller@zendrix.example", "+49 (0)30 1234567"),
                    person("Jane", "Okonkwo", "j.okonkwo@zendrix.example", "(212) 555-0142"),
                    person(
                        "Anna Maria",
                        "Schmidt",
                        "am.schmidt@zendrix.example",
                        "+45 12 34 56 78",
                    ),
                    person("Bo", "Li", "bo@zendrix.example", "n/a"),
                    person("伟", "田中", "tanaka@zendrix.example", "+81 3 1234 5678"),
                ],
                "INV-2024-0815",
            ),
        ),
        (
            "target",
            entry("Target", vec![person("Will", "Long", "will.long@target.example", "")], "100234"),
        ),
        (
            "green",
            entry(
                "Green Energy, Inc.",
                vec![person("Mark", "Price", "mp@green.example", "")],
                "R 77/0042",
            ),
        ),
        ("clear", entry("Clearview", vec![person("Jordan", "Baker", "jb@clear.example", "")], "")),
        ("morgan", entry("Morgan", vec![person("April", "May", "", "")], "")),
        ("sap", entry("SAP", vec![person("Grace", "Hopper", "g@sap.example", "")], "")),
        ("amp", entry("Smith & Sons", vec![], "")),
        ("summit", entry("Summit Health Partners", vec![], "")),
    ]
}

fn directory() -> Directory {
    let mut directory = Directory::new(7);
    for (id, entry) in customers() {
        directory.set(id, &entry);
    }
    directory
}

fn found(text: &str) -> Vec<(Foreign, String)> {
    let own = &customers()[0].1;
    directory()
        .scan(text, Some("own"), &[own])
        .into_iter()
        .map(|exposure| (exposure.kind, text[exposure.at].to_owned()))
        .collect()
}

#[test]
fn gv_14_every_exact_form_of_another_account_is_found_where_it_stands() {
    for (text, kind, value) in [
        ("As Jane Okonkwo told us, it works.", Foreign::Name, "Jane Okonkwo"),
        ("Zoë Müller-Ott agreed.", Foreign::Name, "Zoë Müller-Ott"),
        ("We asked Will Long about it.", Foreign::Name, "Will Long"),
        ("Ask Bo Li.", Foreign::Name, "Bo Li"),
        ("Grace Hopper's plan", Foreign::Name, "Grace Hopper"),
        ("Anna Maria Schmidt wrote", Foreign::Name, "Anna Maria Schmidt"),
        ("田中伟さん", Foreign::Name, "田中伟"),
        ("write to j.okonkwo@zendrix.example.", Foreign::Email, "j.okonkwo@zendrix.example"),
        ("call +49 (0)30 1234567 now", Foreign::Phone, "+49 (0)30 1234567"),
        ("call (212) 555-0142", Foreign::Phone, "(212) 555-0142"),
        ("or +45 12 34 56 78.", Foreign::Phone, "+45 12 34 56 78"),
        ("like Zendrix GmbH did", Foreign::Org, "Zendrix GmbH"),
        ("like Zendrix did", Foreign::Org, "Zendrix"),
        ("as we did for Target last year", Foreign::Org, "Target"),
        ("Target has rolled it out", Foreign::Org, "Target"),
        ("as Green Energy, Inc. does", Foreign::Org, "Green Energy, Inc"),
        ("the team of Green Energy uses it", Foreign::Org, "Green Energy"),
        ("they run SAP there", Foreign::Org, "SAP"),
        ("like Smith & Sons, and", Foreign::Org, "Smith & Sons"),
        ("like Smith and Sons, and", Foreign::Org, "Smith and Sons"),
        ("with Summit Health Partners", Foreign::Org, "Summit Health Partners"),
        ("see INV-2024-0815 please", Foreign::Invoice, "INV-2024-0815"),
        ("invoice 100234 is open", Foreign::Invoice, "100234"),
        ("invoice R 77/0042", Foreign::Invoice, "R 77/0042"),
    ] {
        assert_eq!(found(text), [(kind, value.to_owned())], "{text}");
    }
}

#[test]
fn gv_14_disguises_change_nothing() {
    for (text, kind) in [
        ("J\u{200b}ane Okon\u{ad}kwo", Foreign::Name),
        ("Ｊａｎｅ Ｏｋｏｎｋｗｏ", Foreign::Name),
        ("Jane\u{a0}Okonkwo", Foreign::Name),
        ("J\u{430}ne Okonkw\u{43e}", Foreign::Name),
        ("&#74;ane Okonkwo", Foreign::Name),
        ("Zo&euml; M&uuml;ller-Ott", Foreign::Name),
        ("Jane%20Okonkwo", Foreign::Name),
        ("JANE OKONKWO and jane okonkwo", Foreign::Name),
        ("Okonkwo, Jane", Foreign::Name),
        ("Okonkwo Jane", Foreign::Name),
        ("Zoe Muller-Ott", Foreign::Name),
        ("Zoe Mueller Ott", Foreign::Name),
        ("Jane\nOkonkwo", Foreign::Name),
        ("Jane Okon-\nkwo", Foreign::Name),
        ("Jane <b>Okonkwo</b>", Foreign::Name),
        ("jane.okonkwo, jane_okonkwo, JaneOkonkwo", Foreign::Name),
        ("J a n e  O k o n k w o", Foreign::Name),
        ("bo li Bo Li", Foreign::Name),
        ("Anna Schmidt's colleague Anna-Maria Schmidt", Foreign::Name),
        ("j.okonkwo [at] zendrix [dot] example", Foreign::Email),
        ("J.OKONKWO&#64;zendrix.example", Foreign::Email),
        ("j.okonkwo%40zendrix.example", Foreign::Email),
        ("j.okonkwo@zen\u{200b}drix.example", Foreign::Email),
        ("0049 30 1234567", Foreign::Phone),
        ("030-123 45 67", Foreign::Phone),
        ("4 9 3 0 1 2 3 4 5 6 7", Foreign::Phone),
        ("2.1.2.5.5.5.0.1.4.2", Foreign::Phone),
        ("212\u{a0}555\u{a0}0142", Foreign::Phone),
        ("２１２ ５５５ ０１４２", Foreign::Phone),
        ("ZENDRIX", Foreign::Org),
        ("Z\u{435}ndrix", Foreign::Org),
        ("zendrix", Foreign::Org),
        ("green energy inc", Foreign::Org),
        ("summit health partners", Foreign::Org),
        ("inv 2024 0815", Foreign::Invoice),
        ("INV-2 0 2 4-0 8 1 5", Foreign::Invoice),
        ("Inv%2D2024%2D0815", Foreign::Invoice),
    ] {
        let found = found(text);
        assert!(
            !found.is_empty() && found.iter().all(|(found, _)| *found == kind),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn gv_14_ordinary_words_and_the_accounts_own_data_stop_no_letter() {
    for text in [
        "Hi Jordan,\n\nJordan Baker and Anna Schmidt asked about INV-2024-0001 of Morgan Widgets Ltd.",
        "Call +44 20 7946 0958 or write to jordan.baker@morganwidgets.example.",
        "Hi Morgan, will you be long? We will long for it. Will you join?",
        "Our target for the quarter: hit the Target date. Target dates are firm.",
        "The new Target field is in the settings, see \"Target\".",
        "We mark price changes in green; energy costs fell. Green energy is rising.",
        "In April, May or June we have a clear view of it.",
        "Grace period ends soon. Jane asked Will whether long queries are slow.",
        "Jane, Okonkwo and others",
        "Regards,\nJane\n\nOkonkwo street 4",
        "2024-08-15, order 100234, 12,345,678 users, 2026-11-29 17:26",
        "The summit of health partners, a sap of trees",
        "Smith, and sons of others",
        "bo likes it, zoe too",
        "Please review your Support Target Settings Page",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn what_is_doubtful_counts_beside_what_is_sure_of_the_same_account() {
    assert_eq!(found("Target dates are firm."), []);
    let both = found("Target dates are firm, says will.long@target.example.");
    assert_eq!(
        both.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [Foreign::Org, Foreign::Email]
    );
}

#[test]
fn an_accounts_data_changes_and_goes() {
    let mut directory = directory();
    let kinds = |directory: &Directory, text: &str| directory.scan(text, Some("own"), &[]).len();
    assert_eq!(kinds(&directory, "Jane Okonkwo"), 1);
    directory.set("zen", &entry("Zendrix", vec![person("Ada", "Byronova", "a@z.example", "")], ""));
    assert_eq!(kinds(&directory, "Jane Okonkwo"), 0);
    assert_eq!(kinds(&directory, "Ada Byronova of Zendrix"), 2);
    // Two accounts share a person; one goes.
    directory.set("two", &entry("Twice", vec![person("Ada", "Byronova", "", "")], ""));
    directory.remove("zen");
    assert_eq!(kinds(&directory, "Ada Byronova of Zendrix"), 1);
    assert_eq!(directory.scan("Ada Byronova", Some("two"), &[]), []);
    directory.remove("two");
    assert_eq!(kinds(&directory, "Ada Byronova"), 0);
    assert_eq!(directory.accounts(), customers().len() - 1);
    directory.set("new", &entry("Newcomer Qix", vec![], ""));
    assert_eq!(kinds(&directory, "Newcomer Qix"), 1);
}

#[test]
fn it_holds_no_value_in_clear_and_says_what_it_takes() {
    let directory = directory();
    assert!(!format!("{directory:?}").contains("Zendrix"));
    assert!(directory.bytes() > 0 && directory.values() > 30);
}

/// A disguise, by number.
fn disguise(value: &str, how: usize) -> String {
    let each =
        |between: &str| -> String { value.chars().map(|c| format!("{c}{between}")).collect() };
    match how {
        0 => value.to_owned(),
        1 => each("\u{200b}"),
        2 => value
            .chars()
            .map(|c| match c {
                '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
                c => c,
            })
            .collect(),
        3 => value.replace(' ', "\u{a0}"),
        4 => value.replace('a', "\u{430}").replace('e', "\u{435}").replace('o', "\u{43e}"),
        5 => value.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        6 => value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        7 => value.to_uppercase(),
        8 => value.replace('@', " [at] ").replace('.', " [dot] "),
        9 => value.replace(' ', "\n"),
        10 => value.replace(' ', "\r\n> "),
        11 => each("\u{ad}"),
        12 => format!("<i>{}</i>", value.replace(' ', "</i> <i>")),
        13 => value.replace(' ', "  "),
        _ => value.to_lowercase(),
    }
}

proptest! {
    /// Property 11 of the design.
    #[test]
    fn gv_14_any_other_accounts_value_in_any_disguise_is_found(
        given in "[A-Z][a-z]{2,8}", family in "[A-Z][a-z]{3,9}ov", org in "[A-Z][a-z]{2,6}qu[a-z]{2,4}",
        digits in "[2-9][0-9]{9}", number in 1000_u32..99999, which in 0_usize..5, how in 0_usize..15,
        before in "[a-z ]{0,30}", after in "[a-z ]{0,30}",
    ) {
        let values = [
            format!("{given} {family}"),
            format!("{}.{}@{}.example", given.to_lowercase(), family.to_lowercase(), org.to_lowercase()),
            format!("+49 {} {}", &digits[..3], &digits[3..]),
            format!("{org} GmbH"),
            format!("INV-{number}"),
        ];
        let mut directory = directory();
        directory.set("other", &Entry {
            org: values[3].clone(),
            people: vec![person(&given, &family, &values[1], &values[2])],
            invoices: vec![values[4].clone()],
            ..Entry::default()
        });
        let text = format!("{before} {} {after}", disguise(&values[which], how));
        let found = directory.scan(&text, Some("own"), &[]);
        let wanted = [Foreign::Name, Foreign::Email, Foreign::Phone, Foreign::Org, Foreign::Invoice][which];
        prop_assert!(found.iter().any(|exposure| exposure.kind == wanted), "{} -> {:?}", text, found);
        // The owner may be told.
        prop_assert!(directory.scan(&text, Some("other"), &[]).is_empty());
    }

    #[test]
    fn any_text_is_searched_without_a_fault(text in "\\PC{0,200}|[<>&;%=@a-zA-Z0-9 .,\\n()+\\-]{0,200}") {
        for exposure in directory().scan(&text, Some("own"), &[]) {
            prop_assert!(text.get(exposure.at).is_some_and(|shown| !shown.is_empty()));
        }
    }
}
