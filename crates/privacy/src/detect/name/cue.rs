//! What stands before and after a name.

#![expect(clippy::too_many_lines, clippy::match_same_arms, reason = "a table of cues by language")]

use std::ops::Range;

use super::{
    Case, Scene, Sort,
    word::{is_title, key},
};
use crate::detect::field::Label;

/// Words that greet or thank whoever is named next.
const GREETINGS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "dear",
    "hallo",
    "hola",
    "bonjour",
    "ciao",
    "liebe",
    "lieber",
    "moin",
    "servus",
    "olá",
    "ola",
    "caro",
    "cara",
    "estimado",
    "estimada",
    "querido",
    "querida",
    "kære",
    "hej",
    "hei",
    "ahoj",
    "cześć",
    "merhaba",
    "sayın",
    "thanks",
    "thx",
    "thank",
    "cheers",
    "morning",
    "afternoon",
    "evening",
    "tag",
    "gentile",
    "prezado",
    "prezada",
    "beste",
    "geachte",
    "cher",
    "chère",
    "szia",
    "kedves",
    "salut",
    "hoi",
    "dag",
    "bună",
    "namaste",
    "gracias",
    "merci",
    "danke",
    "grazie",
    "obrigado",
    "obrigada",
    "bedankt",
    "tack",
    "tak",
    "takk",
    "dzięki",
    "yo",
    "welcome",
    "sorry",
    "congrats",
    "congratulations",
    "morgen",
    "привет",
    "здравствуйте",
    "уважаемый",
    "уважаемая",
    "buongiorno",
    "goedemorgen",
    "bom",
    "buenas",
    "dia",
    "días",
    "tardes",
    "geehrte",
    "geehrter",
    "goddag",
    "attn",
    "attention",
    "welcome",
];
/// Words after which a person is named.
const INTRODUCING: &[&str] = &[
    "ask",
    "asked",
    "tell",
    "told",
    "ping",
    "pinged",
    "contact",
    "contacted",
    "remind",
    "met",
    "cc",
    "spoke",
    "called",
    "phoned",
    "emailed",
    "messaged",
    "invited",
    "invite",
    "add",
    "adding",
    "assign",
    "assigned",
    "escalate",
    "named",
    "colleague",
    "colleagues",
    "manager",
    "boss",
    "recipient",
    "holder",
    "owner",
    "sponsor",
    "cardholder",
    "engineer",
    "rep",
    "csm",
    "director",
    "employee",
    "patient",
    "buyer",
    "friend",
    "wife",
    "husband",
    "son",
    "daughter",
    "brother",
    "sister",
    "mother",
    "father",
    "assistant",
    "signatory",
    "requester",
    "caller",
    "passenger",
    "guest",
    "client",
    "customer",
    "user",
    "name",
    "i'm",
    "im",
    "speaking",
    "regards",
    "sincerely",
    "love",
    "signed",
    "approver",
    "contacto",
    "kontakt",
    "kollege",
    "kollegin",
    "kollegen",
    "compañero",
    "compañera",
    "collègue",
    "collega",
    "cliente",
    "usuario",
    "supervisor",
    "champion",
    "admin",
    "lead",
    "principal",
    "witness",
    "beneficiary",
    "applicant",
    "candidate",
    "interviewer",
    "attendees",
    "participants",
    "agent",
    "mr",
    "between",
    "cto",
    "ceo",
    "cfo",
    "coo",
    "vp",
    "ansprechpartner",
    "ansprechpartnerin",
    "mentor",
    "partner",
    "roommate",
    "tenant",
    "landlord",
    "driver",
    "doctor",
    "nurse",
    "teacher",
    "student",
    "messages",
    "msg",
    "remember",
    "introduce",
    "introducing",
    "introduced",
    "meet",
    "met",
    "including",
    "replaced",
    "replacing",
    "replaces",
    "succeeds",
    "mit",
    "met",
    "hablar",
    "appeler",
    "contacter",
    "joindre",
    "llamar",
    "contactar",
    "llamar",
    "preguntar",
    "parler",
    "contacter",
    "parlare",
    "falar",
    "appeler",
    "d'appeler",
    "contacter",
    "joindre",
    "contactar",
    "anrufen",
    "llamar",
    "speak",
    "talk",
    "talked",
    "chat",
    "chatted",
    "loop",
    "looping",
    "voicemail",
    "sync",
    "synced",
];
/// Words before which a person stands who says, writes or does something.
const SPEAKING: &[&str] = &[
    "wrote",
    "writes",
    "said",
    "says",
    "asked",
    "asks",
    "called",
    "calls",
    "mentioned",
    "replied",
    "confirmed",
    "reported",
    "reports",
    "told",
    "explained",
    "thinks",
    "wants",
    "joined",
    "here",
    "speaking",
    "schrieb",
    "escribió",
    "scrive",
    "écrit",
    "responded",
    "requested",
    "emailed",
    "phoned",
    "complained",
    "suggested",
    "agreed",
    "approved",
    "signed",
    "added",
    "noted",
    "escalated",
    "promised",
    "insists",
    "claims",
    "pointed",
    "flagged",
    "raised",
    "sent",
    "forwarded",
    "booked",
    "bought",
    "ordered",
    "left",
    "resigned",
    "prefers",
    "believes",
    "knows",
    "met",
    "tried",
    "lives",
    "works",
    "pidió",
    "llamó",
    "dijo",
    "hat",
    "ha",
    "a écrit",
    "skrev",
    "napisał",
    "replies",
    "answered",
    "attended",
    "presented",
    "owns",
    "leads",
    "manages",
    "handles",
    "mentions",
    "hung",
    "apologised",
    "apologized",
    "thanked",
    "promises",
    "expects",
    "hopes",
    "loves",
    "hates",
    "likes",
    "complains",
    "disagrees",
    "disagreed",
    "insisted",
    "attends",
    "approves",
    "accepts",
    "agrees",
    "argues",
    "argued",
    "commented",
    "declined",
    "denied",
    "decided",
    "described",
    "feels",
    "felt",
    "heard",
    "informed",
    "joins",
    "proposes",
    "proposed",
    "quit",
    "refuses",
    "refused",
    "retired",
    "sees",
    "saw",
    "shared",
    "speaks",
    "spoke",
    "stated",
    "submitted",
    "threatens",
    "threatened",
    "visited",
    "warned",
    "wished",
    "wondered",
    "volunteered",
    "regrets",
    "apologises",
    "apologizes",
];
/// How only people are: `Meyer was absent`.
const BEING: &[&str] = &[
    "absent",
    "away",
    "sick",
    "ill",
    "unhappy",
    "happy",
    "upset",
    "angry",
    "confused",
    "annoyed",
    "worried",
    "sceptical",
    "skeptical",
    "pleased",
    "grateful",
    "married",
    "pregnant",
    "retiring",
    "leaving",
    "travelling",
    "traveling",
    "busy",
];
/// What a person does too, but so does a product.
const DOING: &[&str] = &[
    "is",
    "was",
    "will",
    "would",
    "can",
    "could",
    "has",
    "had",
    "needs",
    "from",
    "at",
    "and",
    "should",
    "does",
    "did",
    "won't",
    "can't",
    "isn't",
    "wasn't",
    "hasn't",
    "doesn't",
    "didn't",
    "about",
    "to",
    "on",
    "by",
    "today",
    "yesterday",
    "again",
    "directly",
    "if",
    "for",
    "re",
    "via",
    "because",
    "who",
    "whose",
];
/// Nouns that a product's name stands before.
const THINGS: &[&str] = &[
    "docs",
    "documentation",
    "rollout",
    "integration",
    "integrations",
    "app",
    "apps",
    "dashboard",
    "theme",
    "api",
    "connector",
    "plugin",
    "plugins",
    "account",
    "instance",
    "sync",
    "data",
    "export",
    "import",
    "server",
    "cluster",
    "database",
    "console",
    "license",
    "licence",
    "subscription",
    "plan",
    "module",
    "release",
    "version",
    "update",
    "upgrade",
    "widget",
    "add-on",
    "addon",
    "extension",
    "workspace",
    "project",
    "repo",
    "repository",
    "board",
    "tickets",
    "workflow",
    "workflows",
    "webhook",
    "webhooks",
    "endpoint",
    "sdk",
    "bot",
    "assistant",
    "device",
    "devices",
    "support",
    "team",
    "office",
    "feature",
    "features",
    "migration",
    "environment",
    "pipeline",
    "pipelines",
    "build",
    "builds",
    "job",
    "jobs",
    "template",
    "font",
    "fonts",
    "colour",
    "color",
    "edition",
    "implementation",
    "deployment",
    "skill",
    "skills",
    "tool",
    "users",
    "customers",
    "queue",
    "topic",
    "topics",
    "table",
    "tables",
    "query",
    "queries",
    "report",
    "reports",
    "cloud",
    "platform",
    "files",
    "editor",
    "campaign",
    "campaigns",
    "segment",
    "crm",
    "erp",
    "integrates",
    "supports",
    "crashed",
    "crashes",
    "sale",
    "store",
    "shop",
    "hotel",
    "airport",
    "timezone",
    "region",
    "zone",
    "launch",
    "beta",
    "mode",
    "branch",
    "script",
    "scripts",
    "runner",
    "package",
    "library",
    "client",
    "level",
    "models",
    "model",
    "setup",
    "config",
    "configuration",
    "onboarding",
    "demo",
    "trial",
    "usage",
    "seats",
    "renewal",
    "contract",
    "deal",
    "partnership",
    "conference",
    "summit",
    "event",
    "webinar",
    "community",
    "forum",
    "certification",
    "training",
    "course",
];
const DETERMINERS: &[&str] = &[
    "the", "a", "an", "our", "your", "this", "that", "these", "those", "its", "new", "any", "each",
    "every", "no", "which", "same", "old", "der", "die", "das", "den", "dem", "ein", "eine", "el",
    "la", "los", "las", "un", "una", "le", "les", "une", "il", "lo", "de", "het", "o", "os",
];
const PLACES: &[&str] = &[
    "in", "near", "at", "around", "outside", "within", "across", "nach", "aus", "en", "à", "bei",
    "to",
];
const DATES: &[&str] = &[
    "in", "on", "since", "until", "till", "by", "of", "next", "last", "this", "from", "early",
    "late", "mid", "for", "the", "and", "through", "before", "after", "during", "every",
];

/// Companies and places of two words that sound like people.
pub(super) fn is_famous(name: &str) -> bool {
    const NAMES: &str = "john lewis|baker mckenzie|peter hahn|harvey nichols|fortnum mason|laura ashley|harvey balls|marks spencer|clifford chance|allen overy|norton rose|andrew peller|paul weiss|ernst young|saint gobain|morgan stanley|wells fargo|hewlett packard|goldman sachs|charles schwab|merrill lynch|john deere|jack daniels|jack daniel|ralph lauren|calvin klein|tommy hilfiger|michael kors|hugo boss|christian dior|louis vuitton|yves rocher|mary kay|estee lauder|estée lauder|elizabeth arden|johnson controls|thomson reuters|price waterhouse|mcgraw hill|harley davidson|rolls royce|aston martin|mercedes benz|warner bros|walt disney|william hill|edward jones|raymond james|northrop grumman|lockheed martin|philip morris|booz allen|baker hughes|arthur andersen|franklin templeton|vera bradley|kate spade|eddie bauer|ted baker|fred perry|jimmy choo|giorgio armani|tim hortons|papa johns|trader joe|red hat|rosetta stone|virgin atlantic|kraft heinz|cooper tire|stanley black|marsh mclennan|jones lang|allen edmonds|oscar mayer|uncle ben|betty crocker|jimmy john|carl zeiss|philip stein|fisher price|reynolds wrap|levi strauss|brooks brothers|victoria secret|lane bryant|ann taylor|helly hansen|jack wolfskin|tom tailor|marc jacobs|paul frank|monte carlo|santa fe|santa clara|santa monica|santa cruz|santa barbara|santa ana|san francisco|san diego|san jose|san josé|san antonio|san juan|san marino|san salvador|los angeles|las vegas|new york|new jersey|new mexico|new orleans|new delhi|new zealand|sao paulo|são paulo|rio de janeiro|buenos aires|belo horizonte|porto alegre|tel aviv|kuala lumpur|hong kong|abu dhabi|cape town|mexico city|st louis|saint louis|baton rouge|el paso|el salvador|costa rica|puerto rico|sri lanka|saudi arabia|south africa|south korea|north korea|czech republic|united kingdom|united states|salt lake|fort worth|fort collins|palo alto|mountain view|silicon valley|long beach|virginia beach|jersey city|kansas city|oklahoma city|colorado springs|corpus christi|tierra del fuego|addis ababa|ho chi minh|phnom penh|port louis|la paz|la plata|le havre|le mans|bad homburg|sankt gallen|st gallen|st petersburg|nova scotia|british columbia|prince edward|lake district|isle of man|milton keynes|ada lovelace|monty python|murphy's law|black friday|cyber monday|boxing day|valentine's day|mother's day|visual studio|google maps|apple pay|amazon aurora|power bi|apache kafka|jira cloud|azure devops";
    static SET: std::sync::LazyLock<std::collections::HashSet<&'static str>> =
        std::sync::LazyLock::new(|| NAMES.split('|').collect());
    SET.contains(name)
}

/// Whether a place is named after a word.
pub(super) fn leads_to_place(word: &str) -> bool {
    PLACES.contains(&word) || matches!(word, "from" | "the" | "our" | "of")
}

fn word_is_month(word: &str) -> bool {
    matches!(
        word,
        "april" | "may" | "june" | "august" | "march" | "jan" | "mai" | "abril" | "julio" | "juni"
    )
}

fn word_is_day(word: &str) -> bool {
    matches!(
        word,
        "monday"
            | "tuesday"
            | "wednesday"
            | "thursday"
            | "friday"
            | "saturday"
            | "sunday"
            | "mon"
            | "tue"
            | "wed"
            | "thu"
            | "fri"
            | "sat"
            | "sun"
    )
}

impl Scene<'_> {
    fn low(&self, word: usize) -> String {
        self.text(word).to_lowercase()
    }

    /// Points for what stands before.
    pub(super) fn before(&self, words: Range<usize>) -> i32 {
        let start = words.start;
        let single = words.len() == 1;
        let place = self.words[start].start;
        let gap = self.gap(start);
        let mut points = 0;
        let labels = self.page.fields.starts(place, Label::Person)
            || self.page.fields.starts(place, Label::Given)
            || self.page.fields.starts(place, Label::Family)
            || self.page.fields.starts(place, Label::User);
        if labels {
            points += 15;
        } else if self.page.fields.labels(place).next() == Some(Label::Other)
            && self.page.fields.starts(place, Label::Other)
        {
            points -= 14;
        } else if self
            .page
            .fields
            .labels(place)
            .any(|label| matches!(label, Label::Address | Label::Secret))
            && self.page.fields.labels(place).next() != Some(Label::Person)
        {
            points -= 8;
        }
        // `St. Louis`, `Dr. Martens`
        if start > 0
            && matches!(gap, ". " | " ")
            && (matches!(self.text(start - 1), "St" | "Saint" | "Sankt" | "Ste") && single
                || self.text(start - 1) == "Dr"
                    && matches!(self.text(start), "Martens" | "Pepper" | "Oetker"))
        {
            return points - 20;
        }
        // `on Tuesday April 8`
        if single && word_is_month(&self.low(start)) {
            let tail = &self.page.text[self.words[start].end..];
            let dated =
                tail.starts_with(' ') && tail[1..].starts_with(|c: char| c.is_ascii_digit());
            if dated || self.previous(start).is_some_and(|at| word_is_day(&self.low(at))) {
                return points - 20;
            }
        }
        // Titles stand before a full stop.
        if start > 0
            && matches!(gap, " " | ". ")
            && is_title(std::str::from_utf8(&key(self.text(start - 1))).unwrap_or_default())
            && !self.words[start - 1].taken
            && (gap == " " || self.text(start - 1).len() <= 5)
        {
            return points + 22;
        }
        if let Some(previous) = self.previous(start)
            && matches!(gap, " " | ", " | "  ")
        {
            let word = self.low(previous);
            let word = word.as_str();
            let direct = gap != ", ";
            let greeting = GREETINGS.contains(&word)
                || word == "you" && previous > 0 && self.low(previous - 1) == "thank";
            if greeting
                && (direct
                    || self.sentence(previous)
                    || matches!(
                        word,
                        "thanks" | "hi" | "hello" | "morning" | "afternoon" | "evening" | "dear"
                    ))
            {
                points += 13;
            } else if direct && self.introduced(previous, word) {
                points += 12;
            } else if direct && INTRODUCING.contains(&word) {
                points += 9;
            } else if direct && matches!(word, "by" | "from" | "with") {
                points += 5;
            } else if direct
                && matches!(
                    word,
                    "to" | "for"
                        | "and"
                        | "or"
                        | "von"
                        | "mit"
                        | "con"
                        | "avec"
                        | "por"
                        | "par"
                        | "an"
                        | "für"
                        | "para"
                        | "pour"
                        | "that"
                        | "if"
                        | "because"
                        | "but"
                        | "when"
                        | "while"
                        | "as"
                        | "so"
                        | "is"
                        | "y"
                        | "e"
                        | "et"
                        | "und"
                        | "och"
                        | "og"
                )
            {
                points += 3;
            } else if direct && DETERMINERS.contains(&word) {
                points -= if single { 9 } else { 4 };
            }
            if direct
                && PLACES.contains(&word)
                && !self.introduced(previous, word)
                && self.words[words.end - 1].entry.is_place()
            {
                points -= 10;
            }
            // Hardly anybody is spoken of as being in a person.
            if direct
                && single
                && matches!(word, "in" | "near" | "outside")
                && !self.introduced(previous, word)
            {
                points -= 12;
            }
            if direct
                && single
                && DATES.contains(&word)
                && matches!(&*self.low(start), "april" | "may" | "june" | "august" | "march")
            {
                points -= 15;
            }
        }
        // `Witness: Grace Stone`
        if gap == ": "
            && start > 0
            && !self.words[start - 1].taken
            && !labels
            && INTRODUCING.contains(&&*self.low(start - 1))
        {
            points += 9;
        }
        // `Anna, Tom and Joy Banks`: lists go on.
        let listed = start == self.last.get() && matches!(gap, ", " | "; " | " / " | " & " | " | ")
            || start > 0
                && start - 1 == self.last.get()
                && matches!(
                    &*self.low(start - 1),
                    "and" | "und" | "et" | "y" | "e" | "or" | "og" | "och" | "en" | "i"
                );
        if listed {
            points += if single && self.words[start].entry.given() < 3 { 4 } else { 8 };
        }
        if self.closes(start) {
            let ends = self.ends_line(words.end);
            points += match (self.is_line(words.clone()) || words.len() > 1, ends) {
                (true, true) => 16,
                (true, false) => 13,
                (false, true) => 12,
                (false, false) => 10,
            };
        } else if self.is_line(words.clone()) && !single {
            // A line of its own: the head of a signature or of an address.
            points += 5;
        }
        let head = &self.page.text[..place];
        let dash = head.trim_end_matches(' ');
        if (dash.ends_with("--")
            || dash.ends_with(['—', '–', '~'])
            || dash.ends_with("\n-")
            || dash == "-")
            && self.ends_line(words.end)
        {
            points += 11;
        }
        if head.ends_with('@')
            || head.ends_with('/')
                && head[..head.len() - 1].ends_with(|c: char| !c.is_whitespace() && c != ',')
            || head.ends_with('#')
            || head.ends_with('\\')
            || head.ends_with('_')
            || head.ends_with('.')
                && !head.ends_with("..")
                && head[..head.len() - 1].ends_with(|c: char| c.is_alphanumeric())
        {
            points -= if head.ends_with('@') { -6 } else { 12 };
        }
        points
    }

    /// `my name is X`, `this is X`, `I am X`, `X is the name`, `me llamo X`, `ich bin X`.
    fn introduced(&self, previous: usize, word: &str) -> bool {
        let back = |count: usize| {
            previous
                .checked_sub(count)
                .filter(|at| !self.words[*at].taken)
                .map(|at| self.low(at))
                .unwrap_or_default()
        };
        match word {
            "is" => matches!(
                &*back(1),
                "name" | "this" | "it" | "here" | "contact" | "owner" | "manager"
            ),
            "it's" | "it’s" | "i'm" | "i’m" | "im" | "llamo" | "heiße" | "heisse" | "appelle"
            | "chiamo" | "chamo" | "heter" | "hedder" | "named" => true,
            "its" => matches!(&*back(1), "hi" | "hey" | "hello" | "hallo"),
            "am" => back(1) == "i",
            "bin" => back(1) == "ich",
            "suis" => back(1) == "je",
            "soy" | "sono" | "sou" => true,
            "to" | "with" => matches!(
                &*back(1),
                "spoke"
                    | "speaks"
                    | "talks"
                    | "writes"
                    | "speak"
                    | "speaking"
                    | "talk"
                    | "talked"
                    | "talking"
                    | "spoken"
                    | "addressed"
                    | "assigned"
                    | "reassigned"
                    | "escalated"
                    | "according"
                    | "attributed"
                    | "belongs"
                    | "met"
                    | "meeting"
                    | "call"
                    | "chat"
                    | "chatted"
                    | "issued"
                    | "handed"
                    | "introduced"
                    | "reported"
                    | "reports"
                    | "married"
                    | "attn"
                    | "connect"
                    | "connected"
                    | "work"
                    | "worked"
                    | "working"
                    | "transferred"
                    | "copied"
                    | "wrote"
                    | "reach"
                    | "reached"
                    | "out"
                    | "thanks"
            ),
            "in" => matches!(
                &*back(1),
                "loop" | "looped" | "looping" | "bring" | "brought" | "copy" | "copying" | "cc"
            ),
            "for" => matches!(
                &*back(1),
                "voicemail"
                    | "pending"
                    | "message"
                    | "asked"
                    | "asking"
                    | "waiting"
                    | "card"
                    | "invoice"
                    | "reset"
                    | "account"
                    | "login"
                    | "on"
                    | "cover"
                    | "covering"
                    | "attn"
                    | "check"
                    | "note"
                    | "delivery"
                    | "password"
            ),
            "by" => matches!(
                &*back(1),
                "signed"
                    | "reported"
                    | "raised"
                    | "submitted"
                    | "created"
                    | "owned"
                    | "approved"
                    | "written"
                    | "sent"
                    | "requested"
                    | "opened"
                    | "closed"
                    | "assigned"
                    | "authored"
                    | "made"
                    | "paid"
                    | "led"
                    | "introduced"
                    | "booked"
                    | "handled"
                    | "managed"
                    | "prepared"
                    | "reviewed"
                    | "updated"
                    | "logged"
                    | "forwarded"
                    | "called"
                    | "joined"
            ),
            "from" => matches!(
                &*back(1),
                "email"
                    | "mail"
                    | "message"
                    | "call"
                    | "note"
                    | "ticket"
                    | "request"
                    | "voicemail"
                    | "reply"
                    | "heard"
                    | "feedback"
                    | "letter"
            ),
            "con" => matches!(&*back(1), "hablar" | "hablé" | "habló"),
            "mit" => matches!(&*back(1), "gesprochen" | "telefonat" | "gespräch"),
            "of" => matches!(&*back(1), "behalf" | "onboarding" | "attention" | "care" | "name"),
            _ => false,
        }
    }

    /// Whether the line before, or the word before, closes a letter.
    fn closes(&self, start: usize) -> bool {
        const CLOSINGS: &[&str] = &[
            "regards",
            "best",
            "cheers",
            "thanks",
            "sincerely",
            "thx",
            "yours",
            "truly",
            "faithfully",
            "wishes",
            "cordially",
            "warmly",
            "respectfully",
            "grüße",
            "grüßen",
            "gruß",
            "grüssen",
            "gruss",
            "vg",
            "lg",
            "mfg",
            "saludos",
            "atentamente",
            "saludo",
            "abrazo",
            "cordialement",
            "bien à vous",
            "amicalement",
            "saluti",
            "cordiali",
            "distinti",
            "atenciosamente",
            "cumprimentos",
            "abraço",
            "groeten",
            "groet",
            "groetjes",
            "abraços",
            "beijos",
            "besos",
            "bisous",
            "üdv",
            "pozdrowienia",
            "selam",
            "hilsener",
            "hälsning",
            "mvh",
            "hälsningar",
            "hilsen",
            "terveisin",
            "pozdrawiam",
            "poważaniem",
            "pozdravem",
            "pozdrav",
            "üdvözlettel",
            "saygılarımla",
            "br",
            "rgds",
            "gracias",
            "merci",
            "danke",
            "grazie",
            "obrigado",
            "tack",
            "love",
            "appreciated",
            "kr",
            "thank",
            "you",
            "advance",
            "sent",
            "lp",
            "ystävällisin",
            "venlig",
            "vänliga",
            "selamlar",
            "teşekkürler",
            "уважением",
        ];
        if start == 0 {
            return false;
        }
        // `Regards,<br>Ann`: the element between is no word.
        let head = &self.page.text[..self.words[start].start];
        let before = if head.ends_with('>')
            && let Some(open) = head[head.floor_char_boundary(head.len().saturating_sub(12))..]
                .find('<')
                .map(|at| head.floor_char_boundary(head.len().saturating_sub(12)) + at)
        {
            self.words[..start].partition_point(|word| word.end <= open)
        } else {
            start
        };
        let Some(before) = before.checked_sub(1) else { return false };
        let gap = &head[self.words[before].end..];
        let broken = gap.contains('\n') || gap.contains('<');
        if !(broken || gap == ", " || gap == " ") || gap.len() > 16 {
            return false;
        }
        if self.words[before].taken {
            return false;
        }
        let previous = self.low(before);
        let closing = CLOSINGS.contains(&previous.as_str());
        if !closing {
            return false;
        }
        if matches!(&*previous, "you" | "advance" | "sent" | "love" | "best" | "thank") && !broken {
            return previous == "best" && gap == ", ";
        }
        // `Regards, X` at the end of a sentence or text; "thanks X" is a greeting.
        broken
            || gap == ", "
            || !matches!(
                &*previous,
                "thanks" | "danke" | "merci" | "gracias" | "tack" | "grazie" | "obrigado"
            )
    }

    fn ends_line(&self, end: usize) -> bool {
        let tail =
            self.page.text[self.words[end - 1].end..].trim_start_matches([' ', '.', ',', '!', ')']);
        tail.is_empty() || tail.starts_with(['\n', '\r', '"', '<', '|', '\\'])
    }

    /// Points for what stands after.
    pub(super) fn after(&self, words: Range<usize>) -> i32 {
        let single = words.len() == 1;
        let last = &self.words[words.end - 1];
        let tail = &self.page.text[last.end..];
        let mut points = 0;
        // `Ann Lee <ann@…>`, `Ann Lee (ann@…)`, `Ann Lee, ann@…`
        if let Some(next) = self.words.get(words.end)
            && next.taken
            && next.start - last.end <= 6
        {
            let gap = &self.page.text[last.end..next.start];
            if !gap.contains('\n') || single {
                let mail = self.page.text[next.start..]
                    .find(|c: char| c.is_whitespace())
                    .map_or(&self.page.text[next.start..], |end| {
                        &self.page.text[next.start..next.start + end]
                    })
                    .contains('@');
                if mail {
                    points += if gap.contains(['<', '(']) { 12 } else { 7 };
                }
            }
        }
        if let Some(next) = self.words.get(words.end).filter(|next| !next.taken) {
            let gap = &self.page.text[last.end..next.start];
            let word = self.low(words.end);
            let word = word.as_str();
            if gap == " " || gap == "  " {
                if SPEAKING.contains(&word) {
                    points += if matches!(
                        word,
                        "wrote" | "said" | "schrieb" | "escribió" | "replied" | "écrit"
                    ) {
                        12
                    } else {
                        10
                    };
                } else if single && THINGS.contains(&word) {
                    points -= 12;
                } else if word == "from"
                    && self.words.get(words.end + 1).is_some_and(|_| {
                        matches!(
                            &*self.low(words.end + 1),
                            "support"
                                | "sales"
                                | "finance"
                                | "billing"
                                | "legal"
                                | "procurement"
                                | "accounting"
                                | "marketing"
                                | "hr"
                                | "engineering"
                                | "product"
                                | "success"
                        )
                    })
                {
                    points += 9;
                } else if matches!(word, "is" | "was" | "seems" | "sounds" | "seemed" | "sounded")
                    && self.words.get(words.end + 1).is_some_and(|_| {
                        self.gap(words.end + 1) == " "
                            && !self.previous(words.start).is_some_and(|before| {
                                matches!(&*self.low(before), "in" | "near" | "at" | "from" | "to")
                            })
                            && BEING.contains(&self.low(words.end + 1).as_str())
                    })
                {
                    points += 10;
                } else if DOING.contains(&word) && next.case == Case::Lower {
                    points += 2;
                }
                // `Benoît and Wambui from support`
                if single
                    && matches!(word, "and" | "und" | "et" | "y" | "e")
                    && self.words.get(words.end + 1).is_some_and(|other| {
                        other.sort == Sort::Given && !other.taken && self.gap(words.end + 1) == " "
                    })
                    && self.words[words.start].entry.given() >= 2
                {
                    points += 5;
                }
                if next.sort == Sort::Organisation
                    || THINGS.contains(&word) && !single && next.is_capital()
                {
                    points -= 15;
                }
                if single
                    && next.is_capital()
                    && matches!(next.sort, Sort::Ordinary | Sort::Brand)
                    && next.case != Case::Upper
                {
                    // `Summer Sale`, `Austin Office`: one of several capitalised words.
                    points -= 6;
                }
            } else if gap.starts_with(" (")
                && matches!(
                    word,
                    "sponsor"
                        | "admin"
                        | "owner"
                        | "manager"
                        | "champion"
                        | "ceo"
                        | "cto"
                        | "cfo"
                        | "coo"
                        | "vp"
                        | "csm"
                        | "he"
                        | "she"
                        | "they"
                        | "her"
                        | "his"
                        | "him"
                        | "director"
                        | "head"
                        | "lead"
                        | "engineer"
                        | "sales"
                        | "procurement"
                        | "legal"
                        | "it"
                        | "finance"
                        | "mob"
                        | "mobile"
                        | "tel"
                        | "phone"
                        | "cell"
                        | "decision"
                        | "buyer"
                        | "user"
                        | "main"
                        | "primary"
                        | "cc"
                        | "ext"
                        | "account"
                        | "executive"
                        | "our"
                        | "their"
                        | "my"
                )
            {
                points += 9;
            } else if gap == ", "
                && matches!(
                    word,
                    "ceo"
                        | "cto"
                        | "cfo"
                        | "coo"
                        | "vp"
                        | "head"
                        | "director"
                        | "manager"
                        | "senior"
                        | "chief"
                        | "lead"
                        | "founder"
                        | "president"
                        | "who"
                        | "our"
                        | "the"
                        | "dob"
                        | "born"
                        | "aged"
                        | "account"
                        | "product"
                        | "sales"
                        | "procurement"
                        | "solutions"
                        | "it"
                        | "customer"
                        | "phd"
                        | "md"
                        | "esq"
                        | "date"
                )
            {
                points += 6;
            }
        }
        if single
            && tail.starts_with(' ')
            && tail[1..].starts_with(|c: char| c.is_ascii_digit())
            && self.words[words.start].sort != Sort::Given
        {
            points -= 8;
        }
        // `Aoife - could you`, at the head of a line.
        if single
            && [" - ", " – ", " — "].iter().any(|dash| tail.starts_with(dash))
            && self.gap(words.start).contains('\n')
            && self.words[words.start].sort == Sort::Given
            && self.words.get(words.end).is_some_and(|next| next.case == Case::Lower)
        {
            points += 6;
        }
        // `Aoife (14:02): yes`
        let stamp = tail
            .strip_prefix(" (")
            .and_then(|rest| rest[..rest.floor_char_boundary(20)].split_once("): "))
            .is_some_and(|(stamp, _)| {
                stamp.contains(':') && stamp.bytes().any(|byte| byte.is_ascii_digit())
                    || stamp.ends_with("am")
                    || stamp.ends_with("pm")
                    || stamp.ends_with("CET")
            });
        if stamp && (words.start == 0 || self.gap(words.start).contains('\n')) {
            points += 12;
        }
        if tail.starts_with(':') {
            // A speaker, at the head of a line; elsewhere a label.
            let head = self.gap(words.start);
            let line = words.start == 0 && head.trim().is_empty()
                || head.contains('\n')
                || head.ends_with("] ");
            let known = !matches!(
                self.words[words.start].sort,
                Sort::Unknown | Sort::FamilyWord | Sort::Place | Sort::Brand
            );
            let stamped = head.ends_with("] ");
            if line && (known || stamped) {
                points += 12;
            } else if line {
                // The same word speaks again, and so does another.
                let again = self.speakers.len() > 1
                    && self
                        .speakers
                        .get(&key(self.text(words.start)))
                        .is_some_and(|count| *count > 1);
                points += if again {
                    11
                } else if single {
                    4
                } else {
                    8
                };
            }
        }
        if tail.starts_with(['/', '\\', '_', '='])
            && tail[1..].starts_with(|c: char| c.is_alphanumeric())
            || tail.starts_with('(')
            || tail.starts_with("::")
            || tail.starts_with('.') && tail[1..].starts_with(|c: char| c.is_ascii_lowercase())
        {
            points -= 12;
        }
        points
    }

    /// How strongly a name in small letters is expected here: 0 not, 3 as a speaker.
    pub(super) fn lower_cue(&self, at: usize) -> u8 {
        let gap = self.gap(at);
        let line = at == 0 && gap.trim().is_empty() || gap.contains('\n') || gap.ends_with("] ");
        let tail = &self.page.text[self.words[at].end..];
        // `maría josé: hi`
        let near = &tail[..tail.floor_char_boundary(24)];
        let colon = near.find(':').filter(|at| {
            tail[..*at].split(' ').count() <= 3
                && tail[..*at].chars().all(|c| c == ' ' || c.is_lowercase())
        });
        let speaker = colon.is_some_and(|at| at > 0 && tail[at..].starts_with(": "))
            || tail.starts_with(": ")
            || tail.starts_with(":\n")
            || tail.starts_with(" (") && tail[..tail.floor_char_boundary(60)].contains("): ");
        if line && speaker {
            return 3;
        }
        let place = self.words[at].start;
        if self.page.fields.starts(place, Label::Person)
            || self.page.fields.starts(place, Label::Given)
            || self.page.fields.starts(place, Label::Family)
        {
            return 2;
        }
        if self.closes(at) && self.ends_line(at + 1) {
            return 2;
        }
        let head = self.page.text[..place].trim_end_matches(' ');
        if (head.ends_with("--") || head.ends_with(['—', '–', '~']) || head.ends_with("\n-"))
            && self.ends_line(at + 1)
        {
            return 2;
        }
        let Some(previous) = self.previous(at) else {
            return u8::from(line && self.next_speaks(at));
        };
        let word = self.low(previous);
        let direct = gap == " ";
        if !direct && gap != ", " {
            return 0;
        }
        if GREETINGS.contains(&word.as_str())
            && (direct || word == "hi" || word == "hello" || word == "thanks")
            && !matches!(&*word, "bom" | "buenas" | "thank" | "tag" | "welcome" | "sorry")
        {
            return 2;
        }
        if direct && self.introduced(previous, &word) {
            return if matches!(
                &*word,
                "is" | "it's" | "it’s" | "its" | "i'm" | "i’m" | "im" | "am" | "llamo" | "bin"
            ) {
                2
            } else {
                1
            };
        }
        if direct
            && is_title(&word)
            && word.len() > 1
            && !matches!(
                &*word,
                "pan" | "don" | "bay" | "fr" | "sig" | "bu" | "miss" | "judge" | "ing" | "mag"
            )
        {
            return 2;
        }
        if direct
            && matches!(
                &*word,
                "ask"
                    | "asked"
                    | "tell"
                    | "told"
                    | "ping"
                    | "pinged"
                    | "cc"
                    | "colleague"
                    | "boss"
                    | "contact"
                    | "and"
                    | "with"
                    | "from"
                    | "by"
                    | "for"
                    | "to"
                    | "remind"
                    | "call"
                    | "email"
                    | "user"
                    | "name"
            )
        {
            return 1;
        }
        0
    }

    fn next_speaks(&self, at: usize) -> bool {
        self.words.get(at + 1).is_some_and(|next| {
            !next.taken
                && self.gap(at + 1) == " "
                && matches!(
                    &self.page.text[next.start..next.end],
                    "wrote" | "said" | "here" | "asked" | "called" | "replied"
                )
        })
    }
}
