//! Where customers are: country, clock, language and how telephone numbers look there.

use crate::chance::Chance;

/// A language tickets and letters are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
}

/// A country customers are in.
pub(crate) struct Place {
    /// The country's name.
    pub(crate) country: &'static str,
    /// How companies there end their names.
    pub(crate) legal: &'static [&'static str],
    /// IANA time zones.
    pub(crate) zones: &'static [&'static str],
    /// BCP 47 tags, likeliest first.
    pub(crate) locales: &'static [(&'static str, f64)],
    /// Telephone numbers kept for fiction by the country's regulator; `#` is any digit. Empty
    /// where there is no such range: nobody there has a number.
    pub(crate) phones: &'static [&'static str],
    /// Where most people's names come from, as an index of the table of names.
    pub(crate) origin: usize,
}

/// The countries and how many of a hundred customers are there.
pub(crate) const PLACES: [(Place, f64); 8] = [
    (
        Place {
            country: "United States",
            legal: &["Inc.", "LLC", "Corp."],
            zones: &[
                "America/New_York",
                "America/Chicago",
                "America/Denver",
                "America/Los_Angeles",
            ],
            locales: &[("en-US", 0.9), ("es-US", 0.1)],
            phones: &[
                "(212) 555-01##",
                "+1 312-555-01##",
                "415.555.01##",
                "1-303-555-01##",
                "(617) 555 01##",
            ],
            origin: 0,
        },
        30.0,
    ),
    (
        Place {
            country: "Germany",
            legal: &["GmbH", "AG", "GmbH & Co. KG"],
            zones: &["Europe/Berlin"],
            locales: &[("de-DE", 0.85), ("en-GB", 0.15)],
            phones: &[
                "030 23125-###",
                "+49 30 23125 ###",
                "(069) 90009 ###",
                "+49 (0)40 66969-###",
                "0221/4710###",
                "+49 89 99998 ###",
            ],
            origin: 1,
        },
        18.0,
    ),
    (
        Place {
            country: "United Kingdom",
            legal: &["Ltd", "plc"],
            zones: &["Europe/London"],
            locales: &[("en-GB", 1.0)],
            phones: &[
                "020 7946 0###",
                "+44 20 7946 0###",
                "07700 900###",
                "+44 7700 900 ###",
                "0161 496 0###",
                "(0131) 496 0###",
            ],
            origin: 0,
        },
        14.0,
    ),
    (
        Place {
            country: "France",
            legal: &["SAS", "SA", "SARL"],
            zones: &["Europe/Paris"],
            locales: &[("fr-FR", 0.9), ("en-GB", 0.1)],
            phones: &[
                "01 99 00 ## ##",
                "+33 1 99 00 ## ##",
                "+33 (0)6 39 98 ## ##",
                "04.65.71.##.##",
                "0261 91 ## ##",
            ],
            origin: 2,
        },
        12.0,
    ),
    (
        Place {
            country: "Spain",
            legal: &["S.L.", "S.A."],
            zones: &["Europe/Madrid", "Atlantic/Canary"],
            locales: &[("es-ES", 0.9), ("en-GB", 0.1)],
            phones: &[],
            origin: 3,
        },
        8.0,
    ),
    (
        Place {
            country: "Sweden",
            legal: &["AB"],
            zones: &["Europe/Stockholm"],
            locales: &[("en-SE", 1.0)],
            phones: &["08-465 004 ##", "+46 8 465 004 ##", "031-390 06 ##", "+46 40 628 04 ##"],
            origin: 4,
        },
        7.0,
    ),
    (
        Place {
            country: "Canada",
            legal: &["Inc.", "Ltd."],
            zones: &["America/Toronto", "America/Vancouver"],
            locales: &[("en-CA", 0.75), ("fr-CA", 0.25)],
            phones: &["+1 416-555-01##", "(514) 555-01##", "604-555-01##"],
            origin: 0,
        },
        6.0,
    ),
    (
        Place {
            country: "Australia",
            legal: &["Pty Ltd"],
            zones: &["Australia/Sydney", "Australia/Perth"],
            locales: &[("en-AU", 1.0)],
            phones: &["(02) 5550 ####", "+61 3 7010 ####", "07 5550 ####"],
            origin: 0,
        },
        5.0,
    ),
];

impl Place {
    /// A country by its share of the customers.
    pub(crate) fn draw(chance: &mut Chance) -> &'static Self {
        let total: f64 = PLACES.iter().map(|(_, weight)| weight).sum();
        let mut left = chance.unit() * total;
        for (place, weight) in &PLACES {
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
        &PLACES[0].0
    }

    /// A number of this country that rings nowhere, if there are any.
    pub(crate) fn phone(&self, chance: &mut Chance) -> Option<String> {
        if self.phones.is_empty() {
            return None;
        }
        let pattern = chance.pick(self.phones);
        Some(pattern.chars().map(|c| if c == '#' { digit(chance) } else { c }).collect())
    }
}

impl Language {
    /// The language of a BCP 47 tag.
    pub(crate) fn of(locale: &str) -> Self {
        match locale.get(..2) {
            Some("de") => Self::German,
            Some("fr") => Self::French,
            Some("es") => Self::Spanish,
            _ => Self::English,
        }
    }
}

fn digit(chance: &mut Chance) -> char {
    char::from(b"0123456789"[chance.index(10)])
}
