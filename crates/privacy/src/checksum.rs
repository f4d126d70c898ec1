//! The checks that tell card numbers, bank accounts and national ids from other digits.

pub(crate) mod national;

/// Whether the last digit is the Luhn check digit of the others (ISO/IEC 7812-1).
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Whether an issuer gives out numbers with this beginning at this length.
pub(crate) fn issued(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        digits.get(..length).map_or(0, |head| {
            head.iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'))
        })
    };
    let (two, three, four, six) = (prefix(2), prefix(3), prefix(4), prefix(6));
    match digits.len() {
        13 => digits[0] == b'4',
        14 => matches!(three, 300..=305 | 309) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37),
        16 => {
            digits[0] == b'4'
                || matches!(two, 51..=55 | 62 | 65 | 81 | 82 | 50 | 56..=58 | 36)
                || matches!(three, 644..=649)
                || matches!(four, 2200..=2204 | 2221..=2720 | 3528..=3589 | 6011)
                || matches!(four, 6304 | 6759 | 6761..=6763 | 5018 | 5020 | 5038)
                || matches!(six, 622_126..=622_925)
        }
        17..=19 => {
            digits[0] == b'4' && digits.len() == 19
                || matches!(two, 50 | 56..=58 | 62 | 65 | 67 | 81)
                || matches!(four, 6011 | 6304 | 3528..=3589)
        }
        _ => false,
    }
}

/// The length of an IBAN of this country (SWIFT's registry), if the country has any.
pub(crate) fn iban_length(country: &[u8]) -> Option<usize> {
    const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 \
        DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 \
        HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 \
        MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 \
        RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 \
        VG24 XK20 YE30";
    LENGTHS
        .split(' ')
        .map(|entry| entry.split_at(2))
        .find(|(code, _)| code.as_bytes() == country)
        .and_then(|(_, length)| length.parse().ok())
}

/// Whether the remainder of an IBAN in capitals without spaces is 1 modulo 97 (ISO 13616).
pub(crate) fn mod_97(iban: &[u8]) -> bool {
    if iban.len() < 5 || !iban.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let rest = iban[4..].iter().chain(&iban[..4]).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    rest == 1
}

/// Whether nine digits are a routing number of the American Bankers Association.
pub(crate) fn aba(digits: &[u8]) -> bool {
    let prefix = digits.get(..2).map_or(99, |two| (two[0] - b'0') * 10 + two[1] - b'0');
    let sum: u32 = digits
        .iter()
        .zip([3, 7, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    digits.len() == 9
        && sum > 0
        && sum.is_multiple_of(10)
        && matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Test numbers that card schemes and payment providers publish.
    const CARDS: [&str; 12] = [
        "4111111111111111",
        "4012888888881881",
        "4222222222222",
        "5555555555554444",
        "5105105105105100",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6759649826438453",
    ];

    #[test]
    fn published_test_cards_pass_and_zeros_have_no_issuer() {
        for card in CARDS {
            assert!(luhn(card.as_bytes()) && issued(card.as_bytes()), "{card}");
        }
        assert!(luhn(&[b'0'; 16]) && !issued(&[b'0'; 16]));
        assert!(!issued(b"1700000000000"), "milliseconds since 1970");
    }

    #[test]
    fn the_registrys_example_ibans_pass() {
        for iban in [
            "GB29NWBK60161331926819",
            "DE89370400440532013000",
            "FR1420041010050500013M02606",
            "NL91ABNA0417164300",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "SA0380000000608010167519",
            "BR1800360305000010009795493C1",
        ] {
            assert!(mod_97(iban.as_bytes()), "{iban}");
            assert_eq!(iban_length(&iban.as_bytes()[..2]), Some(iban.len()), "{iban}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_digit_kills_a_checksum(which in 0..CARDS.len(), place in 0_usize..13, by in 1_u8..10) {
            let mut card = CARDS[which].as_bytes().to_vec();
            card[place] = b'0' + (card[place] - b'0' + by) % 10;
            prop_assert!(!luhn(&card));
            let mut iban = b"DE89370400440532013000".to_vec();
            iban[place + 4] = b'0' + (iban[place + 4] - b'0' + by) % 10;
            prop_assert!(!mod_97(&iban));
        }
    }
}
