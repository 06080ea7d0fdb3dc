//! Texts that are compared with stored ones. `INSTA_UPDATE=always` writes them anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Compares with the snapshot `name` in a folder of the project. What differs is printed.
pub(crate) fn differs(folder: &str, name: &str, text: &str) -> bool {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let compared = catch_unwind(AssertUnwindSafe(|| {
        settings.bind(|| insta::assert_snapshot!(name, text));
    }));
    compared.is_err()
}

/// A text with what stands between `before` and `after` replaced, wherever that is.
pub(crate) fn masked(text: &str, before: &str, after: &str, mask: &str) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(before);
        match part.split_once(after) {
            Some((_, rest)) => {
                out.push_str(mask);
                out.push_str(after);
                out.push_str(rest);
            }
            None => out.push_str(part),
        }
    }
    out
}

#[test]
fn masking() {
    assert_eq!(
        masked(r#"{"a":"1","b":2,"a":"3"}"#, r#""a":""#, "\"", "_"),
        r#"{"a":"_","b":2,"a":"_"}"#
    );
    assert_eq!(masked("a:1", "a:", ";", "_"), "a:1");
}
