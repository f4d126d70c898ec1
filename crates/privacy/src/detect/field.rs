//! Values that have a name: members of JSON, columns of CSV, lines of forms, vCards, markup.

#![expect(
    clippy::too_many_lines,
    clippy::items_after_statements,
    reason = "a table of labels, each list where it is used"
)]

use std::ops::Range;

use super::split_words;

/// What the name of a field says its value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Person,
    Given,
    Family,
    User,
    Email,
    Phone,
    Card,
    Iban,
    Account,
    Routing,
    Network,
    Address,
    Birth,
    National,
    Secret,
    /// A number, code or text that is nobody's: an order, a version, a product.
    Other,
}

/// A value and what its name says.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) at: Range<usize>,
    pub(super) label: Label,
}

/// All fields of a text by where they start.
#[derive(Default)]
pub(super) struct Fields(Vec<Field>);

/// The longest name of a field, in bytes.
const LONGEST: usize = 40;
/// The longest value that is looked at as one.
const LONGEST_VALUE: usize = 400;

impl Fields {
    /// The fields of a text. `table` is the head of a table whose rows the text begins with, and
    /// becomes that of one that it ends in.
    pub(super) fn of(text: &str, table: &mut Option<Head>) -> Self {
        let mut fields = Vec::new();
        named(text, &mut fields);
        columns(text, table, &mut fields);
        if text.contains("</") {
            elements(text, &mut fields);
        }
        if text.contains("VALUES") || text.contains("values") {
            inserts(text, &mut fields);
        }
        fields.sort_by_key(|field| (field.at.start, field.at.end));
        Self(fields)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }

    /// What the fields around a place say it is, innermost first.
    pub(super) fn labels(&self, at: usize) -> impl Iterator<Item = Label> {
        let last = self.0.partition_point(|field| field.at.start <= at);
        self.0[..last]
            .iter()
            .rev()
            .take(4)
            .filter(move |field| at < field.at.end)
            .map(|field| field.label)
    }

    /// As [`Self::labels`], of fields that start in the `within` bytes before a place.
    pub(super) fn labels_near(&self, at: usize, within: usize) -> impl Iterator<Item = Label> {
        let last = self.0.partition_point(|field| field.at.start <= at);
        self.0[..last]
            .iter()
            .rev()
            .take(4)
            .filter(move |field| at < field.at.end && field.at.start + within >= at)
            .map(|field| field.label)
    }

    /// Whether a field around a place has this label.
    pub(super) fn has(&self, at: usize, label: Label) -> bool {
        self.labels(at).any(|found| found == label)
    }

    /// Whether the innermost field that starts right at or shortly before a place has this label.
    pub(super) fn starts(&self, at: usize, label: Label) -> bool {
        let last = self.0.partition_point(|field| field.at.start <= at);
        self.0[..last].last().is_some_and(|field| {
            field.label == label && at < field.at.start + 3 && at < field.at.end
        })
    }
}

/// `"key": "value"`, `key=value`, `Label: value`, `KEY;TYPE=x:value`.
fn named(text: &str, fields: &mut Vec<Field>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = next(bytes, from) {
        from = at + 1;
        if bytes[at] == b':' && bytes.get(at + 1) == Some(&b'/') {
            continue;
        }
        let Some(label) = name_before(text, at).and_then(classify) else { continue };
        if let Some(value) = value_after(text, at + 1) {
            fields.push(Field { at: value, label });
        }
    }
}

fn next(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr2(b':', b'=', &bytes[from..]).map(|at| from + at)
}

/// The name that ends before a colon or an equals sign.
fn name_before(text: &str, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut end = at;
    // Not far: a long run of colons would be walked back from each of them.
    while end > 0 && at - end < 16 && matches!(bytes[end - 1], b' ' | b'\t' | b'>' | b':') {
        end -= 1;
    }
    let quote = end
        .checked_sub(1)
        .map(|last| bytes[last])
        .filter(|byte| matches!(byte, b'"' | b'\'' | b'*'));
    let end = if quote.is_some() {
        text[..end].trim_end_matches(['"', '\'', '*', '\\']).len()
    } else {
        end
    };
    let mut start = end;
    while start > 0 && end - start < LONGEST {
        let byte = bytes[start - 1];
        let stops = match quote {
            Some(quote) => byte == quote,
            None => matches!(
                byte,
                b'{' | b'}'
                    | b','
                    | b'|'
                    | b'"'
                    | b'<'
                    | b'>'
                    | b'['
                    | b'!'
                    | b'?'
                    | b'*'
                    | b'&'
                    | b'='
                    | b':'
            ),
        };
        if stops
            || matches!(byte, b'\n' | b'\t' | 0x1f)
            || byte == b'.' && bytes.get(start) == Some(&b' ')
        {
            break;
        }
        start -= 1;
    }
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let name = text[start..end].trim_matches([' ', '-', '>', '*', '#', '\u{2022}', '"']);
    // `TEL;TYPE=cell` of a vCard.
    let name = name.split(';').next().unwrap_or(name);
    (!name.is_empty()).then_some(name)
}

/// The value that starts after a colon or an equals sign.
fn value_after(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = at;
    while bytes
        .get(start)
        .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'*' | b'>' | b'\\' | b'='))
    {
        start += 1;
    }
    let quote = bytes.get(start).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    if quote.is_some() {
        start += 1;
    }
    if matches!(bytes.get(start)?, b'{' | b'[' | b'\n' | b'\r') {
        return None;
    }
    let most = (start + LONGEST_VALUE).min(bytes.len());
    let mut end = start;
    while end < most {
        let byte = bytes[end];
        let stops = match quote {
            Some(quote) => byte == quote,
            None => matches!(byte, b'\n' | b'\r' | b'\t' | b'|' | b'<' | b'}' | b']' | b'"'),
        };
        if stops {
            break;
        }
        end += 1;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = start + text.get(start..end)?.trim_end().len();
    (end > start).then_some(start..end)
}

/// `<name>value</name>`, `<th>Name</th><td>value</td>`, `<dt>Name</dt><dd>value</dd>`.
fn elements(text: &str, fields: &mut Vec<Field>) {
    let bytes = text.as_bytes();
    let mut last: Option<Label> = None;
    let mut from = 0;
    while let Some(open) = text[from..].find('<').map(|at| from + at) {
        let Some(close) = text[open..].find('>').map(|at| open + at) else { break };
        from = close + 1;
        let tag = &text[open + 1..close];
        if tag.starts_with('/') || tag.len() > 200 {
            continue;
        }
        let end = text[from..].find('<').map_or(text.len(), |at| from + at);
        if end - from > LONGEST_VALUE || end == from || bytes[from] == b'\n' {
            continue;
        }
        let element = tag.split([' ', '\t', '/']).next().unwrap_or(tag);
        let heads =
            matches!(element, "th" | "dt" | "label" | "b" | "strong" | "td" | "span" | "li");
        if let Some(label) =
            last.take().filter(|_| matches!(element, "td" | "dd" | "span" | "div" | "p" | "input"))
        {
            fields.push(Field { at: from..end, label });
        } else if heads && end - from <= LONGEST {
            last = classify(text[from..end].trim().trim_end_matches(':'));
        } else if let Some(label) = classify(element) {
            fields.push(Field { at: from..end, label });
        }
    }
}

/// `INSERT INTO t (a, b) VALUES ('x', 'y'), ('z', 'w')`.
fn inserts(text: &str, fields: &mut Vec<Field>) {
    let mut from = 0;
    while let Some(at) =
        text[from..].find("VALUES").or_else(|| text[from..].find("values")).map(|at| from + at)
    {
        from = at + 6;
        let head = text[..at].trim_end();
        let mut open = head.len().saturating_sub(1000);
        while !text.is_char_boundary(open) {
            open += 1;
        }
        let Some(names) = head[open..]
            .strip_suffix(')')
            .and_then(|head| head.rfind('(').map(|at| &head[at + 1..]))
        else {
            continue;
        };
        let labels: Vec<Option<Label>> = names
            .split(',')
            .map(|name| classify(name.trim_matches([' ', '"', '`', '\n'])))
            .collect();
        let bytes = text.as_bytes();
        // Rows, each in brackets; quotes are doubled within values.
        let mut at = from;
        'rows: loop {
            while bytes
                .get(at)
                .is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b','))
            {
                at += 1;
            }
            if bytes.get(at) != Some(&b'(') {
                break;
            }
            at += 1;
            for label in &labels {
                while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\t')) {
                    at += 1;
                }
                let quote = bytes.get(at).copied().filter(|byte| matches!(byte, b'\'' | b'"'));
                let start = at + usize::from(quote.is_some());
                let stops = |byte: u8| match quote {
                    Some(quote) => byte == quote,
                    None => matches!(byte, b',' | b')'),
                };
                let Some(length) = bytes[start.min(bytes.len())..]
                    .iter()
                    .take(LONGEST_VALUE)
                    .position(|byte| stops(*byte))
                else {
                    break 'rows;
                };
                let end = start + length;
                if let Some(label) = label
                    && end > start
                {
                    fields.push(Field { at: start..end, label: *label });
                }
                at = end + usize::from(quote.is_some());
                while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b',')) {
                    at += 1;
                }
            }
            if bytes.get(at) != Some(&b')') {
                break;
            }
            at += 1;
        }
        from = at.max(from);
        while !text.is_char_boundary(from) {
            from += 1;
        }
    }
}

/// The delimiter of a table and what its columns are.
pub(super) type Head = (u8, Vec<Option<Label>>);

/// Cells of a table whose first line names its columns.
fn columns(text: &str, head: &mut Option<Head>, fields: &mut Vec<Field>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some((delimiter, labels)) = head {
            let mut cells = 0;
            let mut found = Vec::new();
            for (index, cell) in Cells::new(line, *delimiter).enumerate() {
                cells = index + 1;
                if let Some(Some(label)) = labels.get(index)
                    && !cell.is_empty()
                {
                    found.push(Field { at: at + cell.start..at + cell.end, label: *label });
                }
            }
            // Lines of another width end the table; a table may have long lines of notes.
            if cells == labels.len()
                || cells > 1
                    && (cells + 1 == labels.len() || cells <= labels.len() + 2 && known(labels))
            {
                fields.append(&mut found);
                continue;
            }
            if line.trim().is_empty()
                || line.trim_matches(['-', '|', ' ', ':', '+', '=']).is_empty()
            {
                if line.trim().is_empty() {
                    *head = None;
                }
                continue;
            }
        }
        *head = header(line);
    }
}

/// Whether columns are those of people, whose rows somebody may have written without quotes.
fn known(labels: &[Option<Label>]) -> bool {
    labels.len() > 2 && labels.iter().all(Option::is_some)
}

/// The delimiter and columns of a line that names columns.
fn header(line: &str) -> Option<Head> {
    let odd = |byte: &u8| matches!(byte, b'{' | b':' | b'=' | b'<' | b'@');
    if line.len() > 2000 || line.len() < 5 || line.as_bytes().iter().any(odd) {
        return None;
    }
    for delimiter in *b",;\t|" {
        let count = line.bytes().filter(|byte| *byte == delimiter).count();
        if count == 0 {
            continue;
        }
        let mut labels = Vec::with_capacity(count + 1);
        let mut known = 0;
        for cell in Cells::new(line, delimiter) {
            let name = &line[cell];
            // Names of columns are short and have no digits but perhaps one.
            if name.len() > 32
                || name.split_whitespace().count() > 4
                || name.bytes().filter(u8::is_ascii_digit).count() > 1
            {
                return None;
            }
            let label = classify(name);
            known += usize::from(label.is_some());
            labels.push(label);
        }
        // Beside a routing number an account is one with a bank.
        if labels.contains(&Some(Label::Routing)) {
            for (label, cell) in labels.iter_mut().zip(Cells::new(line, delimiter)) {
                if matches!(
                    &*line[cell].to_lowercase(),
                    "account" | "acct" | "number" | "account_id"
                ) {
                    *label = Some(Label::Account);
                }
            }
        }
        let enough = known * 2 >= labels.len() && known >= 1 || known >= 2;
        return (labels.len() >= 2 && enough).then_some((delimiter, labels));
    }
    None
}

/// The cells of a line, quotes stripped.
struct Cells<'a> {
    line: &'a str,
    delimiter: u8,
    at: usize,
    done: bool,
}

impl<'a> Cells<'a> {
    const fn new(line: &'a str, delimiter: u8) -> Self {
        Self { line, delimiter, at: 0, done: false }
    }
}

impl Iterator for Cells<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.done {
            return None;
        }
        let bytes = self.line.as_bytes();
        let start = self.at;
        let mut end = start;
        let mut quoted = false;
        while end < bytes.len() && (quoted || bytes[end] != self.delimiter) {
            if bytes[end] == b'"' {
                quoted = !quoted;
            }
            end += 1;
        }
        if end >= bytes.len() {
            self.done = true;
        }
        self.at = end + 1;
        let cell = self.line.get(start..end)?;
        let left = cell.len() - cell.trim_start_matches([' ', '"']).len();
        let inner = cell[left..].trim_end_matches([' ', '"']).len();
        Some(start + left..start + left + inner)
    }
}

/// What the name of a field says. None if it says nothing.
fn classify(name: &str) -> Option<Label> {
    if name.len() > LONGEST {
        return None;
    }
    let words = split_words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let last = *words.last()?;
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let joined = words.join(" ");
    let is = |list: &[&str]| list.contains(&joined.as_str());
    if words.len() > 5 {
        return None;
    }
    if words[0] == "name"
        && words.len() <= 4
        && words.get(1).is_some_and(|word| matches!(*word, "on" | "of" | "at" | "as"))
    {
        return Some(Label::Person);
    }
    if has(&[
        "dob",
        "birth",
        "birthday",
        "birthdate",
        "dateofbirth",
        "bday",
        "geburtsdatum",
        "geburtstag",
        "geb",
        "naissance",
        "nacimiento",
        "nascita",
        "nascimento",
        "geboortedatum",
        "fodelsedatum",
        "fodselsdato",
        "syntymaaika",
        "urodzenia",
        "narozeni",
        "rodjenja",
        "dogum",
        "born",
    ]) && !has(&["place", "lieu", "lugar", "luogo", "ort", "city", "country", "name"])
    {
        return Some(Label::Birth);
    }
    if has(&[
        "password",
        "passwd",
        "jwt",
        "authorization",
        "pwd",
        "pw",
        "passphrase",
        "passwort",
        "kennwort",
        "secret",
        "apikey",
        "token",
        "passcode",
        "contrasena",
        "senha",
        "credential",
        "credentials",
        "privatekey",
        "otp",
    ]) || is(&[
        "api key",
        "access key",
        "private key",
        "secret key",
        "client secret",
        "auth key",
        "signing key",
        "encryption key",
        "key",
    ]) {
        return Some(
            if has(&[
                "count", "expires", "expiry", "type", "length", "policy", "reset", "tokens",
                "usage", "limit", "hint",
            ]) {
                Label::Other
            } else {
                Label::Secret
            },
        );
    }
    if has(&["email", "mail", "emails", "emailaddress", "correo", "courriel"])
        || joined.ends_with("e mail")
    {
        return Some(Label::Email);
    }
    if has(&["iban"]) {
        return Some(Label::Iban);
    }
    if has(&[
        "ssn",
        "passport",
        "passportno",
        "passportnumber",
        "nif",
        "nie",
        "dni",
        "nino",
        "cpf",
        "aadhaar",
        "bsn",
        "pesel",
        "personnummer",
        "nhs",
        "tfn",
        "nric",
        "curp",
        "cnp",
        "hetu",
        "cpr",
        "nir",
        "nationalid",
        "taxid",
        "steuerid",
        "steuernummer",
        "tckn",
        "ausweis",
        "personalausweis",
        "reisepass",
        "passeport",
        "pasaporte",
        "itin",
        "sin",
        "ppsn",
        "aadhar",
        "tin",
        "drivinglicence",
        "driverlicense",
    ]) || is(&[
        "national id",
        "tax id",
        "id number",
        "id card",
        "social security",
        "social security number",
        "national insurance",
        "ni number",
        "codice fiscale",
        "steuer id",
        "driver license",
        "drivers license",
        "driving licence",
        "passport no",
        "passport number",
        "personal id",
        "identity number",
        "id no",
        "national id no",
        "national id number",
        "tax number",
        "government id",
        "gov id",
    ]) {
        return Some(Label::National);
    }
    if has(&[
        "card",
        "pan",
        "ccnumber",
        "cardnumber",
        "creditcard",
        "kreditkarte",
        "kartennummer",
        "tarjeta",
        "cc",
        "ccnum",
    ]) && !has(&[
        "holder",
        "cardholder",
        "name",
        "type",
        "brand",
        "expiry",
        "exp",
        "cvv",
        "cvc",
        "last",
        "id",
        "inhaber",
        "last4",
        "panel",
        "status",
    ]) {
        return Some(Label::Card);
    }
    if has(&["routing", "aba", "bsb", "sortcode", "blz", "ifsc", "transit", "rtn", "bankleitzahl"])
        || is(&["sort code", "branch code", "bank code"])
    {
        return Some(Label::Routing);
    }
    if is(&[
        "account number",
        "account no",
        "acct no",
        "acct number",
        "bank account",
        "bank account number",
        "acct",
        "account nr",
        "accountnumber",
        "acc no",
        "kontonummer",
        "konto",
        "konto nr",
        "numero de cuenta",
        "numero de compte",
        "rekeningnummer",
        "a c",
        "a c no",
        "clabe",
        "bankkonto",
        "bank acct",
        "beneficiary account",
        "payout account",
        "account num",
    ]) {
        return Some(Label::Account);
    }
    if has(&[
        "phone",
        "tel",
        "telephone",
        "telefon",
        "telefono",
        "telefone",
        "mobile",
        "mobil",
        "mob",
        "cell",
        "fax",
        "phonenumber",
        "handy",
        "movil",
        "celular",
        "whatsapp",
        "msisdn",
        "telefonnummer",
        "rufnummer",
        "cellphone",
        "landline",
        "portable",
        "phones",
        "telefoon",
        "puhelin",
        "tlf",
        "callback",
        "homephone",
        "workphone",
    ]) && !has(&["model", "type", "system", "app", "os"])
    {
        return Some(Label::Phone);
    }
    if has(&["ip", "ipaddress", "ipv4", "ipv6", "remoteaddr", "clientip", "sourceip"]) {
        return Some(Label::Network);
    }
    if has(&[
        "address",
        "street",
        "adresse",
        "anschrift",
        "direccion",
        "indirizzo",
        "endereco",
        "adres",
        "adress",
        "strasse",
        "addr",
        "adr",
        "straat",
        "calle",
        "addressline",
        "osoite",
        "adresa",
        "lieferadresse",
        "rechnungsadresse",
        "domicile",
        "residence",
    ]) || is(&[
        "ship to",
        "bill to",
        "deliver to",
        "delivery to",
        "home",
        "mailing",
        "lives at",
        "wohnhaft",
    ]) {
        return Some(if has(&["ip", "mac", "wallet", "web", "url", "bus"]) {
            Label::Other
        } else {
            Label::Address
        });
    }
    if has(&["username", "login", "userid", "handle", "nickname", "nick", "screenname"])
        || is(&["user name", "user id"])
    {
        return Some(Label::User);
    }
    const NOBODYS: &[&str] = &[
        "company",
        "org",
        "organisation",
        "organization",
        "account",
        "product",
        "file",
        "host",
        "domain",
        "event",
        "plan",
        "field",
        "table",
        "class",
        "server",
        "project",
        "team",
        "campaign",
        "bucket",
        "brand",
        "business",
        "tenant",
        "db",
        "database",
        "service",
        "app",
        "application",
        "resource",
        "group",
        "city",
        "key",
        "job",
        "node",
        "cluster",
        "branch",
        "package",
        "module",
        "function",
        "template",
        "playbook",
        "step",
        "firma",
        "entreprise",
        "empresa",
        "azienda",
        "bedrijf",
        "vendor",
        "item",
        "device",
        "model",
        "schema",
        "column",
        "type",
        "id",
        "version",
        "status",
        "repo",
        "repository",
        "environment",
        "env",
        "feature",
        "workspace",
        "channel",
        "report",
        "list",
        "view",
        "role",
        "stage",
        "segment",
        "region",
        "country",
        "queue",
        "topic",
        "subject",
        "note",
        "notes",
        "tag",
        "path",
        "folder",
        "title",
        "bank",
        "invoice",
        "order",
        "ticket",
        "number",
        "count",
        "date",
        "time",
        "url",
        "code",
        "since",
        "renewal",
        "email",
        "size",
        "amount",
        "domains",
        "tier",
        "industry",
        "method",
        "error",
        "message",
        "msg",
        "store",
        "sku",
        "variable",
        "metric",
        "index",
        "theme",
        "font",
        "color",
        "colour",
    ];
    if has(&[
        "firstname",
        "forename",
        "vorname",
        "prenom",
        "voornaam",
        "fornamn",
        "fornavn",
        "etunimi",
        "imie",
        "givenname",
        "fname",
        "krestni",
    ]) || is(&[
        "first name",
        "given name",
        "first",
        "given",
        "nombre de pila",
        "primer nombre",
        "christian name",
        "preferred name",
        "middle name",
    ]) {
        return Some(Label::Given);
    }
    if has(&[
        "lastname",
        "surname",
        "nachname",
        "familienname",
        "apellido",
        "apellidos",
        "cognome",
        "achternaam",
        "efternamn",
        "etternavn",
        "efternavn",
        "sukunimi",
        "nazwisko",
        "prijmeni",
        "lname",
        "familyname",
        "sobrenome",
        "apelido",
        "soyad",
        "soyadi",
    ]) || is(&["last name", "family name", "last", "family", "nom de famille", "maiden name"])
    {
        return Some(Label::Family);
    }
    const PEOPLE: &[&str] = &[
        "contact",
        "contacts",
        "owner",
        "holder",
        "recipient",
        "signer",
        "signee",
        "signatory",
        "witness",
        "attendee",
        "attendees",
        "assignee",
        "requester",
        "requestor",
        "reporter",
        "author",
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "manager",
        "csm",
        "rep",
        "caller",
        "participant",
        "participants",
        "patient",
        "employee",
        "approver",
        "sponsor",
        "champion",
        "kontakt",
        "ansprechpartner",
        "ansprechpartnerin",
        "beneficiary",
        "payee",
        "cardholder",
        "passenger",
        "guest",
        "driver",
        "spouse",
        "attn",
        "attention",
        "fullname",
        "person",
        "fn",
        "titulaire",
        "titular",
        "inhaber",
        "kontoinhaber",
        "empfanger",
        "absender",
        "destinataire",
        "destinatario",
        "contacto",
        "contatto",
        "contato",
        "mitarbeiter",
        "assigned",
        "customer",
        "client",
        "buyer",
        "seller",
        "user",
        "agent",
        "admin",
        "administrator",
        "speaker",
        "host",
        "interviewer",
        "nominee",
        "tenant",
        "borrower",
        "applicant",
        "candidate",
        "student",
        "teacher",
        "doctor",
        "physician",
        "lead",
        "stakeholder",
        "dri",
        "poc",
        "ae",
        "accountant",
        "consignee",
        "invitee",
        "member",
        "profile",
        "submitter",
        "organizer",
        "organiser",
        "presenter",
        "with",
        "who",
        "kunde",
        "kundin",
        "cliente",
        "cliente",
        "asiakas",
        "kund",
        "klient",
        "naam",
        "navn",
        "namn",
        "nimi",
        "nazwa",
        "jmeno",
        "ime",
        "nev",
        "ad",
        "isim",
        "cardholdername",
        "accountholder",
        "displayname",
        "contactname",
        "customername",
        "holdername",
        "ownername",
        "sendername",
        "recipientname",
        "username",
    ];
    if matches!(
        last,
        "name"
            | "nombre"
            | "nom"
            | "nome"
            | "naam"
            | "navn"
            | "namn"
            | "nimi"
            | "jmeno"
            | "fullname"
            | "names"
            | "nev"
            | "isim"
            | "fn"
            | "n"
            | "имя"
            | "фио"
            | "氏名"
            | "姓名"
            | "이름"
            | "名前"
    ) {
        return Some(if words[..words.len() - 1].iter().any(|word| NOBODYS.contains(word)) {
            Label::Other
        } else {
            Label::Person
        });
    }
    let by = matches!(last, "by" | "von" | "par" | "por" | "da" | "door" | "to")
        && words.len() == 2
        && !matches!(words[0], "due" | "go" | "up" | "back" | "how" | "subject");
    if PEOPLE.contains(&last) || by {
        return Some(
            if words.len() > 1
                && last != "to"
                && words[..words.len() - 1]
                    .iter()
                    .any(|word| matches!(*word, "status" | "count" | "number" | "no" | "id"))
            {
                Label::Other
            } else {
                Label::Person
            },
        );
    }
    if has(NOBODYS)
        || has(&[
            "sku",
            "ref",
            "reference",
            "uuid",
            "guid",
            "hash",
            "sha",
            "commit",
            "checksum",
            "req",
            "po",
            "so",
            "version",
            "build",
            "v",
            "qty",
            "price",
            "arr",
            "mrr",
            "total",
            "sum",
            "ts",
            "timestamp",
            "serial",
            "src",
            "tracking",
            "kundennummer",
            "rechnungsnummer",
            "bestellnummer",
        ])
    {
        return Some(Label::Other);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_field_says_what_its_value_is() {
        for (name, label) in [
            ("dateOfBirth", Some(Label::Birth)),
            ("Contact phone", Some(Label::Phone)),
            ("billing_address", Some(Label::Address)),
            ("first_name", Some(Label::Given)),
            ("Company name", Some(Label::Other)),
            ("Reported by", Some(Label::Person)),
            ("accountNumber", Some(Label::Account)),
            ("order", Some(Label::Other)),
            ("The quick brown", None),
        ] {
            assert_eq!(classify(name), label, "{name}");
        }
    }

    #[test]
    fn members_columns_elements_and_lines_are_fields() {
        for (text, value, label) in [
            (r#"{"lead":{"name":"Ann Lee","x":1}}"#, "Ann Lee", Label::Person),
            ("name,dob\nAnn,1990-01-02\n", "1990-01-02", Label::Birth),
            ("Phone: 123\n", "123", Label::Phone),
            ("TEL;TYPE=cell:+1 2", "+1 2", Label::Phone),
            ("<th>Name</th><td>Ann</td>", "Ann", Label::Person),
            ("<dob>1.1.1990</dob>", "1.1.1990", Label::Birth),
            ("t=1 user=ann x=2", "ann x=2", Label::Person),
        ] {
            let fields = Fields::of(text, &mut None);
            assert!(
                fields.iter().any(|field| &text[field.at.clone()] == value && field.label == label),
                "{text}: {:?}",
                fields.0
            );
        }
    }
}
