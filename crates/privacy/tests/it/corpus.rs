//! Writes documents of Customer Success with labels: tickets, threads, JSON, CSV, vCards, HTML,
//! logs, notes of calls. The same seed gives the same documents.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::ops::Range;

/// What is to be found in a document, or must not be.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) at: Range<usize>,
    /// A type, or the sort of a thing that is nobody's.
    pub(crate) what: &'static str,
    /// How it is written.
    pub(crate) form: &'static str,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) found: Vec<Label>,
    pub(crate) nobodys: Vec<Label>,
    /// Neither right nor wrong: companies, jobs.
    pub(crate) either: Vec<Label>,
}

/// A small generator of pseudo-random numbers (`SplitMix64`).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.roll() % most as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn word(&mut self, words: &'static str) -> &'static str {
        let words: Vec<&str> = words.split('|').collect();
        self.pick(&words)
    }

    /// Replaces `#` by digits, `%` by digits from 1, `@` by capitals, `~` by letters and digits,
    /// `^` by hexadecimal digits.
    fn fill(&mut self, form: &str) -> String {
        form.chars()
            .map(|c| match c {
                '#' => char::from(b'0' + u8::try_from(self.below(10)).unwrap()),
                '%' => char::from(b'1' + u8::try_from(self.below(9)).unwrap()),
                '@' => char::from(b'A' + u8::try_from(self.below(26)).unwrap()),
                '~' => char::from(
                    self.pick(b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"),
                ),
                '^' => char::from(self.pick(b"0123456789abcdef")),
                c => c,
            })
            .collect()
    }
}

/// Given and family names by origin.
const NAMES: &[(&str, &str)] = &[
    (
        "James|Olivia|Harry|Charlotte|Ethan|Amelia|Logan|Hannah|Dylan|Megan",
        "Thornton|Whitaker|Ashworth|Bennett|Fairclough|Hargreaves|Pemberton|Sutcliffe|Lockwood|Ellison",
    ),
    (
        "Jürgen|Annika|Wolfgang|Liselotte|Thorsten|Heike|Matthias|Kerstin|Ulrich|Sabine",
        "Schönfeld|Hinrichs|Großmann|Wiedemann|Oberhauser|Lindner|Petersen|Krüger|Falkenberg|Baumgärtner",
    ),
    (
        "Åsa|Björn|Ingrid|Torvald|Solveig|Mikkel|Astrid|Eero|Tuulikki|Anneli",
        "Lindqvist|Østergaard|Haugen|Virtanen|Korhonen|Söderström|Mäkelä|Nygård|Björklund|Rautiainen",
    ),
    (
        "Krzysztof|Agnieszka|Zbigniew|Małgorzata|Ondřej|Zuzana|Dragan|Ljiljana|Boris|Svetlana",
        "Wiśniewski|Zielińska|Dvořáková|Procházka|Jovanović|Petrović|Kowalczyk|Szymańska|Marušić|Kuznetsova",
    ),
    (
        "María José|Alejandro|Lucía|Joaquín|Inés|Gonçalo|Beatriz|Thiago|Chiara|Massimo",
        "García Fernández|Echeverría|Ibáñez|Carvalho|Figueiredo|Bianchi|Esposito|Quintanilla|Rodrigues da Silva|Zambrano",
    ),
    (
        "Amélie|Étienne|Geneviève|Loïc|Margaux|Théo|Solène|Guillaume|Maëlys|Corentin",
        "Lefèvre|Beauchamp|de La Fontaine|Thibault|Rousseau|Charpentier|Deschamps|Morvan|Villeneuve|Guérin",
    ),
    (
        "Ayşe|Mehmet|Zeynep|Emre|Gülşah|Serkan|Elif|Tarık|Nurcan|Orhan",
        "Yıldırım|Kılıç|Özdemir|Şahin|Aydoğan|Çelik|Karaca|Demirtaş|Günay|Uçar",
    ),
    (
        "Fatima|Omar|Layla|Youssef|Noor|Khalid|Samira|Tariq|Hanan|Bilal",
        "Al-Rashid|Haddad|Mansouri|El-Sayed|Benali|Khoury|Abdelrahman|Qureshi|Nasser|Bouazizi",
    ),
    (
        "Priya|Arjun|Lakshmi|Rohan|Ananya|Vikram|Deepika|Sanjay|Meera|Karthik",
        "Krishnamurthy|Deshpande|Chatterjee|Iyer|Patel|Banerjee|Reddy|Subramanian|Malhotra|Gupta",
    ),
    (
        "Wei|Xiaoming|Mei Ling|Haruto|Sakura|Takeshi|Minjun|Seo-yeon|Ji-hoon|Yuki",
        "Zhang|Huang|Nakamura|Yamaguchi|Hashimoto|Kim|Park|Choi|Watanabe|Ouyang",
    ),
    (
        "Nguyễn Văn|Thị Hương|Minh|Anh|Quang|Linh|Somchai|Siti|Budi|Rizal",
        "Trần|Phạm|Nguyen|Hoàng|Lê|Srisuk|Wijaya|Santoso|Rahmawati|Reyes",
    ),
    (
        "Chukwuemeka|Ngozi|Thabo|Wanjiku|Kwame|Abena|Tendai|Amara|Sipho|Zainab",
        "Okonkwo|Adeyemi|Nkosi|Mwangi|Mensah|Achebe|Moyo|Dlamini|Owusu|Balogun",
    ),
    (
        "Grace|Mark|Summer|Rich|Frank|Hope|Will|Joy|Art|Faith",
        "Young|Banks|Price|Page|Woods|Fields|Rivers|Cross|Bishop|Stone",
    ),
    (
        "Dmitri|Olena|Andriy|Nino|Giorgos|Eleni|Ion|Ruxandra|László|Katalin",
        "Shevchenko|Kovalenko|Papadopoulos|Beridze|Ionescu|Popescu|Szabó|Horváth|Hakobyan|Kazlauskas",
    ),
];

/// One person of a document.
#[derive(Clone)]
struct Person {
    first: String,
    last: String,
    mail: String,
}

impl Person {
    fn new(dice: &mut Dice) -> Self {
        let (given, family) = dice.pick(NAMES);
        // One in eight marries into another origin.
        let family = if dice.below(8) == 0 { dice.pick(NAMES).1 } else { family };
        let (first, last) = (dice.word(given).to_owned(), dice.word(family).to_owned());
        let plain = |name: &str| -> String {
            use std::fmt::Write as _;
            let mut out = String::new();
            for c in name.to_lowercase().chars() {
                match c {
                    'a'..='z' => out.push(c),
                    'ä' | 'á' | 'ã' | 'å' | 'à' => out.push('a'),
                    'ö' | 'ø' | 'ó' | 'ő' | 'ồ' => out.push('o'),
                    'ü' | 'ú' | 'ū' | 'ư' => out.push('u'),
                    'é' | 'è' | 'ë' | 'ê' | 'ễ' | 'ě' => out.push('e'),
                    'ß' => out.push_str("ss"),
                    'ç' | 'č' | 'ć' => out.push('c'),
                    'ş' | 'š' | 'ś' => out.push('s'),
                    'ı' | 'í' | 'ï' | 'ị' => out.push('i'),
                    'ł' => out.push('l'),
                    'ń' | 'ñ' => out.push('n'),
                    'ř' => out.push('r'),
                    'ž' | 'ż' | 'ź' => out.push('z'),
                    'ğ' => out.push('g'),
                    _ => write!(out, "").unwrap(),
                }
            }
            out
        };
        let (a, b) = (plain(&first), plain(&last));
        let local = match dice.below(6) {
            0 => format!("{a}.{b}"),
            1 => format!("{}{b}", &a[..1]),
            2 => format!("{a}_{b}"),
            3 => format!("{a}{}", dice.below(90) + 10),
            4 => format!("{b}.{a}"),
            _ => format!("{a}-{b}+cs"),
        };
        let host = dice.word("brindlemoor.com|tarnwick.io|quillfeather.co.uk|ostwind-energie.de|mail.larkspur.fr|gmail.com|outlook.com|yahoo.co.jp|castellana.es|nordlys.no|webmail.com.br");
        Self { first, last, mail: format!("{local}@{host}") }
    }
}

/// Builds one document.
struct Pen<'a> {
    dice: &'a mut Dice,
    people: Vec<Person>,
    out: Document,
}

impl Pen<'_> {
    fn put(&mut self, text: &str) -> Range<usize> {
        let start = self.out.text.len();
        self.out.text.push_str(text);
        start..self.out.text.len()
    }

    fn find(&mut self, text: &str, what: &'static str, form: &'static str) {
        let at = self.put(text);
        self.out.found.push(Label { at, what, form });
    }

    fn nobodys(&mut self, text: &str, what: &'static str) {
        let at = self.put(text);
        self.out.nobodys.push(Label { at, what, form: "plain" });
    }

    fn either(&mut self, text: &str, what: &'static str) {
        let at = self.put(text);
        self.out.either.push(Label { at, what, form: "plain" });
    }

    /// Writes a template; slots are `{name}`.
    fn write(&mut self, template: &str) {
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            let close = open + rest[open..].find('}').unwrap();
            self.put(&rest[..open]);
            self.slot(&rest[open + 1..close]);
            rest = &rest[close + 1..];
        }
        self.put(rest);
    }

    fn slot(&mut self, slot: &str) {
        let person =
            |pen: &Self, slot: &str| pen.people[usize::from(slot.as_bytes()[1] - b'1')].clone();
        match slot {
            "[" => {
                self.put("{");
            }
            "]" => {
                self.put("}");
            }
            _ if slot.starts_with('p')
                && slot.as_bytes().get(1).is_some_and(u8::is_ascii_digit) =>
            {
                let person = person(self, slot);
                let full = format!("{} {}", person.first, person.last);
                match &slot[2..] {
                    "" => self.find(&full, "PERSON", "plain"),
                    ".first" => self.find(&person.first, "PERSON", "first"),
                    ".last" => self.find(&person.last, "PERSON", "last"),
                    ".sorted" => {
                        self.find(
                            &format!("{}, {}", person.last, person.first),
                            "PERSON",
                            "sorted",
                        );
                    }
                    ".lower" => self.find(&full.to_lowercase(), "PERSON", "lower"),
                    ".lowerfirst" => self.find(&person.first.to_lowercase(), "PERSON", "lower"),
                    ".upper" => self.find(&full.to_uppercase(), "PERSON", "upper"),
                    ".hidden" => {
                        let mut hidden = full;
                        let first = hidden.chars().next().unwrap().len_utf8();
                        hidden.insert(first, '\u{200b}');
                        self.find(&hidden, "PERSON", "zero-width");
                    }
                    ".nfd" => {
                        use unicode_normalization::UnicodeNormalization as _;
                        let decomposed: String = full.nfd().collect();
                        self.find(&decomposed, "PERSON", "nfd");
                    }
                    ".escaped" => {
                        let escaped: String = full
                            .chars()
                            .map(|c| {
                                if c.is_ascii() {
                                    c.to_string()
                                } else {
                                    format!("\\u{:04x}", u32::from(c))
                                }
                            })
                            .collect();
                        self.find(&escaped, "PERSON", "json-escape");
                    }
                    ".mail" => self.mail(&person.mail),
                    other => panic!("{other}"),
                }
            }
            "mail" => {
                let mail = Person::new(self.dice).mail;
                self.mail(&mail);
            }
            "phone" => self.phone(),
            "card" => self.card(),
            "iban" => self.iban(),
            "ip" => self.ip(),
            "address" => self.address(),
            "dob" => self.birth(),
            "id" => self.identity(),
            "bank" => self.bank(),
            "secret" => self.secret(),
            "job" => {
                let job = self.dice.word("Head of Operations|Procurement Manager|CTO|Office Manager|Senior Data Engineer|VP Sales|Team Lead");
                self.either(job, "job");
            }
            "org" => {
                let org = self.dice.word("Brindlemoor Ltd|Tarnwick Software|Larkspur Foods|Ostwind Energie GmbH|Harrow & Pike LLP|Castellana SA|Nordlys AS|Copperfield Logistics|Marlowe Health");
                self.either(org, "org");
            }
            _ => self.decoy(slot),
        }
    }

    /// What looks like personal data and is nobody's.
    fn decoy(&mut self, slot: &str) {
        let (form, what): (&str, &'static str) = match slot {
            "order" => (self.dice.word("ORD-#######|SO-2025-#####|PO 45########|%########%|###-#######-#######|#%%#####"), "order"),
            "ticket" => (self.dice.word("TCK-#####|INC#######|CS-####|case %#######|JIRA-####"), "ticket"),
            "version" => (self.dice.word("v%.##.%|%.#.%-rc.%|build %#.%.#.%##|Chrome/1##.0.####.##|iOS 17.%.%|2024.%.%"), "version"),
            "date" => (self.dice.word("2025-0%-1%|1%.0%.2025|March 1%, 2026|Tue 1% Nov 2024|1%/0%/2025|Q3 2025|Jul %"), "date"),
            "time" => (self.dice.word("17:26:55.###Z|9:5# pm|10am CET|0%:1#:3#"), "time"),
            "amount" => (self.dice.word("$%#,###.##|€%##.###,##|%##,### USD|₹##,##,###|3#%|£%###"), "amount"),
            "uuid" => ("^^^^^^^^-^^^^-4^^^-a^^^-^^^^^^^^^^^^", "uuid"),
            "sha" => (self.dice.word("^^^^^^^|^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^|^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"), "sha"),
            "track" => (self.dice.word("@@#########DE|JD##################|1Z~~~~~~##########"), "track"),
            "product" => (self.dice.word("Salesforce|Jira Cloud|Alexa|Watson|Jenkins|Clover|HubSpot|Amazon Aurora|Cassandra|Snowflake"), "product"),
            "company" => (self.dice.word("Morgan Stanley|Johnson & Johnson|Wells Fargo|Siemens|Hewlett Packard|Mercedes-Benz|Marks & Spencer"), "company"),
            "epoch" => ("17%%#########", "epoch"),
            "sku" => (self.dice.word("@@##@@@@###|@@@-####-@@"), "sku"),
            "error" => (self.dice.word("ERR_TIMEOUT_###|ORA-#####|0x^^^^^^^^|HTTP 404|E####"), "error"),
            "masked" => (self.dice.word("**** **** **** ####|XXXX-XXXX-XXXX-####|•••• ####|ending in ####"), "masked"),
            "placeholder" => (self.dice.word("<api-key>|${API_TOKEN}|YOUR_API_KEY|********|REDACTED"), "placeholder"),
            "local" => (self.dice.word("127.0.0.1|::1|0.0.0.0|localhost:8080|255.255.255.0"), "local"),
            "badiban" => ("DE00##################", "bad iban"),
            other => panic!("no slot {other}"),
        };
        let form = form.to_owned();
        let text = if matches!(what, "amount") && form.ends_with("#%") {
            self.dice.fill(&form[..form.len() - 1]) + "%"
        } else if form.starts_with("Q3")
            || what == "product"
            || what == "company"
            || what == "placeholder"
            || what == "local"
        {
            form
        } else {
            self.dice.fill(&form)
        };
        self.nobodys(&text, what);
    }

    fn mail(&mut self, mail: &str) {
        let (local, host) = mail.split_once('@').unwrap();
        let (written, form) = match self.dice.below(12) {
            0 => (format!("{local} [at] {}", host.replace('.', " [dot] ")), "brackets"),
            1 => (format!("{local}&#64;{host}"), "html"),
            2 => (format!("{local}%40{host}"), "percent"),
            3 => (format!("{local}\u{ff20}{host}"), "full-width"),
            4 => (format!("{local}\u{200b}@{host}"), "zero-width"),
            _ => (mail.to_owned(), "plain"),
        };
        self.find(&written, "EMAIL", form);
    }

    fn phone(&mut self) {
        let form = self.dice.word("+1 212-555-01##|(415) 555-01##|+44 20 7946 0###|0161 496 0###|+49 (0)30 1234%##|0049 89 1234%##|+33 6 12 34 5# ##|06 12 34 5# ##|+34 612 34 5# ##|612 34 5# ##|+39 347 12# 4###|+91 98###-#####|+81 3-1234-5###|+55 11 9####-####|(11) 9####-####|+48 512 33# 9##|0412 3## 3##|+61 412 3## ###|+46 70-123 4# ##|+47 912 34 ###|+90 532 123 4# ##|+86 138 1234 5###|+82-10-1234-5###|+971 50 123 4###|+27 82 123 4###|+234 803 123 4###|+7 (495) 123-4#-##|+45 12 34 5# ##|+31 6 1234 5###|+353 1 234 5###|+41 44 668 1# ##|+52 55 1234 5###|212.555.01##|+1 (646) 555-01## x1##");
        let mut text = self.dice.fill(form);
        let mut written = "plain";
        match self.dice.below(12) {
            0 => {
                text = text
                    .chars()
                    .map(|c| {
                        if c.is_ascii_digit() {
                            char::from_u32(u32::from(c) - 0x30 + 0xff10).unwrap()
                        } else {
                            c
                        }
                    })
                    .collect();
                written = "full-width";
            }
            1 => {
                text = text.replace(' ', "\u{a0}");
                written = "no-break";
            }
            2 => {
                text.insert(text.len() - 3, '\u{200b}');
                written = "zero-width";
            }
            _ => {}
        }
        self.find(&text, "PHONE", written);
    }

    fn card(&mut self) {
        let (prefix, length) = self.dice.pick(&[
            ("4", 16),
            ("52", 16),
            ("2305", 16),
            ("37", 15),
            ("6011", 16),
            ("3530", 16),
            ("3600", 14),
        ]);
        let mut digits =
            self.dice.fill(&format!("{prefix}{}", "#".repeat(length - prefix.len() - 1)));
        let check =
            (b'0'..=b'9').find(|check| luhn(&format!("{digits}{}", char::from(*check)))).unwrap();
        digits.push(char::from(check));
        let grouped = |gap: &str| -> String {
            let chunks: Vec<&str> = match length {
                14 | 15 => vec![&digits[..4], &digits[4..10], &digits[10..]],
                _ => (0..4).map(|at| &digits[at * 4..at * 4 + 4]).collect(),
            };
            chunks.join(gap)
        };
        match self.dice.below(6) {
            0 => self.find(&grouped("-"), "CREDIT_CARD", "plain"),
            1 => self.find(&grouped("\u{a0}"), "CREDIT_CARD", "no-break"),
            2 => self.find(&grouped("\u{200b} "), "CREDIT_CARD", "zero-width"),
            3 => self.find(&digits, "CREDIT_CARD", "plain"),
            _ => self.find(&grouped(" "), "CREDIT_CARD", "plain"),
        }
    }

    fn iban(&mut self) {
        let (country, form) = self.dice.pick(&[
            ("DE", "##################"),
            ("GB", "@@@@##############"),
            ("FR", "####################0##"),
            ("ES", "####################"),
            ("NL", "@@@@##########"),
            ("PL", "########################"),
            ("NO", "###########"),
            ("IT", "@######################"),
        ]);
        let account = self.dice.fill(form);
        let account = if country == "IT" { account[..23].to_owned() } else { account };
        let rest = format!("{account}{country}00").bytes().fold(0_u64, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u64::from(byte - b'0')) % 97,
            _ => (rest * 100 + u64::from(byte - b'A') + 10) % 97,
        });
        let iban = format!("{country}{:02}{account}", 98 - rest);
        let grouped = iban
            .as_bytes()
            .chunks(4)
            .map(|chunk| std::str::from_utf8(chunk).unwrap())
            .collect::<Vec<_>>()
            .join(" ");
        match self.dice.below(4) {
            0 => self.find(&iban, "IBAN", "plain"),
            1 => self.find(&grouped.replace(' ', "\u{a0}"), "IBAN", "no-break"),
            _ => self.find(&grouped, "IBAN", "plain"),
        }
    }

    fn ip(&mut self) {
        let text = match self.dice.below(3) {
            0 => self.dice.fill("2001:db8:^^^^:^^^^::%^^%"),
            _ => format!(
                "{}.{}.{}.{}",
                31 + self.dice.below(180),
                self.dice.below(256),
                self.dice.below(256),
                1 + self.dice.below(250)
            ),
        };
        if self.dice.below(8) == 0 && !text.contains(':') {
            self.find(&text.replace('.', "[.]"), "IP_ADDRESS", "brackets");
        } else {
            self.find(&text, "IP_ADDRESS", "plain");
        }
    }

    fn address(&mut self) {
        let form = self.dice.word("%## Maple Street, Springfield, IL 6####|%#%# Oakridge Drive Apt. %##, Fort Collins, CO 8####|%# Station Road, Leeds LS1 4DY|Flat %, 1# Kingsway, Bristol BS2 8QX|Lindenstraße %#, 1#%## Berlin|Am Alten Markt %, 5%### Köln|%# rue de la République, 69002 Lyon|Calle de Alcalá %#, 28014 Madrid|Via Garibaldi %#, 16124 Genova|Keizersgracht %##, 1015 CN Amsterdam|ul. Długa %#/%, 00-238 Warszawa|Storgatan %#, 114 55 Stockholm|Rua Augusta, %### - Consolação, São Paulo - SP, 01305-100|P.O. Box %##, Wellington 6011|%# Collins Street, Melbourne VIC 3000|%## Bay Street, Toronto, ON M5J 2T3|%##/%, MG Road, Bengaluru 560001");
        let mut text = self.dice.fill(form);
        let mut written = "plain";
        if self.dice.below(4) == 0
            && !form.starts_with("Rua")
            && !form.starts_with("%##/%")
            && let Some(at) = text.find(", ")
        {
            text.replace_range(at..at + 2, "\n");
            written = "lines";
        }
        self.find(&text, "ADDRESS", written);
    }

    fn birth(&mut self) {
        let form = self.dice.word("19%%-0%-1%|1%.0%.19%%|0%/1%/19%%|1% March 19%%|March 1%, 19%%|%-Apr-19%%|1% de mayo de 19%%|1%. Oktober 19%%");
        let text = self.dice.fill(form);
        self.find(&text, "DATE_OF_BIRTH", "plain");
    }

    /// An id with the word that goes with it.
    fn identity(&mut self) {
        let (label, form) = self.dice.pick(&[
            ("SSN", "%##-%%-%###"),
            ("passport no.", "@@#######"),
            ("NINO", "AB 12 34 %# C"),
            ("PAN", "ABCPK####L"),
            ("CPF", "529.982.247-25"),
            ("DNI", "12345678Z"),
            ("BSN", "111222333"),
            ("PESEL", "44051401359"),
            ("NHS number", "943 476 5919"),
            ("Aadhaar", "2341 2341 2346"),
            ("Steuer-ID", "86 095 742 719"),
            ("personnummer", "811218-9876"),
            ("driver's license", "@%######"),
            ("SIN", "130 692 544"),
        ]);
        let text = self.dice.fill(form);
        let joint = self.dice.word(": | is | - | ");
        self.put(&format!("{label}{joint}"));
        self.find(&text, "NATIONAL_ID", "plain");
    }

    fn bank(&mut self) {
        if self.dice.below(2) == 0 {
            self.put("sort code ");
            let code = self.dice.fill("20-##-##");
            self.find(&code, "BANK_ACCOUNT", "plain");
            self.put(", account ");
            let account = self.dice.fill("%#######");
            self.find(&account, "BANK_ACCOUNT", "plain");
        } else {
            self.put("routing number ");
            self.find("021000021", "BANK_ACCOUNT", "plain");
            self.put(" and account number ");
            let account = self.dice.fill("%#########");
            self.find(&account, "BANK_ACCOUNT", "plain");
        }
    }

    fn secret(&mut self) {
        let form = self.dice.word("AKIA@@@@@@@@@@@@@@@@|ghp_~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~|sk_live_~~~~~~~~~~~~~~~~~~~~~~~~|xoxb-############-~~~~~~~~~~~~~~~~~~~~~~~~|AIza~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~|SG.~~~~~~~~~~~~~~~~~~~~~~.~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~|glpat-~~~~~~~~~~~~~~~~~~~~|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI~~~~~~~~~~.~~~~~~~~~~~~~~~~~~~~|^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^");
        let text = self.dice.fill(form);
        self.find(&text, "SECRET", "plain");
    }
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| match (place % 2, u32::from(byte - b'0') * 2) {
            (0, double) => double / 2,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The documents' shapes. None was taken from any labelled collection.
const TEMPLATES: &[&str] = &[
    "Hi {p1.first},\n\nthe import fails with {error} since {version}. {p2} from finance can show you, call {phone} or write to {p2.mail}.\n\nBest regards,\n{p3}\n{job}, {org}\nT: {phone}",
    "From: {p1} <{p1.mail}>\nSent: {date}\nTo: {p2} <{p2.mail}>\nSubject: Re: invoice {order}\n\nDear {p2.first},\n\nplease charge {card} instead of {masked}. The amount is {amount}.\n\nKind regards\n{p1.first}\n\n> On {date}, {p2} wrote:\n> We could not collect {amount}.\n",
    "{[}\"customer\":{[}\"full_name\":\"{p1}\",\"email\":\"{p1.mail}\",\"phone\":\"{phone}\",\"dob\":\"{dob}\"{]},\"trace\":\"{uuid}\",\"version\":\"{version}\"{]}",
    "{[}\"holder\":\"{p1.escaped}\",\"iban\":\"{iban}\",\"order\":\"{order}\",\"ts\":{epoch}{]}",
    "name,email,phone,date_of_birth\n{p1},{p1.mail},{phone},\"{dob}\"\n{p2},{p2.mail},{phone},\"{dob}\"\n",
    "id;Kunde;Geburtsdatum;Betrag\n{order};{p1};{dob};{amount}\n{order};{p2};{dob};{amount}\n",
    "first_name,last_name,address\n{p1.first},{p1.last},\"{address}\"\n",
    "BEGIN:VCARD\nVERSION:3.0\nFN:{p1}\nTEL;TYPE=cell:{phone}\nEMAIL:{p1.mail}\nBDAY:{dob}\nEND:VCARD\n",
    "<table><tr><th>Name</th><td>{p1}</td></tr><tr><th>Phone</th><td>{phone}</td></tr><tr><th>E-mail</th><td>{p1.mail}</td></tr></table>",
    "{time} INFO login ok user={p1.mail} ip={ip} req={uuid}\n{time} WARN retry {error} from {ip}\n",
    "Call with {p1} ({job}) and {p2}. {p1.first} wants {product} by {date}; {p2.first} asked about ticket {ticket}. Next: {p2.first} sends the signed form to {mail}.",
    "{p1.first}: is {version} out?\nAgent: since {date}\n{p1.first}: thanks\n",
    "{p1.lowerfirst}: hi, the app crashes with {error}\nagent: could you give me your number\n{p1.lowerfirst}: sure {phone}\n",
    "customer: hello, it's {p1.lower}, my mail is {p1.mail}\nagent: ticket {ticket} is open\n",
    "Identity check for {p1}, born on {dob}, {id}. Lives at {address}.",
    "Please verify: {p1.sorted}, DOB: {dob}, {id}",
    "Our new bank details: {bank}. Account holder {p1}. Questions to {mail}.",
    "The token {secret} was committed in {sha}, please rotate it. Reported by {p1}.",
    "export API_KEY={secret}\ncurl http://{local}/health # not {placeholder}\n",
    "Shipping address changed:\n\n{p1}\n{address}\n\nThanks,\n{p1.first}",
    "Return label for {order} to {address}, attention {p1}. Tracking {track}.",
    "cards: {card} or {card}, old one {masked}. Name on card: {p1}",
    "pay to {iban} / {iban}, not to {badiban}",
    "Hi {p1.hidden} / {mail} / {phone}",
    "Contact: {p1} | {job} | {p1.mail} | {phone} | {address}",
    "Owner: {p1}\nRenewal: {date}\nARR: {amount}\nNotes: {product} rollout is late, {p2} will chase {company}.",
    "Release {version} fixes {error} ({ticket}). Checksum {sha}. Orders {order}, {order} ship on {date} with {track}.",
    "{product} sync failed at {time}; host {local} answered {error}. SKU {sku}, batch {epoch}.",
    "Hallo Frau {p1.last},\n\nvielen Dank für die Rückmeldung. Die Rechnung {order} über {amount} ist bezahlt. Bitte rufen Sie mich unter {phone} an.\n\nMit freundlichen Grüßen\n{p2}",
    "Hola {p1.first}:\nel pedido {order} no ha llegado. Mi teléfono es {phone}. Saludos, {p2}",
    "Bonjour {p1.first},\nmerci d'appeler {p2} au {phone}.\nCordialement,\n{p3}",
    "CC {p1.first} and {p2.first}. {p1} said the {product} connector needs {amount} more. -- {p3.first}",
    "Voicemail from {p1} ({phone}) about {order}; {p1.last} prefers mail: {p1.mail}",
    "Attendees: {p1}, {p2}, {p3}\nAgenda: {product} migration, {company} reference call, budget {amount}.",
    "Signed by {p1.upper} on {date}. Witness: {p2}",
    "The owner was somebody else; now {p1.nfd} is the owner, {p1.mail}.",
    "The rich editor will mark drafts; in May and June we hope for a summer with grace. Nothing else.",
    "Let's be frank: page 12, chapter 3 of the guide says the art files are at {local}.",
    "password for the portal is {secret}\nuser {p1.mail}, last login from {ip} at {time}",
    "{[}\"pem\":\"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBg\\nkqhkiG9w0BAQ\\n-----END PRIVATE KEY-----\"{]}",
];

/// Document number `number` of a collection.
pub(crate) fn document(seed: u64, number: usize) -> Document {
    let mut dice = Dice::new(seed ^ (number as u64).wrapping_mul(0x0100_0000_01b3));
    let people = (0..3).map(|_| Person::new(&mut dice)).collect();
    let template = TEMPLATES[number % TEMPLATES.len()];
    let mut pen = Pen { dice: &mut dice, people, out: Document::default() };
    pen.write(template);
    let mut out = pen.out;
    if let (Some(start), Some(end)) = (out.text.find("-----BEGIN"), out.text.find("KEY-----\"")) {
        out.found.push(Label { at: start..end + 8, what: "SECRET", form: "pem" });
    }
    out
}
