//! Forms a value is written in: as it is, and in the disguises that tickets and models bring.

/// A way to write a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Exact,
    Upper,
    Lower,
    ZeroWidth,
    SoftHyphen,
    FullWidth,
    NoBreakSpace,
    LookAlikes,
    Entities,
    Percent,
    AtAndDot,
    AtAndDotInWords,
    SpacedDigits,
    PunctuatedDigits,
    NoCountry,
    Dialled,
    LastFirst,
    NoDiacritics,
    SplitBetween,
    SplitWithin,
    Quoted,
    Tags,
    Genitive,
}

impl Form {
    pub(super) const ALL: [Self; 23] = [
        Self::Exact,
        Self::Upper,
        Self::Lower,
        Self::ZeroWidth,
        Self::SoftHyphen,
        Self::FullWidth,
        Self::NoBreakSpace,
        Self::LookAlikes,
        Self::Entities,
        Self::Percent,
        Self::AtAndDot,
        Self::AtAndDotInWords,
        Self::SpacedDigits,
        Self::PunctuatedDigits,
        Self::NoCountry,
        Self::Dialled,
        Self::LastFirst,
        Self::NoDiacritics,
        Self::SplitBetween,
        Self::SplitWithin,
        Self::Quoted,
        Self::Tags,
        Self::Genitive,
    ];

    /// The value in this form; none where it makes no difference, or no sense.
    pub(super) fn of(self, value: &str, kind: &str) -> Option<String> {
        let name = kind == "other_name";
        let digits = matches!(kind, "other_phone" | "card");
        let letters = matches!(kind, "other_name" | "other_org" | "other_email");
        let shown = match self {
            Self::Exact => return Some(value.to_owned()),
            Self::Upper if letters => value.to_uppercase(),
            Self::Lower if letters => value.to_lowercase(),
            Self::ZeroWidth => spread(value, "\u{200b}"),
            Self::SoftHyphen => spread(value, "\u{ad}"),
            Self::FullWidth => value.chars().map(wide).collect(),
            Self::NoBreakSpace => value.replace(' ', "\u{a0}"),
            Self::LookAlikes if letters => look_alikes(value),
            Self::Entities => value
                .chars()
                .fold(String::new(), |shown, c| shown + &format!("&#{};", u32::from(c))),
            Self::Percent => value.bytes().map(percent).collect(),
            Self::AtAndDot if kind == "other_email" => {
                value.replace('@', " [at] ").replace('.', " [dot] ")
            }
            Self::AtAndDotInWords if kind == "other_email" => {
                value.replace('@', " at ").replace('.', " dot ")
            }
            Self::SpacedDigits if digits => only_digits(value, " "),
            Self::PunctuatedDigits if digits => only_digits(value, "."),
            Self::NoCountry if kind == "other_phone" && value.starts_with('+') => {
                value.split_once(' ')?.1.trim_start_matches("(0)").trim().to_owned()
            }
            Self::Dialled if kind == "other_phone" => value.replacen('+', "00", 1),
            Self::LastFirst if name => {
                let (first, last) = value.rsplit_once(' ')?;
                format!("{last}, {first}")
            }
            Self::NoDiacritics if name => value.chars().map(plain).collect(),
            Self::SplitBetween => value.replacen(' ', "\n", 1),
            Self::SplitWithin => {
                let at = value.char_indices().nth(value.chars().count() / 2)?.0;
                format!("{}\n{}", &value[..at], &value[at..])
            }
            Self::Quoted => value.replacen(' ', "\n> ", 1),
            Self::Tags if kind != "other_email" => {
                format!("<b>{}</b>", value.replacen(' ', "</b> <b>", 1))
            }
            Self::Genitive if name || kind == "other_org" => format!("{value}'s"),
            _ => return None,
        };
        (shown != value).then_some(shown)
    }
}

fn spread(value: &str, sign: &str) -> String {
    value.chars().flat_map(|c| std::iter::once(c).chain(sign.chars())).collect()
}

fn only_digits(value: &str, between: &str) -> String {
    let digits: Vec<String> =
        value.chars().filter(char::is_ascii_digit).map(String::from).collect();
    digits.join(between)
}

fn wide(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        c => c,
    }
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// One or two letters, so that the word mixes scripts.
fn look_alikes(value: &str) -> String {
    let mut left = 2;
    value
        .chars()
        .map(|c| {
            let other = match c {
                'a' => '\u{430}',
                'e' => '\u{435}',
                'o' => '\u{43e}',
                'p' => '\u{440}',
                'c' => '\u{441}',
                'i' => '\u{456}',
                'x' => '\u{445}',
                c => c,
            };
            if other != c && left > 0 {
                left -= 1;
                other
            } else {
                c
            }
        })
        .collect()
}

fn plain(c: char) -> char {
    match c {
        'á' | 'à' | 'ä' | 'å' | 'ã' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ï' => 'i',
        'ó' | 'ö' | 'ø' | 'ô' => 'o',
        'ú' | 'ü' => 'u',
        'ñ' | 'ń' => 'n',
        'ç' | 'ć' => 'c',
        'Ö' | 'Ø' => 'O',
        'Å' | 'Á' => 'A',
        'É' => 'E',
        'ł' => 'l',
        'Ł' => 'L',
        'š' | 'ś' => 's',
        'Š' => 'S',
        'ž' => 'z',
        c => c,
    }
}
