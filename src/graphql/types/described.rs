//! What a schema says of mutations and of what they take.

use super::mutation::{Related, Setting};
use super::root::RootKind;

/// Of the argument that chooses rows.
pub(super) const WHERE: &str = "Which rows; {} is all.";

/// Of a root.
pub(super) fn root(kind: RootKind) -> Option<&'static str> {
    Some(match kind {
        RootKind::Insert => "Creates rows, and rows around them: all or none.",
        RootKind::InsertOne => "Creates a row, and rows around it: all or none.",
        RootKind::Update => "Changes the rows that fit, of those that the role may change.",
        RootKind::UpdateByKey => "Changes the row of this key; null where there is none that the role may change.",
        RootKind::UpdateMany => "Changes rows in several ways, one after the other.",
        RootKind::Delete => {
            "Deletes the rows that fit, of those that the role may delete, and answers them as they were."
        }
        RootKind::DeleteByKey => {
            "Deletes the row of this key and answers it as it was; null where there is none that the role may delete."
        }
        _ => return None,
    })
}

/// Of `_set` and its like.
pub(super) fn setting(setting: Setting) -> &'static str {
    match setting {
        Setting::Append => "JSON that comes behind the value.",
        Setting::DeletePath => "The path to what goes out of the value.",
        Setting::DeleteElement => "The place of what goes out of an array, from 0; a negative one counts from the end.",
        Setting::DeleteKey => "The key that goes out of an object, or the text that goes out of an array.",
        Setting::Increment => "Numbers that are added.",
        Setting::Prepend => "JSON that comes before the value.",
        Setting::Set => "New values of columns, and what happens to related rows.",
    }
}

/// Of what can happen to related rows.
pub(super) fn related(related: Related) -> &'static str {
    match related {
        Related::Connect => "Rows that stand become related.",
        Related::Delete => "Related rows go.",
        Related::Disconnect => "Rows are no longer related; they stay.",
        Related::Insert => "New rows, which are related.",
        Related::Update => "Related rows are changed.",
        Related::Upsert => "New rows, which are related; those of the same key are changed instead.",
    }
}
