//! Postal addresses: a street with its number, and the lines of unit, postcode and city around it.

#![expect(
    clippy::too_many_lines,
    reason = "rules in the order in which they are tried read best together"
)]

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{Found, Page, before, field::Label, mark::Topic, pattern};
use crate::{kind::Kind, lexicon::look_up};

/// Words that end the name of a street and need nothing else to be one.
const STREETS: &str = "street st avenue ave av road rd lane ln drive dr boulevard blvd court ct place pl square sq terrace ter highway hwy parkway pkwy circle cir crescent cres close way mews row alley alleyway broadway esplanade freeway turnpike expressway gardens wharf quay promenade parade strand walk grove rise hill gate";
/// Words that end the name of a street only before a city and a postcode.
const STREET_LIKE: &str = "anex arcade bayou beach bend bluff bluffs bottom branch bridge brook brooks burg burgs bypass camp canyon cape causeway center centers centre circles cliff cliffs club common commons corner corners course courts cove coves creek crest crossing crossroad crossroads curve dale dam divide drives estate estates extension extensions fall falls ferry field fields flat flats ford fords forest forge forges fork forks fort garden gateway glen glens green greens groves harbor harbors harbour haven heights hills hollow inlet island islands isle junction junctions key keys knoll knolls lake lakes land landing light lights loaf lock locks lodge loop mall manor manors meadow meadows mill mills mission motorway mount mountain mountains neck orchard oval overpass park parks parkways pass passage path pike pine pines plain plains plaza point points port ports prairie radial ramp ranch rapid rapids rest ridge ridges river roads route rue run shoal shoals shore shores skyway spring springs spur spurs squares station stravenue stream streets summit throughway trace track trafficway trail trailer tunnel underpass union unions valley valleys via viaduct view views village villages ville vista walks wall ways well wells stretch nagar marg chowk colony layout sector cross main phase enclave vihar society bagh ganj puram circus spine fort";
const MONTHS: &str = "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september october november december";
const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR GU VI AS MP FM MH PW AA AE AP ON QC BC AB MB SK NS NB NL PE NT YT NU NSW VIC QLD WA SA TAS ACT NT";

static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|bldg|building|block|blk|tower|studio|office|piso|planta|etage|étage|esc|escalera|puerta|int|interno|scala|appt|appartement|bât|bâtiment|lägenhet|lgh|daire|kat|no|nr|hus|top|stiege|local|depto|dept|departamento|conj|sala|apto|bloco|lot|level|lvl|door|house|plot|wing|gate|entrance|p\.? ?o\.? box|m\.|lok|edif|interior|sc|bl|ap|bureau|app|quadra|lote|casa|nave|portal|kav|dveře)\.? ?#?[0-9]*[a-z]?(?:[\-/.][0-9a-z]{1,5})?(?: ?[a-z0-9]{1,4})?|#[0-9a-z\-]{1,6}|[0-9]{1,3}(?:st|nd|rd|th|º|ª|°|o|a|er|e|ème|\.)? ?(?:floor|fl|andar|piso|étage|etage|og|stock|kat|kerros|tr|vån|izq|dcha|izda|[a-d]\b|[a-d]$)\.?)\b",
    )
});

/// `04177 Leipzig`, `1015 CN Amsterdam`, `00-238 Warszawa`, `114 55 Stockholm`, `F-75002 Paris`.
static CODE_CITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[A-Z]{1,3}[\- ])?(?:[0-9]{2}-[0-9]{3}|[0-9]{4} ?[A-Z]{2}|[0-9]{3} [0-9]{2}|[0-9]{4}-[0-9]{3}|[0-9]{5}-?[0-9]{3}|[0-9]{4,6})(?:[ ]{1,2}|, )(?:(?:[A-ZÀ-ÞĀ-Ž][\p{L}'.\-]*|d'[A-ZÀ-Þ][\p{L}\-]+|an|am|im|der|de|la|le|sur|del|di|do|da|dos|los|las|el|den|bei|b\.|upon|under|nad|pod|u|en|op|sur-Mer)[ /]?){1,5}(?:\((?:[A-Z]{2}|okres [\p{Lu}][\p{L}\- ]{1,20})\)|/ ?[A-Z]{2}\b)?(?:[ ]?(?:CEDEX|Cedex)(?: [0-9]{1,2})?)?",
    )
});

/// `North Corbin, OR 97214`, `Marlowstad B4T 6WL`, `London SW1A 1AA`, `Sydney NSW 2000`, `Toronto, ON M5V 2T6`.
static CITY_CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:[A-ZÀ-ÞĀ-Ž][\p{L}'.\-]*|[a-z]{2,14}|de|la|of|upon|on|the|le|del)[ ]?){1,5}(?:,? ?(?:\r?\n)?[ ]?)(?:(?:AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|GU|VI|AS|MP|FM|MH|PW|AA|AE|AP|[A-Z][a-z]+(?: [A-Z][a-z]+)?),? [0-9]{5}(?:-[0-9]{4})?|(?:(?:ON|QC|BC|AB|MB|SK|NS|NB|NL|PE|NT|YT|NU),? ?)?[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]|[A-Z]{1,2}[0-9][0-9A-Z]?(?:[A-Z])? [0-9][A-Z]{2}|[A-Z]{1,2}[0-9]{1,2}[A-Z]? ?[0-9][A-Z]{2}|(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT|New South Wales|Victoria|Queensland),? [0-9]{4}|(?:- ?)?[0-9]{6}|(?:- ?)?[0-9]{3} [0-9]{3}|- ?[A-Z]{2},? [0-9]{5}-[0-9]{3}|[A-Z]{2},? [0-9]{5}-[0-9]{3}|[A-Z]{2,4},? [0-9]{5}(?:-[0-9]{4})?|[0-9]{5}-[0-9]{3}|[0-9]{5}|[0-9]{4}|[A-Z][0-9]{2} ?[A-Z0-9]{4})",
    )
});

static UK_CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[AC-FHKNPRTV-Y][0-9][0-9W] ?[0-9AC-FHKNPRTV-Y]{4}(?: [A-Z][\p{L}'\-]+){0,3}|[A-Z]{1,2}[0-9][0-9A-Z]?[A-Z]? ?[0-9][A-Z]{2}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]|(?:[A-Z]{2},? )?[0-9]{5}(?:-[0-9]{3,4})?|[0-9]{6}|[A-Z]{2,3} [0-9]{4})\b",
    )
});

/// `Rathmines, Dublin 6`: a district of a city that numbers them.
static DUBLIN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[A-Z][\p{L}'.\- ]{1,30}, ?)?(?:Dublin|Cork|Praha|Budapest|Wien|Bruxelles) [0-9]{1,2}W?\b",
    )
});

/// A line or part of a line with capitalised words.
static LOCALITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[A-ZÀ-ÞĀ-Ž][\p{L}'.\-]*|de|la|of|upon|the|le|del|do|da|dos|di)(?:[ ](?:[A-ZÀ-ÞĀ-Ž][\p{L}'.\-]*|[a-z]{4,10}|de|la|of|upon|the|le|del|do|da|dos|di|[0-9]{1,2}))?(?:[ ](?:[A-ZÀ-ÞĀ-Ž][\p{L}'.\-]*)){0,2}",
    )
});

/// A box, or a military address.
static BOX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:p\.? ?o\.? ?box|post office box|postfach|apartado(?: de correos)?|casilla(?: de correo)?|apdo\.?|boîte postale|b\.p\.|postbus|postboks|box|caixa postal|skrytka pocztowa|gpo box|locked bag) ?(?:no\.? ?|nr\.? ?|# ?)?[0-9][0-9 ]{0,6}[0-9]?\b|\b(?:psc|unit|cmr) [0-9]{3,5},? box [0-9]{1,5}|\b(?:usns|uscgc|uss|usnv|usnss|usna) [A-Z][A-Za-z]+",
    )
});

/// `Calle Mayor 12`, `12 rue de la Paix`, `ul. Długa 5/7`: the name of a street after its kind.
static AFTER_KIND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\.? ?(?:(?:[\p{Lu}][\p{L}'’.\-]*|[0-9]{1,2}(?:er|º|°| de\b| di\b)|della|delle|degli|dell'|dei|del|des|de la|de|du|di|das|dos|da|do|las|los|la|les|le|el|der|den|van|ter|s\.|św\.|gen\.|al|l'|d')[ ]?){1,6}",
    )
});
static HOUSE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:,? ?(?:s/n\b|n[º°o]\.?|nr\.?|no\.?|n\.|č\.|num\.?|número|numero|#|дом|д\.)? ?)?[0-9]{1,5}(?:[ ]?(?:bis|ter|quater|[a-zA-Z]))?(?:[ ]?[\-/][ ]?[0-9]{1,4}[a-zA-Z]?){0,2}\b",
    )
});

pub(super) fn find(page: &Page<'_>, found: &mut Vec<Found>) {
    let text = page.text;
    let mut last = 0;
    let mut starts: Vec<(usize, usize, bool, &'static str)> = Vec::new();
    numbered(page, &mut starts);
    kinds(page, &mut starts);
    boxes(page, &mut starts);
    starts.sort_unstable();
    for (start, core, sure, rule) in starts {
        if start < last {
            continue;
        }
        let (end, strong) = tail(text, core);
        if !sure && !strong {
            continue;
        }
        let start = head(text, start, last);
        let at = start..end;
        last = end;
        push(page, at, rule, if strong { 92 } else { 80 }, found);
    }
    for field in page.fields.iter().filter(|field| field.label == Label::Address) {
        let value = &text[field.at.clone()];
        let letters = value.chars().filter(|c| c.is_alphabetic()).count();
        if letters < 4
            || !value.bytes().any(|byte| byte.is_ascii_digit())
            || value.contains(['@', '='])
            || value.contains("://")
        {
            continue;
        }
        // A form's line may go on with other things after a semicolon.
        let end = value.find([';', '|']).unwrap_or(value.len()).min(160);
        let quoted = before(text, field.at.start) == Some('"');
        // A full stop before a capital ends a sentence; `Nr. 703` does not.
        let prose = value.match_indices(". ").any(|(stop, _)| {
            value[stop + 2..].starts_with(char::is_uppercase)
                && value[..stop].bytes().rev().take_while(u8::is_ascii_alphabetic).count() > 4
        });
        if quoted || value.len() <= 140 && !prose {
            let end = field.at.start
                + value[..text[field.at.start..].floor_char_boundary(end).min(value.len())]
                    .trim_end()
                    .len();
            push(page, field.at.start..end, "address/field", 90, found);
        }
    }
}

fn push(page: &Page<'_>, at: Range<usize>, rule: &'static str, score: u8, found: &mut Vec<Found>) {
    let text = &page.text[at.clone()];
    let cut = text.trim_end_matches([',', ' ', '\n', '\r', '-', '|', '.', ';']);
    let at = at.start..at.start + cut.len();
    if at.len() < 5 {
        return;
    }
    let canonical = cut
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    found.push(Found::new(at, Kind::Address, canonical, rule, score));
}

/// `418 Jensen Ports`, `12 rue de la Paix`: a house number before the street.
fn numbered(page: &Page<'_>, starts: &mut Vec<(usize, usize, bool, &'static str)>) {
    let text = page.text;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        if at - start > 6
            || start > 0
                && (bytes[start - 1].is_ascii_alphanumeric()
                    || matches!(bytes[start - 1], b'.' | b'_' | b'$' | b'#' | b':' | b'@')
                    || bytes[start - 1] == b',' && start > 1 && bytes[start - 2].is_ascii_digit())
                && !text[..start].ends_with(": ")
        {
            continue;
        }
        // `221B`, `12-14`, `12/3`
        let mut end = at;
        if bytes.get(end).is_some_and(u8::is_ascii_alphabetic)
            && bytes.get(end + 1).is_none_or(|byte| matches!(byte, b' ' | b','))
        {
            end += 1;
        }
        if matches!(bytes.get(end), Some(b'-' | b'/'))
            && bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
        {
            end += 1;
            while bytes.get(end).is_some_and(u8::is_ascii_digit) {
                end += 1;
            }
        }
        let mut space = end;
        if bytes.get(space) == Some(&b',') {
            space += 1;
        }
        if at - start <= 4 {
            bare(page, start, end, starts);
        }
        let breaks = bytes.get(space) == Some(&b'\n') && space == end && at - start <= 3;
        if bytes.get(space) != Some(&b' ') && !breaks {
            continue;
        }
        if let Some((core, sure)) = street(text, space + 1) {
            starts.push((start, core, sure, "address/number-street"));
        }
    }
}

/// `Skolgatan 3, 42864 Trelleborg`: any name with a house number, if a postcode and a city follow.
/// `Studio 6\nHenry Courts\nJonesshire\nDN2 7XL`: a unit before a street without a number.
fn bare(
    page: &Page<'_>,
    start: usize,
    end: usize,
    starts: &mut Vec<(usize, usize, bool, &'static str)>,
) {
    let text = page.text;
    let comma = text[..start].ends_with(", ");
    let mut from = start - if comma { 2 } else { 1 }.min(start);
    if start < 4 || !comma && !text[..start].ends_with(' ') {
        return;
    }
    let rest = &text[end..];
    let parted = rest.starts_with([',', '\n', '\r']) || rest.starts_with(" ,");
    // `Stretto Alberico, 119, 46026 …`, but not `Ann Lee, 59, Park Street …`.
    if comma
        && !rest.trim_start_matches([',', ' ']).starts_with(|c: char| c.is_ascii_digit())
        && !rest.starts_with(" P")
        || rest.starts_with(['k', 'K'])
        || text[..end].ends_with(['k', 'K'])
    {
        return;
    }
    if !parted && !UNIT.is_match(rest.trim_start_matches(' ')) {
        return;
    }
    let mut words = 0;
    let mut first = start;
    let mut number = false;
    while words < 6 {
        let head = &text[..from];
        let open = head
            .rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '.' | '\'' | '’'))
            .map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
        let word = &head[open..];
        let capital = word.starts_with(char::is_uppercase);
        let particle = matches!(
            word,
            "de" | "la"
                | "del"
                | "du"
                | "des"
                | "den"
                | "der"
                | "di"
                | "da"
                | "do"
                | "dos"
                | "das"
                | "las"
                | "los"
                | "van"
                | "von"
                | "an"
                | "am"
                | "nad"
                | "pod"
                | "et"
                | "e"
        );
        if word.len() > 40 || !(capital || particle && words > 0) {
            break;
        }
        let bare = word.trim_end_matches('.');
        if words == 0 {
            if matches!(bare, "Studio" | "Flat" | "Unit" | "Apartment" | "Apt" | "Suite") {
                starts.push((open, end, false, "address/unit"));
                return;
            }
            let folded: String = bare.chars().flat_map(crate::fold::bare).collect();
            let known = look_up(folded.as_bytes());
            let nothing = bare.chars().count() < 3
                || known.is_common()
                || known.is_brand()
                || MONTHS.split(' ').any(|month| month == folded);
            number = matches!(bare, "Nr" | "No" | "N");
            if nothing && !number {
                return;
            }
        }
        words += 1;
        if capital {
            first = open;
        }
        let before = &text[..open];
        if !before.ends_with(' ') || before.ends_with(". ") && !before.ends_with("Nr. ") {
            break;
        }
        from = open - 1;
    }
    // `Auftrag 12, 2024 Berlin` is no house.
    let nobodys = !number
        && page.nearest(start, 12, &[Topic::Reference, Topic::Version, Topic::Phone]).is_some();
    let year = rest.trim_start_matches([',', ' ']).get(..4).is_some_and(|year| {
        (year.starts_with("19") || year.starts_with("20"))
            && year.bytes().all(|byte| byte.is_ascii_digit())
            && !rest.trim_start_matches([',', ' '])[4..]
                .starts_with(|c: char| c.is_ascii_digit() || c == '-')
    });
    if first < start && !nobodys && !(year && comma) {
        starts.push((first, end, false, "address/postcode"));
    }
}

/// The end of an English or French street name that starts here, and whether it is surely one.
fn street(text: &str, from: usize) -> Option<(usize, bool)> {
    let mut best = None;
    let mut at = from;
    let mut capitals = 0;
    for index in 0..7 {
        let rest = &text[at..];
        let length = rest
            .find(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’' && c != '-')
            .unwrap_or(rest.len());
        if length == 0 || length > 30 {
            break;
        }
        let word = &rest[..length];
        let lower = word.to_lowercase();
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        if number && index == 0 {
            break;
        }
        // `78, Sector 18, Noida 201301`
        if index == 0
            && matches!(&*lower, "sector" | "phase" | "block" | "plot" | "street" | "lane")
            && rest[length..].starts_with(' ')
            && rest[length + 1..].starts_with(|c: char| c.is_ascii_digit())
        {
            let digits = rest[length + 1..].bytes().take_while(u8::is_ascii_digit).count();
            return (digits <= 3).then_some((at + length + 1 + digits, false));
        }
        let capital = word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
        // `26 OCT 1999`
        if index == 0
            && MONTHS.split(' ').any(|month| month == lower)
            && rest[length..].trim_start_matches([' ', '.', ',', '-']).starts_with(['1', '2'])
        {
            return None;
        }
        if index == 0
            && matches!(
                &*lower,
                "rue"
                    | "avenue"
                    | "av"
                    | "bd"
                    | "boulevard"
                    | "place"
                    | "chemin"
                    | "impasse"
                    | "allée"
                    | "allee"
                    | "quai"
                    | "route"
                    | "cours"
                    | "bis"
                    | "ter"
                    | "square"
                    | "passage"
                    | "via"
                    | "rua"
                    | "calle"
                    | "allé"
                    | "montée"
                    | "rang"
                    | "sentier"
                    | "ruelle"
                    | "faubourg"
                    | "promenade"
                    | "esplanade"
                    | "autoroute"
                    | "voie"
                    | "côte"
                    | "cité"
            )
            && (rest[length..].starts_with(' ') || rest[length..].starts_with(". "))
        {
            // French: the name follows the kind.
            let skip = usize::from(rest[length..].starts_with('.'));
            if matches!(&*lower, "bis" | "ter") {
                at += length + 1 + skip;
                continue;
            }
            let name = AFTER_KIND.find(&rest[length + skip..])?;
            // `boulevard Clémence Suite 925`: the unit is no part of the name.
            let name = [" Suite", " Apt", " Bureau", " App", " Unit"]
                .iter()
                .filter_map(|unit| name.as_str().find(unit))
                .min()
                .map_or(name.as_str(), |cut| &name.as_str()[..cut]);
            let end = at + length + skip + name.trim_end().len();
            let named = name.chars().any(char::is_uppercase);
            return named.then_some((end, true));
        }
        let minor = matches!(
            &*lower,
            "of" | "the"
                | "de"
                | "la"
                | "del"
                | "and"
                | "on"
                | "upon"
                | "st"
                | "las"
                | "los"
                | "el"
                | "n"
                | "s"
                | "e"
                | "w"
        );
        let ending = index > 0 && capitals > 0;
        if ending
            && STREETS.split(' ').any(|street| street == lower)
            && (capital || lower.len() > 3)
        {
            let mut end = at + length;
            if text[end..].starts_with('.') && lower.len() <= 4 {
                end += 1;
            }
            // `5th Avenue North`, `Main St NW`
            for way in [
                " North", " South", " East", " West", " NW", " NE", " SW", " SE", " N", " S", " E",
                " W",
            ] {
                if text[end..].starts_with(way)
                    && !text[end + way.len()..].starts_with(|c: char| c.is_alphanumeric())
                {
                    end += way.len();
                    break;
                }
            }
            best = Some((end, true));
        } else if ending
            && best.is_none_or(|(_, sure)| !sure)
            && STREET_LIKE.split(' ').any(|street| street == lower)
        {
            best = Some((at + length, false));
        } else if ending && best.is_some() {
            break;
        }
        let goes_on =
            || index > 0 && capitals > 0 && STREET_LIKE.split(' ').any(|street| street == lower);
        if !(capital || minor || goes_on()) {
            break;
        }
        capitals += usize::from(capital);
        at += length;
        if text[at..].starts_with(". ") && word.len() <= 3 {
            at += 1;
        }
        if !text[at..].starts_with(' ') {
            // `17 Kingsway, Bristol BS2 8QX`: a name of its own, if a postcode follows.
            let ends = text[at..].starts_with([',', '\n', '\r']);
            if best.is_none()
                && ends
                && capitals > 0
                && capital
                && length >= 4
                && !word.chars().all(char::is_uppercase)
            {
                best = Some((at, false));
            }
            break;
        }
        at += 1;
    }
    best
}

/// Streets whose kind stands before or within their name.
fn kinds(page: &Page<'_>, starts: &mut Vec<(usize, usize, bool, &'static str)>) {
    let text = page.text;
    for mark in page.marks.iter(Topic::Street) {
        let word = &text[mark.start..mark.end];
        let begins = before(text, mark.start).is_none_or(|c| !c.is_alphanumeric());
        if word.starts_with(['p', 'P'])
            && word.len() > 3
            && (word.to_lowercase().contains("box")
                || word.starts_with("post")
                || word.starts_with("Post"))
        {
            continue;
        }
        // `Friedrichstraße 71`, `Lange Straße 5`, `Atatürk Caddesi No: 5`: the number follows.
        if let Some(house) = HOUSE.find(&text[mark.end..])
            && house.as_str().starts_with([' ', ','])
            && (!house.as_str().starts_with(',') || begins)
        {
            let mut start = mark.start;
            while start > 0
                && mark.start - start < 60
                && before(text, start).is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '\'')
            {
                start -= before(text, start).map_or(1, char::len_utf8);
            }
            let whole = &text[start..mark.end];
            let capital = whole.starts_with(char::is_uppercase);
            // `Erik-Hofer-Straße` is a name of its own, as `Hoferstraße` is.
            let hyphened = begins && text[..mark.start].ends_with('-') && start < mark.start;
            let own = (!begins || hyphened) && whole.chars().count() >= 5 && capital;
            let mut named = own;
            if begins || !capital {
                // The name stands in words before: `Lange Straße`, `Am alten Markt`, `Via`.
                let mut words = 0;
                while words < 3 && text[..start].ends_with(' ') {
                    let head = &text[..start - 1];
                    let from = head
                        .rfind(|c: char| !c.is_alphanumeric() && c != '-' && c != '.' && c != '\'')
                        .map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
                    let word = &head[from..];
                    if !word.starts_with(char::is_uppercase)
                        || word.ends_with(':')
                        || word.is_empty()
                    {
                        break;
                    }
                    start = from;
                    words += 1;
                    named = true;
                }
            }
            let generic = matches!(
                &*word.to_lowercase(),
                "ring"
                    | "markt"
                    | "weg"
                    | "tie"
                    | "route"
                    | "place"
                    | "via"
                    | "run"
                    | "r."
                    | "bp"
                    | "bd"
                    | "os."
                    | "largo"
                    | "cours"
            );
            if named && !(generic && begins && whole.len() < 5) {
                starts.push((
                    start,
                    mark.end + house.end(),
                    !generic || own,
                    "address/street-number",
                ));
                continue;
            }
        }
        if !begins {
            continue;
        }
        // `Calle Mayor 12`, `ul. Długa 5`, `rue de la Paix 12`
        if let Some(name) = AFTER_KIND.find(&text[mark.end..])
            && name.as_str().chars().any(char::is_uppercase)
            && name.as_str().starts_with([' ', '.'])
        {
            let name = name.as_str().trim_end();
            let name = [" Nr.", " Nr", " No.", " No"]
                .iter()
                .find_map(|number| name.strip_suffix(number))
                .unwrap_or(name);
            let stop = mark.end + name.len();
            if let Some(house) = HOUSE.find(&text[stop..]) {
                let lower = word.to_lowercase();
                let sure = !matches!(
                    &*lower,
                    "route"
                        | "place"
                        | "via"
                        | "r."
                        | "cours"
                        | "str."
                        | "bp"
                        | "largo"
                        | "camino"
                        | "plaza"
                        | "cesta"
                );
                starts.push((mark.start, stop + house.end(), sure, "address/kind-street"));
            } else if text[stop..].starts_with(", ") {
                // `Aleea Teilor, Cluj-Napoca, 400120`: only a postcode can tell.
                starts.push((mark.start, stop, false, "address/kind-street"));
            }
        }
    }
}

/// Boxes.
fn boxes(page: &Page<'_>, starts: &mut Vec<(usize, usize, bool, &'static str)>) {
    let text = page.text;
    let lower = [
        "box ", "Box ", "BOX ", "ostfach", "partado", "asilla", "pdo", "postale", "B.P.", "ostbus",
        "ostboks", "USNS ", "USS ", "USCGC ", "USNV ", "skrytka", "ocked ",
    ];
    if !lower.iter().any(|word| text.contains(word)) {
        return;
    }
    for hit in BOX.find_iter(text) {
        let word = hit.as_str().to_lowercase();
        let sure = word.contains("p.o")
            || word.starts_with("po")
            || word.starts_with("p o")
            || word.starts_with("apartado")
            || word.starts_with("gpo")
            || word.starts_with("caixa")
            || word.starts_with("locked");
        starts.push((hit.start(), hit.end(), sure, "address/box"));
    }
}

/// How far an address goes on after its street, and whether a postcode or a city confirms it.
fn tail(text: &str, core: usize) -> (usize, bool) {
    let mut at = core;
    let mut end = core;
    let mut strong = false;
    let mut loose = 0;
    for _ in 0..7 {
        let rest = &text[at..];
        let skip = separator(rest);
        if skip == 0 {
            break;
        }
        let next = &rest[skip..];
        let newline = rest[..skip].contains('\n');
        if !newline
            && let Some(unit) =
                UNIT.find(next).or_else(|| newline.then(|| UNIT.find(next)).flatten())
        {
            at += skip + unit.end();
            end = at;
            continue;
        }
        if let Some(code) = CODE_CITY.find(next) {
            at += skip + trimmed(code.as_str());
            end = at;
            strong = true;
            loose = 2;
            continue;
        }
        if let Some(city) = DUBLIN.find(next) {
            at += skip + city.end();
            end = at;
            strong = true;
            loose = 2;
            continue;
        }
        if let Some(city) = CITY_CODE.find(next)
            && boundary(next, city.end())
            && city_like(city.as_str())
        {
            at += skip + city.end();
            end = at;
            strong = true;
            loose = 2;
            continue;
        }
        if let Some(code) = UK_CODE.find(next) {
            at += skip + code.end();
            end = at;
            strong = true;
            loose = 2;
            continue;
        }
        let Some(place) = LOCALITY.find(next) else { break };
        let name = place.as_str().trim_end();
        let known = name.split(' ').all(|word| {
            let word: String =
                word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            look_up(word.as_bytes()).is_place()
                || matches!(
                    &*word,
                    "united"
                        | "kingdom"
                        | "states"
                        | "usa"
                        | "uk"
                        | "south"
                        | "north"
                        | "new"
                        | "san"
                        | "los"
                        | "angeles"
                        | "francisco"
                        | "deutschland"
                        | "france"
                        | "the"
                        | "republic"
                        | "czech"
                        | "zealand"
                        | "arab"
                        | "emirates"
                        | "sao"
                        | "paulo"
                        | "rio"
                        | "janeiro"
                        | "de"
                        | "cape"
                        | "town"
                        | "hong"
                        | "kong"
                        | "mexico"
                        | "city"
                        | "saudi"
                        | "arabia"
                )
        });
        let ends = boundary(next, place.end())
            && (next[name.len()..].is_empty()
                || next[name.len()..]
                    .starts_with([',', '.', '\n', '\r', ';', ')', '"', '|', '<', ' ']));
        if known && ends && !newline && (rest[..skip].contains(',') || strong) {
            at += skip + name.len();
            end = at;
            strong = true;
            loose += 1;
            continue;
        }
        loose += 1;
        if loose > 2 || strong {
            break;
        }
        at += skip + name.len();
    }
    (end, strong)
}

/// The separator between parts of an address: comma, line break, dash.
fn separator(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut lines = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b',' | b' ' | b'\r' | b'>' | b'-' | b'|' | b'/' | b';' | b'\t' | b'.' if at < 8 => {
                at += 1;
            }
            b'\n' if lines == 0 && at < 8 => {
                lines += 1;
                at += 1;
            }
            0xe2 if text[at..].starts_with(['–', '—', '•', '·']) && at < 8 => {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
            }
            _ => break,
        }
    }
    if text[..at].contains(". ") && !text[..at].contains('\n')
        || text[..at].starts_with('.') && at == 1
    {
        0
    } else {
        at
    }
}

fn trimmed(text: &str) -> usize {
    text.trim_end_matches([' ', '/', '.', ',']).len()
}

fn boundary(text: &str, at: usize) -> bool {
    !text[at..].starts_with(|c: char| c.is_alphanumeric())
}

/// Whether what stands before the postcode can be a city: it has a capital.
fn city_like(value: &str) -> bool {
    value.starts_with(char::is_uppercase) && !STATES.split(' ').any(|state| value == state)
}

/// Where an address starts that has a unit or a house name before its number.
fn head(text: &str, start: usize, last: usize) -> usize {
    static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?:^|[\s:,;(\x22])((?:(?-i:[A-Z]{1,2}-?)?[0-9]{4,5} (?-i:[A-ZÄÖÜ])[\p{L}\-]{2,}(?: (?-i:[A-ZÄÖÜ])[\p{L}\-]{2,})?,(?: |\r?\n)|(?:(?:flat|apt\.?|apartment|unit|suite|ste\.?|studio|room|floor|level|shop|office|block|house no\.?|h\.? ?no\.?|plot(?: no\.?)?|door no\.?|no\.) ?#?[0-9]{1,5}[a-z]?(?:[\-/][0-9a-z]{1,4})?)(?:,? ?(?:\r?\n)? ?)|[0-9]{1,4}[a-z]?/))$",
        )
    });
    let mut from = start.saturating_sub(40).max(last);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    BEFORE
        .captures(&text[from..start])
        .and_then(|captures| captures.get(1))
        .map_or(start, |hit| from + hit.start())
}

/// Compiles the expressions, so that the first text does not wait for them.
pub(super) fn warm_up() {
    for regex in
        [&DUBLIN, &UNIT, &CODE_CITY, &CITY_CODE, &UK_CODE, &LOCALITY, &BOX, &AFTER_KIND, &HOUSE]
    {
        LazyLock::force(regex);
    }
}
