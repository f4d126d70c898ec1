//! Whether words that are in the directory are what the directory knows, or ordinary words.
//!
//! A company called Target and a person called Will Long must not stop every letter. So what is
//! made of ordinary words counts only with a sign of a name: capitals where no sentence begins, a
//! company's legal form, words around it that go with companies. Short of that it is doubtful, and
//! counts where the same letter names something else of the same account.

use super::{
    lexicon::{is_calendar, is_common, is_legal, is_ordinary, is_proper, is_tool},
    reading::{COMMA, Gap, HARD, LINE, OTHER, Reading, STOP, TIGHT},
    table::Note,
};

/// First name, last name.
pub(super) const FORWARD: u8 = 1;
/// Last name, first name.
pub(super) const REVERSED: u8 = 2;
/// More than one word in the directory.
pub(super) const SEVERAL: u8 = 4;
/// The directory itself has signs inside it that otherwise end a value.
pub(super) const LOOSE: u8 = 8;
/// A company's name as the directory has it, its legal form included where it has one.
pub(super) const WHOLE: u8 = 16;
/// Not written in capitals only.
pub(super) const SMALL: u8 = 32;

/// What words of a text amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// What the directory knows, for this reason.
    Sure(&'static str),
    /// It may be.
    Doubtful(&'static str),
}

/// Words of a text, next to each other.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) reading: &'a Reading,
    pub(super) first: usize,
    pub(super) last: usize,
    /// What stands between them.
    pub(super) gaps: Gap,
    /// Whether a full stop in it only shortens a word.
    pub(super) stops_shorten: bool,
}

impl Window<'_> {
    fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.reading.words[self.first..=self.last].iter().map(|word| &*word.key)
    }

    fn size(&self) -> usize {
        self.last - self.first + 1
    }

    /// Whether the letters stand one by one.
    fn spelled(&self) -> bool {
        self.size() > 3 && self.keys().all(|key| key.chars().count() <= 2)
    }

    fn capitals(&self) -> bool {
        self.reading.words[self.first..=self.last].iter().all(|word| word.capital)
    }

    /// Whether all its words have capitals but those that only join: `Smith and Sons`.
    fn high(&self) -> bool {
        let words = &self.reading.words[self.first..=self.last];
        let joins = |word: &str| matches!(word, "and" | "of" | "the" | "for" | "de" | "und" | "et");
        words.first().is_some_and(|word| word.capital)
            && words.last().is_some_and(|word| word.capital)
            && words.iter().all(|word| word.capital || joins(&word.key))
    }

    fn before(&self) -> &str {
        &self.reading.text()[..self.reading.words[self.first].at.start]
    }

    fn after(&self) -> &str {
        &self.reading.text()[self.reading.words[self.last].at.end..]
    }

    /// The word before, if only a space is between.
    fn previous(&self) -> Option<(&str, bool)> {
        let index = self.first.checked_sub(1)?;
        let word = &self.reading.words[index];
        (self.reading.between(index).trim().is_empty()).then_some((&*word.key, word.capital))
    }

    /// The word behind, if only a space is between.
    fn next(&self) -> Option<(&str, bool)> {
        let word = self.reading.words.get(self.last + 1)?;
        let between = self.reading.between(self.last);
        let genitive = ["'", "’"].contains(&between) && word.key == "s";
        (genitive || between.trim().is_empty() && !between.contains('\n'))
            .then_some((&*word.key, word.capital))
    }

    fn starts_sentence(&self) -> bool {
        let before =
            self.before().trim_end_matches([' ', '\t', '"', '“', '„', '(', '*', '_', '\'', '‘']);
        before.is_empty()
            || before
                .ends_with(['\n', '\r', '.', '!', '?', ':', '•', '-', '–', '—', '>', '#', '|', ';'])
    }

    /// Whether the line gives capitals to most of its words anyway.
    fn titled(&self) -> bool {
        let text = self.reading.text();
        let at = self.reading.words[self.first].at.start;
        let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        let own =
            |at: usize| (self.first..=self.last).any(|i| self.reading.words[i].at.start == at);
        let (mut all, mut high) = (0, 0);
        for word in &self.reading.words {
            if word.at.start >= start
                && word.at.end <= end
                && word.key.chars().count() >= 4
                && !own(word.at.start)
            {
                all += 1;
                high += usize::from(word.capital);
            }
        }
        all >= 2 && high * 10 >= all * 8
    }

    /// Whether a hyphen ties it to another word.
    fn tied(&self) -> bool {
        self.before().ends_with(['-', '_', '/']) || {
            let mut rest = self.after().chars();
            matches!(rest.next(), Some('-' | '_' | '/'))
                && rest.next().is_some_and(char::is_alphanumeric)
        }
    }

    /// Whether nothing is between its words that may not be.
    fn holds(&self, allowed: Gap) -> bool {
        let gaps = self.gaps & !LINE;
        let gaps = if self.stops_shorten { gaps & !STOP } else { gaps };
        gaps & !allowed == 0
    }

    /// A person's full name.
    pub(super) fn name(&self, note: Note) -> Option<Finding> {
        let loose = note.marks & LOOSE != 0 && self.holds(!HARD);
        let forward = note.marks & FORWARD != 0 && (self.holds(TIGHT) || loose);
        let turned = note.marks & REVERSED != 0 && self.holds(TIGHT | COMMA | OTHER);
        let comma = self.gaps & (COMMA | OTHER) != 0;
        if !forward && !turned {
            return None;
        }
        let rule = if forward { "full name" } else { "last name, first name" };
        if self.spelled() {
            return Some(Finding::Sure(rule));
        }
        let letters: usize = self.keys().map(|key| key.chars().count()).sum();
        let common = |key: &&str| is_common(key) || is_calendar(key);
        let words = self.keys().filter(common).count();
        let sure = if words == self.size() {
            // "Will Long": two words of every text.
            if self.size() == 1 || !self.capitals() || self.tied() || (turned && !forward && !comma)
            {
                return None;
            }
            !self.titled() && self.gaps & LINE == 0
        } else if words > 0 {
            // "Jane Will": in "ask Jane will she come" the second is not a name.
            let high = |key: &str| {
                self.reading.words[self.first..=self.last]
                    .iter()
                    .all(|word| word.key != key || word.capital || word.key.len() == 1)
            };
            let all_low =
                self.reading.words[self.first..=self.last].iter().all(|word| !word.capital);
            if !all_low && !self.keys().filter(common).all(high) {
                return None;
            }
            true
        } else {
            // "Bo Li", in small letters, may be the syllables of anything.
            letters >= 6 || self.capitals()
        };
        Some(if sure { Finding::Sure(rule) } else { Finding::Doubtful(rule) })
    }

    /// A company's name.
    pub(super) fn org(&self, note: Note) -> Option<Finding> {
        let allowed = if note.marks & LOOSE != 0 { !HARD } else { TIGHT | COMMA | OTHER };
        if !self.holds(allowed) {
            return None;
        }
        if self.spelled() {
            return Some(Finding::Sure("company"));
        }
        let legal = self.size() > 1 && self.keys().last().is_some_and(is_legal);
        if legal && note.marks & WHOLE != 0 {
            return Some(Finding::Sure("company with its legal form"));
        }
        if self
            .next()
            .is_some_and(|(word, _)| is_legal(word) && word != "co" && word != "se" && word != "as")
        {
            return Some(Finding::Sure("company with its legal form"));
        }
        let letters: usize = self.keys().map(|key| key.chars().count()).sum();
        let ordinary = self.keys().all(is_ordinary);
        if !ordinary {
            return self.unusual(note, letters);
        }
        match (self.size(), note.marks & SEVERAL != 0) {
            (1, false) => self.word(note),
            (1, true) => Some(Finding::Sure("company, written as one word")),
            // "clear view" is not Clearview.
            (_, false) => None,
            (2, true) => self.pair(),
            (_, true) if letters >= 14 && !self.titled() || self.high() => {
                Some(Finding::Sure("company"))
            }
            _ => Some(Finding::Doubtful("company")),
        }
    }

    /// A name with a word in it that no dictionary has.
    fn unusual(&self, note: Note, letters: usize) -> Option<Finding> {
        if self.size() > 1 {
            // "S A P", but not the end and the beginning of two words: "its ap".
            let fits = letters > 4 || note.marks & SEVERAL != 0 || self.capitals();
            return fits.then_some(Finding::Sure("company"));
        }
        let word = &self.reading.words[self.first];
        if letters <= 4 {
            // SAP, Ikea: small letters may be anything, capitals throughout are the name itself.
            let small = note.marks & SMALL != 0;
            let fits = if small { word.capital } else { word.capitals };
            let sure = fits && !(small && is_proper(&word.key) && !self.spoken_of());
            return fits.then_some(if sure {
                Finding::Sure("company")
            } else {
                Finding::Doubtful("company")
            });
        }
        if note.marks & SEVERAL == 0 && is_proper(&word.key) {
            // Jordan, Denver: people and places far more often than companies.
            let sure = word.capital && self.spoken_of() && !self.greeted();
            return Some(if sure {
                Finding::Sure("company of a common name, spoken of as one")
            } else {
                Finding::Doubtful("company of a common name")
            });
        }
        (!self.greeted()).then_some(Finding::Sure("company"))
    }

    /// One ordinary word: Target.
    fn word(&self, note: Note) -> Option<Finding> {
        const DETERMINERS: [&str; 16] = [
            "the", "our", "your", "a", "an", "this", "that", "my", "their", "each", "every", "new",
            "no", "its", "in", "via",
        ];
        let word = &self.reading.words[self.first];
        if !word.capital || self.tied() || self.greeted() {
            return None;
        }
        let doubtful = Some(Finding::Doubtful("company of an ordinary name"));
        let company = Some(Finding::Sure("company of an ordinary name, spoken of as one"));
        let quoted = self.before().ends_with(['"', '“', '„', '\'', '‘', '`', '*'])
            && self.after().starts_with(['"', '”', '“', '\'', '’', '`', '*'])
            && !self.after().starts_with("'s");
        // A day of the week is one after `on`, whoever is called so.
        if is_calendar(&word.key)
            && self.previous().is_some_and(|(word, _)| {
                [
                    "on", "by", "until", "till", "next", "last", "this", "every", "each", "since",
                    "before", "after", "from", "and", "or", "to", "of", "in", "during",
                ]
                .contains(&word)
            })
        {
            return None;
        }
        // Everybody works with the tools of some makers: `open it in Notion`.
        let used = is_tool(&word.key)
            && self.previous().is_some_and(|(word, _)| {
                ["to", "in", "into", "via", "on", "or", "and", "using", "through", "with", "from"]
                    .contains(&word)
            });
        // All that stands behind a label: `Reference: Target`.
        let labelled = self.before().ends_with(": ")
            && self.after().trim_start_matches(['.', ' ']).starts_with(['\n', '\r'])
            && !self.titled();
        if used {
            return doubtful;
        }
        if labelled {
            return company;
        }
        let short = word.key.chars().count() < 4;
        let small = note.marks & SMALL != 0;
        if quoted || self.titled() || word.capitals && short && small {
            return doubtful;
        }
        // SAP is not sap.
        if self.spoken_of() || word.capitals && !small {
            return company;
        }
        let determined = self.previous().is_some_and(|(word, capital)| {
            DETERMINERS.contains(&word)
                || capital && word.len() > 1 && !self.previous_starts_sentence()
        });
        let goes_on = self.next().is_some_and(|(_, capital)| capital);
        if self.starts_sentence() || determined || goes_on { doubtful } else { company }
    }

    /// Two ordinary words: Green Energy.
    fn pair(&self) -> Option<Finding> {
        let doubtful = Some(Finding::Doubtful("company of ordinary words"));
        if self.capitals() && !self.titled() && !self.tied() && self.gaps & LINE == 0 {
            let all_high =
                self.reading.words[self.first..=self.last].iter().all(|word| word.capitals);
            return if all_high && self.starts_sentence() {
                doubtful
            } else {
                Some(Finding::Sure("company"))
            };
        }
        doubtful
    }

    fn previous_starts_sentence(&self) -> bool {
        self.first
            .checked_sub(1)
            .is_some_and(|first| Window { first, last: first, ..*self }.starts_sentence())
    }

    /// Whether it is greeted like a person.
    fn greeted(&self) -> bool {
        self.previous().is_some_and(|(word, _)| {
            [
                "hi", "hello", "dear", "hey", "hallo", "liebe", "lieber", "bonjour", "hola",
                "ciao", "thanks",
            ]
            .contains(&word)
        })
    }

    /// Whether the words around it go with companies.
    fn spoken_of(&self) -> bool {
        const BEFORE: [&str; 15] = [
            "at",
            "like",
            "with",
            "by",
            "customer",
            "customers",
            "client",
            "clients",
            "account",
            "company",
            "competitor",
            "for",
            "as",
            "from",
            "than",
        ];
        const AFTER: [&str; 24] = [
            "has",
            "have",
            "uses",
            "used",
            "saw",
            "signed",
            "renewed",
            "switched",
            "moved",
            "went",
            "asked",
            "told",
            "reported",
            "rolled",
            "also",
            "recently",
            "pays",
            "paid",
            "cancelled",
            "churned",
            "upgraded",
            "runs",
            "s",
            "team",
        ];
        let determined =
            |word: &str| ["the", "our", "your", "a", "an", "this", "that"].contains(&word);
        let before = self.previous().map(|(word, _)| word);
        let goes_on = self.next().is_some_and(|(_, capital)| capital);
        before.is_some_and(|word| BEFORE.contains(&word)) && !goes_on
            || !before.is_some_and(determined)
                && self.next().is_some_and(|(word, _)| AFTER.contains(&word))
    }

    /// An invoice's number.
    pub(super) fn invoice(&self, note: Note) -> Option<Finding> {
        let allowed = if note.marks & LOOSE != 0 { !HARD } else { TIGHT | OTHER };
        if !self.holds(allowed) {
            return None;
        }
        let digits: usize = self.keys().map(str::len).sum();
        if self.keys().any(|key| key.bytes().any(|byte| !byte.is_ascii_digit())) {
            return Some(Finding::Sure("invoice number"));
        }
        let lead: Vec<char> = self.before().chars().rev().take(28).collect();
        let lead: String = lead.into_iter().rev().collect::<String>().to_lowercase();
        let said = [
            "invoice", "inv", "bill", "rechnung", "factur", "fattura", "number", "no.", "nr", "#",
            "ref",
        ]
        .iter()
        .any(|word| lead.contains(word));
        Some(if said || digits >= 8 {
            Finding::Sure("invoice number")
        } else {
            Finding::Doubtful("invoice number")
        })
    }
}
