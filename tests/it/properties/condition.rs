//! Conditions and orders: made at random, said in every wire form that can say them, and as rules.

use super::data::{self, Kind, TABLES, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

/// A condition on a row of a table; columns and relations by their places.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare(usize, Operator, Value),
    /// `true` denies it.
    Match(usize, Pattern, String, bool),
    /// `true` denies it.
    In(usize, Vec<Value>, bool),
    IsNull(usize, bool),
    Json(usize, JsonTest),
    /// Any related row fulfils it.
    Related(usize, Box<Condition>),
    /// The number of related rows that fulfil it.
    Count(usize, Box<Condition>, Operator, i64),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// GraphQL's word, the Records API's, SQL's.
const OPERATORS: [(Operator, &str, &str, &str); 6] = [
    (Operator::Equal, "_eq", "$eq", "="),
    (Operator::NotEqual, "_neq", "$ne", "<>"),
    (Operator::Greater, "_gt", "$gt", ">"),
    (Operator::GreaterOrEqual, "_gte", "$gte", ">="),
    (Operator::Less, "_lt", "$lt", "<"),
    (Operator::LessOrEqual, "_lte", "$lte", "<="),
];

impl Operator {
    fn words(self) -> (&'static str, &'static str, &'static str) {
        let (_, graphql, records, sql) = OPERATORS[self as usize];
        (graphql, records, sql)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Like,
    ILike,
    Regex,
    IRegex,
    Similar,
}

#[derive(Clone, Debug)]
pub(super) enum JsonTest {
    Contains(Json),
    ContainedIn(Json),
    HasKey(String),
    HasAny(Vec<String>),
    HasAll(Vec<String>),
}

/// `SIMILAR TO`, and the regular expression that it is.
pub(super) const SIMILAR: [(&str, &str); 6] = [
    ("a%", "^a.*$"),
    ("(a|b)_", "^(a|b).$"),
    ("%[ab]", "^.*[ab]$"),
    ("a+", "^a+$"),
    ("%\\%%", "^.*%.*$"),
    ("_", "^.$"),
];

const REGULAR: [&str; 12] = [
    "^a", "b$", "a.b", "[ab]+", "^$", "a|日", "\\.", "^(ab)*$", "^.{2}$", "[0-9]", "^[^a]", "a.?b",
];

impl Condition {
    // ------------------------------------------------------------------------------------------------ GraphQL

    /// A `bool_exp`.
    pub(super) fn graphql(&self, table: usize) -> Json {
        let column = |column: &usize| TABLES[table].columns[*column].0.to_owned();
        let relation = |relation: &usize| &TABLES[table].relations[*relation];
        let compared = |place: &usize, word: &str, value: Json| one(column(place), one(word.into(), value));
        match self {
            Self::And(parts) => {
                let parts: Vec<Json> = parts.iter().map(|part| part.graphql(table)).collect();
                merged(&parts).unwrap_or_else(|| json!({ "_and": parts }))
            }
            Self::Or(parts) => json!({ "_or": parts.iter().map(|part| part.graphql(table)).collect::<Vec<_>>() }),
            Self::Not(inner) => json!({ "_not": inner.graphql(table) }),
            Self::Compare(place, operator, value) => compared(place, operator.words().0, value.json()),
            Self::Match(place, pattern, text, negated) => {
                let word = match pattern {
                    Pattern::Like => ["_like", "_nlike"],
                    Pattern::ILike => ["_ilike", "_nilike"],
                    Pattern::Regex => ["_regex", "_nregex"],
                    Pattern::IRegex => ["_iregex", "_niregex"],
                    Pattern::Similar => ["_similar", "_nsimilar"],
                };
                compared(place, word[usize::from(*negated)], json!(text))
            }
            Self::In(place, values, negated) => {
                let values: Vec<Json> = values.iter().map(Value::json).collect();
                compared(place, if *negated { "_nin" } else { "_in" }, json!(values))
            }
            Self::IsNull(place, null) => compared(place, "_is_null", Json::from(*null)),
            Self::Json(place, test) => match test {
                JsonTest::Contains(json) => compared(place, "_contains", json.clone()),
                JsonTest::ContainedIn(json) => compared(place, "_contained_in", json.clone()),
                JsonTest::HasKey(key) => compared(place, "_has_key", json!(key)),
                JsonTest::HasAny(keys) => compared(place, "_has_keys_any", json!(keys)),
                JsonTest::HasAll(keys) => compared(place, "_has_keys_all", json!(keys)),
            },
            Self::Related(place, inner) => one(relation(place).name.into(), inner.graphql(relation(place).target)),
            Self::Count(place, inner, operator, number) => {
                let filter = inner.graphql(relation(place).target);
                let predicate = one(operator.words().0.into(), json!(number));
                one(
                    format!("{}_aggregate", relation(place).name),
                    json!({ "count": { "filter": filter, "predicate": predicate } }),
                )
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ the others

    /// The Records API's parameters; `None` where it cannot say this.
    pub(super) fn records(&self, table: usize) -> Option<Vec<(String, String)>> {
        let mut parameters = Vec::new();
        match self {
            Self::And(parts) if parts.is_empty() => {}
            _ => self.records_below(table, "filter", 0, &mut parameters)?,
        }
        Some(parameters)
    }

    fn records_below(&self, table: usize, place: &str, depth: usize, out: &mut Vec<(String, String)>) -> Option<()> {
        if depth > 4 {
            return None;
        }
        let columns = TABLES[table].columns;
        // A JSON text is compared by its value only where the front says that it is one.
        let at = |column: &usize| {
            let (name, kind) = columns[*column];
            (kind != Kind::Json).then(|| format!("{place}[{name}]"))
        };
        match self {
            Self::And(parts) | Self::Or(parts) if parts.is_empty() => return None,
            Self::And(parts) | Self::Or(parts) => {
                let word = if matches!(self, Self::And(_)) { "$and" } else { "$or" };
                for (index, part) in parts.iter().enumerate() {
                    part.records_below(table, &format!("{place}[{word}][{index}]"), depth + 1, out)?;
                }
            }
            Self::Not(inner) => inner.records_below(table, &format!("{place}[$not]"), depth + 1, out)?,
            Self::Compare(column, Operator::Equal, value) => out.push((at(column)?, value.plain())),
            Self::Compare(column, operator, value) => {
                out.push((format!("{}[{}]", at(column)?, operator.words().1), value.plain()));
            }
            Self::Match(column, pattern, text, negated) => {
                let word = match pattern {
                    Pattern::ILike => "$like",
                    Pattern::Regex => "$re",
                    _ => return None,
                };
                let not = if *negated { "[$not]" } else { "" };
                out.push((format!("{}{not}[{word}]", at(column)?), text.clone()));
            }
            Self::In(column, values, negated) => {
                if values.is_empty() {
                    return None;
                }
                let not = if *negated { "[$not]" } else { "" };
                for (index, value) in values.iter().enumerate() {
                    out.push((format!("{}{not}[$in][{index}]", at(column)?), value.plain()));
                }
            }
            Self::IsNull(column, null) => {
                out.push((format!("{place}[{}][$null]", columns[*column].0), null.to_string()));
            }
            _ => return None,
        }
        Some(())
    }

    /// Based's parameters; `None` where it cannot say this: it has equality, lists and nulls of different columns.
    pub(super) fn based(&self, table: usize) -> Option<Vec<(String, String)>> {
        let parts = match self {
            Self::And(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut parameters: Vec<(String, String)> = Vec::new();
        for part in parts {
            let (column, values) = match part {
                Self::Compare(column, Operator::Equal, value) => (*column, vec![value.plain()]),
                Self::In(column, values, false) if !values.is_empty() => {
                    (*column, values.iter().map(Value::plain).collect())
                }
                Self::IsNull(column, true) if TABLES[table].columns[*column].1 != Kind::Text => {
                    (*column, vec!["null".into()])
                }
                _ => return None,
            };
            let (name, kind) = TABLES[table].columns[column];
            if kind == Kind::Json || parameters.iter().any(|(present, _)| present == name) {
                return None;
            }
            parameters.extend(values.into_iter().map(|value| (name.to_owned(), value)));
        }
        Some(parameters)
    }

    /// A rule in SQL. `row` is what the row is called there: `_ROW_`, or the alias of an inner table.
    pub(super) fn rule(&self, table: usize, row: &str) -> String {
        let column = |column: &usize| format!("{row}.{}", TABLES[table].columns[*column].0);
        let joined = |parts: &[Self], word: &str, none: &str| {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| format!("({})", part.rule(table, row)))
                .collect();
            if parts.is_empty() {
                none.into()
            } else {
                parts.join(word)
            }
        };
        match self {
            Self::And(parts) => joined(parts, " AND ", "TRUE"),
            Self::Or(parts) => joined(parts, " OR ", "FALSE"),
            Self::Not(inner) => format!("NOT ({})", inner.rule(table, row)),
            Self::Compare(place, operator, value) => {
                format!("{} {} {}", column(place), operator.words().2, value.literal())
            }
            Self::In(place, values, negated) => {
                let values: Vec<String> = values.iter().map(Value::literal).collect();
                format!(
                    "{} {}IN ({})",
                    column(place),
                    if *negated { "NOT " } else { "" },
                    values.join(", ")
                )
            }
            Self::IsNull(place, null) => format!("{} IS {}NULL", column(place), if *null { "" } else { "NOT " }),
            Self::Match(place, _, text, negated) => {
                let not = if *negated { "NOT " } else { "" };
                format!("{} {not}LIKE {}", column(place), Value::Text(text.clone()).literal())
            }
            Self::Related(place, inner) => {
                let relation = &TABLES[table].relations[*place];
                let target = &TABLES[relation.target];
                // `_ROW_` is one deep, `t2` two.
                let depth = row
                    .strip_prefix('t')
                    .and_then(|depth| depth.parse::<u32>().ok())
                    .unwrap_or(0)
                    + 1;
                format!(
                    "EXISTS (SELECT 1 FROM {} AS t{depth} WHERE t{depth}.{} = {row}.{} AND ({}))",
                    target.name,
                    target.columns[relation.theirs].0,
                    TABLES[table].columns[relation.own].0,
                    inner.rule(relation.target, &format!("t{depth}"))
                )
            }
            Self::Json(..) | Self::Count(..) => unreachable!("rules are made without them"),
        }
    }

    /// Whether a column of a table is mentioned.
    pub(super) fn mentions(&self, table: usize, of: usize, column: usize) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.mentions(table, of, column)),
            Self::Not(inner) => inner.mentions(table, of, column),
            Self::Compare(place, ..)
            | Self::Match(place, ..)
            | Self::In(place, ..)
            | Self::IsNull(place, _)
            | Self::Json(place, _) => table == of && *place == column,
            Self::Related(place, inner) | Self::Count(place, inner, ..) => {
                inner.mentions(TABLES[table].relations[*place].target, of, column)
            }
        }
    }
}

fn one(key: String, value: Json) -> Json {
    Json::Object(Map::from_iter([(key, value)]))
}

/// One object of several, where no key stands twice.
fn merged(parts: &[Json]) -> Option<Json> {
    let mut whole = Map::new();
    for part in parts {
        for (key, value) in part.as_object()? {
            if whole.insert(key.clone(), value.clone()).is_some() {
                return None;
            }
        }
    }
    Some(Json::Object(whole))
}

// ---------------------------------------------------------------------------------------------------------- orders

/// A term of an order.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub by: By,
    pub descending: bool,
    /// Said aloud, or the default: last when ascending, first when descending.
    pub nulls_first: Option<bool>,
}

/// What an order compares.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum By {
    Column(usize),
    /// A column at the end of a relation to one.
    Related(usize, usize),
    /// The number of related rows.
    Count(usize),
}

impl Term {
    pub(super) fn graphql(&self, table: usize) -> Json {
        let direction = match (self.descending, self.nulls_first) {
            (false, None) => "asc",
            (false, Some(true)) => "asc_nulls_first",
            (false, Some(false)) => "asc_nulls_last",
            (true, None) => "desc",
            (true, Some(true)) => "desc_nulls_first",
            (true, Some(false)) => "desc_nulls_last",
        };
        let direction = json!(direction);
        let table = &TABLES[table];
        match self.by {
            By::Column(column) => one(table.columns[column].0.into(), direction),
            By::Related(relation, column) => {
                let relation = &table.relations[relation];
                one(
                    relation.name.into(),
                    one(TABLES[relation.target].columns[column].0.into(), direction),
                )
            }
            By::Count(relation) => one(
                format!("{}_aggregate", table.relations[relation].name),
                json!({ "count": direction }),
            ),
        }
    }

    /// `None` where REST cannot say it.
    pub(super) fn rest(&self, table: usize) -> Option<String> {
        match (&self.by, self.nulls_first) {
            (By::Column(column), None) => Some(format!(
                "{}{}",
                if self.descending { "-" } else { "" },
                TABLES[table].columns[*column].0
            )),
            _ => None,
        }
    }
}

/// An order of at most three terms, none twice.
pub(super) fn order(table: usize, plain: bool) -> BoxedStrategy<Vec<Term>> {
    let columns: Vec<usize> = (1..TABLES[table].columns.len())
        .filter(|column| TABLES[table].columns[*column].1 != Kind::Json)
        .collect();
    let mut by = vec![(6, select(columns).prop_map(By::Column).boxed())];
    for (place, relation) in TABLES[table].relations.iter().enumerate().filter(|_| !plain) {
        if relation.many {
            by.push((1, Just(By::Count(place)).boxed()));
        } else {
            // Not the JSON column, the last one of items.
            let columns = if relation.target == data::ITEM {
                11
            } else {
                TABLES[relation.target].columns.len()
            };
            by.push((
                1,
                (0..columns).prop_map(move |column| By::Related(place, column)).boxed(),
            ));
        }
    }
    let nulls = if plain {
        Just(None).boxed()
    } else {
        any::<Option<bool>>().boxed()
    };
    let term = (proptest::strategy::Union::new_weighted(by), any::<bool>(), nulls).prop_map(
        |(by, descending, nulls_first)| Term {
            by,
            descending,
            nulls_first,
        },
    );
    vec(term, 0..3)
        .prop_map(|terms| {
            let mut kept: Vec<Term> = Vec::new();
            for term in terms {
                if !kept.iter().any(|present| present.by == term.by) {
                    kept.push(term);
                }
            }
            kept
        })
        .boxed()
}

// ------------------------------------------------------------------------------------------------------- at random

/// What may stand in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// All of GraphQL.
    GraphQl,
    /// What the Records API has.
    Records,
    /// What Based has.
    Based,
    /// What a rule has on both databases.
    Rule,
}

/// A condition, nested so deep at most.
pub(super) fn condition(table: usize, depth: u32, language: Language) -> BoxedStrategy<Condition> {
    if language == Language::Based {
        return vec(leaf(table, language), 0..4).prop_map(Condition::And).boxed();
    }
    let leaf = leaf(table, language);
    if depth == 0 {
        return leaf;
    }
    let inner = condition(table, depth - 1, language);
    // Only GraphQL can say an empty group.
    let least = usize::from(language == Language::Records);
    let mut kinds = vec![
        (5, leaf),
        (2, vec(inner.clone(), least..4).prop_map(Condition::And).boxed()),
        (2, vec(inner.clone(), least..4).prop_map(Condition::Or).boxed()),
        (2, inner.prop_map(|inner| Condition::Not(Box::new(inner))).boxed()),
    ];
    for (place, relation) in TABLES[table].relations.iter().enumerate() {
        if language == Language::Records {
            break;
        }
        let inner = condition(relation.target, depth - 1, language);
        if language == Language::GraphQl && relation.many {
            let count = (inner.clone(), operator(), 0_i64..3);
            kinds.push((
                1,
                count
                    .prop_map(move |(inner, operator, number)| {
                        Condition::Count(place, Box::new(inner), operator, number)
                    })
                    .boxed(),
            ));
        }
        kinds.push((
            1,
            inner
                .prop_map(move |inner| Condition::Related(place, Box::new(inner)))
                .boxed(),
        ));
    }
    proptest::strategy::Union::new_weighted(kinds).boxed()
}

fn operator() -> impl Strategy<Value = Operator> {
    select(OPERATORS.map(|(operator, ..)| operator).to_vec())
}

fn leaf(table: usize, language: Language) -> BoxedStrategy<Condition> {
    (0..TABLES[table].columns.len())
        .prop_flat_map(move |column| of_column(column, TABLES[table].columns[column].1, language))
        .boxed()
}

fn of_column(column: usize, kind: Kind, language: Language) -> BoxedStrategy<Condition> {
    let is_null = any::<bool>().prop_map(move |null| Condition::IsNull(column, null));
    if kind == Kind::Json {
        if language != Language::GraphQl {
            return is_null.boxed();
        }
        // `_eq: null` is an error, not JSON's null.
        let json = data::json_value()
            .prop_map(|json| if json.is_null() { json!({}) } else { json })
            .boxed();
        let key = || select(vec!["a", "b", "", "a.b", "$", "é"]).prop_map(String::from);
        let test = prop_oneof![
            json.clone().prop_map(JsonTest::Contains),
            json.clone().prop_map(JsonTest::ContainedIn),
            key().prop_map(JsonTest::HasKey),
            vec(key(), 0..3).prop_map(JsonTest::HasAny),
            vec(key(), 0..3).prop_map(JsonTest::HasAll),
        ];
        return prop_oneof![
            1 => is_null,
            2 => (any::<bool>(), json).prop_map(move |(equal, json)| {
                Condition::Compare(column, if equal { Operator::Equal } else { Operator::NotEqual }, Value::Json(json))
            }),
            6 => test.prop_map(move |test| Condition::Json(column, test)),
        ]
        .boxed();
    }
    let equal = data::value(kind).prop_map(move |value| Condition::Compare(column, Operator::Equal, value));
    let least = usize::from(language != Language::GraphQl);
    let negated = if language == Language::Based {
        Just(false).boxed()
    } else {
        any::<bool>().boxed()
    };
    let list = (vec(data::value(kind), least..4), negated)
        .prop_map(move |(values, negated)| Condition::In(column, values, negated));
    if language == Language::Based {
        return prop_oneof![3 => equal, 1 => list, 1 => Just(Condition::IsNull(column, kind != Kind::Text))].boxed();
    }
    let compare =
        (operator(), data::value(kind)).prop_map(move |(operator, value)| Condition::Compare(column, operator, value));
    let mut kinds = vec![
        (1, is_null.boxed()),
        (1, equal.boxed()),
        (3, compare.boxed()),
        (2, list.boxed()),
    ];
    if kind == Kind::Text {
        kinds.push((5, matching(column, language)));
    }
    proptest::strategy::Union::new_weighted(kinds).boxed()
}

fn matching(column: usize, language: Language) -> BoxedStrategy<Condition> {
    let pieces = vec![
        "%", "%", "_", "a", "b", "A", "\\%", "\\_", "\\\\", "\\a", "*", "?", "[", "]", "[a]", "^", "-", "日", "é", "'",
        "\n",
    ];
    let like = || vec(select(pieces.clone()), 0..5).prop_map(|pieces| pieces.concat());
    let of = |pattern: Pattern, text: BoxedStrategy<String>| {
        (text, any::<bool>())
            .prop_map(move |(text, negated)| Condition::Match(column, pattern, text, negated))
            .boxed()
    };
    let regular = || select(REGULAR.to_vec()).prop_map(String::from).boxed();
    let like_only = of(Pattern::Like, like().boxed());
    let insensitive = of(Pattern::ILike, like().boxed());
    match language {
        Language::Rule | Language::Based => like_only,
        Language::Records => prop_oneof![insensitive, of(Pattern::Regex, regular())].boxed(),
        Language::GraphQl => {
            let similar = select(SIMILAR.to_vec()).prop_map(|(text, _)| text.to_owned()).boxed();
            prop_oneof![
                2 => like_only,
                2 => insensitive,
                1 => of(Pattern::Regex, regular()),
                1 => of(Pattern::IRegex, regular()),
                1 => of(Pattern::Similar, similar),
            ]
            .boxed()
        }
    }
}
