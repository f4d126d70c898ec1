//! Made-up accounts and drafts, always the same for the same number: what the scan is measured with.

use super::{Account, Contact, form::Form};

const GIVEN: &str = "Jane Anna Maria Zoë José François Björn Søren Łukasz Agnieszka Priya Rahul Chidi Ngozi Amara \
    Kenji Yuki Wei Mei Fatima Omar Layla Ivan Olga Dmitri Elena Giulia Marco Sofia Mateus Beatriz \
    João Liam Emma Noah Olivia Lucas Mia Ethan Ava Mason Isla Hannah Jonas Lena Felix Clara Anton \
    Ingrid Astrid Lars Freya Sean Aoife Niamh Rhys Owain Pierre Camille Élodie Luc Hugo Inés \
    Álvaro Lucía Diego Carmen Raúl Tomáš Petra Zdeněk Katarína Márta László Ioana Andrei Maja";
const FAMILY: &str = "Okonkwo Müller Schmidt Fernández García Łukaszewski Nowak Björkman Sørensen Hansen Kowalska Patel \
    Sharma Reddy Nguyen Tanaka Suzuki Watanabe Haddad Nasser Ivanova Petrov Rossi Bianchi Ferrari \
    Almeida Carvalho Oliveira Silva Murphy Doyle Gallagher Davies Llewellyn Dubois Lefèvre Moreau \
    Laurent Castillo Navarro Ortega Novák Svoboda Dvořák Horváth Kovács Popescu Ionescu Adeyemi \
    Balogun Mensah Abara Kaplan Yılmaz Demir Öztürk Johansson Lindqvist Nyström Virtanen Korhonen \
    Bakker Visser Jansen Dekker Weiß Schäfer Köhler Krüger Brandt Vogel Hartmann Winkler";
/// Words of every text that are people's names too.
const WORDY: [(&str, &str); 10] = [
    ("Will", "Long"),
    ("Mark", "Price"),
    ("Grace", "Field"),
    ("Bill", "Page"),
    ("Rose", "King"),
    ("May", "Green"),
    ("Drew", "Case"),
    ("Hope", "Stone"),
    ("Art", "Short"),
    ("Frank", "Young"),
];
/// Ordinary words that are companies' names too.
const WORDS: [&str; 24] = [
    "Target", "Summit", "Beacon", "Horizon", "Gap", "Square", "Notion", "Slack", "Stripe", "Box",
    "Monday", "Segment", "Ramp", "Compass", "Harvest", "Anchor", "Bridge", "Orbit", "Lattice",
    "Front", "Loom", "Pilot", "Signal", "Insight",
];
const PAIRS: [&str; 8] = [
    "Green Energy",
    "Global Logistics",
    "First National",
    "Blue River",
    "Open Table",
    "Smart Home",
    "Fresh Start",
    "Next Level",
];
const SUFFIXES: [&str; 10] = ["GmbH", "Ltd", "Inc.", "LLC", "AG", "S.A.", "B.V.", "AB", "plc", ""];
const SYLLABLES: [&str; 24] = [
    "zen", "dra", "ix", "no", "va", "qor", "tel", "bri", "sta", "kel", "mun", "pha", "lio", "ter",
    "vek", "sor", "dan", "wil", "gra", "hal", "jor", "nim", "rex", "ulm",
];

/// Numbers that look random and are always the same: `SplitMix64`.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len() as u64);
        &of[usize::try_from(index).unwrap_or(0)]
    }

    fn word<'a>(&mut self, of: &'a str) -> &'a str {
        let words: Vec<&str> = of.split_whitespace().collect();
        self.pick::<&str>(&words)
    }

    fn made_up(&mut self, syllables: u64) -> String {
        let mut word: String = (0..syllables).map(|_| *self.pick(&SYLLABLES)).collect();
        if let Some(first) = word.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        word
    }
}

/// The account of this number.
pub(super) fn account(number: u32) -> Account {
    let mut chance = Chance::new(u64::from(number) ^ 0x1ea1_d00d);
    let org = match chance.below(100) {
        0..=2 => (*chance.pick(&WORDS)).to_owned(),
        3..=4 => (*chance.pick(&PAIRS)).to_owned(),
        kind => {
            let syllables = 3 + chance.below(2);
            let name = chance.made_up(syllables);
            let second = if kind < 40 { format!(" {}", chance.made_up(2)) } else { String::new() };
            let suffix = chance.pick(&SUFFIXES);
            format!("{name}{second} {suffix}").trim().to_owned()
        }
    };
    let host: String = org.chars().filter(char::is_ascii_alphanumeric).collect();
    let host = format!("{}{number}.example", host.to_lowercase());
    let count = 3 + chance.below(3);
    let contacts = (0..count).map(|index| contact(&mut chance, &host, index)).collect();
    let invoice = match chance.below(3) {
        0 => format!("INV-2024-{:06}", number + 1),
        1 => format!("R{}/{:05}", 20 + number % 6, number + 1),
        _ => format!("{}", 40_000_000 + u64::from(number) * 7),
    };
    Account { id: format!("acc-{number}"), org: Some(org), contacts, invoice: Some(invoice) }
}

fn contact(chance: &mut Chance, host: &str, index: u64) -> Contact {
    let (first, last) = match chance.below(100) {
        0 => {
            let (first, last) = chance.pick(&WORDY);
            ((*first).to_owned(), (*last).to_owned())
        }
        1..=40 => (chance.word(GIVEN).to_owned(), chance.word(FAMILY).to_owned()),
        kind => {
            let syllables = 2 + chance.below(2);
            let last = format!(
                "{}{}",
                chance.made_up(syllables),
                ["", "ov", "sen", "ez"][usize::try_from(kind % 4).unwrap_or(0)]
            );
            (chance.word(GIVEN).to_owned(), last)
        }
    };
    let local: String = format!("{first}.{last}{index}")
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
        .collect();
    let number = chance.below(9_000_000_000) + 1_000_000_000;
    let digits = number.to_string();
    let phone = match chance.below(6) {
        0 => format!("+49 {} {}", &digits[..3], &digits[3..]),
        1 => format!("+44 20 {} {}", &digits[..4], &digits[4..8]),
        2 => format!("+1 {}-{}-{}", &digits[..3], &digits[3..6], &digits[6..]),
        3 => format!(
            "+33 {} {} {} {} {}",
            &digits[..1],
            &digits[1..3],
            &digits[3..5],
            &digits[5..7],
            &digits[7..9]
        ),
        4 => format!("+45 {} {} {} {}", &digits[..2], &digits[2..4], &digits[4..6], &digits[6..8]),
        _ => format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..]),
    };
    Contact {
        name: Some(format!("{first} {last}")),
        first: Some(first),
        last: Some(last),
        email: Some(format!("{local}@{host}")),
        phone: Some(phone),
    }
}

/// A draft, and what is wrong with it.
pub(super) struct Draft {
    /// The number of the account it is for.
    pub(super) account: u32,
    pub(super) text: String,
    /// Kind and form of what leaks; none in a clean draft.
    pub(super) leak: Option<(&'static str, Form)>,
    /// Where the leak is, in bytes.
    pub(super) at: std::ops::Range<usize>,
    /// What makes a clean draft hard, in a word.
    pub(super) hard: &'static str,
}

const OPENINGS: [&str; 6] = [
    "Thank you for the call on Tuesday. Your team has used the reports on 23 of the last 28 days.",
    "Your renewal on 1 March 2027 is coming up, and we will look at what worked this year.",
    "We noticed that fewer people signed in this month, and would like to help with that.",
    "In April and May your usage grew by 12.5 %, from 10,400 to 11,700 events a week.",
    "Your ticket T-4471 is solved; the export takes 40 seconds now instead of 11 minutes.",
    "Here is the plan for the next quarter: three workshops, one review on 2026-11-29, one report.",
];
const CLOSINGS: [&str; 4] = [
    "Would Thursday at 10:30 suit you?",
    "Just reply to this mail; we will take it from there.",
    "If anything is unclear, our help centre is open around the clock.",
    "We look forward to hearing from you.",
];
const LEAKS: [&str; 6] = [
    "As {} put it, this saved them a day a week.",
    "You may know {} from the user group.",
    "We did the same for {} last year.",
    "Please see also {} in this matter.",
    "(copied from our notes on {})",
    "Reference: {}",
];
/// Sentences with words in them that are names elsewhere.
const HARD: [(&str, &str); 16] = [
    ("word", "Our target for the quarter is 95 %, and the summit in June is the horizon for it."),
    ("word", "Target dates are in the plan. Horizon planning starts then. Bridge the gap early."),
    ("word", "We will long remember it; mark price changes in your calendar, please."),
    ("word", "Open the Insight page, choose the Segment tab, and press the Anchor button."),
    ("word", "You can send alerts to Slack or open them in Notion; on Monday they are grouped."),
    (
        "word",
        "A fresh start, a blue river, a smart home: green energy takes you to the next level.",
    ),
    ("given", "Jane and Maria will join from our side, and Lucas takes notes."),
    ("given", "Anna, Marco and Will asked whether long exports could run at night."),
    (
        "number",
        "Order 194-2750381-6613047 was shipped on 2026-11-29 at 17:26:55 for USD 12,345,678.",
    ),
    ("number", "The id is 7b1e40d2-93af-4c56-8e07-51d8a2c4f690, version 10.4.2.1, build 20261129."),
    ("number", "Seats: 1 200 of 1 500; rooms 12 34 56; pages 100-200-300."),
    ("plain", "Nothing else has changed since then, and there is nothing for you to do."),
    ("plain", "The attached notes list what we agreed, who does it, and by when."),
    ("heading", "Next Steps And Target Dates\n\nWe Will Mark Price Changes In Green"),
    ("place", "Our Paris and Denver offices are closed on Friday; Sofia is open."),
    (
        "word",
        "Grace period: 14 days. Page 3 has the short case. Bill page numbers are at the foot.",
    ),
];

/// The draft of this number, for one of so many accounts.
pub(super) fn draft(number: u32, accounts: u32) -> Draft {
    let mut chance = Chance::new(u64::from(number).wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0xd7af7);
    let own_number = u32::try_from(chance.below(u64::from(accounts))).unwrap_or(0);
    let own = account(own_number);
    let person = chance.pick(&own.contacts).clone();
    let first = person.first.clone().unwrap_or_default();
    let mut parts =
        vec![format!("Hi {first},"), String::new(), (*chance.pick(&OPENINGS)).to_owned()];
    let mut leak = None;
    let mut value = String::new();
    let mut hard = "";
    if number.is_multiple_of(2) {
        let (what, sentence) = chance.pick(&HARD);
        hard = what;
        parts.push((*sentence).to_owned());
        match chance.below(4) {
            0 => {
                hard = "own";
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                parts.push(format!(
                    "{} of {} is our contact: {}, {}. Invoice {} is paid.",
                    text(&person.name),
                    text(&own.org),
                    text(&person.email),
                    text(&person.phone),
                    text(&own.invoice)
                ));
            }
            1 => parts.push(format!("Best wishes to {}.", chance.word(GIVEN))),
            _ => {}
        }
    } else {
        let other = loop {
            let other = u32::try_from(chance.below(u64::from(accounts))).unwrap_or(0);
            if other != own_number {
                break account(other);
            }
        };
        let (kind, exact) = secret(&mut chance, &other);
        // One in four as it is, the others in a disguise that fits.
        let form = if chance.below(4) == 0 { Form::Exact } else { *chance.pick(&Form::ALL) };
        let (form, shown) = match form.of(&exact, kind) {
            Some(shown) => (form, shown),
            None => (Form::Exact, exact),
        };
        leak = Some((kind, form));
        value = shown;
        parts.push(chance.pick(&LEAKS).replace("{}", &value));
    }
    parts.push((*chance.pick(&CLOSINGS)).to_owned());
    parts.push(String::new());
    parts.push("Best regards\nYour success team".to_owned());
    let text = parts.join("\n");
    let at = match &leak {
        Some(_) => text.find(&value).map_or(0..0, |start| start..start + value.len()),
        None => 0..0,
    };
    Draft { account: own_number, text, leak, at, hard }
}

/// Something of another account, or of nobody.
fn secret(chance: &mut Chance, other: &Account) -> (&'static str, String) {
    let contact = chance.pick(&other.contacts).clone();
    match chance.below(12) {
        0..=3 => ("other_name", contact.name.unwrap_or_default()),
        4 | 5 => ("other_email", contact.email.unwrap_or_default()),
        6 | 7 => ("other_phone", contact.phone.unwrap_or_default()),
        8 | 9 => ("other_org", other.org.clone().unwrap_or_default()),
        10 => ("other_invoice", other.invoice.clone().unwrap_or_default()),
        _ => ("card", "4012 8888 8888 1881".to_owned()),
    }
}
