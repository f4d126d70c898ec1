//! What companies are called.

const STEMS: [&str; 64] = [
    "Bright", "North", "Silver", "Iron", "Cedar", "Amber", "Clear", "Stone", "Blue", "Red",
    "Swift", "Golden", "Quiet", "High", "Low", "Far", "Green", "White", "Black", "Grey", "Long",
    "Broad", "Deep", "Still", "Wild", "Fair", "Frost", "Sun", "Moon", "Star", "Sky", "Sea",
    "River", "Lake", "Hill", "Glen", "Oak", "Elm", "Ash", "Birch", "Pine", "Maple", "Willow",
    "Hazel", "Rowan", "Alder", "Linden", "Juniper", "Copper", "Cobalt", "Quartz", "Flint", "Slate",
    "Granite", "Marble", "Onyx", "Falcon", "Heron", "Otter", "Lynx", "Raven", "Finch", "Badger",
    "Stag",
];
const ENDINGS: [&str; 48] = [
    "fjord", "field", "bridge", "gate", "haven", "ridge", "brook", "water", "wood", "grove",
    "mill", "point", "shore", "crest", "vale", "moor", "marsh", "ford", "well", "spring", "peak",
    "cliff", "dale", "heath", "hollow", "meadow", "glade", "reach", "harbour", "quay", "pier",
    "light", "tower", "hall", "house", "yard", "court", "lane", "way", "path", "loom", "forge",
    "kiln", "anvil", "wheel", "sail", "anchor", "beacon",
];
/// The last word of a company's name, and its line of business.
const SECTORS: [(&str, &str); 36] = [
    ("Logistics", "Logistics"),
    ("Robotics", "Manufacturing"),
    ("Foods", "Food"),
    ("Energy", "Energy"),
    ("Health", "Healthcare"),
    ("Clinics", "Healthcare"),
    ("Textiles", "Manufacturing"),
    ("Capital", "Financial services"),
    ("Insurance", "Insurance"),
    ("Learning", "Education"),
    ("Media", "Media"),
    ("Studios", "Media"),
    ("Retail", "Retail"),
    ("Outfitters", "Retail"),
    ("Travel", "Travel"),
    ("Hotels", "Hospitality"),
    ("Freight", "Logistics"),
    ("Marine", "Logistics"),
    ("Optics", "Manufacturing"),
    ("Instruments", "Manufacturing"),
    ("Software", "Software"),
    ("Analytics", "Software"),
    ("Networks", "Telecommunications"),
    ("Mobile", "Telecommunications"),
    ("Homes", "Real estate"),
    ("Estates", "Real estate"),
    ("Legal", "Professional services"),
    ("Advisory", "Professional services"),
    ("Builders", "Construction"),
    ("Timber", "Construction"),
    ("Farms", "Agriculture"),
    ("Seeds", "Agriculture"),
    ("Pharma", "Life sciences"),
    ("Biotech", "Life sciences"),
    ("Motors", "Automotive"),
    ("Aero", "Aerospace"),
];

/// A company's name, unlike any other's of the same seed.
pub(crate) struct Firm {
    /// Without the legal form: `Brightfjord Logistics`.
    pub(crate) name: String,
    /// `brightfjord-logistics.example`.
    pub(crate) domain: String,
    /// Line of business.
    pub(crate) industry: &'static str,
}

impl Firm {
    /// The name of an account; different accounts have different names.
    pub(crate) fn of(seed_shift: u64, account: u64) -> Self {
        const NAMES: u64 = (STEMS.len() * ENDINGS.len() * SECTORS.len()) as u64;
        // A step without a common factor with the number of names visits each before any twice.
        const STEP: u64 = 48_271;
        let round = account / NAMES;
        let place = ((account % NAMES) * STEP + seed_shift % NAMES) % NAMES;
        let (sector, industry) = SECTORS[(place % 36) as usize];
        let ending = ENDINGS[(place / 36 % 48) as usize];
        let stem = STEMS[(place / 36 / 48) as usize];
        let (number, suffix) = if round == 0 {
            (String::new(), String::new())
        } else {
            (format!(" {}", round + 1), format!("-{}", round + 1))
        };
        Self {
            name: format!("{stem}{ending} {sector}{number}"),
            domain: format!(
                "{}{ending}-{}{suffix}.example",
                stem.to_lowercase(),
                sector.to_lowercase()
            ),
            industry,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_companies_share_a_name_or_a_domain() {
        let mut seen = HashSet::new();
        for account in 0..120_000 {
            let firm = Firm::of(7, account);
            assert!(seen.insert(firm.domain.clone()), "{} twice", firm.domain);
        }
    }
}
