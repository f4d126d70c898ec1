//! Finds the words that say what a value near them is, in one pass over the text.

use std::{cmp::Reverse, ops::Range, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// What a word announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Card,
    Phone,
    Birth,
    National,
    /// An account that is surely one with a bank.
    Bank,
    /// An account of some kind.
    Account,
    /// The bank itself: routing number, sort code.
    Routing,
    Network,
    Secret,
    /// A number that means nothing outside: an order, a ticket, a serial number.
    Reference,
    Version,
    /// The hash or id of something.
    Digest,
    /// A street, before or at the end of its name.
    Street,
}

impl Topic {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A word found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) topic: Topic,
}

/// The words of each topic. `*` at the end: more letters may follow; at the start: it may end a
/// longer word.
const WORDS: &[(Topic, &str)] = &[
    (
        Topic::Card,
        "card|cards|visa|mastercard|master card|amex|american express|maestro|discover|diners|credit|debit|cc|pan|karte|kreditkarte|kreditkartennummer|*karte|kartennummer|carte|carte bleue|tarjeta|cartão|cartao|carta di credito|creditcard|kort|kortnummer|karta|kart|kartı|カード",
    ),
    (
        Topic::Phone,
        "my number|mi número|mi numero|meu número|meu numero|mon numéro|il mio numero|meine nummer|mijn nummer|contact number|bellen|bel mij|ring me|ligue|ligar|llame|llamar|llámame|appeler|appelez|chiamare|chiamami|anrufen|zadzwoń|soita|handynummer|mobilnummer|telefoonnummer|ddi|phone*|telephone*|telefon*|tel|tél|téléphone|telefono|teléfono|telefone|telefoon|telefonnummer|mobile|mob|mobil*|móvil|movil|cell|cellphone|celular|cellulare|call|callback|call back|called|fax|whatsapp|handy|sms|text me|dial|ring|hotline|rufnummer|portable|direct line|direct|durchwahl|reach|line|voicemail|landline|tlf|puhelin|komórka|komorka|numer|gsm|signal|viber|wechat|telegram|extension|switchboard|電話|电话|전화|телефон*|тел|rappeler|joignable|erreichbar|whats app|msisdn",
    ),
    (
        Topic::Birth,
        "nací|naci|nació|nacio|nasci|nasceu|sono nato|sono nata|nata il|urodziłem|urodziłam|dob|d.o.b|d.o.b.|date of birth|dateofbirth|date_of_birth|birth date|birthdate|birth_date|birthday|bday|born|birth|geboren|geb|geb.|geburtsdatum|geburtstag|né le|née le|né(e) le|nee le|ne le|date de naissance|naissance|fecha de nacimiento|nacimiento|nacido|nacida|f. nac|f.nac|nato il|nata il|nato a|data di nascita|nascita|data de nascimento|nascimento|nascido|nascida|geboortedatum|geboren op|född|fodd|fødselsdato|fødselsdag|fødd|født|syntymäaika|syntynyt|data urodzenia|urodzony|urodzona|ur.|datum narození|narozen|narozena|datum rođenja|doğum tarihi|dogum tarihi|doğumlu|születési|született|data nașterii|生年月日|出生日期|생년월일|дата рождения|родился|родилась|fødselsår|d/o/b|birth-date",
    ),
    (
        Topic::National,
        "ssn|s.s.n|social security|social security number|social insurance|soc sec|sin|passport|passport no|passports|passport number|reisepass|passeport|pasaporte|passaporto|paspoort|passnummer|nif|nie|dni|nino|ni number|ni no|nin|n.i.|national insurance|cpf|aadhaar|aadhar|bsn|burgerservicenummer|pesel|personnummer|personal number|codice fiscale|cod. fisc.|c.f.|tax id|tax number|taxpayer id|steuer-id|steuer-idnr|steuerid|idnr|identifikationsnummer|steueridentifikationsnummer|steuernummer|national id|national identity|id card|identity card|id number|id no|identity number|personal id|ausweis|personalausweis|ausweisnummer|nhs|nhs number|nhs no|tfn|tax file number|medicare|nric|fin no|driver's licence|driver's license|drivers license|driver license|driver licence|driving licence|driving license|führerschein|permis de conduire|itin|curp|rfc|cnp|jmbg|oib|emšo|rodné číslo|hetu|henkilötunnus|cpr|cpr-nr|fødselsnummer|personnr|numéro de sécurité sociale|sécurité sociale|sécu|securite sociale|nir|insee|ahv|avs|tckn|tc kimlik|t.c. kimlik|kimlik no|rrn|身份证|주민등록번호|マイナンバー|individual number|uidai|dl number|dl no|voter id|emirates id|teudat zehut|sozialversicherungsnummer|sv-nummer|rentenversicherungsnummer|krankenversicherungsnummer|versichertennummer|pps|pps number|ppsn|documento|cédula|cedula|rut|run|снилс|инн|паспорт|nino is|pan number|pan card|pan no|permanent account number|green card|residence permit|carta d'identità|carte d'identité|dowód osobisty|asylum|visa number|identificación|egn|amka|isikukood|asmens kodas|kennitala",
    ),
    (
        Topic::Bank,
        "bank|banking|bank account|bank acct|bankkonto|bankverbindung|bank details|kontonummer|kontonr|kto|kto.|konto|konto-nr|rekening|rekeningnummer|rekeningnr|cuenta bancaria|número de cuenta|numero de cuenta|compte bancaire|numéro de compte|conto corrente|conta bancária|conta corrente|bankgiro|plusgiro|clabe|checking|savings|direct deposit|wire|wire transfer|ach|payout|payroll|iban|bic|swift|giro|beneficiary|remittance|standing order|sepa|nuban|acct no|account no|account number|acct number|acct|a/c|a/c no|acc no|acc number|account_number|accountnumber|bankleitzahl",
    ),
    (Topic::Account, "account|acc|acc.|cuenta|compte|conto|conta"),
    (
        Topic::Routing,
        "routing|routing number|routing no|aba|aba routing|rtn|sort code|sortcode|sort-code|sc|blz|bankleitzahl|bsb|ifsc|transit|transit number|agência|agencia|institution|clearing|branch code|bank code|abi|cab|code banque|code guichet",
    ),
    (
        Topic::Network,
        "ip|ips|ip address|ipv4|ipv6|ip-adresse|host|hostname|server|remote|client_ip|clientip|remote_addr|src|dst|source|peer|login|logged in|sign-in|signin|from|addr|address|gateway|subnet|firewall|allowlist|whitelist|blocklist|dns|vpn|ping|x-forwarded-for|forwarded|connection|connected|request from|attempts",
    ),
    (
        Topic::Secret,
        "password*|passwd|passcode|passphrase|passwort|kennwort|contraseña|contrasena|mot de passe|senha|wachtwoord|lösenord|hasło|haslo|heslo|parola|salasana|pwd|pw|pass|secret|secrets|api key|api keys|apikey|api_key|api-key|api token|key|keys|token|tokens|access_token|accesskey|credential|credentials|creds|auth|authorization|bearer|basic|x-api-key|client_secret|private_key|signing|webhook secret|pin|otp|license key|encryption key|accountkey|sharedaccesskey|sig|login|logins|zugangsdaten|clave|chiave|schlüssel|clé|jwt|パスワード|密码|пароль",
    ),
    (
        Topic::Reference,
        "order|orders|ord|bestellung|bestellnummer|auftrag|auftragsnummer|commande|pedido|ordine|zamówienie|invoice|invoices|inv|rechnung|rechnungsnummer|facture|factura|fattura|fatura|ticket|tickets|tck|case|cases|ref|ref.|refs|reference|po|p.o.|so|sku|skus|tracking|track|shipment|parcel|waybill|awb|confirmation|transaction|txn|trx|request|req|serial|s/n|sn|model|article|item|part|ean|upc|isbn|imei|asin|rma|batch|lot|page|chapter|row|error|err|code|status|http|contract|quote|subscription|sub|licence no|policy no|claim|meter|customer id|customer number|customer no|customer|kundennummer|kdnr|client id|user id|userid|account id|employee id|job|id|ids|issue|pr|pull request|jira|bug|incident|inc|change|chg|nr|vorgang|vorgangsnummer|sendungsnummer|dossier|timestamp|ts|epoch|port|pid|qty|quantity|total|amount|sum|price|vat|ust|umsatzsteuer|ust-id|vat number|ein|duns|hrb|barcode|voucher|coupon|promo|booking|reservation|seat|flight|gtin|cas|doi|rfc-|cve|kb|lines|records|rows|rate|size|bytes|seq|sequence|offset|build|#",
    ),
    (
        Topic::Version,
        "version|versions|ver|release|releases|build|builds|firmware|chrome|firefox|safari|edge|ios|android|windows|macos|app|sdk|plugin|driver|upgrade|upgraded|update|updated|patch|rollback|client|agent|v|rc|os|kernel|image|package|hotfix|downgrade|downgraded",
    ),
    (
        Topic::Digest,
        "sha|sha1|sha256|sha-1|sha-256|sha512|md5|checksum|hash|digest|commit*|etag|fingerprint|trace|trace id|trace_id|traceid|span_id|request id|request_id|req|session|correlation|uuid|guid|revision|rev|blob|tree|merge|cherry-pick|build id|object|image|layer|thumbprint|crc",
    ),
    (
        Topic::Street,
        "*straße|*strasse|*str.|*gasse|*weg|*platz|*allee|*ring|*damm|*ufer|*steig|*markt|*chaussee|*gracht|*straat|*laan|*plein|*kade|*singel|*dijk|*steenweg|*gatan|*vägen|*gata|*vej|*gade|*veien|*gaten|*allé|*torget|*plass|*katu|*tie|*katu|*polku|*utca|*útja|*caddesi|cad.|sokak|sok.|*sokağı|*bulvarı|mahallesi|mah.|calle|c/|rambla|acceso|pasaje|pasadizo|cuesta|glorieta|callejón|privada|retorno|periférico|prolongación|circunvalación|continuación|calzada|cerrada|andador|peatonal|diagonal|urbanización|urb.|contrada|canale|stretto|borgo|piazzale|lungomare|salita|rotonda|incrocio|aleea|drumul|soseaua|șoseaua|şoseaua|intrarea|calea|splaiul|piața|rodovia|ladeira|viaduto|viaducto|distrito|av|avda|*stræde|*stien|*bakken|*gränd|avenida|avda|avda.|av.|paseo|plaza|camino|carretera|ronda|travesía|carrer|via|viale|piazza|corso|largo|vicolo|strada|rua|r.|travessa|praça|alameda|estrada|rue|avenue|boulevard|bd|place|chemin|impasse|allée|allee|quai|route|cours|ul.|ulica|al.|aleja|aleje|os.|plac|pl.|náměstí|nám.|třída|tř.|trg|cesta|strada|str.|bulevardul|bd.|jalan|jl.|jln|po box|p.o. box|p o box|postfach|apartado|casilla|apdo|boîte postale|bp|postbus|postboks|〒|улица|ул.|проспект|пр.|οδός|leoforos",
    ),
];

struct Words {
    automaton: AhoCorasick,
    /// Topic, whether a letter may come before, whether one may follow.
    of: Vec<(Topic, bool, bool)>,
}

static AUTOMATON: LazyLock<Option<Words>> = LazyLock::new(|| {
    let mut patterns: Vec<&str> = Vec::new();
    let mut of = Vec::new();
    for (topic, words) in WORDS {
        for word in words.split('|') {
            let (tail, bare) = word.strip_prefix('*').map_or((false, word), |bare| (true, bare));
            let (stem, bare) = bare.strip_suffix('*').map_or((false, bare), |bare| (true, bare));
            patterns.push(bare);
            of.push((*topic, tail, stem));
        }
    }
    // The beginnings of secrets are looked for in the same pass.
    patterns.extend(super::secret::beginnings());
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns)
        .ok()?;
    Some(Words { automaton, of })
});

/// All marks of a text in the order of their ends.
#[derive(Default)]
pub(super) struct Marks {
    all: Vec<Mark>,
    /// A bit for each topic that occurs.
    topics: u32,
    /// Where something begins as secrets do, and which beginning it is; the longest first of those
    /// at one place.
    beginnings: Vec<(Range<usize>, usize)>,
}

impl Marks {
    pub(super) fn of(text: &str) -> Self {
        let Some(words) = &*AUTOMATON else { return Self::default() };
        let bytes = text.as_bytes();
        let letter = |at: usize| {
            bytes.get(at).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0xc0)
        };
        let mut marks = Vec::new();
        let mut beginnings = Vec::new();
        for found in words.automaton.find_overlapping_iter(text) {
            let (start, end) = (found.start(), found.end());
            let index = found.pattern().as_usize();
            let Some(&(topic, tail, stem)) = words.of.get(index) else {
                beginnings.push((start..end, index - words.of.len()));
                continue;
            };
            let ideographs = bytes[start] >= 0xe3;
            let begins = tail || ideographs || start == 0 || !before_letter(bytes, start);
            let ends = stem || ideographs || !letter(end) || !bytes[end - 1].is_ascii_alphabetic();
            if !begins || !ends {
                continue;
            }
            // The longest words count: `sort code` says nothing of a code. Of words that end
            // together the automaton reports the longest first.
            if marks.last().is_some_and(|last: &Mark| last.end == end && last.start < start) {
                continue;
            }
            while marks.last().is_some_and(|last| last.start >= start && last.end < end) {
                marks.pop();
            }
            // `acct # 12`, `passport #12`: the sign only goes with the word.
            if &bytes[start..end] == b"#"
                && marks.last().is_some_and(|last| last.end + 1 >= start && last.end <= start)
            {
                continue;
            }
            marks.push(Mark { start, end, topic });
        }
        let topics = marks.iter().fold(0, |topics, mark: &Mark| topics | mark.topic.bit());
        beginnings.sort_by_key(|(at, _)| (at.start, Reverse(at.end)));
        Self { all: marks, topics, beginnings }
    }

    /// Where something begins as secrets do, and which of [`super::secret::beginnings`] it is.
    pub(super) fn beginnings(&self) -> &[(Range<usize>, usize)] {
        &self.beginnings
    }

    pub(super) fn iter(&self, topic: Topic) -> impl Iterator<Item = Mark> {
        self.all.iter().copied().filter(move |mark| mark.topic == topic)
    }

    /// Whether the text has any word of a topic.
    pub(super) fn any(&self, topic: Topic) -> bool {
        self.topics & topic.bit() != 0
    }

    /// The marks that end in the `within` bytes before a place, nearest first.
    pub(super) fn before(&self, at: usize, within: usize) -> impl Iterator<Item = Mark> {
        let last = self.all.partition_point(|mark| mark.end <= at);
        self.all[..last].iter().rev().copied().take_while(move |mark| mark.end + within >= at)
    }

    /// The marks that start in the `within` bytes after a place.
    pub(super) fn after(&self, at: usize, within: usize) -> impl Iterator<Item = Mark> {
        let first = self.all.partition_point(|mark| mark.end <= at);
        self.all[first..]
            .iter()
            .copied()
            .take_while(move |mark| mark.start <= at + within)
            .filter(move |mark| mark.start >= at)
    }
}

/// Whether the byte before a place belongs to a letter.
fn before_letter(bytes: &[u8], start: usize) -> bool {
    // A continuation byte ends a character that is not ASCII: nearly always a letter here.
    bytes[start - 1].is_ascii_alphabetic() || bytes[start - 1] >= 0x80 && bytes[start] < 0x80
}

/// Builds the automaton, so that the first text does not wait for it.
pub(super) fn warm_up() {
    LazyLock::force(&AUTOMATON);
}
