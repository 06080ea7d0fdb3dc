//! GraphQL's alphabet, and the two namings.

use crate::config::Naming;

/// The fixed words of the schema, in a naming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words(pub Naming);

impl Words {
    /// A fixed field, argument or operator.
    pub(crate) fn field(self, snake: &'static str) -> &'static str {
        if self.0 == Naming::Snake {
            return snake;
        }
        match snake {
            "order_by" => "orderBy",
            "distinct_on" => "distinctOn",
            "total_count" => "totalCount",
            "affected_rows" => "affectedRows",
            "on_conflict" => "onConflict",
            "update_columns" => "updateColumns",
            "pk_columns" => "pkColumns",
            "_delete_key" => "_deleteKey",
            "_delete_elem" => "_deleteElem",
            "_delete_at_path" => "_deleteAtPath",
            "stddev_pop" => "stddevPop",
            "stddev_samp" => "stddevSamp",
            "var_pop" => "varPop",
            "var_samp" => "varSamp",
            "_is_null" => "_isNull",
            "_contained_in" => "_containedIn",
            "_has_key" => "_hasKey",
            "_has_keys_any" => "_hasKeysAny",
            "_has_keys_all" => "_hasKeysAll",
            "_st_within" => "_stWithin",
            "_st_intersects" => "_stIntersects",
            "_st_contains" => "_stContains",
            "_st_crosses" => "_stCrosses",
            "_st_equals" => "_stEquals",
            "_st_overlaps" => "_stOverlaps",
            "_st_touches" => "_stTouches",
            "_st_d_within" => "_stDWithin",
            "_ancestor_any" => "_ancestorAny",
            "_descendant_any" => "_descendantAny",
            "_matches_any" => "_matchesAny",
            "_matches_fulltext" => "_matchesFulltext",
            other => other,
        }
    }

    /// A direction of an order.
    pub(crate) fn direction(self, snake: &'static str) -> &'static str {
        if self.0 == Naming::Snake {
            return snake;
        }
        match snake {
            "asc" => "ASC",
            "asc_nulls_first" => "ASC_NULLS_FIRST",
            "asc_nulls_last" => "ASC_NULLS_LAST",
            "desc" => "DESC",
            "desc_nulls_first" => "DESC_NULLS_FIRST",
            _ => "DESC_NULLS_LAST",
        }
    }

    /// The name of a field or root that stands for a name of the catalog.
    pub(crate) fn member(self, name: &str) -> String {
        match self.0 {
            Naming::Snake => valid(name),
            Naming::Camel => {
                let name = valid(name);
                let start = name.len() - name.trim_start_matches('_').len();
                let mut out = name[..start].to_owned();
                let camel = pascal(&name[start..]);
                let mut letters = camel.chars();
                if let Some(first) = letters.next() {
                    out.push(first.to_ascii_lowercase());
                }
                out.push_str(letters.as_str());
                out
            }
        }
    }

    /// The name of a type that stands for a name of the catalog.
    pub(crate) fn type_base(self, name: &str) -> String {
        match self.0 {
            Naming::Snake => valid(name),
            Naming::Camel => {
                let name = pascal(&valid(name));
                if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
                    format!("_{name}")
                } else {
                    name
                }
            }
        }
    }

    /// A name with a suffix of the schema: `post` and `by_pk` give `post_by_pk` or `postByPk`.
    pub(crate) fn join(self, base: &str, suffix: &str) -> String {
        match self.0 {
            _ if suffix.is_empty() => base.to_owned(),
            Naming::Snake => format!("{base}_{suffix}"),
            Naming::Camel => format!("{base}{}", pascal(suffix)),
        }
    }
}

/// `author_id` → `AuthorId`; capitals stay.
fn pascal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split('_') {
        let mut letters = part.chars();
        if let Some(first) = letters.next() {
            out.push(first.to_ascii_uppercase());
            out.push_str(letters.as_str());
        }
    }
    out
}

/// Forces a name into GraphQL's alphabet: `[_A-Za-z][_0-9A-Za-z]*`, not beginning with `__`, with at least a letter.
pub(crate) fn valid(name: &str) -> String {
    let mut out: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .collect();
    if out.chars().all(|letter| letter == '_') {
        return "unnamed".to_owned();
    }
    if out.starts_with("__") {
        out = format!("_{}", out.trim_start_matches('_'));
    }
    if out.is_empty() || out.starts_with(|first: char| first.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// Whether a text can be a value of a GraphQL enum as it is.
pub(crate) fn is_enum_value(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with("__")
        && !matches!(text, "true" | "false" | "null")
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forced_into_the_alphabet() {
        for (name, want) in [
            ("post", "post"),
            ("order items", "order_items"),
            ("2fast", "_2fast"),
            ("__secret", "_secret"),
            ("Ärger", "_rger"),
            ("日本", "unnamed"),
            ("", "unnamed"),
            ("a\"b", "a_b"),
            ("__2", "_2"),
        ] {
            assert_eq!(valid(name), want, "{name:?}");
        }
    }

    #[test]
    fn camel() {
        let words = Words(Naming::Camel);
        for (name, member, base) in [
            ("author_id", "authorId", "AuthorId"),
            ("post", "post", "Post"),
            ("_hidden_x", "_hiddenX", "HiddenX"),
            ("createdAt", "createdAt", "CreatedAt"),
            ("2fast", "_2fast", "_2fast"),
            ("URL", "uRL", "URL"),
        ] {
            assert_eq!(words.member(name), member);
            assert_eq!(words.type_base(name), base);
        }
        assert_eq!(words.join("Post", "bool_exp"), "PostBoolExp");
        assert_eq!(words.join("post", "by_pk"), "postByPk");
    }

    #[test]
    fn values_of_enums() {
        for (text, good) in [
            ("open", true),
            ("in progress", false),
            ("true", false),
            ("__x", false),
            ("1st", false),
        ] {
            assert_eq!(is_enum_value(text), good, "{text}");
        }
    }
}
