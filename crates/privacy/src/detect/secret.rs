//! Keys, tokens, passwords.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{Found, Page, after, before, field::Label, mark::Topic, pattern};
use crate::{checksum::national::codice_fiscale, kind::Kind};

/// Beginnings that vendors give their secrets: what may follow, at least and at most how much.
const VENDORS: &[(&str, &str, usize, usize)] = &[
    ("AKIA", "A0", 16, 16),
    ("ASIA", "A0", 16, 16),
    ("AROA", "A0", 16, 16),
    ("AIDA", "A0", 16, 16),
    ("ABIA", "A0", 16, 16),
    ("ghp_", "a0", 20, 255),
    ("gho_", "a0", 20, 255),
    ("EAACEdEose0cBA", "a0", 20, 250),
    ("ghu_", "a0", 20, 255),
    ("ghs_", "a0", 20, 255),
    ("ghr_", "a0", 20, 255),
    ("github_pat_", "a0_", 22, 255),
    ("glpat-", "a0_-", 20, 64),
    ("gldt-", "a0_-", 20, 64),
    ("glrt-", "a0_-", 20, 64),
    ("glptt-", "a0_-", 20, 64),
    ("xoxb-", "a0-", 10, 250),
    ("xoxa-", "a0-", 10, 250),
    ("xoxp-", "a0-", 10, 250),
    ("xoxr-", "a0-", 10, 250),
    ("xoxs-", "a0-", 10, 250),
    ("xoxe-", "a0-", 10, 250),
    ("xoxe.xoxp-", "a0-", 10, 250),
    ("xapp-", "a0-", 10, 250),
    ("sk-proj-", "a0_-", 16, 250),
    ("sk-ant-", "a0_-", 16, 250),
    ("sk-svcacct-", "a0_-", 16, 250),
    ("sk-or-", "a0_-", 16, 250),
    ("sk-", "a0_-", 20, 250),
    ("rk-", "a0_-", 20, 250),
    ("sk_live_", "a0_", 10, 250),
    ("sk_test_", "a0_", 10, 250),
    ("rk_live_", "a0_", 10, 250),
    ("rk_test_", "a0_", 10, 250),
    ("pk_live_", "a0_", 16, 250),
    ("sk_", "a0", 24, 250),
    ("whsec_", "a0+/=", 16, 250),
    ("rzp_live_", "a0", 10, 40),
    ("rzp_test_", "a0", 10, 40),
    ("AIza", "a0_-", 33, 39),
    ("ya29.", "a0_-", 20, 250),
    ("GOCSPX-", "a0_-", 20, 40),
    ("1//0", "a0_-", 30, 250),
    ("SG.", "a0_-.", 32, 120),
    ("npm_", "a0", 30, 60),
    ("pypi-", "a0_-", 32, 250),
    ("hf_", "a0", 30, 60),
    ("dop_v1_", "a0", 32, 70),
    ("doo_v1_", "a0", 32, 70),
    ("dor_v1_", "a0", 32, 70),
    ("shpat_", "a0", 30, 40),
    ("shpca_", "a0", 30, 40),
    ("shppa_", "a0", 30, 40),
    ("shpss_", "a0", 30, 40),
    ("sq0atp-", "a0_-", 20, 60),
    ("sq0csp-", "a0_-", 20, 60),
    ("EAAA", "a0_-", 56, 90),
    ("dapi", "h", 32, 34),
    ("lin_api_", "a0", 20, 60),
    ("lin_oauth_", "a0", 20, 80),
    ("secret_", "a0", 40, 50),
    ("ntn_", "a0", 40, 60),
    ("figd_", "a0_-", 30, 60),
    ("phc_", "a0", 30, 60),
    ("phx_", "a0", 30, 60),
    ("sntrys_", "a0_=", 40, 250),
    ("dckr_pat_", "a0_-", 20, 60),
    ("glsa_", "a0_", 30, 60),
    ("glc_", "a0=+/", 32, 250),
    ("NRAK-", "a0", 20, 40),
    ("NRJS-", "a0", 16, 40),
    ("PMAK-", "a0-", 40, 80),
    ("ATATT3", "a0_-=", 60, 250),
    ("ATCTT3", "a0_-=", 60, 250),
    ("AGE-SECRET-KEY-1", "A0", 50, 70),
    ("xkeysib-", "a0-", 60, 120),
    ("pat-na1-", "h-", 30, 40),
    ("pat-eu1-", "h-", 30, 40),
    ("mlsn.", "h", 40, 70),
    ("key-", "h", 32, 32),
    ("r8_", "a0", 30, 40),
    ("tfp_", "a0_", 40, 70),
    ("sbp_", "h", 40, 40),
    ("hvs.", "a0_-", 20, 200),
    ("hvb.", "a0_-", 20, 300),
    ("s.", "a0", 24, 24),
    ("rubygems_", "h", 40, 50),
    ("CCIPAT_", "a0_", 30, 120),
    ("gsk_", "a0", 40, 60),
    ("pplx-", "a0", 40, 60),
    ("AccountKey=", "a0+/=", 40, 100),
    ("SharedAccessKey=", "a0+/=", 30, 100),
    ("tok_live_", "a0", 10, 60),
    ("FLWSECK-", "a0-", 20, 60),
    ("FLWSECK_TEST-", "a0-", 20, 60),
    ("access_token$production$", "a0$", 20, 80),
    ("ops_eyJ", "a0_-", 40, 4000),
    ("doppler_pat_", "a0", 30, 60),
    ("dp.pt.", "a0", 30, 60),
    ("dp.st.", "a0._-", 30, 80),
    ("frk_live_", "a0", 16, 80),
    ("cio_live_", "a0", 16, 80),
    ("live_", "a0", 30, 60),
    ("test_", "a0", 35, 60),
    ("eyJ", "a0_-.=", 20, 8000),
    ("AC", "h", 32, 32),
    ("SK", "h", 32, 32),
];

/// Beginnings of secrets with a shape of their own.
const OTHERS: &[&str] = &[
    "-----BEGIN ",
    "://",
    "hooks.slack.com/",
    "bearer ",
    "basic ",
    "discord.com/api/webhooks/",
    "-u ",
    "--user ",
];

/// The beginnings of secrets: the vendors', then the others.
pub(super) fn beginnings() -> impl Iterator<Item = &'static str> {
    VENDORS.iter().map(|vendor| vendor.0).chain(OTHERS.iter().copied())
}

/// `password: x`, `"api_key": "x"`, `PWD=x`, `the password for the portal is x`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)^(passw(?:or)?d|passwd|pwd|pw|pass(?:phrase|code)?|passwort|kennwort|contraseña|contrasena|clave|senha|mot de passe|wachtwoord|lösenord|hasło|heslo|parola|secrets?|api[_ \-]?(?:key|token|secret)s?|access[_ \-]?(?:key|token)(?:[_ \-]?id)?|auth[_ \-]?(?:token|key)|client[_ \-]?secret|(?:secret|signing|encryption|license|service|webhook)[_ \-]?(?:access[_ \-]?)?(?:key|secret)|private[_ \-]?key|tokens?|pin|otp|credentials?|creds|keys?|x-api-key|authorization|accountkey|sharedaccesskey|bearer|パスワード|密码|пароль)(?:[_\-](?:[a-z]{1,12}))?["'`*]{0,2}((?:\s{1,3}(?:for|to|of|on|in|we use|you gave|i use|i set|i used|used|the|this|our|your|my|new|old|current|temporary|temp|account|portal|server|user|admin|api|login|vpn|wifi|wi-fi|database|db|prod|production|staging|sandbox|test|vault|sso|ftp|sftp|for now|again|here|has been set|was set|was changed|changed|reset|set)\b){0,5})(\s{0,3}(?:=>|:=|[:=→])\s{0,3}(?:is\s)?|\s{1,2}(?:is|ist|was|are|lautet|es|est|è|é|er|är|jest|to)\s?:?\s{1,2}(?:now\s)?|\s{1,2}(?=["'`])|\s)["'`*\\]{0,2}([^\s"'`<>,;|\x1f\\]{4,300})"#
            .replace(r#"\s{1,2}(?=["'`])|"#, "")
            .as_str(),
    )
});

static URL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^://[^\s:@/\x1f]{0,80}:([^\s@/\x1f<>]{1,200})@"));
static BEARER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:bearer|basic)\s+([A-Za-z0-9+/_\-.=~]{12,4000})"));
static BASIC: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"^(?:-u|--user) ['"]?[A-Za-z0-9._@\-]{1,60}:([^\s'"]{4,100})"#));
static HOOK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord\.com/api/webhooks)/[A-Za-z0-9/_\-]{20,140}",
    )
});
static END: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"-----END [A-Z0-9 ]*(?:PRIVATE KEY|KEY BLOCK)[A-Z ]*-----"));

/// Words after "password is" or "token:" that are no password.
const HARMLESS: &str = "reset change changed expired expires required protected policy manager invalid \
    incorrect correct wrong missing not null none true false redacted hidden removed \
    example here string rotation rotated refresh stored the this that your still being \
    also never usage limit field page link form prompt rules strength length hash screen \
    working needed optional enabled disabled unknown empty undefined sent send used using \
    compromised leaked locked blocked failing broken gone lost forgotten accepted rejected \
    valid revoked issue problem issues about from with when after before because which \
    please thanks could would should there they what some same different secure safe done \
    generation ring value values error errors based auth authentication accounts count \
    points point feature features contact person metrics takeaways findings results stakeholders \
    account accounts users customers customer team stakeholder dates date topics topic numbers reset. \
    word words code codes shared between visible saved created only available available. stays";

pub(super) fn find(page: &Page<'_>, found: &mut Vec<Found>) {
    let text = page.text;
    let mut from = 0;
    for (hit, index) in page.marks.beginnings() {
        if hit.start < from {
            continue;
        }
        from = hit.end;
        // Case matters to vendors and not to the others.
        let taken = match VENDORS.get(*index) {
            Some((prefix, class, least, most)) if text[hit.clone()] == **prefix => {
                vendor(text, hit.clone(), class, *least, *most).map(|at| (at, "secret/vendor", 98))
            }
            Some(_) => None,
            None => other(text, hit.start, OTHERS[index - VENDORS.len()]),
        };
        if let Some((at, rule, score)) = taken
            && !stands_for_one(&text[at.clone()])
        {
            from = at.end.max(from);
            push(text, at, rule, score, found);
        }
    }
    let mut last = 0;
    for mark in page.marks.iter(Topic::Secret) {
        if mark.start < last {
            continue;
        }
        if let Some(at) = named(page, mark.start) {
            last = at.end;
            push(text, at, "secret/named", 90, found);
        }
    }
    for field in page.fields.iter().filter(|field| field.label == Label::Secret) {
        let raw = &text[field.at.clone()];
        let end =
            raw.find(|c: char| c.is_whitespace() || "\"'`<>,;|".contains(c)).unwrap_or(raw.len());
        let value = raw[..end].trim_end_matches(['.', ')', ']', '}']);
        if value.len() >= 6
            && !value.starts_with("eyJ")
            && is_random(value)
            && !stands_for_one(value)
        {
            push(text, field.at.start..field.at.start + value.len(), "secret/field", 88, found);
        }
    }
    if page.marks.any(Topic::Secret) {
        loose(page, found);
    }
}

fn push(text: &str, at: Range<usize>, rule: &'static str, score: u8, found: &mut Vec<Found>) {
    let canonical = text[at.clone()].to_owned();
    found.push(Found::new(at, Kind::Secret, canonical, rule, score));
}

/// The secret that starts with a vendor's prefix.
fn vendor(
    text: &str,
    prefix: Range<usize>,
    class: &str,
    least: usize,
    most: usize,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if prefix.start > 0
        && (bytes[prefix.start - 1].is_ascii_alphanumeric()
            || bytes[prefix.start - 1] == b'_' && class != "a0"
            // The second part of a token that has begun before.
            || bytes[prefix.start - 1] == b'.' && text[prefix.start..].starts_with("eyJ"))
    {
        return None;
    }
    let fits = |byte: u8| match byte {
        b'0'..=b'9' => true,
        b'A'..=b'Z' => class.contains(['A', 'a']) || class.starts_with('h') && byte <= b'F',
        b'a'..=b'z' => class.contains('a') || class.starts_with('h') && byte <= b'f',
        _ => class.as_bytes().contains(&byte) && !byte.is_ascii_alphanumeric(),
    };
    let length = bytes[prefix.end..].iter().take(most + 1).take_while(|byte| fits(**byte)).count();
    let mut end = prefix.end + length;
    while end > prefix.end && matches!(bytes[end - 1], b'.' | b'-' | b'_') && class != "a0_-" {
        end -= 1;
    }
    let body = &text[prefix.end..end];
    let named = text[prefix.clone()].ends_with('=');
    let start = if named { prefix.end } else { prefix.start };
    // Prefixes that are words too need a body that is none.
    let wordy = prefix.len() <= 6
        && body.len() < 40
        && body.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'));
    let token = !text[prefix.start..].starts_with("eyJ")
        || body.matches('.').count() >= 1
        || body.len() > 60;
    (body.len() >= least && length <= most && !wordy && token).then_some(start..end)
}

/// A secret that begins otherwise.
fn other(text: &str, at: usize, beginning: &str) -> Option<(Range<usize>, &'static str, u8)> {
    let rest = &text[at..];
    let group = |regex: &Regex, index: usize| {
        regex
            .captures(rest)
            .and_then(|captures| captures.get(index))
            .map(|hit| at + hit.start()..at + hit.end())
    };
    match beginning {
        "-----BEGIN " => {
            let head = rest
                .get(..rest.len().min(60))
                .or_else(|| rest.get(..rest.floor_char_boundary(60)))?;
            if !head.contains("PRIVATE KEY") {
                return None;
            }
            // Cut off, everything that can be a key is one.
            let body = || {
                let cut = rest.find(|c: char| {
                    !(c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "+/=-:,.".contains(c))
                });
                at + rest[..cut.unwrap_or(rest.len())].trim_end().len()
            };
            let end = END.find(rest).map_or_else(body, |hit| at + hit.end());
            Some((at..end, "secret/pem", 99))
        }
        "://" => group(&URL, 1).map(|at| (at, "secret/url", 97)),
        "bearer " | "basic " => {
            let at = group(&BEARER, 1)?;
            is_random(&text[at.clone()]).then_some((at, "secret/bearer", 95))
        }
        "-u " | "--user " => group(&BASIC, 1).map(|at| (at, "secret/basic", 90)),
        _ => group(&HOOK, 0).map(|at| (at, "secret/hook", 97)),
    }
}

/// The value that a word such as "password" at a place announces.
fn named(page: &Page<'_>, at: usize) -> Option<Range<usize>> {
    let mut end = (at + 420).min(page.text.len());
    while !page.text.is_char_boundary(end) {
        end -= 1;
    }
    let captures = NAMED.captures(&page.text[at..end])?;
    let (name, between, joint, value) =
        (captures.get(1)?, captures.get(2)?, captures.get(3)?, captures.get(4)?);
    let raw = value.as_str();
    let mut secret = raw.trim_end_matches(['.', ')', ']', '}', '?', ':', '*']);
    // An exclamation mark may well end a password; a full stop rather ends the sentence.
    if let Some(rest) = secret.strip_suffix('!')
        && rest.bytes().all(|byte| byte.is_ascii_lowercase())
    {
        secret = rest;
    }
    if let Some(inner) = secret.find(['(', '[', '{']).filter(|at| *at >= 4)
        && (secret[inner..].len() > 12 || raw.ends_with(')'))
    {
        secret = &secret[..inner];
    }
    let sign = joint.as_str().trim();
    let said = sign.chars().all(char::is_alphabetic) && !sign.is_empty();
    let bare = sign.is_empty();
    let name = name.as_str().to_lowercase();
    let password = name.starts_with("pass")
        || matches!(
            &*name,
            "pwd"
                | "pw"
                | "passwort"
                | "kennwort"
                | "contraseña"
                | "senha"
                | "mot de passe"
                | "wachtwoord"
                | "parola"
                | "clave"
                | "hasło"
                | "heslo"
                | "パスワード"
                | "密码"
                | "пароль"
        );
    let lower = secret.to_lowercase();
    let code = matches!(&*name, "pin" | "otp" | "passcode");
    // `Winter-543`
    let worded = password
        && secret.bytes().any(|byte| byte.is_ascii_digit())
        && secret.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !secret.contains(['/', '.', '@']);
    if secret.chars().count() < 4
        || stands_for_one(secret)
        || HARMLESS.split(' ').any(|word| *word == *lower)
        || is_known_shape(secret)
            && !worded
            && !(is_uuid(secret) && (password || name.contains("secret") || name.contains("api")))
    {
        return None;
    }
    let mixed = is_random(secret)
        || secret.bytes().any(|byte| byte.is_ascii_digit())
            && secret.bytes().any(|byte| byte.is_ascii_alphabetic());
    let symbols = secret.bytes().filter(u8::is_ascii_punctuation).count() > 0
        && !secret.contains("://")
        && !secret.ends_with(['-', '/']);
    let upper_inside = secret.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
        && secret.bytes().any(|byte| byte.is_ascii_lowercase());
    let accepted = if bare {
        // `password hunter2`, `token 8f3k…`
        between.as_str().is_empty()
            && (password && mixed && secret.len() >= 6
                || mixed && is_random(secret) && secret.len() >= 16)
            || code && secret.len() <= 8 && secret.bytes().all(|byte| byte.is_ascii_digit())
    } else if code {
        secret.bytes().any(|byte| byte.is_ascii_digit())
    } else if password {
        !said || mixed || symbols || upper_inside
    } else {
        let strong = secret.len() >= 8 && (mixed || symbols && upper_inside);
        let loose = matches!(
            &*name,
            "key"
                | "keys"
                | "token"
                | "tokens"
                | "secret"
                | "secrets"
                | "credentials"
                | "creds"
                | "credential"
                | "bearer"
        );
        strong && (!loose || is_random(secret)) || !loose && !said && secret.len() >= 6 && mixed
    };
    accepted.then(|| at + value.start()..at + value.start() + secret.len())
}

/// Long random words near "key", "token" or "secret" that nothing else explains.
fn loose(page: &Page<'_>, found: &mut Vec<Found>) {
    let bytes = page.text.as_bytes();
    let mut at = 0;
    let part = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=' | b'.' | b'~')
    };
    while at < bytes.len() {
        if !part(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && part(bytes[at]) {
            at += 1;
        }
        if at - start < 16 {
            continue;
        }
        let value = page.text[start..at].trim_matches(['.', '=', '-', '/']);
        let start = start
            + (page.text[start..at].len()
                - page.text[start..at].trim_start_matches(['.', '=', '-', '/']).len());
        // `name=value`
        let (start, value) = value
            .rsplit_once('=')
            .filter(|(head, tail)| !tail.is_empty() && head.len() < 40)
            .map_or((start, value), |(head, tail)| (start + head.len() + 1, tail));
        if value.len() < 16
            || !is_random(value)
            || is_known_shape(value)
            || stands_for_one(value)
            || before(page.text, start).is_some_and(|c| c == '@' || c == '$' || c == '#')
            || after(page.text, start + value.len()) == Some('@')
            || page.text[..start].ends_with("//")
            || is_host(value.split('/').next().unwrap_or(value))
            || value.len() == 16 && codice_fiscale(value.as_bytes())
            || page.fields.labels(start).next() == Some(Label::Other)
        {
            continue;
        }
        let near = page.nearest(
            start,
            48,
            &[
                Topic::Secret,
                Topic::Digest,
                Topic::Reference,
                Topic::Card,
                Topic::Bank,
                Topic::Version,
            ],
        );
        if near == Some(Topic::Secret) {
            push(page.text, start..start + value.len(), "secret/random", 75, found);
        }
    }
}

/// Whether letters and digits are mixed as no word or number mixes them.
fn is_random(value: &str) -> bool {
    let bytes = value.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 || digits == 0 && bytes.len() < 20 {
        return false;
    }
    // How often the sort of character changes.
    let sort = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let changes = bytes.windows(2).filter(|pair| sort(pair[0]) != sort(pair[1])).count();
    changes * 5 >= bytes.len() || digits >= 2 && changes >= 4
}

/// A UUID, an address of the web or of mail, a path, a date, a number: something else.
fn is_known_shape(value: &str) -> bool {
    let uuid = is_uuid(value);
    let host = value.contains('.')
        && value.split('.').all(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let words = value.split(['-', '_', '/', '.']).all(|part| {
        part.len() < 20
            && (part.bytes().all(|byte| byte.is_ascii_alphabetic())
                || part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let mail = value.contains('@')
        && value.rsplit('@').next().is_some_and(|host| host.contains('.'))
        && !value.contains([':', '/'])
        && value.split('@').count() == 2
        && value.len() > 6
        && host_like(value);
    uuid || host
        || words && value.contains(['-', '_', '/', '.']) && value.len() > 8
        || value.contains("://")
        || value.starts_with("www.")
        || mail
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| {
            if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

/// `api.example.com`
fn is_host(value: &str) -> bool {
    value.contains('.')
        && value.split('.').all(|part| {
            !part.is_empty()
                && part.len() < 24
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        })
}

fn host_like(value: &str) -> bool {
    value.rsplit('.').next().is_some_and(|top| {
        (2..=6).contains(&top.len()) && top.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

/// Whether a value only marks the place of a secret: `${TOKEN}`, `****`, `<key>`, `{{ key }}`.
fn stands_for_one(value: &str) -> bool {
    let upper = value.to_uppercase();
    value.starts_with("${")
        || value.starts_with("{{")
        || value.starts_with("$(")
        || value.starts_with('$')
            && value[1..]
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
        || value.starts_with('%') && value.ends_with('%')
        || value.starts_with('<')
        || value.starts_with('[')
        || value.starts_with("process.env")
        || value.starts_with("os.environ")
        || value.chars().all(|c| "*•xX.-_…●#?".contains(c))
        || value.chars().filter(|c| matches!(c, '*' | '•' | '●')).count() >= 4
        || [
            "REDACTED",
            "YOUR_",
            "YOUR-",
            "_HERE",
            "EXAMPLE_",
            "CHANGEME",
            "PLACEHOLDER",
            "XXXXXX",
            "MY_API",
            "INSERT_",
            "DUMMY",
        ]
        .iter()
        .any(|word| upper.contains(word))
}

/// Compiles the expressions, so that the first text does not wait for them.
pub(super) fn warm_up() {
    for regex in [&NAMED, &URL, &BEARER, &BASIC, &HOOK, &END] {
        LazyLock::force(regex);
    }
}
