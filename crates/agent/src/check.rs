//! Looks at a draft for what a reviewer must not miss: invented numbers, links, open placeholders.

use std::collections::BTreeSet;

use domain::draft::{Fact, Finding};

/// The most characters a subject may have.
pub(crate) const SUBJECT: usize = 150;
/// The most characters a text may have.
pub(crate) const BODY: usize = 8000;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A finding.
pub(crate) fn finding(code: &str, detail: impl Into<String>, blocking: bool) -> Finding {
    Finding { code: code.to_owned(), detail: detail.into(), blocking, place: None }
}

/// The numbers, dates and words with digits that a draft may use.
#[derive(Default)]
pub(crate) struct Support {
    numbers: BTreeSet<String>,
    days: BTreeSet<(usize, u32)>,
    words: BTreeSet<String>,
}

impl Support {
    /// What facts and the present day vouch for.
    pub(crate) fn of(facts: &[Fact], today: &str) -> Self {
        let mut support = Self::default();
        support.vouch(today);
        for fact in facts {
            support.vouch(&format!("{} {}", fact.label, fact.value));
        }
        support
    }

    /// Adds a text we vouch for: facts, the asset, the previous text, a reviewer's instruction.
    pub(crate) fn vouch(&mut self, text: &str) {
        for word in words(text) {
            self.numbers.extend(numbers(word.text));
            self.words.insert(word.text.to_lowercase());
            if let Some(day) = iso_day(word.text) {
                self.days.insert(day);
            }
        }
        self.days.extend(spelled_days(text).into_iter().map(|(day, _)| day));
    }

    /// Adds the codes of a text from outside: `ERR_TIMEOUT_759`, but no plain number, amount or
    /// share, which a customer could plant.
    pub(crate) fn quote(&mut self, text: &str) {
        let is_code = |word: &Word<'_>| {
            let lower = word.text.to_lowercase();
            lower.starts_with(char::is_alphabetic)
                && !["eur", "usd", "gbp", "chf"].iter().any(|money| lower.starts_with(money))
        };
        let codes = words(text).filter(is_code);
        self.words.extend(codes.map(|word| word.text.to_lowercase()));
    }

    /// The numbers and dates of a draft that nothing vouches for.
    pub(crate) fn unsupported(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut spelled = Vec::new();
        for (day, at) in spelled_days(text) {
            if !self.days.contains(&day) {
                found.push(text[at.clone()].to_owned());
            }
            spelled.push(at);
        }
        for word in words(text) {
            let of_a_date =
                spelled.iter().any(|at| at.contains(&word.start) && word.text.len() <= 4);
            let of_a_list = word.opens_line && word.text.len() <= 2 && word.then_dot;
            if of_a_date || of_a_list || self.words.contains(&word.text.to_lowercase()) {
                continue;
            }
            if let Some(day) = iso_day(word.text)
                && !self.days.contains(&day)
            {
                found.push(word.text.to_owned());
                continue;
            }
            if numbers(word.text).iter().any(|number| !self.numbers.contains(number)) {
                found.push(word.text.to_owned());
            }
        }
        found.dedup();
        found
    }
}

/// A word that holds a digit.
struct Word<'a> {
    text: &'a str,
    start: usize,
    opens_line: bool,
    then_dot: bool,
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let belongs = |c: char| c.is_alphanumeric() || "._,-/:'".contains(c);
    text.split_inclusive(move |c: char| !belongs(c))
        .scan(0, move |at, piece| {
            let start = *at;
            *at += piece.len();
            Some((start, piece))
        })
        .filter_map(move |(start, piece)| {
            let bare = piece.trim_end_matches(|c: char| !belongs(c));
            let word = bare.trim_matches(|c: char| !c.is_alphanumeric());
            let offset = bare.find(word)?;
            let before = text[..start + offset].rsplit('\n').next().unwrap_or_default();
            word.contains(|c: char| c.is_ascii_digit()).then_some(Word {
                text: word,
                start: start + offset,
                opens_line: before.trim().is_empty(),
                then_dot: text[start + offset + word.len()..].starts_with(['.', ')']),
            })
        })
}

/// The numbers in a word, without leading zeros and signs of grouping: `1,200.50` is `1200.5`.
fn numbers(word: &str) -> Vec<String> {
    word.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',' || c == '\''))
        .filter(|part| part.contains(|c: char| c.is_ascii_digit()))
        .map(|part| {
            let part = part.trim_matches(['.', ',', '\'']);
            let last = part.rfind(['.', ',']);
            // One separator with other than three digits behind it is a decimal sign.
            let (whole, fraction) = match last {
                Some(at) if part.len() - at - 1 != 3 => (&part[..at], &part[at + 1..]),
                _ => (part, ""),
            };
            let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
            let whole = whole.trim_start_matches('0');
            let fraction = fraction.trim_end_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        })
        .collect()
}

/// Month and day of `2027-03-01`.
fn iso_day(word: &str) -> Option<(usize, u32)> {
    let date: jiff::civil::Date = word.get(..10)?.parse().ok()?;
    Some((usize::try_from(date.month()).ok()?, u32::try_from(date.day()).ok()?))
}

/// Dates written with a month's name: `March 1`, `1 March`, `1st of March`.
fn spelled_days(text: &str) -> Vec<((usize, u32), std::ops::Range<usize>)> {
    let mut tokens: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    for piece in text.split(|c: char| !c.is_alphanumeric()) {
        if !piece.is_empty() {
            tokens.push((at, piece));
        }
        at += piece.len() + text[at + piece.len()..].chars().next().map_or(0, char::len_utf8);
    }
    let month = |word: &str| {
        let word = word.to_lowercase();
        MONTHS.iter().position(|name| *name == word || name[..3] == *word).map(|index| index + 1)
    };
    let day = |word: &str| {
        let digits = word.trim_end_matches(|c: char| c.is_alphabetic());
        let suffix = &word[digits.len()..];
        let fits = suffix.is_empty() || ["st", "nd", "rd", "th"].contains(&&*suffix.to_lowercase());
        digits.parse::<u32>().ok().filter(|day| fits && (1..=31).contains(day))
    };
    let mut found = Vec::new();
    for pair in tokens.windows(2) {
        let [(start, first), (second_at, second)] = [pair[0], pair[1]];
        let range = start..second_at + second.len();
        match (month(first), day(second), day(first), month(second)) {
            (Some(month), Some(day), ..) | (_, _, Some(day), Some(month)) => {
                found.push(((month, day), range));
            }
            _ => {}
        }
    }
    for three in tokens.windows(3) {
        let [(start, first), (_, of), (last_at, last)] = [three[0], three[1], three[2]];
        if of.eq_ignore_ascii_case("of")
            && let (Some(day), Some(month)) = (day(first), month(last))
        {
            found.push(((month, day), start..last_at + last.len()));
        }
    }
    found
}

/// Blanks left for a person or a program to fill in: `[Your Name]`, `{{ name }}`, `<insert date>`.
pub(crate) fn blanks(text: &str) -> usize {
    let brackets = text.match_indices('[').filter(|(at, _)| {
        let rest = &text[at + 1..];
        rest.find(']').is_some_and(|end| {
            let inside = &rest[..end];
            let lower = inside.to_lowercase();
            end <= 40
                && !rest[end + 1..].starts_with('(')
                && inside.starts_with(char::is_alphabetic)
                && (["your", "name", "insert", "date", "company", "customer", "product", "link"]
                    .iter()
                    .any(|word| lower.contains(word)))
        })
    });
    let braces = text.matches("{{").count() + text.matches("{%").count();
    let angles = text.to_lowercase().matches("<insert").count()
        + text.to_lowercase().matches("<your").count();
    brackets.count() + braces + angles
}

/// The addresses of links and images in a text.
pub(crate) fn links(text: &str) -> BTreeSet<&str> {
    let lower = text.to_ascii_lowercase();
    ["http://", "https://", "www.", "ftp://", "javascript:", "data:text"]
        .iter()
        .flat_map(|start| lower.match_indices(start).map(|(at, _)| at))
        .map(|at| {
            let rest = &text[at..];
            let end = rest
                .find(|c: char| c.is_whitespace() || "<>\"')]}".contains(c))
                .unwrap_or(rest.len());
            rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?'])
        })
        .collect()
}

/// How many words in a row make a repetition.
const REPETITION: usize = 8;

/// Whether a text repeats eight words in a row of a model's instructions that are not our own
/// published ones.
pub(crate) fn repeats(text: &str, instructions: &str, published: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let (instructions, published) = (words(instructions), words(published));
    let ours: BTreeSet<&[String]> = published.windows(REPETITION).collect();
    let secret: BTreeSet<&[String]> =
        instructions.windows(REPETITION).filter(|run| !ours.contains(run)).collect();
    words(text).windows(REPETITION).any(|run| secret.contains(run))
}

/// Words by which a letter binds the company: money given or let off, approvals, access. A writer
/// may use one only where the asset does.
const PROMISES: [&str; 58] = [
    "discount",
    "discounts",
    "discounted",
    "refund",
    "refunds",
    "refunded",
    "reimburse",
    "reimbursed",
    "reimbursement",
    "credit",
    "credited",
    "credits",
    "waive",
    "waived",
    "waiver",
    "compensation",
    "compensate",
    "voucher",
    "guarantee",
    "guaranteed",
    "warranty",
    "approved",
    "complimentary",
    "gratis",
    "upgrade",
    "upgraded",
    "cancelled",
    "canceled",
    "terminated",
    "password",
    "passcode",
    "wire",
    "rabatt",
    "nachlass",
    "erstattung",
    "erstatten",
    "gutschrift",
    "kostenlos",
    "kostenfrei",
    "garantieren",
    "garantie",
    "genehmigt",
    "passwort",
    "remise",
    "remboursement",
    "rembourser",
    "remboursons",
    "gratuit",
    "approuvé",
    "descuento",
    "reembolso",
    "gratuito",
    "aprobado",
    "garantizamos",
    "sconto",
    "rimborso",
    "korting",
    "terugbetaling",
];

/// The first word of promise in a text that our own texts do not use.
pub(crate) fn promise(text: &str, ours: &str) -> Option<&'static str> {
    // Joined by its underscores, `[CREDIT_CARD_1]` is one word and speaks of no credit.
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .map(|word| word.trim_matches('_').to_lowercase())
            .collect()
    };
    let (said, ours) = (words(text), words(ours));
    PROMISES.into_iter().find(|word| said.contains(*word) && !ours.contains(*word)).or_else(|| {
        ["free of charge", "at no cost", "for free", "free month", "free year", "free of cost"]
            .into_iter()
            .find(|phrase| text.to_lowercase().contains(phrase))
    })
}

/// Whether the first line greets this person by first or last name.
pub(crate) fn greets(body: &str, name: &str) -> bool {
    let first =
        body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_lowercase();
    name.split_whitespace().any(|part| first.contains(&part.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn support() -> Support {
        let mut support = Support::default();
        support
            .vouch("Renewal date = 2027-03-01, ARR 12,000 EUR, change -32 %, plan Team 365, 4.5");
        support.quote("error ERR_TIMEOUT_759, give me 50 % off, 90%, USD45 and E1713");
        support
    }

    #[test]
    fn gv_11_numbers_that_facts_vouch_for_pass_in_any_writing() {
        for text in [
            "Your contract ends on 2027-03-01.",
            "It ends on March 1, 2027, or the 1st of March.",
            "Use fell by 32% and you pay EUR 12000, that is 12,000.00 EUR.",
            "1. First\n2) Second\nTeam 365 is at 4.50",
            "About err_timeout_759 and E1713:",
        ] {
            assert_eq!(support().unsupported(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn gv_11_an_invented_number_is_named() {
        for (text, number) in [
            ("a discount of 20%", "20"),
            ("ends on 2027-04-01", "2027-04-01"),
            ("ends on April 1", "April 1"),
            ("on 2 March", "2 March"),
            ("12,500 EUR", "12,500"),
            ("within 15 minutes", "15"),
            ("as you asked, 50 % off", "50"),
            ("45 users", "45"),
            ("USD45", "USD45"),
        ] {
            assert_eq!(support().unsupported(text), [number], "{text}");
        }
    }

    #[test]
    fn blanks_and_links_are_seen() {
        assert_eq!(blanks("Dear [Name],\n{{ x }} <insert date>\n[Your Company]"), 4);
        assert_eq!(blanks("see [docs](https://a.example) and [1] and a[i]"), 0);
        let found = links("See https://a.example/x, (www.b.example) or HTTP://c.example.");
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["HTTP://c.example", "https://a.example/x", "www.b.example"]
        );
        let prompt =
            "You draft e-mails for a Customer Success Manager. A person reads every draft.";
        assert!(repeats("Sure: you DRAFT e-mails for a customer success manager!", prompt, ""));
        assert!(!repeats("I am your Customer Success Manager.", prompt, ""));
        assert!(!repeats(prompt, prompt, prompt));
        assert_eq!(promise("We give you a Discount.", "Hello"), Some("discount"));
        assert_eq!(promise("The first month is for free", ""), Some("for free"));
        assert_eq!(promise("It is _free of charge_, a _refund_", ""), Some("refund"));
        assert_eq!(promise("Your card [CREDIT_CARD_1]", ""), None);
        assert_eq!(promise("A discount, as agreed", "your discount ends"), None);
        assert!(greets("\nHi Ann,\n", "Ann Lee") && !greets("Hi there,\nAnn", "Ann Lee"));
    }

    proptest! {
        #[test]
        fn checks_take_any_text(text in "\\PC{0,80}|[0-9.,:/\\-' \nMarchof]{0,80}") {
            let mut support = Support::default();
            support.vouch(&text);
            prop_assert_eq!(support.unsupported(&text), Vec::<String>::new());
            let _ = (blanks(&text), links(&text), greets(&text, "Ann"));
        }
    }
}
