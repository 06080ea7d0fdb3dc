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

#[cfg(test)]
mod tests {
    use super::count;

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
