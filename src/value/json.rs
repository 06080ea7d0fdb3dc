//! JSON texts, looked at before anything is made of them.

/// How many values a JSON text holds, those within others counted too. (As values in memory they take fifty times the room
/// and more.)
#[must_use]
pub fn count(json: &[u8]) -> usize {
    let (mut count, mut quoted, mut escaped) = (1usize, false, false);
    // The first value within brackets follows the bracket, each other one a comma.
    let mut opened = false;
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b',' | b'[' | b'{' => count += 1,
            b']' | b'}' if opened => count = count.saturating_sub(1),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            opened = !quoted && matches!(byte, b'[' | b'{');
        }
    }
    count
}

/// Most digits of a number in JSON, written out without an exponent. Every double has fewer.
pub const MOST_DIGITS: usize = 400;

/// Most digits by which all numbers of a JSON text together may become longer when they are written out.
const MOST_ADDED: usize = 1_000_000;

/// Whether a JSON text holds a number of more digits than [`MOST_DIGITS`], or so many that are long together that the text
/// becomes much longer. (PostgreSQL's jsonb writes them all out: six characters become a hundred thousand.)
#[must_use]
pub fn has_long_number(json: &str) -> bool {
    let bytes = json.as_bytes();
    let (mut at, mut quoted, mut added) = (0, false, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'-' | b'0'..=b'9' if !quoted => {
                let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let length = bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let digits = digits(&json[at..at + length]);
                added = added.saturating_add(digits.saturating_sub(length));
                if digits > MOST_DIGITS || added > MOST_ADDED {
                    return true;
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// How many digits a number has when it is written out.
fn digits(number: &str) -> usize {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // Zero has one, whatever its exponent.
    if mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return whole.len() + fraction.len();
    }
    let Ok(exponent) = exponent.parse::<i64>() else {
        return usize::MAX;
    };
    let shift = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
    let (before, after) = (whole.len(), fraction.len());
    if exponent < 0 {
        before.saturating_add(after).saturating_add(shift)
    } else {
        before.saturating_add(after.max(shift))
    }
}

#[cfg(test)]
mod tests {
    use super::{count, has_long_number};

    #[test]
    fn long_numbers_are_found() {
        let long = "9".repeat(401);
        for (json, wanted) in [
            ("1", false),
            ("[1.7976931348623157e308, -5e-324, 0.1]", false),
            ("[1e131000]", true),
            ("{\"a\": [0, 1E-999]}", true),
            ("1e99999999999999999999", true),
            ("\"1e131000\"", false),
            ("[\"\\\"1e131000\"]", false),
            (&long[..400], false),
            (&format!("-{}", &long[..400]), false),
            (&format!("-{long}"), true),
            ("0e999", false),
            ("-0.0E-999", false),
            (&long, true),
            (&format!("[{}1]", "1e300,".repeat(3_000)), false),
            (&format!("[{}1]", "1e300,".repeat(4_000)), true),
        ] {
            assert_eq!(has_long_number(json), wanted, "{json}");
        }
    }

    #[test]
    fn values_are_counted() {
        for (json, wanted) in [
            ("1", 1),
            ("[]", 1),
            ("[ ]", 1),
            ("[1,2]", 3),
            ("[[1],[{}],{\"a\":[]}]", 7),
            ("\"[,,\\\",,\"", 1),
            ("{\"a,b\":\"[,\", \"c\": {\"d\":null}}", 4),
            ("]}", 1),
        ] {
            assert_eq!(count(json.as_bytes()), wanted, "{json}");
        }
    }
}
