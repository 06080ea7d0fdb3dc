//! The secrets that are not configured: made once, kept in a file beside the configuration.

use crate::config;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use serde::Deserialize;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file's name.
const SECRETS_FILE: &str = ".diglot-secrets.toml";

/// What signs and opens.
#[derive(Clone)]
pub struct Secrets {
    /// Signs Diglot's own sessions.
    pub jwt_secret: String,
    /// Opens everything.
    pub admin_secret: String,
    /// Says "anonymous, and I know this server".
    pub anon_key: String,
    /// The file that holds what is not configured; `None` when everything is configured.
    pub file: Option<PathBuf>,
    /// This start made the file: what is in it is printed once.
    pub fresh: bool,
    /// What the operator should know, such as a file that others can read.
    pub warnings: Vec<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Kept {
    jwt_secret: Option<String>,
    admin_secret: Option<String>,
    anon_key: Option<String>,
}

impl Kept {
    fn is_complete(&self) -> bool {
        self.jwt_secret.is_some() && self.admin_secret.is_some() && self.anon_key.is_some()
    }

    /// What `self` lacks is taken from `other`.
    fn or(self, other: Self) -> Self {
        Self {
            jwt_secret: self.jwt_secret.or(other.jwt_secret),
            admin_secret: self.admin_secret.or(other.admin_secret),
            anon_key: self.anon_key.or(other.anon_key),
        }
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "# Made by Diglot, which reads it at every start. Whoever can read this file can read and write everything.\n\
             # A key of the same name under [auth] in diglot.toml, or DIGLOT_AUTH_<KEY>, wins over the line here.\n",
        );
        for (key, value) in [
            ("jwt_secret", &self.jwt_secret),
            ("admin_secret", &self.admin_secret),
            ("anon_key", &self.anon_key),
        ] {
            if let Some(value) = value {
                text = format!("{text}{key} = {}\n", toml::Value::String(value.clone()));
            }
        }
        text
    }
}

impl Secrets {
    /// What is configured, and for the rest what is kept in `folder`; made there if it is not.
    ///
    /// # Errors
    /// When the file is damaged. One that cannot be written is a warning: the secrets then last until the end.
    pub fn load(configured: &config::Auth, folder: &Path) -> Result<Self, String> {
        let given = Kept {
            jwt_secret: configured.jwt_secret.clone(),
            admin_secret: configured.admin_secret.clone(),
            anon_key: configured.anon_key.clone(),
        };
        if given.is_complete() {
            return Self::of(given, None, false, Vec::new());
        }
        let file = folder.join(SECRETS_FILE);
        let mut warnings = Vec::new();
        let kept = read(&file, &mut warnings)?;
        let known = given.clone().or(kept.clone().unwrap_or_default());
        if known.is_complete() {
            return Self::of(known, Some(file), false, warnings);
        }
        // The file gets only what nobody configured.
        let made = made(&known)?;
        let rest = kept.clone().unwrap_or_default().or(made.clone());
        match write(&file, &rest, kept.is_some()) {
            Ok(true) => Self::of(known.or(made), Some(file), true, warnings),
            // Another process was quicker: its secrets hold.
            Ok(false) => {
                let theirs = read(&file, &mut warnings)?.unwrap_or_default();
                Self::of(given.or(theirs).or(made), Some(file), false, warnings)
            }
            Err(error) => {
                warnings.push(format!(
                    "cannot keep the generated secrets in {}: {error}; they change at the next start",
                    file.display()
                ));
                Self::of(known.or(made), None, true, warnings)
            }
        }
    }

    fn of(kept: Kept, file: Option<PathBuf>, fresh: bool, warnings: Vec<String>) -> Result<Self, String> {
        match (kept.jwt_secret, kept.admin_secret, kept.anon_key) {
            (Some(jwt_secret), Some(admin_secret), Some(anon_key)) => Ok(Self {
                jwt_secret,
                admin_secret,
                anon_key,
                file,
                fresh,
                warnings,
            }),
            _ => Err("some secrets are neither configured nor kept".into()),
        }
    }
}

/// New secrets for what is not known.
fn made(known: &Kept) -> Result<Kept, String> {
    let make = |present: bool| if present { Ok(None) } else { random().map(Some) };
    Ok(Kept {
        jwt_secret: make(known.jwt_secret.is_some())?,
        admin_secret: make(known.admin_secret.is_some())?,
        anon_key: make(known.anon_key.is_some())?,
    })
}

fn random() -> Result<String, String> {
    let mut bytes = [0_u8; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| format!("the system has no randomness: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn read(file: &Path, warnings: &mut Vec<String>) -> Result<Option<Kept>, String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    if others_can_read(file) {
        let warning = format!("{0} can be read by others; chmod 600 {0}", file.display());
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    // The parser's own message would quote the line, and with it the secret.
    let kept: Kept = toml::from_str(&text).map_err(|_| {
        format!(
            "{}: not what Diglot wrote; repair it, or remove it to get new secrets",
            file.display()
        )
    })?;
    let empty = |value: &Option<String>| value.as_ref().is_some_and(String::is_empty);
    if empty(&kept.jwt_secret) || empty(&kept.admin_secret) || empty(&kept.anon_key) {
        return Err(format!(
            "{}: a secret is empty; remove its line to get a new one",
            file.display()
        ));
    }
    Ok(Some(kept))
}

#[cfg(unix)]
fn others_can_read(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_file: &Path) -> bool {
    false
}

/// Writes the whole file at once; `false` if there is one already that must not be replaced.
fn write(file: &Path, kept: &Kept, replace: bool) -> io::Result<bool> {
    let scratch = file.with_extension(format!("{}.new", random().map_err(io::Error::other)?));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut open = options.open(&scratch)?;
    let written = open.write_all(kept.text().as_bytes()).and_then(|()| open.sync_all());
    let placed = written.and_then(|()| {
        if replace {
            return fs::rename(&scratch, file).map(|()| true);
        }
        // A link fails where a file stands, so of two that start at once one wins.
        match fs::hard_link(&scratch, file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(_) => fs::rename(&scratch, file).map(|()| true),
        }
    });
    let _ = fs::remove_file(&scratch);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::load(&config::Auth::default(), folder.path()).unwrap();
        assert!(first.fresh);
        assert_eq!(first.admin_secret.len(), 43);
        assert_ne!(first.admin_secret, first.anon_key);
        let second = Secrets::load(&config::Auth::default(), folder.path()).unwrap();
        assert!(!second.fresh && second.warnings.is_empty());
        assert_eq!(
            (second.jwt_secret, second.admin_secret, second.anon_key),
            (first.jwt_secret, first.admin_secret, first.anon_key)
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no scratch file is left"
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = Secrets::load(&config::Auth::default(), folder.path())
            .unwrap()
            .file
            .unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let again = Secrets::load(&config::Auth::default(), folder.path()).unwrap();
        assert!(again.warnings[0].contains("chmod 600"), "{:?}", again.warnings);
    }

    #[test]
    fn configured_ones_win_and_are_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let configured = config::Auth {
            admin_secret: Some("mine".into()),
            ..config::Auth::default()
        };
        let secrets = Secrets::load(&configured, folder.path()).unwrap();
        assert_eq!(secrets.admin_secret, "mine");
        let text = fs::read_to_string(folder.path().join(SECRETS_FILE)).unwrap();
        assert!(!text.contains("mine") && text.contains("anon_key"), "{text}");
        // Without the configured one the missing line is added, and the others stay.
        let later = Secrets::load(&config::Auth::default(), folder.path()).unwrap();
        assert!(later.fresh && later.admin_secret != "mine");
        assert_eq!(later.anon_key, secrets.anon_key);
        let all = config::Auth {
            jwt_secret: Some("a".into()),
            admin_secret: Some("b".into()),
            anon_key: Some("c".into()),
            ..config::Auth::default()
        };
        assert!(Secrets::load(&all, Path::new("/nowhere")).unwrap().file.is_none());
    }

    #[test]
    fn damaged_files_are_refused_without_quoting_them() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "admin_secret = \"topsecret",
            "admin_secret = 7",
            "other = \"topsecret\"",
            "anon_key = \"\"",
        ] {
            fs::write(folder.path().join(SECRETS_FILE), text).unwrap();
            let message = Secrets::load(&config::Auth::default(), folder.path()).err().unwrap();
            assert!(
                message.contains(SECRETS_FILE) && !message.contains("topsecret"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_a_warning() {
        let secrets = Secrets::load(&config::Auth::default(), Path::new("/nowhere/at/all")).unwrap();
        assert!(secrets.fresh && secrets.file.is_none());
        assert!(secrets.warnings[0].contains("cannot keep"), "{:?}", secrets.warnings);
    }
}
