//! Columns whose names say that nobody should read them by accident.

/// Words that such names end with or are.
const WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "hash",
    "credential",
    "salt",
    "apikey",
    "privatekey",
];

/// Words too short to be looked for within others.
const WHOLE: [&str; 5] = ["pass", "pwd", "otp", "totp", "pin"];

/// Two words that mean one of those together.
const PAIRS: [(&str, &str); 5] = [
    ("api", "key"),
    ("private", "key"),
    ("access", "key"),
    ("recovery", "code"),
    ("backup", "code"),
];

/// Whether a column's name speaks of passwords, tokens, secrets or hashes.
#[must_use]
pub fn speaks_of_secrets(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| {
        WHOLE.contains(&word.as_str()) || word.starts_with("password") || WORDS.iter().any(|end| word.ends_with(end))
    }) || words.windows(2).any(|pair| {
        PAIRS
            .iter()
            .any(|(first, second)| pair[0] == *first && pair[1] == *second)
    })
}

/// Words of columns that say what a user is or may do.
const RIGHTS: [&str; 27] = [
    "access",
    "active",
    "activated",
    "admin",
    "administrator",
    "approved",
    "banned",
    "blocked",
    "confirmed",
    "deleted",
    "disabled",
    "enabled",
    "group",
    "level",
    "locked",
    "moderator",
    "owner",
    "permission",
    "privilege",
    "right",
    "role",
    "scope",
    "staff",
    "status",
    "superuser",
    "tenant",
    "verified",
];

/// Whether a column's name speaks of roles, rights, verification, or of an account that is open or closed: nothing that
/// users say of themselves.
#[must_use]
pub fn speaks_of_rights(name: &str) -> bool {
    let plain = name.to_lowercase();
    let speaks = |word: &String| {
        // Words come in the singular, as far as they have one.
        RIGHTS
            .iter()
            .any(|right| right == word || right.strip_suffix('s') == Some(word))
            || ["admin", "role"].iter().any(|end| word.ends_with(end))
    };
    words(name).iter().any(speaks) || plain.contains("verif") || plain.contains("superuser")
}

/// The words of a name in lower case and in the singular: `apiKeys`, `API_KEYS` and `api-keys` are `api`, `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || (small && character.is_uppercase()) {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
        small = character.is_lowercase() || character.is_numeric();
    }
    for word in &mut words {
        let end = word.trim_end_matches(|character: char| character.is_numeric()).len();
        word.truncate(end);
        let plural = if word.ends_with("hashes") { "es" } else { "s" };
        if !word.ends_with("ss")
            && let Some(singular) = word.strip_suffix(plural)
        {
            *word = singular.to_owned();
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::{speaks_of_rights, speaks_of_secrets};

    #[test]
    fn rights() {
        for name in [
            "role",
            "roles",
            "isAdmin",
            "is_admin",
            "admin",
            "isadmin",
            "email_verified",
            "verification_code",
            "emailVerifiedAt",
            "is_staff",
            "permissions",
            "status",
            "USER_ROLE",
            "userrole",
            "superuser",
            "org_owner",
        ] {
            assert!(speaks_of_rights(name), "{name}");
        }
        for name in [
            "name",
            "bio",
            "city",
            "birthday",
            "control",
            "avatar_url",
            "first name",
            "locale",
        ] {
            assert!(!speaks_of_rights(name), "{name}");
        }
    }

    #[test]
    fn names() {
        for name in [
            "password",
            "password_hash",
            "PasswordHash",
            "PASSWORD",
            "passwordhash",
            "user_pass",
            "reset_token",
            "refreshTokens",
            "tokens",
            "client_secret",
            "clientsecret",
            "salt",
            "hashes",
            "api_key",
            "apiKeys",
            "APIKEY",
            "private-key",
            "totp",
            "pin",
            "token2",
        ] {
            assert!(speaks_of_secrets(name), "{name}");
        }
        for name in [
            "",
            "id",
            "key",
            "hashtag",
            "secretary",
            "tokenizer",
            "pinned",
            "compass",
            "passenger",
            "spin",
            "code",
            "name",
        ] {
            assert!(!speaks_of_secrets(name), "{name}");
        }
    }
}
