//! The checks that tell card numbers and bank accounts from other digits.

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
    const LENGTHS: &[(&[u8; 2], usize)] = &[
        (b"AD", 24),
        (b"AE", 23),
        (b"AL", 28),
        (b"AT", 20),
        (b"AZ", 28),
        (b"BA", 20),
        (b"BE", 16),
        (b"BG", 22),
        (b"BH", 22),
        (b"BI", 27),
        (b"BR", 29),
        (b"BY", 28),
        (b"CH", 21),
        (b"CR", 22),
        (b"CY", 28),
        (b"CZ", 24),
        (b"DE", 22),
        (b"DJ", 27),
        (b"DK", 18),
        (b"DO", 28),
        (b"EE", 20),
        (b"EG", 29),
        (b"ES", 24),
        (b"FI", 18),
        (b"FK", 18),
        (b"FO", 18),
        (b"FR", 27),
        (b"GB", 22),
        (b"GE", 22),
        (b"GI", 23),
        (b"GL", 18),
        (b"GR", 27),
        (b"GT", 28),
        (b"HR", 21),
        (b"HU", 28),
        (b"IE", 22),
        (b"IL", 23),
        (b"IQ", 23),
        (b"IS", 26),
        (b"IT", 27),
        (b"JO", 30),
        (b"KW", 30),
        (b"KZ", 20),
        (b"LB", 28),
        (b"LC", 32),
        (b"LI", 21),
        (b"LT", 20),
        (b"LU", 20),
        (b"LV", 21),
        (b"LY", 25),
        (b"MC", 27),
        (b"MD", 24),
        (b"ME", 22),
        (b"MK", 19),
        (b"MN", 20),
        (b"MR", 27),
        (b"MT", 31),
        (b"MU", 30),
        (b"NI", 28),
        (b"NL", 18),
        (b"NO", 15),
        (b"OM", 23),
        (b"PK", 24),
        (b"PL", 28),
        (b"PS", 29),
        (b"PT", 25),
        (b"QA", 29),
        (b"RO", 24),
        (b"RS", 22),
        (b"RU", 33),
        (b"SA", 24),
        (b"SC", 31),
        (b"SD", 18),
        (b"SE", 24),
        (b"SI", 19),
        (b"SK", 24),
        (b"SM", 27),
        (b"SO", 23),
        (b"ST", 25),
        (b"SV", 28),
        (b"TL", 23),
        (b"TN", 24),
        (b"TR", 26),
        (b"UA", 29),
        (b"VA", 22),
        (b"VG", 24),
        (b"XK", 20),
        (b"YE", 30),
    ];
    LENGTHS.iter().find(|(code, _)| code.as_slice() == country).map(|(_, length)| *length)
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
